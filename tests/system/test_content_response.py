# SPDX-License-Identifier: Apache-2.0
"""Content rules on answers, read by the providers' own SDKs: what is replaced, what is blocked and
what comes back under its own name again, whole and in streams, texts and tool calls, in every
dialect, and never an exception that should not be seen.
"""
import json
import os
import subprocess

import anthropic
import openai
import pytest

from fake import call_with, say, say_in_pieces
from lab import Lab
from test_sdk_python import CLAUDE, CLAUDE_TOOLS, MODEL, TOOLS, user

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

EMAIL = "jane.doe@acme-example.com"
SSN = "123-45-6789"
PHONE = "+44 20 7946 0958"
SAID = f"Write to {EMAIL}, card 4111 1111 1111 1111; that is all \U0001f600."
HEARD = "Write to [MAIL], card **** **** **** 1111; that is all \U0001f600."
ARGUMENTS = json.dumps({"city": f"to {EMAIL}", "days": 4111111111111111,
                        "more": ["caf\u00e9 \U0001f600", {EMAIL: None}]})
CALLED = {"city": "to [MAIL]", "days": "************1111",
          "more": ["caf\u00e9 \U0001f600", {"[MAIL]": None}]}
BLOCKED = f"My number is {SSN}, keep it to yourself."
NODE_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node")


def rule(key, effect, types, stage="response", **params):
    return {"key": key, "type": "pii", "effect": effect, "stage": stage,
            "params": {"types": types, "on_unscannable": "allow", **params}}


POLICY = {
    "name": "Answers",
    "scope": {"level": "org"},
    "priority": 10,
    "rules": [
        rule("mail", "modify", ["email"], method="redact", format="[MAIL]"),
        rule("card", "modify", ["credit_card"], method="mask"),
        rule("ssn", "block", ["ssn"]),
        rule("phone", "modify", ["phone"], stage="request", method="pseudonym"),
        {"key": "projects", "type": "terms", "effect": "warn", "stage": "response",
         "params": {"patterns": ["bluebird"], "on_unscannable": "allow"}},
        # All that is SAID is warned of: every SDK below meets the member in its last chunk.
        {"key": "all", "type": "terms", "effect": "warn", "stage": "response",
         "params": {"patterns": ["that is all"], "on_unscannable": "allow"}},
    ],
}


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, tmp_path_factory):
    made = Lab(build_dir, database_url, tmp_path_factory.mktemp("answers"), fake)
    status, _, answer = made.call("POST", "/v1/policies", POLICY, headers={"prefer": "wait=20"})
    assert status == 201, answer
    yield made
    text = "".join(made.lines)
    made.stop()
    assert EMAIL not in text and SSN not in text


@pytest.fixture(autouse=True)
def quiet(fake):
    fake.reset()


@pytest.fixture(scope="module")
def oai(lab):
    with openai.OpenAI(base_url=lab.url + "/v1", api_key=lab.keys["developer"],
                       max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def claude(lab):
    with anthropic.Anthropic(base_url=lab.url, api_key=lab.keys["developer"],
                             max_retries=0) as client:
        yield client


SIZES = [1, 3, 7, 1000]


# ---- OpenAI ---------------------------------------------------------------------------

@pytest.mark.parametrize("model", [MODEL, CLAUDE])
def test_chat(oai, model):
    answer = oai.chat.completions.create(model=model, max_tokens=50, messages=user(say(SAID)))
    assert answer.choices[0].message.content == HEARD
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.completion_tokens > 0


@pytest.mark.parametrize("model", [MODEL, CLAUDE])
@pytest.mark.parametrize("size", SIZES)
def test_chat_stream(oai, model, size):
    chunks = list(oai.chat.completions.create(model=model, max_tokens=50, stream=True,
                                              messages=user(say_in_pieces(SAID, size))))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == HEARD
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(len(c.choices) == 1 for c in chunks)


def test_chat_stream_with_usage_and_choices(oai):
    text = {}
    last = None
    for chunk in oai.chat.completions.create(model=MODEL, n=3, stream=True,
                                             stream_options={"include_usage": True},
                                             messages=user(say_in_pieces(SAID, 2))):
        for choice in chunk.choices:
            text[choice.index] = text.get(choice.index, "") + (choice.delta.content or "")
        last = chunk
    assert text == {0: HEARD, 1: HEARD + " (choice 1)", 2: HEARD + " (choice 2)"}
    assert last.choices == [] and last.usage.completion_tokens > 0


@pytest.mark.parametrize("model", [MODEL, CLAUDE])
def test_chat_tools(oai, model):
    answer = oai.chat.completions.create(model=model, max_tokens=50, tools=TOOLS,
                                         messages=user(call_with(ARGUMENTS)))
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments) == CALLED


