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


def test_a_certificate_that_cannot_be_read_leaves_the_old_one(lab):
    with open(lab.tls_crt, encoding="ascii") as f:
        good = f.read()
    before = sum('"reloaded"' in line for line in lab.lines)
    with open(lab.tls_crt, "w", encoding="ascii") as f:
        f.write("not a certificate")
    lab.process.send_signal(signal.SIGHUP)
    wait_until(lambda: any("reload_failed" in line for line in lab.lines), "the failure is logged")
    line = json.loads(next(line for line in lab.lines if "reload_failed" in line))
    assert line["what"] == "listener certificate" and line["reason"], line
    assert sum('"reloaded"' in line for line in lab.lines) == before
    with open(lab.tls_crt, "w", encoding="ascii") as f:
        f.write(good)
    connection = connect(lab)
    assert chat(connection, lab)[0] == 200
    connection.close()
