# SPDX-License-Identifier: Apache-2.0
"""Streams of bytes that are not quite HTTP, over TCP, against the running gateway, with a provider
behind it that keeps every byte: what must be refused is, what is good is not, and nothing that
could be read in two ways goes on. The same for what a provider answers, and for base URLs.

The streams are tests/fuzz/corpus/{request,response}. PORTCULLIS_HTTP_CORPUS and
PORTCULLIS_SSRF_URLS name larger sets kept elsewhere: a folder with requests.jsonl and
upstream-responses.jsonl, a file with one URL per line.
"""
import asyncio
import base64
import collections
import glob
import http.client
import json
import os
import re

import pytest

from lab import Lab
from raw_provider import GOOD, RawProvider

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, "../fuzz/corpus")
ELSEWHERE = os.environ.get("PORTCULLIS_HTTP_CORPUS")
URLS = os.environ.get("PORTCULLIS_SSRF_URLS")
PARALLEL = 32
IDLE_S = 0.4
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
REFUSED_BY_WIRE = b'"code":"bad_request"'


@pytest.fixture(scope="module")
def raw():
    made = RawProvider()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, raw, tmp_path_factory):
    made = Lab(build_dir, database_url, tmp_path_factory.mktemp("corpus"), fake, {
        "upstream": {"exceptions": f"localhost:{fake.tls_port},127.0.0.1:{raw.port}"}})
    for endpoint in endpoints(made):
        if endpoint["provider"] == "openai":
            status, _, body = made.call("PATCH", "/v1/provider-endpoints/" + endpoint["id"], {
                "base_url": f"http://127.0.0.1:{raw.port}/v1", "credential": "raw-credential"},
                headers={"prefer": "wait=5"})
            assert status == 200, body
    yield made
    made.stop()


def endpoints(lab):
    answer = lab.must("GET", "/v1/provider-endpoints")
    return answer[next(n for n in ("provider_endpoints", "data", "items") if n in answer)]


class Row:
    def __init__(self, name, expect, steps, good_before=0):
        self.name = re.sub(r"[^A-Za-z0-9_.\-]", "_", name)
        self.expect = expect
        self.steps = steps  # [[(bytes, delay in seconds)]], one connection each
        self.good_before = good_before
        self.got = b""
        self.is_closed = True

    def edit(self, change):
        row = Row(self.name, self.expect, [[(change(part, i == 0, self.name), delay)
                                            for i, (part, delay) in enumerate(step)]
                                           for step in self.steps], self.good_before)
        return row

    def statuses(self):
        return [int(s) for s in STATUS.findall(self.got) if s != b"100"]


def own_rows():
    rows = []
    for path in sorted(glob.glob(os.path.join(CORPUS, "request", "*"))):
        name = os.path.basename(path)
        expect = name.partition("-")[0]
        if expect in ("accept", "reject", "incomplete"):
            with open(path, "rb") as f:
                rows.append(Row(name, expect, [[(f.read(), 0)]]))
    assert len(rows) > 100
    return rows


def other_rows():
    rows = []
    with open(os.path.join(ELSEWHERE, "requests.jsonl"), encoding="utf-8") as f:
        for line in f:
            d = json.loads(line)
            rows.append(Row(d["id"], d["expect"], [
                [(base64.b64decode(p["b64"]), p.get("delay_ms", 0) / 1000) for p in s["parts"]]
                for s in d["steps"]], d["nreq"]))
    return rows


def with_key(lab):
    """A valid key behind the first line, the rest as it was."""
    field = f"Authorization: Bearer {lab.keys['production']}\r\n".encode()

    def change(part, is_first, _):
        line, found, rest = part.partition(b"\r\n")
        is_line = found and line.count(b" ") == 2 and rest[:1] not in (b" ", b"\t")
        return line + found + field + rest if is_first and is_line else part
    return change