@pytest.mark.parametrize("model", [MODEL, CLAUDE])
@pytest.mark.parametrize("size", SIZES)
def test_chat_tools_stream(oai, model, size):
    with oai.chat.completions.stream(model=model, max_tokens=50, tools=TOOLS,
                                     messages=user(call_with(ARGUMENTS, size))) as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    assert message.tool_calls[0].id and message.tool_calls[0].function.name == "weather"
    assert json.loads(message.tool_calls[0].function.arguments) == CALLED


def test_completions(oai):
    model = "gpt-3.5-turbo-instruct"
    assert oai.completions.create(model=model, prompt=say(SAID)).choices[0].text == HEARD
    parts = oai.completions.create(model=model, prompt=say_in_pieces(SAID), stream=True)
    assert "".join(p.choices[0].text for p in parts) == HEARD


def test_responses(oai):
    assert oai.responses.create(model=MODEL, input=say(SAID)).output_text == HEARD


@pytest.mark.parametrize("size", SIZES)
def test_responses_stream(oai, size):
    deltas = []
    whole = []
    numbers = []
    for event in oai.responses.create(model=MODEL, input=say_in_pieces(SAID, size), stream=True):
        numbers.append(event.sequence_number)
        if event.type == "response.output_text.delta":
            deltas.append(event.delta)
        elif event.type == "response.output_text.done":
            whole.append(event.text)
        elif event.type == "response.content_part.done":
            whole.append(event.part.text)
        elif event.type == "response.output_item.done":
            whole.append(event.item.content[0].text)
        elif event.type == "response.completed":
            whole.append(event.response.output_text)
    assert "".join(deltas) == HEARD
    assert whole == [HEARD] * 4
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("size", SIZES)
def test_responses_tools(oai, size):
    tools = [{"type": "function", "name": "weather",
              "parameters": TOOLS[0]["function"]["parameters"]}]
    with oai.responses.stream(model=MODEL, tools=tools,
                              input=call_with(ARGUMENTS, size)) as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()
    assert json.loads(final.output[0].arguments) == CALLED


# ---- Anthropic ----------------------------------------------------------------------------

@pytest.mark.parametrize("model", [CLAUDE, MODEL])
def test_messages(claude, model):
    answer = claude.messages.create(model=model, max_tokens=50, messages=user(say(SAID)))
    assert answer.content[0].text == HEARD
    assert answer.stop_reason == "end_turn"
    answer = claude.messages.create(model=model, max_tokens=50, tools=CLAUDE_TOOLS,
                                    messages=user(call_with(ARGUMENTS)))
    assert answer.content[0].input == CALLED


@pytest.mark.parametrize("model", [CLAUDE, MODEL])
@pytest.mark.parametrize("size", SIZES)
def test_messages_stream(claude, model, size):
    with claude.messages.stream(model=model, max_tokens=50,
                                messages=user(say_in_pieces(SAID, size))) as stream:
        assert "".join(stream.text_stream) == HEARD
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn"
    assert final.content[0].text == HEARD
    with claude.messages.stream(model=model, max_tokens=50, tools=CLAUDE_TOOLS,
                                messages=user(call_with(ARGUMENTS, size))) as stream:
        final = stream.get_final_message()
    assert final.content[0].input == CALLED


# ---- names that come back -------------------------------------------------------------------

def test_pseudonyms_come_back(oai, claude, fake):
    text = f"call me on {PHONE} today"
    answers = [
        oai.chat.completions.create(model=MODEL, messages=user(text)).choices[0].message.content,
        "".join(c.choices[0].delta.content or "" for c in oai.chat.completions.create(
            model=MODEL, messages=user(text), stream=True)),
        oai.responses.create(model=MODEL, input=text).output_text,
        claude.messages.create(model=CLAUDE, max_tokens=50, messages=user(text)).content[0].text,
    ]
    with claude.messages.stream(model=CLAUDE, max_tokens=50, messages=user(text)) as stream:
        answers.append("".join(stream.text_stream))
    with oai.responses.stream(model=MODEL, input=text) as stream:
        for _ in stream:
            pass
        answers.append(stream.get_final_response().output_text)
    assert answers == ["You said: " + text] * 6
    assert len(fake.log()) == 6
    for request in fake.log():
        assert "7946" not in request["body"] and "call me on [PHONE_" in request["body"]
    text = f"please call the tool with {PHONE}"
    answer = oai.chat.completions.create(model=MODEL, messages=user(text), tools=TOOLS)
    assert json.loads(answer.choices[0].message.tool_calls[0].function.arguments)["city"] == text
    with oai.chat.completions.stream(model=MODEL, messages=user(text), tools=TOOLS) as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    assert json.loads(message.tool_calls[0].function.arguments)["city"] == text
    with claude.messages.stream(model=CLAUDE, max_tokens=50, messages=user(text),
                                tools=CLAUDE_TOOLS) as stream:
        assert stream.get_final_message().content[0].input["city"] == text


