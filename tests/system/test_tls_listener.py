# SPDX-License-Identifier: Apache-2.0
"""The gateway's own TLS listener: it serves what the plain one serves, speaks TLS 1.2 and 1.3 and
nothing older, and takes a new certificate on SIGHUP without losing a connection.
"""
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess

import pytest

from lab import Lab, wait_until
from test_tls_badcert import Forge


def make_certificate(directory, name):
    key, crt = (os.path.join(directory, f"{name}.{end}") for end in ("key", "crt"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out",
                    crt], check=True, capture_output=True)
    return key, crt


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, tmp_path_factory):
    directory = tmp_path_factory.mktemp("tls")
    key, crt = make_certificate(str(directory), "first")
    port = free_port()
    made = Lab(build_dir, database_url, directory, fake,
               {"tls": {"port": port, "certificate": crt, "key": key}})
    made.tls_port, made.tls_key, made.tls_crt = port, key, crt
    yield made
    made.stop()


def connect(lab, **limits):
    context = ssl.create_default_context(cafile=lab.tls_crt)
    for name, value in limits.items():
        setattr(context, name, value)
    connection = http.client.HTTPSConnection("localhost", lab.tls_port, timeout=20, context=context)
    connection.connect()
    return connection


def chat(connection, lab):
    connection.request("POST", "/v1/chat/completions",
                       '{"model":"gpt-4o","messages":[{"role":"user","content":"over TLS"}]}',
                       {"Authorization": "Bearer " + lab.keys["production"],
                        "Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_serve(lab, version):
    connection = connect(lab, minimum_version=version, maximum_version=version)
    for _ in range(3):
        status, body = chat(connection, lab)
        assert status == 200 and "You said: over TLS" in body
    connection.close()


def test_older_versions_are_refused(lab):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", lab.tls_port), 20) as plain:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(plain)


def test_plain_http_on_the_tls_port_gets_nothing(lab):
    with socket.create_connection(("127.0.0.1", lab.tls_port), 20) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"200" not in plain.recv(4096)


def test_a_new_certificate_is_taken_without_losing_a_connection(lab):
    old = connect(lab)
    assert chat(old, lab)[0] == 200
    key, crt = make_certificate(lab.directory, "second")
    os.replace(key, lab.tls_key)
    os.replace(crt, lab.tls_crt)
    lab.process.send_signal(signal.SIGHUP)

    def is_new():
        context = ssl.create_default_context(cafile=lab.tls_crt)
        try:
            with socket.create_connection(("127.0.0.1", lab.tls_port), 20) as plain:
                with context.wrap_socket(plain, server_hostname="localhost"):
                    return True
        except ssl.SSLError:
            return False
    wait_until(is_new, "the new certificate is served")
    assert chat(old, lab)[0] == 200
    old.close()


def reload(lab, event):
    """The line that says what became of it."""
    before = len(lab.lines)
    lab.process.send_signal(signal.SIGHUP)
    wait_until(lambda: any(f'"event":"{event}"' in line for line in lab.lines[before:]), event)
    return json.loads(next(line for line in lab.lines[before:] if f'"event":"{event}"' in line))


def expiry(path):
    text = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-enddate"], check=True,
                          capture_output=True, text=True).stdout
    return ssl.cert_time_to_seconds(text.strip().partition("=")[2])


EXPIRY = "portcullis_tls_certificate_expiry_timestamp_seconds"


@pytest.mark.parametrize("what,words", [
    ("no certificate", "cannot be read; PEM, own certificate first, is needed"),
    ("gone", "cannot be read; PEM, own certificate first, is needed"),
    ("no key", "cannot be read; unencrypted PEM is needed"),
    ("another key", "does not belong to the first certificate of"),
])
def test_a_bad_certificate_or_key_leaves_the_old_one(lab, what, words):
    kept = {}
    for path in (lab.tls_crt, lab.tls_key):
        with open(path, encoding="ascii") as f:
            kept[path] = f.read()
    served, port = expiry(lab.tls_crt), lab.tls_port
    bad = lab.tls_key if "key" in what else lab.tls_crt
    if what == "gone":
        os.unlink(bad)
    elif what == "another key":
        os.replace(make_certificate(lab.directory, "third")[0], bad)
    else:
        with open(bad, "w", encoding="ascii") as f:
            f.write("not PEM")
    line = reload(lab, "reload_failed")
    assert line["level"] == "error" and line["what"] == "listener certificate"
    assert words in line["reason"] and bad in line["reason"], line
    with open(lab.tls_crt, "w", encoding="ascii") as f:
        f.write(kept[lab.tls_crt])
    with open(lab.tls_key, "w", encoding="ascii") as f:
        f.write(kept[lab.tls_key])
    assert lab.metric(EXPIRY) == served and lab.tls_port == port
    connection = connect(lab)
    assert chat(connection, lab)[0] == 200
    connection.close()


def test_the_expiry_is_a_metric_and_an_expired_certificate_is_told(lab):
    assert lab.metric(EXPIRY) == expiry(lab.tls_crt)
    forge = Forge(lab.directory)
    forge.make_dated("old", "20190101000000Z", "20200101000000Z", "localhost")
    os.replace(os.path.join(lab.directory, "old.key"), lab.tls_key)
    os.replace(os.path.join(lab.directory, "old.crt"), lab.tls_crt)
    done = subprocess.run([lab.binary, "config", "check", "-c", lab.config], env=lab.env, text=True,
                          capture_output=True)
    assert (done.returncode, done.stdout) == (0, "configuration is well-formed\n")
    assert done.stderr == (f"portcullis: warning: tls.certificate: a certificate in {lab.tls_crt} "
                           "has expired at 2020-01-01T00:00:00.000Z\n")
    line = reload(lab, "certificate_expired")
    assert (line["level"], line["what"]) == ("error", "listener certificate")
    assert line["not_after"] == "2020-01-01T00:00:00.000Z"
    assert lab.metric(EXPIRY) == expiry(lab.tls_crt) == 1577836800
    lab.restart()
    assert any('"certificate_expired"' in line for line in lab.lines[-5:]), "at the start as well"
    key, crt = make_certificate(lab.directory, "fourth")
    os.replace(key, lab.tls_key)
    os.replace(crt, lab.tls_crt)
    reload(lab, "reloaded")
    connection = connect(lab)
    assert chat(connection, lab)[0] == 200
    connection.close()
