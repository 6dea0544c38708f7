# SPDX-License-Identifier: Apache-2.0
"""The fake provider's own promises: what it records, and each misbehaviour it can be told."""
import base64
import gzip
import hashlib
import http.client
import json
import socket
import ssl
import time

import pytest

from fake import call_with, mark, say, say_in_pieces


@pytest.fixture(autouse=True)
def clean(fake):
    fake.reset()


def body_of(text, **more):
    return json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **more})


def ask(fake, text, path="/v1/chat/completions", headers=None, **more):
    """(status, headers, body) over plain http, without any library's leniency about bodies."""
    connection = http.client.HTTPConnection("127.0.0.1", fake.plain_port, timeout=10)
    connection.request("POST", path, body_of(text, **more),
                       {"authorization": "Bearer key-1", **(headers or {})})
    answer = connection.getresponse()
    got = answer.status, dict(answer.getheaders()), answer.read()
    connection.close()
    return got


def raw(fake, text, **more):
    """All bytes until the provider closes, and whether it did so by a reset."""
    body = body_of(text, **more).encode()
    with socket.create_connection(("127.0.0.1", fake.plain_port), 10) as s:
        s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\n"
                  b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        got = b""
        try:
            while more := s.recv(65536):
                got += more
        except ConnectionResetError:
            return got, True
    return got, False


def test_log_has_what_was_sent(fake):
    ask(fake, "hello", headers={"x-one": "1"})
    seen = fake.log()
    assert len(seen) == 1
    assert seen[0]["method"] == "POST" and seen[0]["path"] == "/v1/chat/completions"
    assert seen[0]["headers"]["authorization"] == "Bearer key-1"
    assert seen[0]["headers"]["x-one"] == "1"
    assert seen[0]["body"] == body_of("hello")
    assert seen[0]["body_sha256"] == hashlib.sha256(body_of("hello").encode()).hexdigest()
    assert seen[0]["tls"] is False
    fake.reset()
    assert fake.log() == []


def test_stats_count_connections(fake):
    for _ in range(3):
        ask(fake, "hello")
    stats = fake.control("/__stats")
    assert stats["requests"] == 3
    assert stats["connections"] >= 3


def test_answers_are_deterministic(fake):
    first = json.loads(ask(fake, "hello")[2])["choices"]
    assert first == json.loads(ask(fake, "hello")[2])["choices"]


@pytest.mark.parametrize("where", ["text", "model", "suffix", "header", "behave"])
def test_marks_everywhere(fake, where):
    if where == "text":
        status = ask(fake, "hi " + mark("status=503"))[0]
    elif where == "model":
        status = ask(fake, "hi", model="gpt-4o" + mark("status=503"))[0]
    elif where == "suffix":
        status = ask(fake, "hi", model="gpt-4o--fake-status-503")[0]
    elif where == "header":
        status = ask(fake, "hi", headers={"x-fake": mark("status=503")})[0]
    else:
        fake.behave("status=503", count=1)
        status = ask(fake, "hi")[0]
    assert status == 503
    assert ask(fake, "hi")[0] == 200


def test_behave_always_until_reset(fake):
    fake.control("/__behave", {"always": "status=500,delay=1"})
    assert [ask(fake, "hi")[0] for _ in range(3)] == [500, 500, 500]
    fake.reset()
    assert ask(fake, "hi")[0] == 200


def test_unknown_and_unfinished_marks_are_harmless(fake):
    for text in ("x " + mark("nonsense=1"), "x [[fake:status=500", "[[fake:]] x"):
        assert ask(fake, text)[0] == 200


def test_say(fake):
    answer = json.loads(ask(fake, say("exactly this"))[2])
    assert answer["choices"][0]["message"]["content"] == "exactly this"


def test_status_429_says_when_to_come_back(fake):
    status, headers, body = ask(fake, mark("status=429") + mark("retryafter=1500"))
    assert (status, headers["retry-after"], headers["retry-after-ms"]) == (429, "2", "1500")
    assert json.loads(body)["error"]["type"] == "rate_limit_error"


def test_bad_bodies(fake):
    with pytest.raises(ValueError):
        json.loads(ask(fake, mark("badjson"))[2])
    status, headers, body = ask(fake, mark("html"))
    assert (status, headers["content-type"]) == (502, "text/html") and body.startswith(b"<html>")
    _, headers, body = ask(fake, "hi " + mark("gzip"))
    assert headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(body))["object"] == "chat.completion"
    status, headers, _ = ask(fake, mark("redirect"))
    assert status == 302 and headers["location"].startswith("https://elsewhere.test/")


@pytest.mark.parametrize("kind,needle", [
    ("tecl", b"transfer-encoding: chunked\r\ncontent-length: "), ("obsfold", b": one\r\n two\r\n"),
    ("surplus", b"}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")])