# ---- blocks -----------------------------------------------------------------------------------

def test_a_block_is_a_refusal(oai, claude):
    asks = [
        lambda: oai.chat.completions.create(model=MODEL, messages=user(say(BLOCKED))),
        lambda: oai.chat.completions.create(model=CLAUDE, max_tokens=9,
                                            messages=user(say(BLOCKED))),
        lambda: oai.responses.create(model=MODEL, input=say(BLOCKED)),
        lambda: oai.completions.create(model="gpt-3.5-turbo-instruct", prompt=say(BLOCKED)),
    ]
    for ask in asks:
        with pytest.raises(openai.PermissionDeniedError) as caught:
            ask()
        assert caught.value.code == "GOVERNANCE_BLOCKED"
        assert caught.value.body["violations"] == ["PII detected: ssn"]
        assert caught.value.response.headers["x-governance-decision"] == "block"
        assert "6789" not in caught.value.response.text
    for model in (CLAUDE, MODEL):
        with pytest.raises(anthropic.PermissionDeniedError) as caught:
            claude.messages.create(model=model, max_tokens=9, messages=user(say(BLOCKED)))
        assert caught.value.body["error"]["type"] == "permission_error"
        assert caught.value.body["error"]["violations"] == ["PII detected: ssn"]


@pytest.mark.parametrize("size", SIZES)
def test_a_block_ends_a_stream_in_an_error(oai, claude, size):
    def of_chat(model):
        for chunk in oai.chat.completions.create(model=model, max_tokens=9, stream=True,
                                                 messages=user(say_in_pieces(BLOCKED, size))):
            if chunk.choices[0].delta.content:
                yield chunk.choices[0].delta.content
            assert chunk.choices[0].finish_reason is None

    def of_responses():
        for event in oai.responses.create(model=MODEL, input=say_in_pieces(BLOCKED, size),
                                          stream=True):
            if event.type == "response.output_text.delta":
                yield event.delta
            assert "completed" not in event.type and "done" not in event.type

    def of_completions():
        for chunk in oai.completions.create(model="gpt-3.5-turbo-instruct", stream=True,
                                            prompt=say_in_pieces(BLOCKED, size)):
            yield chunk.choices[0].text

    for stream in (of_chat(MODEL), of_chat(CLAUDE), of_responses(), of_completions()):
        got = []
        with pytest.raises(openai.APIError) as caught:
            for piece in stream:
                got.append(piece)
        assert "".join(got) == "My number is "
        assert caught.value.code == "GOVERNANCE_BLOCKED"
        assert caught.value.body["violations"] == ["PII detected: ssn"]
    for model in (CLAUDE, MODEL):
        got = []
        with pytest.raises(anthropic.APIError) as caught:
            with claude.messages.stream(model=model, max_tokens=9,
                                        messages=user(say_in_pieces(BLOCKED, size))) as stream:
                for piece in stream.text_stream:
                    got.append(piece)
        assert "".join(got) == "My number is "
        assert "GOVERNANCE_BLOCKED" in str(caught.value.body)


def test_a_block_in_arguments(oai, claude):
    arguments = json.dumps({"city": "Rome", "ssn": SSN})
    with pytest.raises(openai.APIError) as caught:
        with oai.chat.completions.stream(model=MODEL, tools=TOOLS,
                                         messages=user(call_with(arguments))) as stream:
            for _ in stream:
                pass
    assert caught.value.code == "GOVERNANCE_BLOCKED"
    with pytest.raises(anthropic.APIError):
        with claude.messages.stream(model=CLAUDE, max_tokens=9, tools=CLAUDE_TOOLS,
                                    messages=user(call_with(arguments))) as stream:
            stream.get_final_message()


# ---- what is told ----------------------------------------------------------------------------------

TOLD = {"result": "warn", "violations": [
    {"policy_name": "Answers", "rule": "terms", "message": "Pattern matched: that is all"}]}


@pytest.mark.parametrize("size", SIZES)
def test_a_warning_is_told_in_the_last_chunk(oai, claude, size):
    chunks = list(oai.chat.completions.create(model=MODEL, stream=True,
                                              messages=user(say_in_pieces(SAID, size))))
    assert [c.policy_evaluation for c in chunks if c.choices[0].finish_reason] == [TOLD]
    assert not any(hasattr(c, "policy_evaluation") for c in chunks[:-1])
    with claude.messages.stream(model=CLAUDE, max_tokens=50,
                                messages=user(say_in_pieces(SAID, size))) as stream:
        events = list(stream)
    assert [e.policy_evaluation for e in events if e.type == "message_delta"] == [TOLD]
    events = list(oai.responses.create(model=MODEL, input=say_in_pieces(SAID, size), stream=True))
    assert events[-1].type == "response.completed" and events[-1].policy_evaluation == TOLD


