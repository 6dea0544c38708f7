# SPDX-License-Identifier: Apache-2.0
"""What the gateway adds and withholds, seen from a client's SDK and from the provider's log.

Providers misbehave on demand; each case says what the client must see and what the provider must
never have seen. Numbers in brackets: the catalogue of bad inputs.
"""
import json
import os
import subprocess
import time

import anthropic
import openai
import pytest

from fake import mark, say

MODEL = "gpt-4o-mini"
CLAUDE = "claude-3-haiku-20240307"
CHAT = "/v1/chat/completions"

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def user(text):
    return [{"role": "user", "content": text}]


def chat(text, **more):
    return {"model": MODEL, "messages": user(text), **more}


@pytest.fixture
def seen(fake):
    """The provider's log of this test."""
    fake.reset()
    return fake.log


@pytest.fixture
def ask(gateway):
    def call(body, path=CHAT, key=None, headers=None):
        return gateway.call("POST", path, body, key or gateway.keys["developer"], headers)
    return call


@pytest.fixture
def oai(gateway):
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=gateway.keys["developer"],
                       max_retries=2) as client:
        yield client


@pytest.fixture
def claude(gateway):
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.keys["developer"],
                             max_retries=2) as client:
        yield client


# ---- what a block looks like (product.md 2.3) ----

def test_block_as_openai_sees_it(oai, seen):
    with pytest.raises(openai.PermissionDeniedError) as caught:
        oai.chat.completions.create(model="deepseek-chat", messages=user("hello"),
                                    extra_body={"governance_policy": 1})
    error = caught.value
    assert error.code == "GOVERNANCE_BLOCKED"
    assert error.type == "governance_blocked"
    assert error.body["message"] == "Request blocked by governance policy"
    assert any("deepseek" in v for v in error.body["violations"])
    assert error.response.headers["x-should-retry"] == "false"
    assert seen() == []


def test_block_as_anthropic_sees_it(claude, seen):
    with pytest.raises(anthropic.PermissionDeniedError) as caught:
        claude.messages.create(model="deepseek-chat", max_tokens=5, messages=user("hello"),
                               extra_headers={"X-Governance-Policy": "1"})
    body = caught.value.body
    assert body["type"] == "error"
    assert body["error"]["type"] == "permission_error"
    assert any("deepseek" in v for v in body["error"]["violations"])
    assert seen() == []


