# SPDX-License-Identifier: Apache-2.0
"""The providers' own Python SDKs, unmodified, against each target."""
import json
import ssl

import anthropic
import openai
import pytest

from fake import mark, say

MODEL = "gpt-4o-mini"
CLAUDE = "claude-3-haiku-20240307"
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"},
                                               "days": {"type": "integer"}},
              "required": ["city", "days"]}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": PARAMETERS}}]
CLAUDE_TOOLS = [{"name": "weather", "input_schema": PARAMETERS}]
ARGUMENTS = {"city": "please call the tool", "days": 7}

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def user(text):
    return [{"role": "user", "content": text}]


def client_of(module, cls, target, key, url):
    verify = ssl.create_default_context(cafile=target.ca) if target.ca else True
    return cls(base_url=url, api_key=key or target.key, max_retries=0,
               http_client=module.DefaultHttpxClient(verify=verify))


@pytest.fixture
def oai(target):
    with client_of(openai, openai.OpenAI, target, None, target.base_url) as client:
        yield client


@pytest.fixture
def claude(target):
    with client_of(anthropic, anthropic.Anthropic, target, None, target.url) as client:
        yield client


# ---- OpenAI: chat ----

def test_chat(oai):
    answer = oai.chat.completions.create(model=MODEL, messages=user("hello there"))
    assert answer.choices[0].message.content == "You said: hello there"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == MODEL
    assert answer.usage.completion_tokens == 4
    assert answer._request_id.startswith("req_")


def test_chat_stream(oai):
    chunks = list(oai.chat.completions.create(model=MODEL, messages=user("hello there"),
                                              stream=True))
    assert all(len(c.choices) == 1 for c in chunks), "a usage chunk nobody asked for"
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "You said: hello there"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_chat_stream_with_usage(oai):
    chunks = list(oai.chat.completions.create(
        model=MODEL, messages=user("hello there"), stream=True,
        stream_options={"include_usage": True}))
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 4


def test_chat_stream_of_several_choices(oai):
    text = {}
    for chunk in oai.chat.completions.create(model=MODEL, messages=user("hello"), n=3,
                                             stream=True):
        for choice in chunk.choices:
            text[choice.index] = text.get(choice.index, "") + (choice.delta.content or "")
    assert text == {0: "You said: hello", 1: "You said: hello (choice 1)",
                    2: "You said: hello (choice 2)"}


def test_chat_stream_helper(oai):
    with oai.chat.completions.stream(model=MODEL, messages=user("hello there")) as stream:
        for _ in stream:
            pass
        final = stream.get_final_completion()
    assert final.choices[0].message.content == "You said: hello there"


def test_chat_tools(oai):
    answer = oai.chat.completions.create(model=MODEL, messages=user("please call the tool"),
                                         tools=TOOLS)
    assert answer.choices[0].finish_reason == "tool_calls"
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments) == ARGUMENTS


