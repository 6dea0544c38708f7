# SPDX-License-Identifier: Apache-2.0
"""What a client says of its request comes back to it or goes on record (product.md 2.4, 2.5): the
model's name as it wrote it, whole and streamed, read by the unmodified SDKs; its own request id
and its trace, by which the decision is found and the provider's call as well."""
import json
import time

import anthropic
import openai
import pytest

from lab import wait_until

CLAUDE = "anthropic/claude-3-haiku"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def user(text):
    return [{"role": "user", "content": text}]


@pytest.fixture
def oai(gateway):
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key=gateway.keys["developer"],
                       max_retries=0) as client:
        yield client


@pytest.fixture
def claude(gateway):
    with anthropic.Anthropic(base_url=gateway.url, api_key=gateway.keys["developer"],
                             max_retries=0) as client:
        yield client


@pytest.mark.parametrize("model", ["openai/gpt-4o-mini", "gpt-4o-mini"])
def test_openai_answers_name_the_model_that_was_asked_for(oai, model):
    chat = oai.chat.completions.create(model=model, messages=user("hello"))
    assert chat.model == model
    chunks = list(oai.chat.completions.create(model=model, messages=user("hello"), stream=True))
    assert len(chunks) > 2 and {c.model for c in chunks} == {model}
    answer = oai.responses.create(model=model, input="hello")
    assert answer.model == model
    events = [e.response.model for e in oai.responses.create(model=model, input="hello", stream=True)
              if hasattr(e, "response")]
    assert len(events) > 1 and set(events) == {model}


def test_embeddings_and_completions(oai):
    model = "openai/text-embedding-3-small"
    assert oai.embeddings.create(model=model, input="one").model == model
    model = "openai/gpt-3.5-turbo-instruct"
    assert oai.completions.create(model=model, prompt="hello").model == model
    parts = oai.completions.create(model=model, prompt="hello", stream=True)
    assert {p.model for p in parts} == {model}


def test_anthropic_answers_name_the_model_that_was_asked_for(claude):
    for model in (CLAUDE, "claude-3-haiku"):
        answer = claude.messages.create(model=model, max_tokens=9, messages=user("hello"))
        assert answer.model == model
        with claude.messages.stream(model=model, max_tokens=9, messages=user("hello")) as stream:
            assert stream.get_final_message().model == model


def test_a_translated_answer_says_the_same(oai):
    chat = oai.chat.completions.create(model=CLAUDE, messages=user("hello"))
    assert chat.model == CLAUDE
    chunks = list(oai.chat.completions.create(model=CLAUDE, messages=user("hello"), stream=True))
    assert {c.model for c in chunks if c.model} == {CLAUDE}


def find(gateway, query):
    """The record of one request; it comes a moment after the answer."""
    rows = []

    def is_there():
        rows[:] = gateway.must("GET", "/v1/audit?" + query)["data"]
        return rows
    wait_until(is_there, "a record with " + query)
    return rows


def test_the_callers_ids_are_on_record(gateway, fake, oai):
    own = f"order-{time.monotonic_ns()}"
    fake.reset()
    answer = oai.chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=user("hello"),
        extra_headers={"X-Request-Id": own, "traceparent": PARENT, "tracestate": "a=1"})
    # Ours is the id that is answered; the caller's leads to the record.
    assert answer.headers["x-request-id"].startswith("req_")
    record, = find(gateway, "client_request_id=" + own)
    assert record["request_id"] == answer.headers["x-request-id"]
    assert record["client_request_id"] == own and record["trace_id"] == TRACE
    assert record["request_id"] in [r["request_id"] for r in find(gateway, "trace_id=" + TRACE)]
    assert gateway.must("GET", "/v1/audit?client_request_id=another")["data"] == []
    sent = [r["headers"] for r in fake.log() if r["headers"]["x-request-id"] == record["request_id"]]
    assert [(h["traceparent"], h["tracestate"]) for h in sent] == [(PARENT, "a=1")]


def test_what_is_no_id_is_left_out(gateway, fake, oai):
    fake.reset()
    answer = oai.chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=user("hello"),
        extra_headers={"X-Request-Id": "x" * 129, "traceparent": "00-nothing", "tracestate": "a=1"})
    record, = find(gateway, "request_id=" + answer.headers["x-request-id"])
    assert "client_request_id" not in record and "trace_id" not in record
    sent, = [r["headers"] for r in fake.log() if r["headers"]["x-request-id"] == record["request_id"]]
    assert "traceparent" not in sent and "tracestate" not in sent


def test_the_command_line_finds_it_too(gateway, oai):
    own = f"cli-{time.monotonic_ns()}"
    oai.chat.completions.create(model="gpt-4o-mini", messages=user("hello"),
                                extra_headers={"X-Request-Id": own})
    find(gateway, "client_request_id=" + own)
    lines = gateway.run("audit", "list", "client_request_id=" + own).splitlines()
    assert [json.loads(line)["client_request_id"] for line in lines] == [own]