def armed(lab):
    """A valid key and path, and where the body was the usual small one, a request that a provider
    would be asked for: framing errors now have something to carry through."""
    add_key = with_key(lab)

    def change(part, is_first, name):
        part = add_key(part, is_first, name)
        if is_first:
            part = re.sub(rb"\A(POST|GET|PUT) /[A-Za-z0-9/._-]* HTTP/1",
                          b"POST /v1/chat/completions HTTP/1", part)
            if b"content-type" not in part.lower():
                part = part.replace(b"\r\nAuthorization:",
                                    b"\r\nContent-Type: application/json\r\nAuthorization:", 1)
        body = json.dumps({"model": "gpt-4o", "messages": [
            {"role": "user", "content": "row:" + name}]}).encode()
        for old in (b'{"model":"m"}', b"hello"):
            size = len(old)
            part = part.replace(b"\r\n%x\r\n%s\r\n" % (size, old),
                                b"\r\n%x\r\n%s\r\n" % (len(body), body))
            part = re.sub(rb"(?i)(content-length:[ \t]*)%d(?=[ \t]*\r\n)" % size,
                          lambda m: m[1] + b"%d" % len(body), part) \
                if part.endswith(b"\r\n\r\n" + old) else part
            if part.endswith(b"\r\n\r\n" + old):
                part = part[:-size] + body
        return part
    return change


async def play(lab, row):
    for step in row.steps:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", lab.port)
        except OSError:
            continue
        row.is_closed = False
        try:
            for part, delay in step:
                writer.write(part)
                await writer.drain()
                if delay:
                    await collect(reader, row, delay)
            await collect(reader, row, IDLE_S)
        except OSError:
            row.is_closed = True
        finally:
            writer.close()


async def collect(reader, row, idle):
    while not row.is_closed:
        try:
            part = await asyncio.wait_for(reader.read(65536), idle)
        except asyncio.TimeoutError:
            return
        row.is_closed = part == b""
        row.got += part


def play_all(lab, rows):
    async def run():
        gate = asyncio.Semaphore(PARALLEL)

        async def one(row):
            async with gate:
                await play(lab, row)
        await asyncio.gather(*(one(row) for row in rows))
    asyncio.run(run())


def judge(rows, raw):
    """name of each fault -> rows that have it."""
    faults = collections.defaultdict(list)
    forwarded = collections.Counter(raw.names())
    for row in rows:
        codes = row.statuses()
        if row.expect == "reject":
            if sum(200 <= c < 300 for c in codes) > row.good_before:
                faults["answered"].append(row)
            if forwarded[row.name] > max(row.good_before, count_good(row)):
                faults["forwarded"].append(row)
            if not (row.is_closed or codes):
                faults["neither refused nor closed"].append(row)
        elif row.expect == "accept" and (is_refused_by_wire(row) or not codes):
            faults["good one refused"].append(row)
        elif row.expect == "incomplete" and forwarded[row.name] > max(row.good_before,
                                                                      count_good(row)):
            faults["incomplete one forwarded"].append(row)
    if raw.ambiguous:
        faults["ambiguous at the provider"] = raw.ambiguous
    return faults


def is_refused_by_wire(row):
    """404 says that nothing has this name, which is an answer."""
    return REFUSED_BY_WIRE in row.got and 404 not in row.statuses()


def count_good(row):
    """Own streams of several requests: those in front of the spoilt one are good."""
    return row.name.count("pipeline") and 2


VARIANTS = {"as it is": None, "with a key": with_key, "armed": armed}


def run_variant(lab, raw, rows, variant):
    raw.reset()
    change = VARIANTS[variant]
    played = [row.edit(change(lab)) if change else row.edit(lambda part, *_: part)
              for row in rows]
    play_all(lab, played)
    faults = judge(played, raw)
    kinds = collections.Counter(row.expect for row in played)
    print(f"\n{variant}: {dict(kinds)}, reached the provider {len(raw.bodies)}, "
          f"faults {({k: len(v) for k, v in faults.items()})}")
    shown = {k: [(r.name, r.statuses(), r.got[-160:]) if isinstance(r, Row) else r
                 for r in v[:5]] for k, v in faults.items()}
    assert not faults, json.dumps(shown, indent=1, default=repr)
    assert lab.chat()[0] == 200, "and it still serves"


@pytest.mark.parametrize("variant", VARIANTS)
def test_own_requests(lab, raw, variant):
    run_variant(lab, raw, own_rows(), variant)


@pytest.mark.skipif(not ELSEWHERE, reason="PORTCULLIS_HTTP_CORPUS is not set")
@pytest.mark.parametrize("variant", VARIANTS)
def test_other_requests(lab, raw, variant):
    run_variant(lab, raw, other_rows(), variant)


