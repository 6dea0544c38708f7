# SPDX-License-Identifier: Apache-2.0
"""Content rules on requests, against a running gateway, a real PostgreSQL and a provider that
shows what it received: what a rule replaces never reaches it, what a rule blocks is never sent,
and no record, log line or metric holds what was found.
"""
import json
import urllib.request

import pytest

from lab import Lab, wait_until

EMAIL = "jane.doe@acme-example.com"
SSN = "123-45-6789"

PII = {
    "name": "PII Protection",
    "scope": {"level": "org"},
    "priority": 10,
    "rules": [
        {"key": "mail", "type": "pii", "effect": "modify", "stage": "request",
         "params": {"types": ["email"], "method": "redact", "format": "[MAIL]",
                    "on_unscannable": "allow"}},
        {"key": "ssn", "type": "pii", "effect": "block", "severity": "security_event",
         "stage": "request", "params": {"types": ["ssn"], "on_unscannable": "block"}},
    ],
}
WORDS = {
    "name": "Projects",
    "scope": {"level": "org"},
    "priority": 20,
    "rules": [
        {"key": "projects", "type": "terms", "effect": "warn", "stage": "request",
         "params": {"patterns": ["bluebird", "/case-[0-9]{4}/"], "on_unscannable": "allow"}},
    ],
}


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, tmp_path_factory):
    made = Lab(build_dir, database_url, tmp_path_factory.mktemp("content"), fake)
    for policy in (PII, WORDS):
        status, _, answer = made.call("POST", "/v1/policies", policy,
                                      headers={"prefer": "wait=20"})
        assert status == 201, answer
    yield made
    text = "".join(made.lines)
    made.stop()
    assert EMAIL not in text and SSN not in text


@pytest.fixture(autouse=True)
def quiet(fake):
    fake.reset()
    yield


def post(lab, path, body, key="production"):
    return lab.call("POST", path, body, lab.keys[key])


def bodies(fake):
    return [json.loads(request["body"]) for request in fake.log()]


