# SPDX-License-Identifier: Apache-2.0
"""The providers' own Node SDKs and the AI SDK, unmodified, against each target.

Each node/*.mjs runs once per target and prints what every scenario gave; the tests here compare.
"""
import json
import os
import subprocess

import pytest

NODE_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node")
TEXT = "You said: hello there"
ARGUMENTS = {"city": "please call the tool", "days": 7}
RESPONSES_EVENTS = [
    "response.created", "response.in_progress", "response.output_item.added",
    "response.content_part.added", "response.output_text.delta", "response.output_text.delta",
    "response.output_text.delta", "response.output_text.done", "response.content_part.done",
    "response.output_item.done", "response.completed"]
MESSAGES_EVENTS = ["message_start", "content_block_start", "content_block_delta",
                   "content_block_delta", "content_block_delta", "content_block_stop",
                   "message_delta", "message_stop"]

OPENAI = {
    "chat": TEXT, "chat_stream": TEXT, "chat_stream_no_usage": True, "chat_stream_usage": 4,
    "chat_stream_helper": TEXT, "chat_tools": ARGUMENTS, "chat_tools_stream": ARGUMENTS,
    "request_id": True, "responses": TEXT, "responses_stream": RESPONSES_EVENTS,
    "responses_helper": TEXT, "responses_tools": ARGUMENTS, "completions": "You said: hello",
    "embeddings": True, "models": True,
}
OPENAI_ERRORS = {
    "wrong_key": {"kind": "AuthenticationError", "status": 401, "code": "invalid_api_key"},
    "unknown_model": {"kind": "NotFoundError", "status": 404, "code": "model_not_found"},
    "too_many": {"kind": "RateLimitError", "status": 429},
    "server_error": {"kind": "InternalServerError", "status": 500},
    "stream_error": {"kind": "APIError"},
    "stream_cut": {},
}
ANTHROPIC = {
    "messages": TEXT, "usage": 4, "request_id": True, "stream": TEXT,
    "stream_events": MESSAGES_EVENTS, "tools": ARGUMENTS, "tools_stream": ARGUMENTS,
    "count_tokens": True,
}
ANTHROPIC_ERRORS = {
    "wrong_key": {"kind": "AuthenticationError", "status": 401},
    "unknown_model": {"kind": "NotFoundError", "status": 404},
    "too_many": {"kind": "RateLimitError", "status": 429},
    "server_error": {"kind": "InternalServerError", "status": 500},
    "stream_error": {"kind": "APIError"},
}
AI = {"embed": True}
AI_ERRORS = {}
for _model in ("chat", "responses", "messages"):
    AI.update({_model: TEXT, _model + "_usage": 4, _model + "_stream": TEXT,
               _model + "_stream_finish": "stop", _model + "_tools": ARGUMENTS,
               _model + "_tools_stream": ARGUMENTS})
    AI_ERRORS.update({_model + "_too_many": {"status": 429},
                      _model + "_server_error": {"status": 500}, _model + "_stream_error": {}})

SDKS = {
    "openai": ("openai.mjs", OPENAI, OPENAI_ERRORS),
    "openai6": ("openai.mjs", OPENAI, OPENAI_ERRORS),
    "anthropic": ("anthropic.mjs", ANTHROPIC, ANTHROPIC_ERRORS),
    "ai": ("ai.mjs", AI, AI_ERRORS),
}
_results = {}


def results_of(sdk, target, node):
    if (sdk, target.name) not in _results:
        env = dict(os.environ, SDK=sdk, BASE_URL=target.base_url, API_KEY=target.key,
                   AI_SDK_LOG_WARNINGS="false")
        if target.ca:
            env["NODE_EXTRA_CA_CERTS"] = target.ca
        done = subprocess.run([node, SDKS[sdk][0]], cwd=NODE_DIR, env=env, capture_output=True,
                              text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        _results[sdk, target.name] = json.loads(done.stdout.splitlines()[-1])
    return _results[sdk, target.name]


@pytest.mark.parametrize("sdk,scenario", [(sdk, name) for sdk in SDKS for name in SDKS[sdk][1]])
def test_answer(sdk, scenario, target, node):
    result = results_of(sdk, target, node)[scenario]
    assert "ok" in result, result
    assert result["ok"] == SDKS[sdk][1][scenario]


@pytest.mark.parametrize("sdk,scenario", [(sdk, name) for sdk in SDKS for name in SDKS[sdk][2]])
def test_error(sdk, scenario, target, node):
    result = results_of(sdk, target, node)[scenario]
    assert "error" in result, result
    for member, value in SDKS[sdk][2][scenario].items():
        assert result["error"].get(member) == value, result


@pytest.mark.parametrize("sdk", SDKS)
def test_nothing_is_left_out(sdk, target, node):
    assert set(results_of(sdk, target, node)) == {*SDKS[sdk][1], *SDKS[sdk][2]}