def test_block_as_the_ai_sdk_sees_it(gateway, node, seen):
    program = """
      import { createAnthropic } from "@ai-sdk/anthropic";
      import { createOpenAI } from "@ai-sdk/openai";
      import { generateText } from "ai";
      const options = { baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY,
                        headers: { "X-Governance-Policy": "1" } };
      const told = [];
      for (const model of [createOpenAI(options).chat("deepseek-chat"),
                           createOpenAI(options)("deepseek-chat"),
                           createAnthropic(options)("deepseek-chat")]) {
        try { await generateText({ model, prompt: "hello" }); told.push("no error"); }
        catch (e) { told.push({ status: e.statusCode, message: e.message, body: e.responseBody }); }
      }
      process.stdout.write(JSON.stringify(told));"""
    done = subprocess.run([node, "--input-type=module", "-e", program],
                          cwd=os.path.join(os.path.dirname(os.path.abspath(__file__)), "node"),
                          env=dict(os.environ, BASE_URL=gateway.url + "/v1",
                                   API_KEY=gateway.keys["developer"]),
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for told in json.loads(done.stdout):
        assert told["status"] == 403, told
        assert told["message"] == "Request blocked by governance policy"
        assert "deepseek" in told["body"]
    assert seen() == []


def test_warn_passes_and_says_so(ask, seen):
    status, headers, _ = ask({**chat("hello"), "model": "groq/llama-3.3-70b-versatile",
                              "governance_policy": 2})
    assert status == 200
    assert "groq" in headers["x-governance-violations"].lower()
    assert len(seen()) == 1


@pytest.mark.parametrize("slot", [0, 13, -1, 1.5, "1", None, True])
def test_bad_slot_is_refused(ask, seen, slot):
    status, _, body = ask(chat("hello", governance_policy=slot))
    assert status in (400, 422), body
    assert seen() == []


# ---- what reaches the provider ----

def test_credentials_are_exchanged(gateway, ask, seen):
    ask(chat("hello", governance_policy=1), headers={"cookie": "a=b", "x-mine": "1"})
    request = seen()[0]
    assert request["headers"]["authorization"] == "Bearer fake-credential-of-openai"
    assert "cookie" not in request["headers"] and "x-mine" not in request["headers"]
    everything = json.dumps(request)
    assert gateway.keys["developer"] not in everything
    assert "governance_policy" not in everything
    assert request["tls"] is True


def test_anthropic_credential_and_version(claude, seen):
    claude.messages.create(model=CLAUDE, max_tokens=5, messages=user("hello"))
    headers = seen()[0]["headers"]
    assert "fake-credential-of-anthropic" in (headers.get("x-api-key"),
                                              headers.get("authorization", "")[7:])
    assert "anthropic-version" in headers


def test_body_goes_on_unchanged(ask, seen):
    body = chat("hello \u00fc \U0001f44b", temperature=0.5, metadata={"k": "v"})
    ask(body)
    assert json.loads(seen()[0]["body"]) == body


def test_a_large_answer_arrives_whole(ask):
    """More than the client's socket takes at once: the rest waits, and nothing is cut."""
    text = "The quick brown fox jumps over the lazy dog. " * 200000
    status, _, answer = ask(chat(text))
    assert status == 200
    assert answer["choices"][0]["message"]["content"] == "You said: " + text


@pytest.mark.parametrize("prefix", ["", "/llm"])
def test_both_prefixes(ask, seen, prefix):
    assert ask(chat("hello"), path=prefix + CHAT)[0] == 200
    assert seen()[0]["path"] == CHAT


def test_asking_for_usage_stays_between_gateway_and_provider(oai, seen):
    """The usage chunk is fetched for accounting and not shown to who did not ask (trap 6)."""
    chunks = list(oai.chat.completions.create(model=MODEL, messages=user("hi"), stream=True))
    assert all(len(c.choices) == 1 for c in chunks)
    assert json.loads(seen()[0]["body"])["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("key", ["", "pc_live_nonsense", "bad-key"])
def test_strangers_reach_nobody(gateway, seen, key):
    status, _, _ = gateway.call("POST", CHAT, chat("hello"), key or " ")
    assert status == 401
    assert seen() == []


def test_duplicate_model_is_refused(gateway, seen):
    """(trap 1) Two readers would pick two models."""
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    connection.request("POST", CHAT, '{"model":"gpt-4o-mini","model":"deepseek-chat","messages":'
                       '[{"role":"user","content":"x"}]}',
                       {"authorization": "Bearer " + gateway.keys["developer"],
                        "content-type": "application/json"})
    assert connection.getresponse().status == 400
    connection.close()
    assert seen() == []


# ---- providers that misbehave (catalogue J) ----

@pytest.mark.parametrize("marks", [
    "badframing=tecl", "badframing=dupcl", "badframing=obsfold", "badjson", "html=200", "html",
    "redirect", "gzip", "hugeheader=200000", "fin=60", "reset=60", "fin=300",
    "raw=SFRUUC8xLjEgMjAwIE9LDQoNCg=="])
def test_broken_answers_become_502(ask, seen, marks):
    status, headers, body = ask(chat("hello " + mark(marks)))
    assert status in (502, 503), (status, body)
    assert body["error"]["type"] and headers["content-type"].startswith("application/json")
    assert len(seen()) >= 1


def test_gateway_works_after_broken_answers(ask):
    for _ in range(5):
        assert ask(chat("hello"))[0] == 200


def test_surplus_bytes_do_not_answer_the_next_request(ask, seen):
    """(189) What follows an answer on a kept connection belongs to nobody."""
    for _ in range(3):
        status, _, body = ask(chat("first " + mark("badframing=surplus")))
        assert status in (200, 502)
        status, _, body = ask(chat("second"))
        assert status == 200
        assert body["choices"][0]["message"]["content"] == "You said: second"


@pytest.mark.parametrize("marks", ["fin=1000", "reset=1000", "nodone", "midstreamerror"])
@pytest.mark.parametrize("path", ["chat", "messages", "responses"])
def test_cut_streams_never_look_complete(gateway, seen, marks, path):
    """A stream without its end must end in an error for the client (product.md 2.2)."""
    import http.client
    text = "one two three four five six seven " + mark(marks)
    body = {"chat": chat(text, stream=True),
            "messages": {"model": CLAUDE, "max_tokens": 50, "messages": user(text),
                         "stream": True},
            "responses": {"model": MODEL, "input": text, "stream": True}}[path]
    target = {"chat": CHAT, "messages": "/v1/messages", "responses": "/v1/responses"}[path]
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    connection.request("POST", target, json.dumps(body), {
        "authorization": "Bearer " + gateway.keys["developer"],
        "content-type": "application/json"})
    answer = connection.getresponse()
    try:
        got = answer.read()
    except http.client.IncompleteRead as e:
        got = e.partial
    connection.close()
    assert answer.status in (200, 502), got
    assert answer.status != 200 or b"error" in got, got
    assert b'"type":"message_stop"' not in got and b"response.completed" not in got


def test_bad_certificates_get_no_key(gateway, fake, seen):
    """(266-268) Nothing is sent to a server that cannot prove its name."""
    for kind, port in fake.cert_ports.items():
        made = gateway.must("POST", "/v1/provider-endpoints", {
            "provider": "perplexity", "base_url": f"https://localhost:{port}/v1",
            "credential": "must-not-be-sent"})
        wait_for_publication(gateway)
        status, _, body = gateway.call("POST", CHAT, {**chat("hello"), "governance_policy": 2,
                                                      "model": "perplexity/sonar"},
                                       gateway.keys["developer"])
        gateway.must("DELETE", f"/v1/provider-endpoints/{made['id']}")
        assert status in (502, 503), (kind, status, body)
    assert seen() == []


def wait_for_publication(gateway):
    """The nodes' own report says when they enforce what was written."""
    for _ in range(100):
        time.sleep(0.05)
        nodes = gateway.must("GET", "/v1/nodes")
        rows = nodes.get("data", nodes.get("nodes", []))
        if rows and all(n.get("is_current", True) for n in rows):
            return
    raise AssertionError(nodes)


# ---- text the provider says ----

def test_text_goes_through_exactly(oai):
    for text in ("", " ", "\u0000\u0001", "data: [DONE]\n\n", "\r\n\r\n", "é" * 5000,
                 "\U0001f468\u200d\U0001f469\u200d\U0001f467", "</script>"):
        prompt = "x " + say(text)
        whole = oai.chat.completions.create(model=MODEL, messages=user(prompt))
        assert whole.choices[0].message.content == text
        parts = oai.chat.completions.create(model=MODEL, messages=user(prompt), stream=True)
        assert "".join(c.choices[0].delta.content or "" for c in parts) == text


def test_many_at_once(gateway):
    """Answers do not get mixed up between concurrent streams and connections."""
    from concurrent.futures import ThreadPoolExecutor
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=gateway.keys["developer"]) as client:
        def one(i):
            stream = client.chat.completions.create(
                model=MODEL, stream=True, messages=user(f"number {i} {mark('drip=1')}"))
            return "".join(c.choices[0].delta.content or "" for c in stream)
        with ThreadPoolExecutor(32) as pool:
            assert list(pool.map(one, range(200))) == [f"You said: number {i}"
                                                       for i in range(200)]


def test_every_request_leaves_a_record(gateway, ask):
    ids = [ask(chat(f"hello {i}"))[1]["x-request-id"] for i in range(5)]
    for _ in range(100):
        rows = gateway.must("GET", "/v1/audit?limit=100")
        rows = rows.get("data", rows.get("records", []))
        if set(ids) <= {row.get("request_id") for row in rows}:
            return
        time.sleep(0.1)
    raise AssertionError("requests without an audit record")


def test_a_list_of_policies_comes_in_parts(gateway):
    """limit and cursor, in the order of the whole list: by slot, then by age."""
    made = [gateway.must("POST", "/v1/policies", {
        "name": f"part {i}", "scope": {"level": "org"}, "status": "inactive", "rules": []})["id"]
        for i in range(5)]
    for path, member in [("/v1/policies", "data"), ("/governance", "policies")]:
        whole = [p["id"] for p in gateway.must("GET", path)[member]]
        parts, cursor = [], ""
        while True:
            answer = gateway.must("GET", f"{path}?limit=2{cursor}")
            assert 0 < len(answer[member]) <= 2
            parts += [p["id"] for p in answer[member]]
            if "next_cursor" not in answer:
                break
            cursor = "&cursor=" + answer["next_cursor"]
        assert parts == whole and len(whole) >= 5
    for i in made:
        assert gateway.call("DELETE", "/v1/policies/" + i)[0] == 204
