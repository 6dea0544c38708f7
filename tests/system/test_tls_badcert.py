# SPDX-License-Identifier: Apache-2.0
"""What a client session of src/io/tls says to servers with all kinds of certificates.

Certificates come from the openssl program, the servers too (s_server), so the other side is not
our own library. One table; the only figure that matters is "0 wrongly accepted".
Checklist: catalogue O, 265-276, of the bad inputs.
"""
import json
import os
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

HOST = "api.example.test"
LEAF = ("basicConstraints=CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\n"
        "extendedKeyUsage=serverAuth\n")
CA = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"


class Forge:
    """Makes certificates in a directory; names are file names without ending."""

    def __init__(self, directory):
        self.directory = str(directory)
        self.run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out",
                 "ca.crt", "-subj", "/CN=Test Root", "-days", "3650",
                 "-addext", "basicConstraints=critical,CA:TRUE",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self.run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "evil.key", "-out",
                 "evil.crt", "-subj", "/CN=Evil Root", "-days", "3650",
                 "-addext", "basicConstraints=critical,CA:TRUE")
        self.run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "self.key", "-out",
                 "self.crt", "-subj", "/CN=" + HOST, "-days", "30",
                 "-addext", "subjectAltName=DNS:" + HOST)

    def run(self, *args):
        subprocess.run(["openssl", *args], cwd=self.directory, check=True, capture_output=True)

    def write(self, name, text):
        with open(os.path.join(self.directory, name), "w", encoding="ascii") as f:
            f.write(text)

    def request(self, name, subject, key):
        curve = ["-pkeyopt", "ec_paramgen_curve:" + key[3:]] if key.startswith("ec:") else []
        self.run("req", "-new", "-newkey", "ec" if curve else key, *curve, "-nodes", "-keyout",
                 name + ".key", "-out", name + ".csr", "-subj", subject)

    def make(self, name, subject, extensions, signer="ca", key="ec:P-256", digest="-sha256"):
        self.request(name, subject, key)
        self.write(name + ".ext", extensions)
        self.run("x509", "-req", "-in", name + ".csr", "-CA", signer + ".crt", "-CAkey",
                 signer + ".key", "-CAcreateserial", "-days", "30", "-extfile", name + ".ext",
                 "-out", name + ".crt", digest)

    def make_dated(self, name, start, end, host=HOST):
        """`openssl x509` of 3.0 takes no dates; `openssl ca` does."""
        self.request(name, "/CN=x", "ec:P-256")
        self.write(name + ".ext", LEAF + "subjectAltName=DNS:" + host)
        self.write("index.txt", "")
        self.write("ca.cnf", "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nrand_serial=yes\n"
                             "new_certs_dir=.\npolicy=p\ndefault_md=sha256\n"
                             "[p]\ncommonName=supplied\n")
        self.run("ca", "-batch", "-config", "ca.cnf", "-in", name + ".csr", "-cert", "ca.crt",
                 "-keyfile", "ca.key", "-startdate", start, "-enddate", end, "-extfile",
                 name + ".ext", "-out", name + ".crt", "-notext")


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    f = Forge(tmp_path_factory.mktemp("certs"))
    san = LEAF + "subjectAltName="
    f.make("good", "/CN=x", san + "DNS:" + HOST, key="rsa:2048")
    f.make("good_ec", "/CN=x", san + "DNS:" + HOST, key="ec:P-256")
    f.make("ec384", "/CN=x", san + "DNS:" + HOST, key="ec:P-384")
    f.make("ec521", "/CN=x", san + "DNS:" + HOST, key="ec:P-521")
    f.make("wronghost", "/CN=x", san + "DNS:other.example.test")
    f.make("cnonly", "/CN=" + HOST, LEAF)
    f.make("cnmis", "/CN=" + HOST, san + "DNS:other.example.test")
    f.make("wild", "/CN=x", san + "DNS:*.example.test")
    f.make("wildall", "/CN=x", san + "DNS:*")
    f.make("wildtld", "/CN=x", san + "DNS:*.test")
    f.make("wildmid", "/CN=x", san + "DNS:a*.example.test")
    f.make("ipsan", "/CN=x", san + "IP:127.0.0.1")
    f.make("ip6san", "/CN=x", san + "IP:7f00:1::")
    f.make("ipdns", "/CN=x", san + "DNS:127.0.0.1")
    f.make("ipcn", "/CN=127.0.0.1", LEAF)
    f.make("mailsan", "/CN=" + HOST, san + "email:" + HOST + "@example.test")
    f.make("urisan", "/CN=" + HOST, san + "URI:https://" + HOST + "/")
    f.make("untrusted", "/CN=x", san + "DNS:" + HOST, signer="evil")
    f.make("ekuclient", "/CN=x", "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n"
                                 "subjectAltName=DNS:" + HOST)
    f.make("kubad", "/CN=x", "basicConstraints=CA:FALSE\nkeyUsage=cRLSign\n"
                             "subjectAltName=DNS:" + HOST)
    f.make("rsa1024", "/CN=x", san + "DNS:" + HOST, key="rsa:1024")
    f.make("sha1", "/CN=x", san + "DNS:" + HOST, digest="-sha1", key="rsa:2048")
    f.make("critext", "/CN=x", san + "DNS:" + HOST + "\n1.2.3.4.5=critical,ASN1:UTF8String:x")
    f.make("leafca", "/CN=x", san + "DNS:leaf.example.test")
    f.make("byleaf", "/CN=x", san + "DNS:" + HOST, signer="leafca")
    f.make("ncca", "/CN=NC Sub", CA + "nameConstraints=critical,permitted;DNS:allowed.test")
    f.make("ncleaf", "/CN=x", san + "DNS:" + HOST, signer="ncca")
    f.make("pl0", "/CN=PL0", CA.replace("CA:TRUE", "CA:TRUE,pathlen:0"))
    f.make("pl1", "/CN=PL1", CA, signer="pl0")
    f.make("plleaf", "/CN=x", san + "DNS:" + HOST, signer="pl1")
    f.make("sub", "/CN=Sub", CA)
    f.make("subleaf", "/CN=x", san + "DNS:" + HOST, signer="sub")
    make_odd_names(f, san)
    f.make("nobasic", "/CN=No Basic", "keyUsage=critical,keyCertSign\n")
    f.make("bynobasic", "/CN=x", san + "DNS:" + HOST, signer="nobasic")
    f.make("nosign", "/CN=No Sign", "basicConstraints=critical,CA:TRUE\nkeyUsage=digitalSignature")
    f.make("bynosign", "/CN=x", san + "DNS:" + HOST, signer="nosign")
    f.make("weaksub", "/CN=Weak Sub", CA, key="rsa:1024")
    f.make("byweak", "/CN=x", san + "DNS:" + HOST, signer="weaksub")
    f.make("oldsub", "/CN=Old Sub", CA, key="rsa:2048", digest="-sha1")
    f.make("byold", "/CN=x", san + "DNS:" + HOST, signer="oldsub")
    f.make("md5", "/CN=x", san + "DNS:" + HOST, key="rsa:2048", digest="-md5")
    f.make("k256", "/CN=x", san + "DNS:" + HOST, key="ec:secp256k1")
    f.make("ec224", "/CN=x", san + "DNS:" + HOST, key="ec:secp224r1")
    f.make("ekuany", "/CN=x", "extendedKeyUsage=codeSigning,emailProtection\n"
                              "subjectAltName=DNS:" + HOST)
    f.make("ekunone", "/CN=x", "subjectAltName=DNS:" + HOST)
    f.make_dated("expired", "20190101000000Z", "20190111000000Z")
    f.make_dated("future", "20450101000000Z", "20450111000000Z")
    chain = "".join(open(os.path.join(f.directory, n + ".crt"), encoding="ascii").read()
                    for n in ("pl1", "pl0"))
    f.write("plchain.pem", chain)
    return f