OPERATIONS = [
    ("/v1/chat/completions", lambda text: {
        "model": "gpt-4o", "messages": [{"role": "user", "content": text}]}),
    ("/v1/chat/completions", lambda text: {
        "model": "gpt-4o", "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "type": "function",
                 "function": {"name": "send", "arguments": json.dumps({"to": text})}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "sent"}]}),
    ("/v1/responses", lambda text: {"model": "gpt-4o", "input": text}),
    ("/v1/messages", lambda text: {
        "model": "claude-sonnet-4-5", "max_tokens": 20,
        "messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]}),
    ("/v1/embeddings", lambda text: {"model": "text-embedding-3-small", "input": ["a", text]}),
]


@pytest.mark.parametrize("path,make", OPERATIONS)
def test_what_the_provider_receives_is_replaced(lab, fake, path, make):
    status, headers, answer = post(lab, path, make(f"write to {EMAIL}, please"))
    assert status == 200, answer
    seen = bodies(fake)
    assert len(seen) == 1
    text = json.dumps(seen[0])
    assert EMAIL not in text and "write to [MAIL], please" in text
    # Nothing else is another one: the rest of the body is as it was.
    expected = json.loads(json.dumps(make("write to [MAIL], please")))
    seen[0].pop("model"), expected.pop("model")
    assert seen[0] == expected
    assert headers["x-governance-decision"] == "modify"
    assert "PII detected: email" in headers["x-governance-violations"]


@pytest.mark.parametrize("path,make", OPERATIONS)
def test_a_block_is_never_sent(lab, fake, path, make):
    status, headers, answer = post(lab, path, make(f"my number is {SSN} and mail {EMAIL}"))
    assert status == 403
    assert fake.log() == []
    assert headers["x-governance-decision"] == "block"
    assert headers["x-should-retry"] == "false"
    text = json.dumps(answer)
    assert SSN not in text and EMAIL not in text and "PII detected: ssn" in text


def test_a_warning_goes_on_as_it_was(lab, fake):
    text = "about bluebird and case-1234"
    status, headers, _ = post(lab, "/v1/chat/completions",
                              {"model": "gpt-4o", "messages": [{"role": "user", "content": text}]})
    assert status == 200
    assert headers["x-governance-decision"] == "warn"
    assert headers["x-governance-policy"] == "Projects"
    assert bodies(fake)[0]["messages"][0]["content"] == text


def test_a_stream_is_asked_for_with_what_was_replaced(lab, fake):
    request = urllib.request.Request(
        lab.url + "/v1/chat/completions", method="POST",
        data=json.dumps({"model": "gpt-4o", "stream": True, "messages": [
            {"role": "user", "content": f"mail {EMAIL}"}]}).encode(),
        headers={"content-type": "application/json",
                 "authorization": "Bearer " + lab.keys["production"]})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.headers["x-governance-decision"] == "modify"
        assert answer.read().rstrip().endswith(b"data: [DONE]")
    assert bodies(fake)[0]["messages"][0]["content"] == "mail [MAIL]"


def test_what_cannot_be_read_is_blocked(lab, fake):
    status, _, answer = post(lab, "/v1/chat/completions", {"model": "gpt-4o", "messages": [
        {"role": "user", "content": [{"type": "image_url", "image_url": {
            "url": "data:image/png;base64,iVBORw0KGgo="}}]}]})
    assert status == 403, answer
    assert "cannot be scanned" in json.dumps(answer)
    assert fake.log() == []


def test_a_large_prompt_lets_others_pass(lab, fake):
    """Megabytes are read in turns; meanwhile others are answered. Nothing here is timed: the
    turns are counted, and both the first and the last words of the prompt were read."""
    before = lab.metric("portcullis_loop_turns_total")
    prose = "The quick brown fox jumps over the lazy dog. " * 60000
    status, _, answer = post(lab, "/v1/chat/completions", {"model": "gpt-4o", "messages": [
        {"role": "user", "content": f"{EMAIL} {prose} {EMAIL}"}]})
    assert status == 200, answer
    sent = bodies(fake)[0]["messages"][0]["content"]
    assert sent.startswith("[MAIL] The quick") and sent.endswith("[MAIL]") and EMAIL not in sent
    assert lab.metric("portcullis_loop_turns_total") >= before + 10


def test_records_say_where_and_never_what(lab, fake):
    status, headers, _ = post(lab, "/v1/chat/completions", {
        "model": "gpt-4o", "metadata": {EMAIL: "x"},
        "messages": [{"role": "user", "content": f"to {EMAIL} and {EMAIL}"}]})
    assert status == 200
    modified = headers["x-request-id"]
    status, headers, _ = post(lab, "/v1/chat/completions", {
        "model": "gpt-4o", "messages": [{"role": "user", "content": f"mine is {SSN}"}]})
    assert status == 403
    blocked = headers["x-request-id"]
    lab.wait_shipped()
    def record(request_id):
        return lab.must("GET", "/v1/audit?request_id=" + request_id)["data"][0]
    row = record(modified)
    assert row["decision"] == "modify" and row["modifications"] == 3
    assert row["policy"] == "PII Protection" and row["rule"] == "pii"
    place = row["violations"][0]
    assert (place["what"], place["stage"], place["count"]) == ("email", "request", 3)
    assert place["end"] - place["start"] == len(EMAIL)
    row = record(blocked)
    assert row["decision"] == "block" and row["reason"] == "PII detected: ssn"
    assert row["violations"][0]["pointer"] == "/messages/0/content"
    assert row["violations"][0]["start"] == len("mine is ")
    assert row["outcome"]["result"] == "refused"
    # S3-6: what a rule of that severity blocks is a security event.
    events = lab.must("GET", "/v1/security-events?limit=1000")["data"]
    assert blocked in [event["request_id"] for event in events]
    for table in ("audit_decisions", "audit_outcomes"):
        for (text,) in lab.rows(f"SELECT t::text FROM portcullis.{table} t"):
            assert EMAIL not in text and SSN not in text
    text = lab.get("/metrics")[1]
    assert EMAIL not in text and SSN not in text
    assert 'portcullis_pii_detections_total{entity="email",stage="request"}' in text
    assert ',decision="modify"}' in text


def test_evaluate_says_what_would_happen(lab, fake):
    before = lab.get("/metrics")[1]
    answer = lab.must("POST", "/v1/evaluate", {
        "model": "gpt-4o", "prompt": f"to {EMAIL}", "edited": True})
    assert answer["decision"] == "modify" and answer["modifications"] == 1
    assert answer["edited"]["prompt"] == "to [MAIL]"
    assert answer["violations"][0]["pointer"] == "/prompt"
    answer = lab.must("POST", "/v1/evaluate", {"endpoint": "responses", "request": {
        "model": "gpt-4o", "input": f"it is {SSN}"}})
    assert answer["decision"] == "block" and answer["stage"] == "request"
    assert fake.log() == []
    def counted(text):
        return [line for line in text.splitlines() if "pii_detections" in line]
    assert counted(lab.get("/metrics")[1]) == counted(before)


def test_rules_change_without_a_restart(lab, fake):
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "codename heron"}]}
    assert post(lab, "/v1/chat/completions", body)[0] == 200
    status, _, policy = lab.call("POST", "/v1/policies", {
        "name": "Heron", "scope": {"level": "org"}, "rules": [{"key": "h", "type": "terms", "effect": "block",
                                    "stage": "request", "params": {
                                        "patterns": ["heron"], "on_unscannable": "allow"}}]},
        headers={"prefer": "wait=20"})
    assert status == 201, policy
    status, _, answer = post(lab, "/v1/chat/completions", body)
    assert status == 403 and "Pattern matched: heron" in json.dumps(answer)
    lab.must("DELETE", "/v1/policies/" + policy["id"])
    wait_until(lambda: post(lab, "/v1/chat/completions", body)[0] == 200, "the rule is gone")