# ---- answers of a provider -----------------------------------------------------------


def ask_for(lab, raw, name, answer, then, is_stream=False):
    """(status, body) the client gets when the provider says this."""
    name = re.sub(r"[^A-Za-z0-9_.\-]", "_", name)
    raw.answers[name] = (answer, then)
    status, _, body = call_raw(lab, "row:" + name, is_stream)
    return status, body


def call_raw(lab, text, is_stream):
    connection = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=30)
    connection.request("POST", "/v1/chat/completions", json.dumps({
        "model": "gpt-4o", "stream": is_stream,
        "messages": [{"role": "user", "content": text}]}), {
            "authorization": "Bearer " + lab.keys["production"],
            "content-type": "application/json", "connection": "close"})
    answer = connection.getresponse()
    try:
        body = answer.read()
    except http.client.IncompleteRead as e:
        body = e.partial
    connection.close()
    return answer.status, dict(answer.getheaders()), body


def is_success(status, body, is_stream):
    if status != 200:
        return False
    return not is_stream or (b"[DONE]" in body and b'"error"' not in body)


def test_own_answers(lab, raw):
    """Not one of the spoilt or cut answers is passed on as a success."""
    wrong, count = [], 0
    for path in sorted(glob.glob(os.path.join(CORPUS, "response", "*"))):
        name = os.path.basename(path)
        if name.partition("-")[0] not in ("reject", "incomplete"):
            continue
        with open(path, "rb") as f:
            data = f.read()
        status, body = ask_for(lab, raw, name, data, "fin")
        count += 1
        if status < 500:
            wrong.append((name, status, body[:200]))
    print(f"\nanswers {count}, taken for a success {len(wrong)}")
    assert count > 50 and not wrong, wrong
    assert lab.chat()[0] == 200


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
def test_good_answer_first(lab, raw, is_stream):
    """The bench itself: a good answer is a success, so the failures above mean something."""
    event = (b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o",'
             b'"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":%s}]}\n\n')
    stream = (b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + event % b"null" +
              event % b'"stop"' + b"data: [DONE]\n\n")
    status, body = ask_for(lab, raw, "good", stream if is_stream else GOOD,
                           "fin" if is_stream else "", is_stream)
    assert is_success(status, body, is_stream), (status, body)