def make_odd_names(f, san):
    """Patterns and spellings that are the host to somebody."""
    for name, text in (("wildin", "api.*.test"), ("wildtwo", "*.*.test"), ("wilddouble", "**.example.test"),
                       ("wildend", "api*.example.test"), ("wildunder", "*.api.example.test"),
                       ("wilddot", "*example.test"), ("dotted", HOST + "."), ("leading", ".example.test"),
                       ("longer", HOST + ".evil.test"), ("prefix", "evil-" + HOST),
                       ("port", HOST + ":443"), ("scheme", "https://" + HOST),
                       ("many", "one.test,DNS:two.test,DNS:" + HOST)):
        f.make(name, "/CN=" + HOST, san + "DNS:" + text)
    f.make("ipmapped", "/CN=x", san + "IP:::ffff:127.0.0.1")
    f.make("ipother", "/CN=x", san + "IP:127.0.0.2,DNS:127.0.0.1")


def port_free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port, server):
    for _ in range(200):
        try:
            # A connection that says nothing; s_server serves one after the other.
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert server.poll() is None, server.stdout.read()
            time.sleep(0.02)
    raise AssertionError("the server does not listen")


def probe(build_dir, port, host, ca):
    done = subprocess.run([os.path.join(build_dir, "tests/system/tls_probe"), str(port), host, ca],
                          check=True, capture_output=True, text=True, timeout=30)
    return json.loads(done.stdout)