def test_a_warning_of_a_whole_answer_is_told_in_its_head(lab):
    status, headers, body = lab.chat(say(SAID), key=lab.keys["developer"])
    assert status == 200 and "policy_evaluation" not in body
    assert "Pattern matched: that is all" in headers["x-governance-violations"]


# ---- what is recorded ---------------------------------------------------------------------------

def test_warnings_and_records(lab):
    def ask(text, **more):
        status, headers, answer = lab.chat(text, key=lab.keys["developer"], **more)
        return status, headers, answer

    status, headers, _ = ask(say("about bluebird"))
    assert status == 200 and headers["x-governance-decision"] == "warn"
    assert headers["x-governance-violations"] == "Pattern matched: bluebird"
    warned = headers["x-request-id"]
    status, headers, _ = ask(say(SAID))
    assert headers["x-governance-decision"] == "modify"
    modified = headers["x-request-id"]
    status, headers, _ = ask(say(BLOCKED))
    assert status == 403
    blocked = headers["x-request-id"]
    lab.wait_shipped()

    def outcome(request_id):
        row = lab.must("GET", "/v1/audit?request_id=" + request_id)["data"][0]
        assert row["decision"] == "allow"
        return row["outcome"]

    assert outcome(warned)["response_decision"] == "warn"
    row = outcome(modified)
    assert row["response_decision"] == "modify" and row["modifications"] == 2
    assert {v["what"] for v in row["violations"]} == {"email", "credit_card", "that is all"}
    row = outcome(blocked)
    assert row["response_decision"] == "block" and row["result"] == "refused"
    for table in ("audit_decisions", "audit_outcomes"):
        for (text,) in lab.rows(f"SELECT t::text FROM portcullis.{table} t"):
            assert EMAIL not in text and SSN not in text and "4111 1111" not in text
    text = lab.get("/metrics")[1]
    assert 'portcullis_pii_detections_total{entity="email",stage="response"}' in text


# ---- Node ------------------------------------------------------------------------------------------

OPENAI = {
    "chat": HEARD, "chat_stream": HEARD, "chat_helper": HEARD, "chat_tools": CALLED,
    "chat_tools_stream": CALLED, "responses": HEARD, "responses_stream": HEARD,
    "responses_helper": HEARD, "responses_tools_stream": CALLED, "completions_stream": HEARD,
}
ANTHROPIC = {"messages": HEARD, "stream": HEARD, "tools": CALLED, "tools_stream": CALLED}
AI = {}
for _model in ("chat", "responses", "messages"):
    AI.update({_model: HEARD, _model + "_stream": HEARD, _model + "_tools": CALLED,
               _model + "_tools_stream": CALLED})
NODE = {"openai": OPENAI, "openai6": OPENAI, "anthropic": ANTHROPIC, "ai": AI}
NODE_BLOCKS = {
    "openai": ["chat", "chat_stream", "responses", "responses_stream", "completions_stream"],
    "openai6": ["chat", "chat_stream", "responses", "responses_stream", "completions_stream"],
    "anthropic": ["messages", "stream"],
    "ai": ["chat", "chat_stream", "responses", "responses_stream", "messages", "messages_stream"],
}
_results = {}


def results_of(sdk, lab, node):
    if sdk not in _results:
        env = dict(os.environ, SDK=sdk, BASE_URL=lab.url + "/v1", API_KEY=lab.keys["developer"],
                   AI_SDK_LOG_WARNINGS="false", SAY=say_in_pieces(SAID),
                   CALL=call_with(ARGUMENTS), BLOCKED=say_in_pieces(BLOCKED))
        done = subprocess.run([node, "content.mjs"], cwd=NODE_DIR, env=env, capture_output=True,
                              text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        _results[sdk] = json.loads(done.stdout.splitlines()[-1])
    return _results[sdk]


@pytest.mark.parametrize("sdk,scenario", [(s, name) for s in NODE for name in NODE[s]])
def test_node(sdk, scenario, lab, node):
    result = results_of(sdk, lab, node)[scenario]
    assert "ok" in result, result
    assert result["ok"] == NODE[sdk][scenario]


@pytest.mark.parametrize("sdk,scenario", [(s, name) for s in NODE for name in NODE_BLOCKS[s]])
def test_node_block(sdk, scenario, lab, node):
    result = results_of(sdk, lab, node)["blocked_" + scenario]
    assert "error" in result, result
    told = json.dumps(result["error"])
    assert "GOVERNANCE_BLOCKED" in told or "blocked by governance policy" in told, told
    assert "6789" not in told
