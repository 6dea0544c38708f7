# SPDX-License-Identifier: Apache-2.0
"""Every row of `portcullis coverage --json` against the running gateway, over HTTP: its example is
sent, or answered by a provider, with an address that a rule blocks and a card number that another
one replaces; and what comes of it is what the row says. Streams are cut into small writes.
"""
import http.client
import http.server
import json
import re
import threading

import pytest

from lab import Lab

MAIL = "to jane.doe@acme-example.com now"
CARD = "card 4111 1111 1111 1111 ok"
NUMBER = "4111111111111111"
SECRETS = ("jane.doe", "4111 1111", NUMBER)
PATHS = {
    "chat": ("/v1/chat/completions", "gpt-4o", {"messages": [{"role": "user", "content": "{}"}]}),
    "completions": ("/v1/completions", "gpt-3.5-turbo-instruct", {"prompt": "{}"}),
    "responses": ("/v1/responses", "gpt-4o", {"input": "{}"}),
    "messages": ("/v1/messages", "claude-sonnet-4-5",
                 {"max_tokens": 9, "messages": [{"role": "user", "content": "{}"}]}),
    "embeddings": ("/v1/embeddings", "text-embedding-3-small", {"input": "{}"}),
    "moderations": ("/v1/moderations", "omni-moderation-latest", {"input": "{}"}),
    "count_tokens": ("/v1/messages/count_tokens", "claude-sonnet-4-5",
                     {"messages": [{"role": "user", "content": "{}"}]}),
    "input_tokens": ("/v1/responses/input_tokens", "gpt-4o", {"input": "{}"}),
}
POLICY = {
    "name": "Coverage",
    "scope": {"level": "org"},
    "priority": 10,
    "rules": [
        {"key": "mail", "type": "pii", "effect": "block", "stage": "both",
         "params": {"types": ["email"]}},
        {"key": "card", "type": "pii", "effect": "modify", "stage": "both",
         "params": {"types": ["credit_card"], "method": "redact", "format": "[CARD]"}},
    ],
}


class Provider(http.server.BaseHTTPRequestHandler):
    """Answers "row N" in a request with the Nth answer; keeps what it was sent."""
    protocol_version = "HTTP/1.1"
    answers = {}
    bodies = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.bodies.append(body)
        row = re.search(r"row (\d+)", body)
        text = self.answers.get(int(row[1]) if row else -1, "{}").encode()
        is_stream = text.startswith((b"data: ", b"event: "))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if is_stream else "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        for at in range(0, len(text), 50):
            self.wfile.write(text[at:at + 50])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def provider():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, provider, tmp_path_factory):
    made = Lab(build_dir, database_url, tmp_path_factory.mktemp("coverage"), fake, {
        "upstream": {"exceptions": f"localhost:{fake.tls_port},127.0.0.1:{provider}"}})
    for endpoint in made.must("GET", "/v1/provider-endpoints")["data"]:
        base = {"openai": "/v1", "anthropic": ""}.get(endpoint["provider"])
        if base is not None:
            made.must("PATCH", "/v1/provider-endpoints/" + endpoint["id"], {
                "base_url": f"http://127.0.0.1:{provider}{base}", "credential": "a-credential"})
    status, _, answer = made.call("POST", "/v1/policies", POLICY, headers={"prefer": "wait=20"})
    assert status == 201, answer
    yield made
    text = "".join(made.lines)
    made.stop()
    assert not any(secret in text for secret in SECRETS)


@pytest.fixture(scope="module")
def places(lab):
    rows = json.loads(lab.run("coverage", "--json"))["places"]
    assert len(rows) > 450
    assert {row["endpoint"] for row in rows} == set(PATHS)
    return rows