OLD = ["-cipher", "ALL@SECLEVEL=0"]
OTHER = "certificate is for another host name"
NAMELESS = "certificate names no host (no subjectAltName)"
UNTRUSTED = "certificate is not signed by a trusted authority"
# label, certificate, host, further options of s_server, None (accepted) or part of the reason
CASES = [
    ("good", "good", HOST, [], None),
    ("good EC", "good_ec", HOST, [], None),
    ("good P-384", "ec384", HOST, [], None),
    ("no host name", "good", "", [], "not a host name"),
    ("wrong host, no host name", "wronghost", "", [], "not a host name"),
    ("upper case", "good", HOST.upper(), [], None),
    ("trailing dot", "good", HOST + ".", [], None),
    ("wrong host", "wronghost", HOST, [], OTHER),
    ("CN only", "cnonly", HOST, [], NAMELESS),
    ("CN matches, SAN not", "cnmis", HOST, [], OTHER),
    ("SAN is a mail address", "mailsan", HOST, [], OTHER),
    ("SAN is a URI", "urisan", HOST, [], OTHER),
    ("wildcard, one label", "wild", "a.example.test", [], None),
    ("wildcard, two labels", "wild", "a.b.example.test", [], OTHER),
    ("wildcard, apex", "wild", "example.test", [], OTHER),
    ("wildcard, star only", "wildall", "localhost", [], OTHER),
    ("wildcard of a TLD", "wildtld", "example.test", [], OTHER),
    ("wildcard, partial", "wildmid", HOST, [], OTHER),
    ("IP in IP SAN", "ipsan", "127.0.0.1", [], None),
    ("another IP", "ipsan", "127.0.0.2", [], OTHER),
    ("IPv6 in IP SAN", "ip6san", "7f00:1::", [], None),
    ("IPv6 that begins like the IPv4", "ipsan", "7f00:1::", [], OTHER),
    ("IPv4 that the IPv6 begins with", "ip6san", "127.0.0.1", [], OTHER),
    ("IP in DNS SAN", "ipdns", "127.0.0.1", [], OTHER),
    ("IP in CN", "ipcn", "127.0.0.1", [], NAMELESS),
    ("name for an IP host", "good", "127.0.0.1", [], OTHER),
    ("expired", "expired", HOST, [], "certificate has expired"),
    ("not yet valid", "future", HOST, [], "certificate is not yet valid"),
    ("self-signed", "self", HOST, [], UNTRUSTED),
    ("unknown CA", "untrusted", HOST, [], UNTRUSTED),
    ("clientAuth only", "ekuclient", HOST, [], "certificate is not meant for a server"),
    ("cRLSign only", "kubad", HOST, [], "certificate is not meant for this use"),
    ("RSA 1024", "rsa1024", HOST, ["-cipher", "DEFAULT@SECLEVEL=0"], "key that is too weak"),
    ("SHA-1", "sha1", HOST, ["-cipher", "DEFAULT@SECLEVEL=0"], "unaccepted hash"),
    ("unknown critical extension", "critext", HOST, [], "cannot be read"),
    ("leaf used as CA", "byleaf", HOST, ["-cert_chain", "leafca.crt"], UNTRUSTED),
    ("name constraints", "ncleaf", HOST, ["-cert_chain", "ncca.crt"], ""),
    ("path length", "plleaf", HOST, ["-cert_chain", "plchain.pem"], UNTRUSTED),
    ("intermediate sent", "subleaf", HOST, ["-cert_chain", "sub.crt"], None),
    ("intermediate missing", "subleaf", HOST, [], UNTRUSTED),
    ("P-521 key", "ec521", HOST, [], ""),
    ("wildcard within", "wildin", HOST, [], OTHER),
    ("two wildcards", "wildtwo", HOST, [], OTHER),
    ("double star", "wilddouble", HOST, [], OTHER),
    ("wildcard at the end of a label", "wildend", HOST, [], OTHER),
    ("wildcard below the host", "wildunder", HOST, [], OTHER),
    ("star without a dot", "wilddot", HOST, [], OTHER),
    ("dot at the end of the SAN", "dotted", HOST, [], OTHER),
    ("dot in front of the SAN", "leading", HOST, [], OTHER),
    ("SAN goes on behind the host", "longer", HOST, [], OTHER),
    ("SAN begins before the host", "prefix", HOST, [], OTHER),
    ("port in the SAN", "port", HOST, [], OTHER),
    ("scheme in the SAN", "scheme", HOST, [], OTHER),
    ("third of three names", "many", HOST, [], None),
    ("IPv4-mapped SAN", "ipmapped", "127.0.0.1", [], OTHER),
    ("another IP beside its text", "ipother", "127.0.0.1", [], OTHER),
    ("intermediate without constraints", "bynobasic", HOST, ["-cert_chain", "nobasic.crt"],
     UNTRUSTED),
    ("intermediate that may not sign", "bynosign", HOST, ["-cert_chain", "nosign.crt"], UNTRUSTED),
    ("weak intermediate", "byweak", HOST,
     ["-cert_chain", "weaksub.crt", "-cipher", "DEFAULT@SECLEVEL=0"], "key that is too weak"),
    ("SHA-1 intermediate", "byold", HOST,
     ["-cert_chain", "oldsub.crt", "-cipher", "DEFAULT@SECLEVEL=0"], "unaccepted hash"),
    ("MD5", "md5", HOST, ["-cipher", "DEFAULT@SECLEVEL=0"], ""),
    ("secp256k1 key", "k256", HOST, [], ""),
    ("P-224 key", "ec224", HOST, ["-cipher", "DEFAULT@SECLEVEL=0"], ""),
    ("other uses only", "ekuany", HOST, [], "certificate is not meant for a server"),
    ("no use named", "ekunone", HOST, [], None),
    ("no certificate", "good", HOST, ["-tls1_2", "-cipher", "aNULL@SECLEVEL=0"], ""),
    ("no encryption", "good", HOST, ["-tls1_2", "-cipher", "eNULL@SECLEVEL=0"], ""),
    ("TLS 1.0 only", "good", HOST, ["-tls1", *OLD], ""),
    ("TLS 1.1 only", "good", HOST, ["-tls1_1", *OLD], ""),
    ("TLS 1.2 only", "good", HOST, ["-tls1_2"], None),
    ("TLS 1.3 only", "good", HOST, ["-tls1_3"], None),
    ("TLS 1.2, EC", "good_ec", HOST, ["-tls1_2"], None),
    ("TLS 1.2, P-256 only", "good_ec", HOST, ["-tls1_2", "-groups", "P-256"], None),
    ("TLS 1.3, P-384 only", "good_ec", HOST, ["-tls1_3", "-groups", "P-384"], None),
    ("TLS 1.3, P-521 only", "good_ec", HOST, ["-tls1_3", "-groups", "P-521"], ""),
    ("ChaCha20 only", "good", HOST, ["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
     None),
    ("AES-CBC-SHA only", "good", HOST, ["-tls1_2", "-cipher", "AES128-SHA"], ""),
    ("ECDHE with CBC only", "good", HOST, ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA256"], ""),
    ("RSA key exchange only", "good", HOST, ["-tls1_2", "-cipher", "AES128-GCM-SHA256"], ""),
    ("DHE only", "good", HOST, ["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256"], ""),
]


@pytest.mark.parametrize("label,cert,host,options,reason", CASES, ids=[c[0] for c in CASES])
def test_certificate(forge, build_dir, label, cert, host, options, reason):
    port = port_free()
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", cert + ".crt", "-key",
         cert + ".key", "-www", "-quiet", *options],
        cwd=forge.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        wait_for_port(port, server)
        said = probe(build_dir, port, host, os.path.join(forge.directory, "ca.crt"))
    finally:
        server.kill()
        server.communicate()
    if reason is None:
        assert said["outcome"] == "accepted", said
        assert said["bytes"] > 100
    else:
        assert said["outcome"] == "refused", said
        assert said["bytes"] == 0
        assert said["reason"] != "" and reason in said["reason"], said


@pytest.mark.parametrize("end,expected", [("notify", "close_notify"), ("fin", "truncated"),
                                          ("rst", "reset")])
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_end_of_a_connection(forge, build_dir, end, expected, version):
    """FIN without close_notify must be told from a proper end (187, 276)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(forge.directory, "good_ec.crt"),
                            os.path.join(forge.directory, "good_ec.key"))
    wanted = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
    context.minimum_version = context.maximum_version = wanted
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        accepted, _ = listener.accept()
        tls = context.wrap_socket(accepted, server_side=True)
        tls.recv(1000)
        tls.sendall(b"HTTP/1.1 200 OK\r\n\r\npartial body")
        if end == "notify":
            try:
                tls.settimeout(2)
                tls.unwrap()
            except OSError:
                pass
            tls.close()
            return
        raw = socket.socket(fileno=tls.detach())
        if end == "rst":
            time.sleep(0.2)  # so that the bytes arrive before the reset
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    said = probe(build_dir, listener.getsockname()[1], HOST,
                 os.path.join(forge.directory, "ca.crt"))
    thread.join(10)
    listener.close()
    assert said["outcome"] == "accepted"
    assert said["bytes"] == 31
    assert said["end"] == expected
