# SPDX-License-Identifier: Apache-2.0
"""Names of providers: those that do not exist, lead inside or to a mixture, hang, or are asked for
while large bodies are worked on. The resolver is the test's (fake_dns.c), everything else is real.
"""
import concurrent.futures
import json
import os
import socket
import time
import urllib.request

import pytest

from lab import Lab, chat_bytes, wait_until

NAMES = {
    "nowhere.example.com": "5",
    "mixed.example.com": "5 {public} 10.0.0.1",
    "mixed-last.example.com": "5 10.0.0.1 {public}",
    "inside.example.com": "5 127.0.0.1",
    "mapped.example.com": "5 ::ffff:127.0.0.1",
    "mapped-mixed.example.com": "5 {public6} ::ffff:10.0.0.1",
    "metadata.example.com": "5 169.254.169.254",
    "hangs.example.com": "20000 {public}",
}
PUBLIC = {"public": "8.8.8.8", "public6": "2001:4860:4860::8888"}


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, tmp_path_factory):
    directory = tmp_path_factory.mktemp("dns")
    names = directory / "names"
    names.write_text("".join(f"{n} {a.format(**PUBLIC)}\n" for n, a in NAMES.items()))
    made = object.__new__(Lab)
    os.environ["FAKE_DNS"] = str(names)
    try:
        made.__init__(build_dir, database_url, directory, fake, {"workers": 2})
        made.end()
        made.env["LD_PRELOAD"] = os.path.join(build_dir, "tests/system/fake_dns.so")
        made.env["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        made.start()
    finally:
        del os.environ["FAKE_DNS"]
    made.open_up()
    yield made
    made.process.kill()  # what hangs would keep it from ending
    made.process.wait()
    made.drop()


def point(lab, provider, url):
    answer = lab.must("GET", "/v1/provider-endpoints")
    rows = next(v for v in answer.values() if isinstance(v, list))
    endpoint = next(row for row in rows if row["provider"] == provider)
    status, _, body = lab.call("PATCH", "/v1/provider-endpoints/" + endpoint["id"],
                               {"base_url": url, "credential": "x"}, headers={"prefer": "wait=5"})
    assert status == 200, body


@pytest.mark.parametrize("name", [n for n in NAMES if not n.startswith("hangs")])
def test_a_name_that_leads_nowhere_or_inside(lab, name):
    """Never a connection: not even to the good address of a mixture."""
    opened = lab.metric("portcullis_upstream_connections_opened_total")
    failures = lab.metric("portcullis_dns_failures_total")
    point(lab, "openai", f"https://{name}/v1")
    began = time.monotonic()
    for _ in range(3):
        status, _, body = lab.chat()
        assert (status, body["error"]["code"]) == (502, "upstream_unreachable"), body
        assert not any(address in json.dumps(body) for address in ("10.0.0", "127.0", "8.8.8"))
    assert time.monotonic() - began < 2
    assert lab.metric("portcullis_upstream_connections_opened_total") == opened
    assert (lab.metric("portcullis_dns_failures_total") > failures) == (name[:7] == "nowhere")


def test_a_name_that_hangs_keeps_nobody_else_waiting(lab, fake):
    """Both loops wait for it. Another name is asked for the first time meanwhile: of a fresh
    process, so that nothing is known yet."""
    point(lab, "openai", "https://hangs.example.com/v1")
    lab.process.kill()
    lab.process.wait()
    lab.start()
    waiting = []
    for _ in range(16):
        connection = socket.create_connection(("127.0.0.1", lab.port))
        connection.sendall(chat_bytes(lab.keys["production"]))
        waiting.append(connection)
    wait_until(lambda: lab.metric("portcullis_dns_lookups_total") == 2, "both loops ask")
    began = time.monotonic()
    try:
        for _ in range(4):
            assert lab.chat(model="claude-sonnet-4-20250514")[0] == 200
        print(f"\nanswered after {time.monotonic() - began:.3f} s")
        for connection in waiting:
            assert b"upstream_timeout" in connection.recv(65536)
            connection.close()
    finally:
        point(lab, "openai", fake.url + "/v1")


def test_a_first_lookup_while_large_bodies_are_worked_on(lab):
    text = " ".join(f"word{i}" for i in range(200))
    body = json.dumps({"model": "gpt-4o", "messages": [
        {"role": "user", "content": text} for _ in range(15_000_000 // len(text) - 600)]}).encode()

    def send(_):
        request = urllib.request.Request(
            lab.url + "/v1/chat/completions", data=body, headers={
                "authorization": "Bearer " + lab.keys["production"],
                "content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            answer.read()
            return answer.status
    lab.process.kill()
    lab.process.wait()
    lab.start()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        large = [pool.submit(send, i) for i in range(12)]
        while not all(f.done() for f in large):
            status, _, answer = lab.chat(model="claude-sonnet-4-20250514")
            assert status == 200, answer
    assert [f.result() for f in large] == [200] * 12