def post(lab, path, body):
    """(status, text)"""
    connection = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=30)
    connection.request("POST", path, body.encode(), {
        "content-type": "application/json", "authorization": "Bearer " + lab.keys["developer"]})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def play(lab, row, text):
    """(status, what the client got, what was to be protected: what the provider or client got)"""
    path, model, question = PATHS[row["endpoint"]]
    example = row["example"].replace("{text}", text).replace("{model}", model)
    Provider.bodies.clear()
    if row["way"] == "request":
        status, answer = post(lab, path, example)
        return status, answer, "".join(Provider.bodies)
    Provider.answers = {7: example}
    ask = {"model": model, **question}
    if row["way"] == "stream":
        ask["stream"] = True
    status, answer = post(lab, path, json.dumps(ask).replace("{}", "row 7"))
    assert len(Provider.bodies) == 1, answer
    return status, answer, answer


def complaint(lab, row, said):
    """None, or what is wrong."""
    does = row["cells"]["pii"]["does"]
    status, answer, reached = play(lab, row, said)
    is_out = any(secret in reached for secret in SECRETS)
    is_stopped = status == 403 or "GOVERNANCE_BLOCKED" in answer
    if does == "refused":
        return None if status == 400 and reached == "" else "was to be refused"
    if does == "none":
        return None if is_out and not is_stopped else "is read after all"
    if is_out:
        return "passed"
    if does == "left out":
        return None if status == 200 and not is_stopped else "was to be left out"
    if does == "unscannable" or row["unscannable"] or said == MAIL:
        return None if is_stopped else "was to be blocked"
    return None if "[CARD]" in reached and not is_stopped else "was to be replaced"


@pytest.mark.parametrize("way", ["request", "answer", "stream"])
def test_every_row(lab, places, way):
    wrong = []
    for row in places:
        if row["way"] != way:
            continue
        for said in [NUMBER] if row["number"] else [MAIL, CARD]:
            found = complaint(lab, row, said)
            if found:
                wrong.append((row["endpoint"], row["place"], row["cells"]["pii"], said, found))
    assert not wrong, "\n".join(map(str, wrong))


def test_no_stream_where_there_is_none(lab, places):
    with_stream = {row["endpoint"] for row in places if row["way"] == "stream"}
    assert with_stream == {"chat", "completions", "responses", "messages"}
    for name in set(PATHS) - with_stream:
        path, model, question = PATHS[name]
        status, answer = post(lab, path, json.dumps({"model": model, "stream": True, **question}))
        assert status == 400 and "never a stream" in answer


def test_types_that_decide_before_the_call(lab, places):
    """They hold for every operation, streamed or not; the others cannot be stored."""
    cells = places[0]["cells"]
    deciding = {name for name, cell in cells.items() if cell["does"] == "decided"}
    assert deciding == {"provider_requirement", "provider_list", "model_list"}
    assert all({name for name, cell in row["cells"].items() if cell["does"] == "decided"} == deciding
               for row in places)
    for name in (name for name, cell in cells.items() if cell["does"] == "no rule"):
        status, _, answer = lab.call("POST", "/v1/policies", {
            "name": name, "scope": {"level": "org"},
            "rules": [{"key": "it", "type": name, "effect": "block", "stage": "select",
                       "params": {}}]})
        assert status in (400, 422), (name, status, answer)
    status, _, policy = lab.call("POST", "/v1/policies", {
        "name": "nothing", "scope": {"level": "org"}, "rules": [
            {"key": "it", "type": "model_list", "effect": "block", "stage": "select",
             "params": {"allow": ["gpt-4.1-nano"]}}]}, headers={"prefer": "wait=20"})
    assert status == 201, policy
    Provider.bodies.clear()
    for name, (path, model, question) in PATHS.items():
        for more in ({}, {"stream": True}):
            status, _ = post(lab, path, json.dumps({"model": model, **question, **more}))
            has_stream = name in ("chat", "completions", "responses", "messages")
            assert status == (403 if has_stream or not more else 400), (name, more, status)
    assert Provider.bodies == []
    lab.must("DELETE", "/v1/policies/" + policy["id"])
