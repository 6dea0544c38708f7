# SPDX-License-Identifier: Apache-2.0
"""A decision to trust a provider does not outlive what it was made by: neither a session to resume
nor a connection that is kept survives a change of the CA certificates, and a provider whose
certificate was replaced by a bad one is refused at the next handshake that shows it. The provider is
OpenSSL's; its tickets, connections and certificates are changed under the gateway's eyes.
"""
import os
import shutil
import signal
import ssl
import subprocess

import pytest

from lab import Lab, wait_until
from raw_provider import GOOD, RawProvider
from test_tls_badcert import LEAF, Forge

CLOSING = GOOD.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    made = Forge(tmp_path_factory.mktemp("certs"))
    made.make("good", "/CN=x", LEAF + "subjectAltName=DNS:localhost")
    made.make("other-host", "/CN=x", LEAF + "subjectAltName=DNS:other.example.test")
    made.make("other-ca", "/CN=x", LEAF + "subjectAltName=DNS:localhost", signer="evil")
    made.make_dated("expired", "20190101000000Z", "20200101000000Z", "localhost")
    return made


def at(forge, name):
    return os.path.join(forge.directory, name)


def server_context(forge, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(at(forge, name + ".crt"), at(forge, name + ".key"))
    return context


@pytest.fixture(scope="module")
def provider(forge):
    made = RawProvider(server_context(forge, "good"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, forge, provider, tmp_path_factory):
    directory = tmp_path_factory.mktemp("trust")
    ca = str(directory / "ca.pem")
    shutil.copy(at(forge, "ca.crt"), ca)
    made = Lab(build_dir, database_url, directory, fake, {"workers": 1, "upstream": {
        "ca_file": ca, "exceptions": f"localhost:{provider.port},localhost:{fake.tls_port}"}})
    made.ca = ca
    point_at(made, provider.port)
    yield made
    made.stop()


def point_at(lab, port):
    endpoints = lab.must("GET", "/v1/provider-endpoints")
    rows = next(endpoints[n] for n in ("provider_endpoints", "data", "items") if n in endpoints)
    endpoint = next(row for row in rows if row["provider"] == "openai")
    status, _, body = lab.call("PATCH", "/v1/provider-endpoints/" + endpoint["id"], {
        "base_url": f"https://localhost:{port}/v1", "credential": "x"},
        headers={"prefer": "wait=5"})
    assert status == 200, body


@pytest.fixture(autouse=True)
def good_again(lab, forge, provider):
    """Each test begins with a provider and a gateway that trust each other, and no session."""
    provider.context.load_cert_chain(at(forge, "good.crt"), at(forge, "good.key"))
    provider.answers = {"": (CLOSING, "fin")}
    trust(lab, forge, "ca.crt")
    ask(lab)  # over what a test has left open
    assert ask(lab) == (200, None)
    provider.resumed = []


def trust(lab, forge, name):
    before = sum('"reloaded"' in line for line in lab.lines)
    shutil.copy(at(forge, name), lab.ca)
    lab.process.send_signal(signal.SIGHUP)
    wait_until(lambda: sum('"reloaded"' in line for line in lab.lines) > before, "reloaded")


def ask(lab):
    """(status, code) of one request."""
    status, _, body = lab.chat()
    return status, body["error"]["code"] if "error" in body else None


def test_a_session_is_resumed(lab, provider):
    assert ask(lab) == (200, None) and ask(lab) == (200, None)
    assert provider.resumed == [True, True]


def test_no_session_outlives_the_ca_certificates(lab, forge, provider):
    trust(lab, forge, "evil.crt")
    assert ask(lab) == (502, "upstream_tls")
    trust(lab, forge, "ca.crt")
    assert ask(lab) == (200, None) and ask(lab) == (200, None)
    assert provider.resumed == [False, True], "the first after a change shows its certificate"


def test_no_kept_connection_outlives_the_ca_certificates(lab, forge, provider):
    provider.answers = {"": (GOOD, "")}
    assert ask(lab) == (200, None) and ask(lab) == (200, None)
    assert len(provider.resumed) == 1, "the connection was kept"
    trust(lab, forge, "evil.crt")
    assert ask(lab) == (502, "upstream_tls")


@pytest.mark.parametrize("bad", ["other-host", "other-ca", "expired"])
def test_a_bad_certificate_of_a_provider_that_was_good(lab, forge, provider, bad):
    """One that keeps its tickets has proven who it is: it is resumed, for an hour at the most, while
    the operator changes nothing. Without a ticket it is refused."""
    provider.context.load_cert_chain(at(forge, bad + ".crt"), at(forge, bad + ".key"))
    assert ask(lab) == (200, None) and provider.resumed == [True]
    trust(lab, forge, "ca.crt")
    assert ask(lab) == (502, "upstream_tls") and len(provider.resumed) == 1


@pytest.mark.parametrize("bad", ["other-host", "other-ca", "expired"])
def test_a_bad_certificate_after_a_restart_of_the_provider(lab, forge, provider, bad):
    provider.restart(server_context(forge, bad))
    try:
        assert ask(lab) == (502, "upstream_tls") and provider.resumed == []
    finally:
        provider.restart(server_context(forge, "good"))


def test_a_ca_file_that_is_gone_changes_nothing_and_says_so(lab, provider):
    before = sum('"reload_failed"' in line for line in lab.lines)
    os.unlink(lab.ca)
    lab.process.send_signal(signal.SIGHUP)
    wait_until(lambda: sum('"reload_failed"' in line for line in lab.lines) > before, "told")
    line = next(line for line in reversed(lab.lines) if '"reload_failed"' in line)
    assert '"what":"CA certificates"' in line and lab.ca in line, line
    assert ask(lab) == (200, None) and provider.resumed == [True]


def test_a_ca_file_of_which_a_part_cannot_be_read(lab, forge, tmp_path):
    """What can be read counts, and a check says that the rest does not."""
    with open(at(forge, "ca.crt"), encoding="ascii") as f:
        good = f.read()
    broken = good.replace("MII", "AAA", 1)

    def check(text):
        (tmp_path / "ca.pem").write_text(text)
        done = subprocess.run([lab.binary, "config", "check", "--set",
                               f"upstream.ca_file={tmp_path}/ca.pem"], env=lab.env, text=True,
                              capture_output=True)
        return done.returncode, done.stderr
    assert check(good) == (0, "")
    assert check(good + broken) == (0, "portcullis: warning: upstream.ca_file: 1 of the "
                                    f"certificates in {tmp_path}/ca.pem cannot be read and do not "
                                    "count\n")
    status, text = check(broken)
    assert status == 1 and "no CA certificate could be read" in text