@pytest.mark.skipif(not ELSEWHERE, reason="PORTCULLIS_HTTP_CORPUS is not set")
def test_other_answers(lab, raw):
    wrong, counts = [], collections.Counter()
    with open(os.path.join(ELSEWHERE, "upstream-responses.jsonl"), encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    for d in rows:
        is_stream = d["id"].startswith("SSE")
        then = d["then"] or ("fin" if is_stream else "")
        status, body = ask_for(lab, raw, d["id"], base64.b64decode(d["b64"]), then, is_stream)
        good = is_success(status, body, is_stream)
        counts[d["expect"], "success" if good else "failure"] += 1
        must_fail = d["expect"].startswith("502") or d["expect"] == "see-log" or \
            d["expect"].startswith("not forwarded")
        if must_fail and good:
            wrong.append((d["id"], status, body[:300]))
        if d["expect"] == "200 stream" and not good:
            wrong.append((d["id"], status, body[:300]))
        assert b"raw-credential" not in body
    print("\n" + "\n".join(f"  {k[0]}: {k[1]} {n}" for k, n in sorted(counts.items())))
    assert not wrong, wrong
    assert lab.chat()[0] == 200


# ---- base URLs -------------------------------------------------------------------------

FORBIDDEN = """
http://api.example.com/v1
https://127.0.0.1/v1
https://127.1/v1
https://0/v1
https://0x7f.1/v1
https://0x7f000001/v1
https://2130706433/v1
https://017700000001/v1
https://0177.0.0.1/v1
https://[::1]/v1
https://[::ffff:127.0.0.1]/v1
https://[fe80::1%25eth0]/v1
https://[64:ff9b::7f00:1]/v1
https://[2002:7f00:1::]/v1
https://localhost/v1
https://localhost./v1
https://LOCALHOST/v1
https://sub.localhost/v1
https://169.254.169.254/latest/meta-data/
https://[fd00:ec2::254]/v1
https://100.100.100.200/v1
https://metadata.google.internal/v1
https://168.63.129.16/v1
https://10.0.0.1/v1
https://172.16.0.1/v1
https://192.168.1.1/v1
https://100.64.0.1/v1
https://192.0.0.192/v1
https://198.18.0.1/v1
https://224.0.0.1/v1
https://255.255.255.255/v1
https://0.0.0.0/v1
https://a@127.0.0.1/v1
https://api.example.com@127.0.0.1/v1
https://api.example.com:443@evil.example/v1
https://api.example.com\\@127.0.0.1/v1
https://127.0.0.1#@api.example.com
https:///v1
https://api.example.com:22/v1
https://api.example.com:5432/v1
https://api.example.com:0/v1
https://api.example.com:65536/v1
https://api.example.com:00443/v1
https://api.example.com/v1?x=1
https://api.example.com/v1#x
https://api.example.com/../admin
https://api.example.com/%2e%2e/admin
https://api.example.com/a%2fb
https://\u24db\u24deocalhost/v1
https://\uff45xample.com/v1
ftp://api.example.com/
file:///etc/passwd
gopher://127.0.0.1:25/_x
dict://127.0.0.1:11211/
unix:/run/docker.sock
ws://api.example.com/
//api.example.com/v1
api.example.com/v1
javascript:alert(1)
"""


def refused(lab, url):
    status, _, body = lab.call("POST", "/v1/provider-endpoints", {
        "provider": "custom", "base_url": url, "dialect": "openai", "credential": "x"})
    if status == 201:
        lab.must("DELETE", "/v1/provider-endpoints/" + body["id"])
    assert status in (201, 400), body
    return status == 400


def test_own_urls(lab):
    before = endpoints(lab)
    urls = FORBIDDEN.split()
    taken = [url for url in urls if not refused(lab, url)]
    print(f"\nURLs {len(urls)}, taken {len(taken)}")
    assert not taken, taken
    assert endpoints(lab) == before
    assert not refused(lab, "https://api.example.com/v1"), "a good one is taken"


@pytest.mark.skipif(not URLS, reason="PORTCULLIS_SSRF_URLS is not set")
def test_other_urls(lab):
    """https to a public name is no forgery by itself: whether the name leads inside is checked
    at each connect. Everything else is refused when it is saved."""
    with open(URLS, encoding="utf-8", errors="replace") as f:
        urls = [line.rstrip("\n") for line in f if line.strip()]
    taken = [url for url in urls if not refused(lab, url)]
    print(f"\nURLs {len(urls)}, refused {len(urls) - len(taken)}, taken: {taken}")
    assert all(url.startswith("https://") for url in taken)


def test_connect_checks_the_address(lab, fake):
    """Forced past the check at saving: the row of a provider is pointed inside, at an address that
    nothing permits, in the database itself. With its sealed credential it no longer opens, so the
    last good row stays; without one it is taken, and no connection is made."""
    other = RawProvider()
    try:
        row = next(e for e in endpoints(lab) if e["provider"] == "groq")
        point_inside(lab, row, f"https://127.0.0.1:{other.port}/v1", "credential")
        fake.reset()
        assert ask_groq(lab)[0] == 200
        assert len(fake.log()) == 1, "sent to where it was before"
        point_inside(lab, row, f"https://127.0.0.1:{other.port}/v1", "NULL")
        status, _, body = ask_groq(lab)
        assert status in (502, 503), body
        assert "127.0.0.1" not in json.dumps(body), "no oracle"
        assert len(fake.log()) == 1
        assert other.bodies == [] and other.unfinished == []
    finally:
        other.stop()


def point_inside(lab, row, url, credential):
    changed = lab.rows(f"UPDATE portcullis.provider_endpoints SET base_url = %s, "
                       f"credential = {credential} WHERE provider = 'groq' RETURNING id", url)
    assert len(changed) == 1
    # Any accepted change publishes the row.
    status, _, body = lab.call("PATCH", "/v1/provider-endpoints/" + row["id"], {"priority": 7},
                               headers={"prefer": "wait=5"})
    assert status == 200, body


def ask_groq(lab):
    return lab.chat(model="groq/llama-3.3-70b-versatile", governance_policy=2)