def test_bad_framing(fake, kind, needle):
    assert needle in raw(fake, mark("badframing=" + kind))[0]


def test_two_content_lengths(fake):
    lengths = [line for line in raw(fake, mark("badframing=dupcl"))[0].split(b"\r\n")
               if line.startswith(b"content-length")]
    assert len(set(lengths)) == 2


def test_huge_header_and_raw(fake):
    assert b"h" * 70000 in raw(fake, mark("hugeheader=70000"))[0]
    data = b"HTTP/1.1 200 OK\r\n\r\nanything \x00\xff"
    assert raw(fake, mark("raw=" + base64.b64encode(data).decode())) == (data, False)


def test_cuts(fake):
    assert raw(fake, mark("fin=40"))[1] is False
    assert len(raw(fake, mark("fin=40"))[0]) == 40
    got, was_reset = raw(fake, mark("reset=40"))
    assert was_reset and len(got) <= 40


def test_silence(fake):
    with pytest.raises(TimeoutError):
        with socket.create_connection(("127.0.0.1", fake.plain_port), 1) as s:
            body = body_of(mark("silence")).encode()
            s.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k"
                      b"\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            s.settimeout(0.3)
            s.recv(1)


def test_delay_and_drip_take_their_time(fake):
    """A timer may fire late, never early."""
    began = time.monotonic()
    ask(fake, mark("delay=60"))
    ask(fake, "one two three " + mark("drip=20"), stream=True)
    assert time.monotonic() - began >= 0.060 + 6 * 0.020


@pytest.mark.parametrize("path,more,last", [
    ("/v1/chat/completions", {}, b"data: [DONE]"), ("/v1/completions", {}, b"data: [DONE]"),
    ("/v1/responses", {}, b"response.completed"),
    ("/v1/messages", {"max_tokens": 5}, b"message_stop")])
def test_streams_with_and_without_their_end(fake, path, more, last):
    whole = ask(fake, "hi", path, stream=True, **more)[2]
    assert last in whole.split(b"\n\n")[-2]
    assert last not in ask(fake, "hi " + mark("nodone"), path, stream=True, **more)[2]


def test_chunks_are_counted(fake):
    events = ask(fake, "hi " + mark("chunks=250"), stream=True)[2].split(b"\n\n")
    deltas = [e for e in events if b'"delta":{"content"' in e]
    assert len(deltas) == 250


def test_split_changes_no_byte(fake):
    text = ask(fake, "hi", stream=True)[2].replace(b"000001", b"")
    fake.reset()
    assert ask(fake, "hi " + mark("split=1"), stream=True)[2].replace(b"000001", b"") == text


def test_usage_can_be_given_or_left_out(fake):
    assert json.loads(ask(fake, mark("usage=1000:2000"))[2])["usage"]["total_tokens"] == 3000
    assert "usage" not in json.loads(ask(fake, mark("nousage"))[2])


def test_keep_alive(fake):
    connection = http.client.HTTPConnection("127.0.0.1", fake.plain_port, timeout=10)
    for _ in range(5):
        connection.request("POST", "/v1/chat/completions", body_of("hi"),
                           {"authorization": "Bearer k"})
        assert connection.getresponse().read() != b""
    connection.close()
    assert len({r["connection"] for r in fake.log()}) == 1


@pytest.mark.parametrize("kind,reason", [("wrong-host", "Hostname mismatch"),
                                         ("expired", "expired"), ("self-signed", "self-signed")])
def test_bad_certificates(fake, kind, reason):
    with socket.create_connection(("127.0.0.1", fake.cert_ports[kind]), 10) as s:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            fake.ssl.wrap_socket(s, server_hostname="localhost")
    assert reason in str(caught.value).replace("self signed", "self-signed")


def test_tls_names(fake):
    for name in ("localhost", "127.0.0.1", "api.openai.test", "api.anthropic.test",
                 "eu.provider.test"):
        with socket.create_connection(("127.0.0.1", fake.tls_port), 10) as s:
            with fake.ssl.wrap_socket(s, server_hostname=name) as tls:
                assert tls.version() == "TLSv1.3"


def deltas(fake, text, **more):
    body = ask(fake, text, stream=True, **more)[2].decode()
    events = [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: {")]
    return [e["choices"][0]["delta"] for e in events if e["choices"]]


def test_pieces_of_a_size(fake):
    got = [d["content"] for d in deltas(fake, say_in_pieces("abc de\u00e9f", 3)) if d.get("content")]
    assert got == ["abc", " de", "\u00e9f"]


def test_calls_with_given_arguments(fake):
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    calls = [d["tool_calls"][0]["function"] for d in deltas(fake, call_with('{"a": 12}', 4),
                                                             tools=tools) if "tool_calls" in d]
    assert calls[0]["name"] == "f"
    assert [c["arguments"] for c in calls] == ["", '{"a"', ": 12", "}"]