def test_chat_tools_stream_and_result(oai):
    messages = user("please call the tool")
    with oai.chat.completions.stream(model=MODEL, messages=messages, tools=TOOLS) as stream:
        for _ in stream:
            pass
        message = stream.get_final_completion().choices[0].message
    assert json.loads(message.tool_calls[0].function.arguments) == ARGUMENTS
    messages += [{"role": "assistant", "tool_calls": [message.tool_calls[0].model_dump(
        include={"id": True, "type": True, "function": {"name", "arguments"}})]},
                 {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"}]
    answer = oai.chat.completions.create(model=MODEL, messages=messages, tools=TOOLS)
    assert answer.choices[0].message.content == "The tool said: sunny"


def test_chat_unicode_and_long(oai):
    text = "Grüße 👋🏽 \u202e \" \\ \n" + "x" * 100_000
    answer = oai.chat.completions.create(model=MODEL, messages=user("say it " + say(text)))
    assert answer.choices[0].message.content == text
    stream = oai.chat.completions.create(model=MODEL, messages=user("say it " + say(text)),
                                         stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in stream) == text


def test_structured_output(oai):
    answer = oai.chat.completions.create(
        model=MODEL, messages=user("Rome"),
        response_format={"type": "json_schema",
                         "json_schema": {"name": "w", "schema": PARAMETERS}})
    assert json.loads(answer.choices[0].message.content) == {"city": "Rome", "days": 7}


# ---- OpenAI: the others ----

def test_completions(oai):
    answer = oai.completions.create(model="gpt-3.5-turbo-instruct", prompt="hello")
    assert answer.choices[0].text == "You said: hello"
    parts = oai.completions.create(model="gpt-3.5-turbo-instruct", prompt="hello", stream=True)
    assert "".join(p.choices[0].text for p in parts) == "You said: hello"


def test_responses(oai):
    answer = oai.responses.create(model=MODEL, input="hello there")
    assert answer.output_text == "You said: hello there"
    assert answer.status == "completed"
    assert answer.usage.output_tokens == 4


def test_responses_stream(oai):
    types = []
    deltas = []
    final = None
    for event in oai.responses.create(model=MODEL, input=user("hello there"), stream=True):
        types.append(event.type)
        if event.type == "response.output_text.delta":
            deltas.append(event.delta)
        if event.type == "response.completed":
            final = event.response
    assert types[0] == "response.created" and types[-1] == "response.completed"
    for needed in ("response.output_item.added", "response.content_part.added",
                   "response.output_text.done", "response.content_part.done",
                   "response.output_item.done"):
        assert types.count(needed) == 1
    assert "".join(deltas) == final.output_text == "You said: hello there"


def test_responses_tools(oai):
    tools = [{"type": "function", "name": "weather", "parameters": PARAMETERS}]
    answer = oai.responses.create(model=MODEL, input="please call the tool", tools=tools)
    assert json.loads(answer.output[0].arguments) == ARGUMENTS
    with oai.responses.stream(model=MODEL, input="please call the tool", tools=tools) as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()
    assert json.loads(final.output[0].arguments) == ARGUMENTS


def test_embeddings(oai):
    """Without encoding_format the SDK asks for base64 and decodes it."""
    model = "text-embedding-3-small"
    decoded = oai.embeddings.create(model=model, input=["one", "two"])
    plain = oai.embeddings.create(model=model, input=["one", "two"], encoding_format="float")
    assert [d.embedding for d in decoded.data] == [d.embedding for d in plain.data]
    assert decoded.data[0].embedding != decoded.data[1].embedding


def test_moderations(oai):
    answer = oai.moderations.create(model="omni-moderation-latest", input="hello")
    assert answer.results[0].flagged is False


def test_models(oai):
    # A gateway says which provider: "openai/gpt-4o-mini".
    names = [m.id for m in oai.models.list() if m.id.split("/")[-1] == MODEL]
    assert names
    for name in (MODEL, *names):
        assert oai.models.retrieve(name).id.split("/")[-1] == MODEL


# ---- OpenAI: errors ----

def test_wrong_key(target):
    with client_of(openai, openai.OpenAI, target, "bad-key", target.base_url) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.chat.completions.create(model=MODEL, messages=user("hello"))
    assert caught.value.status_code == 401
    assert caught.value.code == "invalid_api_key"


def test_unknown_model(oai):
    with pytest.raises(openai.NotFoundError) as caught:
        oai.chat.completions.create(model="no-such-model", messages=user("hello"))
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("status,kind", [(400, openai.BadRequestError),
                                         (429, openai.RateLimitError),
                                         (500, openai.InternalServerError),
                                         (503, openai.InternalServerError)])
def test_status(oai, status, kind):
    with pytest.raises(kind):
        oai.chat.completions.create(model=MODEL, messages=user("x " + mark(f"status={status}")))


def test_error_in_a_stream(oai):
    with pytest.raises(openai.APIError):
        for _ in oai.chat.completions.create(
                model=MODEL, stream=True,
                messages=user("one two three four " + mark("midstreamerror"))):
            pass


def test_connection_lost_in_a_stream(oai):
    """A cut stream must end in an exception, never look complete (product.md 2.2)."""
    with pytest.raises(openai.OpenAIError):
        try:
            for _ in oai.chat.completions.create(model=MODEL, stream=True,
                                                 messages=user("one two " + mark("fin=700"))):
                pass
        except Exception as e:  # the HTTP library's own error counts as well
            raise openai.OpenAIError() from e


# ---- Anthropic ----

def test_messages(claude):
    answer = claude.messages.create(model=CLAUDE, max_tokens=50, messages=user("hello there"))
    assert answer.content[0].text == "You said: hello there"
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens == 4
    assert answer._request_id.startswith("req_")


def test_messages_stream(claude):
    with claude.messages.stream(model=CLAUDE, max_tokens=50, system="be brief",
                                messages=user("hello there")) as stream:
        assert "".join(stream.text_stream) == "You said: hello there"
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == 4


def test_messages_raw_events(claude):
    types = [event.type for event in claude.messages.create(
        model=CLAUDE, max_tokens=50, messages=user("hi"), stream=True)]
    assert types[0] == "message_start" and types[-1] == "message_stop"


def test_messages_tools(claude):
    answer = claude.messages.create(model=CLAUDE, max_tokens=50, tools=CLAUDE_TOOLS,
                                    messages=user("please call the tool"))
    assert answer.stop_reason == "tool_use"
    assert answer.content[0].input == ARGUMENTS
    with claude.messages.stream(model=CLAUDE, max_tokens=50, tools=CLAUDE_TOOLS,
                                messages=user("please call the tool")) as stream:
        final = stream.get_final_message()
    assert final.content[0].input == ARGUMENTS


def test_messages_tool_result(claude):
    messages = user("please call the tool") + [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "weather",
                                           "input": ARGUMENTS}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1",
                                      "content": "sunny"}]}]
    answer = claude.messages.create(model=CLAUDE, max_tokens=50, messages=messages,
                                    tools=CLAUDE_TOOLS)
    assert answer.content[0].text == "The tool said: sunny"


def test_count_tokens(claude):
    assert claude.messages.count_tokens(model=CLAUDE, messages=user("a b c")).input_tokens > 0


def test_messages_wrong_key(target):
    with client_of(anthropic, anthropic.Anthropic, target, "bad-key", target.url) as client:
        with pytest.raises(anthropic.AuthenticationError) as caught:
            client.messages.create(model=CLAUDE, max_tokens=5, messages=user("hello"))
    assert caught.value.body["error"]["type"] == "authentication_error"


def test_messages_unknown_model(claude):
    with pytest.raises(anthropic.NotFoundError) as caught:
        claude.messages.create(model="no-such-model", max_tokens=5, messages=user("hello"))
    assert caught.value.body["error"]["type"] == "not_found_error"


@pytest.mark.parametrize("status,kind", [(400, anthropic.BadRequestError),
                                         (429, anthropic.RateLimitError),
                                         (500, anthropic.InternalServerError)])
def test_messages_status(claude, status, kind):
    with pytest.raises(kind):
        claude.messages.create(model=CLAUDE, max_tokens=5,
                               messages=user("x " + mark(f"status={status}")))


def test_messages_error_in_a_stream(claude):
    with pytest.raises(anthropic.APIError):
        with claude.messages.stream(model=CLAUDE, max_tokens=50, messages=user(
                "one two three four " + mark("midstreamerror"))) as stream:
            list(stream.text_stream)
