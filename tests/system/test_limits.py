# SPDX-License-Identifier: Apache-2.0
"""The edges of a connection over a real socket: slow, too large, half closed, pipelined, ended;
and the two signals an operator sends. Only bytes and their order are asserted; the one wait that
is long (a slow client is given ten seconds) is shared by all slow clients."""
import hashlib
import json
import signal
import socket
import time
import urllib.request

import pytest

from fake import mark, say
from lab import Lab, Load, chat_bytes, wait_until

LIMIT = 1 << 20


@pytest.fixture
def fresh(build_dir, database_url, fake, tmp_path):
    made = Lab(build_dir, database_url, tmp_path, fake)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, tmp_path_factory):
    made = Lab(build_dir, database_url, tmp_path_factory.mktemp("limits"), fake,
               {"limits": {"body_mib": 1}})
    yield made
    made.stop()


class Wire:
    """One connection and what came back on it."""

    def __init__(self, lab, timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", lab.port), timeout)
        self.got = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        part = self.socket.recv(65536)
        self.got += part
        return part

    def answer(self):
        """(status, headers, body) of the next answer, provisional ones included."""
        while b"\r\n\r\n" not in self.got:
            assert self.more(), f"closed inside a head: {self.got[:200]}"
        head, _, self.got = self.got.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = dict((n.lower(), v.strip()) for n, _, v in
                       (line.partition(":") for line in lines[1:]))
        length = int(headers.get("content-length", 0))
        while len(self.got) < length:
            assert self.more(), "closed inside a body"
        body, self.got = self.got[:length], self.got[length:]
        return int(lines[0].split()[1]), headers, body

    def is_closed(self):
        """Nothing more comes, and the end is a FIN."""
        while self.more():
            pass
        return self.got == b""

    def rest(self):
        while self.more():
            pass
        return self.got


def head(lab, method="POST", path="/v1/chat/completions", key=None, **fields):
    lines = [f"{method} {path} HTTP/1.1", "host: gateway.test",
             f"authorization: Bearer {key or lab.keys['production']}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def chat_json(size=None, text="hello"):
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}
    empty = len(json.dumps(body)) - len(text)
    if size is not None:
        body["messages"][0]["content"] = "x" * (size - empty)
    return json.dumps(body).encode()


def test_slow_clients_are_ended_and_others_are_not(lab):
    """One byte of a head each second; a body that never comes; one that drips; a silent one that
    has sent nothing is only closed. All four at once, and a fifth one is served meanwhile."""
    begun = time.monotonic()
    with Wire(lab) as slow_head, Wire(lab) as no_body, Wire(lab) as slow_body:
        drip = head(lab)
        slow_head.send(drip[:1])
        no_body.send(head(lab, content_type="application/json", content_length=100))
        slow_body.send(head(lab, content_type="application/json", content_length=100000))
        served = 0
        at = 1
        ended = set()
        while len(ended) < 3 and time.monotonic() - begun < 40:
            for name, wire, byte in (("head", slow_head, drip[at:at + 1]),
                                     ("body", slow_body, b"{"), ("none", no_body, b"")):
                if name in ended:
                    continue
                wire.socket.setblocking(False)
                try:
                    if not wire.more() or b"\r\n\r\n" in wire.got:
                        ended.add(name)
                        wire.socket.setblocking(True)
                        continue
                except BlockingIOError:
                    pass
                wire.socket.setblocking(True)
                wire.send(byte)
            at += 1
            assert lab.chat()[0] == 200
            served += 1
            time.sleep(0.25)
        assert ended == {"head", "body", "none"}
        print(f"\nslow clients ended after {time.monotonic() - begun:.1f} s, "
              f"{served} requests served meanwhile")
        for wire in (slow_head, no_body, slow_body):
            wire.socket.settimeout(20)
            status, headers, _ = wire.answer()
            assert (status, headers.get("connection")) == (408, "close")


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("beyond", [False, True], ids=["at the limit", "beyond"])
def test_body_limit_413(lab, fake, framing, beyond):
    fake.reset()
    body = chat_json(LIMIT + (1 if beyond else 0))
    with Wire(lab) as wire:
        try:
            if framing == "length":
                wire.send(head(lab, content_type="application/json", content_length=len(body)))
                wire.send(body)
            else:
                wire.send(head(lab, content_type="application/json", transfer_encoding="chunked"))
                for i in range(0, len(body), 50000):
                    part = body[i:i + 50000]
                    wire.send(b"%x\r\n" % len(part) + part + b"\r\n")
                wire.send(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            assert beyond, "it may close early only on what it refuses"
        status, headers, answer = wire.answer()
    if beyond:
        assert status == 413 and b"error" in answer
        assert fake.log() == []
    else:
        assert status == 200, answer
        assert len(fake.log()) == 1


@pytest.mark.parametrize("wanted,sent", [
    (431, b"GET /v1/models HTTP/1.1\r\nhost: x\r\n" + b"".join(
        b"x-%d: 1\r\n" % i for i in range(300)) + b"\r\n"),
    (431, b"GET /v1/models HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 100000 + b"\r\n\r\n"),
    (414, b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nhost: x\r\n\r\n"),
    (505, b"GET / HTTP/2.0\r\nhost: x\r\n\r\n"),
    (400, b"GET / HTTP/1.1\r\n\r\n"),
], ids=["fields", "field", "target", "version", "no host"])
def test_heads_beyond_the_limits(lab, wanted, sent):
    with Wire(lab) as wire:
        try:
            wire.send(sent)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert wire.answer()[0] == wanted
        assert wire.is_closed()


def test_100_continue(lab):
    body = chat_json()
    with Wire(lab) as wire:
        wire.send(head(lab, content_type="application/json", content_length=len(body),
                       expect="100-continue"))
        assert wire.answer()[0] == 100
        wire.send(body)
        assert wire.answer()[0] == 200


def test_100_continue_is_not_said_to_a_stranger(lab):
    """Who is refused by the head alone need not send the body."""
    with Wire(lab) as wire:
        wire.send(head(lab, key="pc_live_nobody", content_type="application/json",
                       content_length=1000, expect="100-continue"))
        assert wire.answer()[0] == 401


@pytest.mark.parametrize("value", [
    None, "", "Bearer", "Bearer ", "Basic {key}", "Bearer {key} x", "Bearer {key}x", "Bearer x",
    "{key}", "Bearer {upper}", "Bearer {cut}", "Bearer {key},{key}",
    "Bearer x' OR 1=1--", "Bearer " + "a" * 5000, "Bearer \xe9", "Bearer pc_live_%00",
], ids=lambda value: "none" if value is None else value[:20])
def test_keys_that_are_none(lab, fake, value):
    """401 with nothing of the key in it, and nothing goes anywhere."""
    fake.reset()
    key = lab.keys["production"]
    line = ""
    if value is not None:
        value = value.replace("{key}", key).replace("{upper}", key.upper()).replace(
            "{cut}", key[:-1])
        line = f"authorization: {value}\r\n"
    body = chat_json()
    with Wire(lab) as wire:
        wire.send(f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n{line}content-type: "
                  f"application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode("latin-1")
                  + body)
        status, _, answer = wire.answer()
    assert status == 401, answer
    assert b"OR 1=1" not in answer and key.encode() not in answer
    assert fake.log() == []


def test_pipelining_in_order(lab):
    texts = [f"answer number {i}" for i in range(20)]
    with Wire(lab) as wire:
        wire.send(b"".join(chat_bytes(lab.keys["production"], text=say(t)) for t in texts))
        for text in texts:
            status, _, body = wire.answer()
            assert status == 200
            assert json.loads(body)["choices"][0]["message"]["content"] == text


def test_pipelined_refusal_between(lab):
    good = chat_bytes(lab.keys["production"])
    bad = chat_bytes(lab.keys["production"], "deepseek/deepseek-v3.2")
    with Wire(lab) as wire:
        wire.send(good + bad + good)
        assert [wire.answer()[0] for _ in range(3)] == [200, 403, 200]


def test_half_close_is_still_answered(lab):
    with Wire(lab) as wire:
        wire.send(chat_bytes(lab.keys["production"], text=mark("delay=200")))
        wire.socket.shutdown(socket.SHUT_WR)
        status, _, body = wire.answer()
        while status == 100:
            status, _, body = wire.answer()
        assert status == 200, body
        assert wire.is_closed()


def test_cut_inside_a_request_goes_nowhere(lab, fake):
    fake.reset()
    with Wire(lab) as wire:
        wire.send(chat_bytes(lab.keys["production"])[:-1])
        wire.socket.shutdown(socket.SHUT_WR)
        wire.rest()
    assert lab.chat()[0] == 200
    assert len(fake.log()) == 1, "only the whole one"


def test_keep_alive(lab):
    with Wire(lab) as wire:
        for _ in range(100):
            wire.send(chat_bytes(lab.keys["production"]))
            status, headers, _ = wire.answer()
            assert status == 200 and headers.get("connection", "keep-alive") != "close"


def test_connection_close_is_obeyed_again_and_again(lab):
    """Many connections that ask for close, and each next one is answered."""
    request = chat_bytes(lab.keys["production"])
    request = request.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1)
    for _ in range(50):
        with Wire(lab, 5) as wire:
            wire.send(request)
            status, headers, _ = wire.answer()
            assert (status, headers["connection"]) == (200, "close")
            assert wire.is_closed()


def test_http_1_0(lab):
    with Wire(lab) as wire:
        wire.send(chat_bytes(lab.keys["production"]).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        assert wire.answer()[0] == 200
        assert wire.is_closed()


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json"])
def test_head_has_no_body(lab, path):
    with Wire(lab) as wire:
        wire.send(head(lab, "HEAD", path) + head(lab, "GET", "/healthz"))
        while b"\r\n\r\n" not in wire.got:
            assert wire.more()
        first, _, wire.got = wire.got.partition(b"\r\n\r\n")
        assert first.split()[1] in (b"200", b"405")
        if first.split()[1] == b"405":
            length = [int(line.split(b":")[1]) for line in first.lower().split(b"\r\n")
                      if line.startswith(b"content-length")]
            assert length, "a HEAD's answer has the length of GET's, and no body"
        assert wire.answer()[0] == 200, "no byte of a body was in between"


@pytest.mark.parametrize("method,path,allow", [
    ("DELETE", "/v1/chat/completions", "POST"), ("GET", "/v1/chat/completions", "POST"),
    ("POST", "/v1/models", "GET, HEAD"), ("PUT", "/governance", "GET, POST"),
    ("PUT", "/governance/x", "GET, PATCH, DELETE"), ("POST", "/healthz", "GET, HEAD"),
])
def test_405(lab, method, path, allow):
    with Wire(lab) as wire:
        wire.send(head(lab, method, path))
        status, headers, body = wire.answer()
        assert status == 405, body
        assert headers["allow"] == allow
        assert json.loads(body)["error"]


def test_readyz_names_its_checks(lab):
    status, text = lab.get("/readyz")
    answer = json.loads(text)
    assert (status, answer["status"]) == (200, "ready")
    assert answer["checks"]["database"] == "up" and answer["checks"]["draining"] is False


def read_stream(wire):
    """Bytes of a chunked stream up to its last chunk."""
    while not wire.got.endswith(b"0\r\n\r\n"):
        assert wire.more(), f"cut: {wire.got[-200:]}"
    return wire.got


def test_sigterm_lets_a_stream_finish(fresh):
    stream = chat_bytes(fresh.keys["production"], text=mark("chunks=40") + mark("drip=50"),
                        stream=True)
    with Wire(fresh, 30) as running, Wire(fresh, 30) as idle:
        running.send(stream)
        while b"data:" not in running.got:
            assert running.more()
        idle.send(head(fresh, "GET", "/readyz"))
        assert idle.answer()[0] == 200
        fresh.process.send_signal(signal.SIGTERM)
        wait_until(lambda: any('"draining"' in line for line in fresh.lines), "it drains")

        def is_refused():
            try:
                with Wire(fresh, 5) as late:
                    late.send(head(fresh, "GET", "/readyz"))
                    return late.answer()[0] == 503
            except (OSError, AssertionError):
                return True
        wait_until(is_refused, "no new work")
        assert fresh.process.poll() is None, "the stream is not done"
        got = read_stream(running)
        assert b"data: [DONE]" in got and got.count(b"data:") > 40
    assert fresh.process.wait(60) == 0
    assert any('"stopped"' in line for line in fresh.lines)
    fresh.start()
    fresh.wait_shipped()
    rows = fresh.rows("SELECT o.outcome FROM portcullis.audit_decisions d JOIN "
                      "portcullis.audit_outcomes o USING (org_id, request_id) WHERE d.is_stream")
    assert rows == [("completed",)]


def test_sigterm_under_load_answers_what_it_took(fresh):
    """Every request whose answer had begun is complete; the others were never admitted."""
    load = Load(fresh.port, [("chat", chat_bytes(fresh.keys["production"]))], 16)
    with load:
        time.sleep(0.3)
        assert fresh.end() == 0
    statuses = {a.status for a in load.answers}
    assert statuses <= {200, 0, 503}
    fresh.start()
    fresh.wait_shipped()
    done = {a.request_id for a in load.answers if a.status == 200}
    stored = {row[0] for row in fresh.rows("SELECT request_id FROM portcullis.audit_outcomes "
                                           "WHERE outcome = 'completed'")}
    assert done <= stored
    assert len(stored - done) == 0, "completed for the record means answered"
    print(f"\nanswered {len(done)} and then left")


def test_sighup_reloads_without_loss(fresh):
    with Load(fresh.port, [("chat", chat_bytes(fresh.keys["production"]))], 16) as load:
        for i in range(10):
            fresh.process.send_signal(signal.SIGHUP)
            wait_until(lambda: sum('"reloaded"' in line for line in fresh.lines) > i, "reloaded")
    assert {a.status for a in load.answers} == {200}
    assert not any('"reload_failed"' in line for line in fresh.lines)
    print(f"\n10 reloads, {len(load.answers)} requests, none lost")


def test_strict_records_with_the_hash_of_the_body(build_dir, database_url, fake, tmp_path):
    """audit.durability strict: answers come although each waits for the disk; audit.hash_body."""
    lab = Lab(build_dir, database_url, tmp_path, fake,
              {"audit": {"durability": "strict", "hash_body": True}})
    try:
        body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]})
        request = urllib.request.Request(
            lab.url + "/v1/chat/completions", data=body.encode(), headers={
                "authorization": "Bearer " + lab.keys["owner"],
                "content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
            request_id = answer.headers["x-request-id"]
        end = time.monotonic() + 30
        while not (rows := lab.must("GET", "/v1/audit?request_id=" + request_id)["data"]):
            assert time.monotonic() < end, "no record"
            time.sleep(0.05)
        assert rows[0]["body_sha256"] == hashlib.sha256(body.encode()).hexdigest()
    finally:
        lab.stop()
