# SPDX-License-Identifier: Apache-2.0
"""An external recogniser on the path: what it finds never reaches the provider or the client,
whatever goes wrong with it lets nothing through that a rule wants read, and while it is waited
for everybody else is served. The real SDKs, TLS that is verified, a real PostgreSQL.
"""
import json
import os
import subprocess
import threading

import anthropic
import openai
import pytest

from fake import answer_with
from lab import Lab, wait_until
from recogniser import BEHAVIOURS, Recogniser

SECRET = "Bearer recogniser-key-1234"
WORDS = {"Ada Lovelace": "person", "Zoë": "person", "Rue de la Paix": "address"}
NAMES = {
    "name": "Names",
    "scope": {"level": "org"},
    "priority": 10,
    "rules": [{"key": "names", "type": "pii", "effect": "modify", "stage": "both",
               "params": {"types": ["PERSON", "ADDRESS", "email"], "method": "redact",
                          "format": "<{TYPE}>", "on_unscannable": "allow"}}],
}


@pytest.fixture(scope="module")
def recogniser(fake):
    made = Recogniser(os.path.join(fake.directory, "server.crt"),
                      os.path.join(fake.directory, "server.key"), WORDS)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, recogniser, tmp_path_factory):
    directory = tmp_path_factory.mktemp("recogniser")
    credential = directory / "credential"
    credential.write_text(SECRET + "\n")
    ports = [fake.tls_port, recogniser.port, *fake.cert_ports.values()]
    made = Lab(build_dir, database_url, directory, fake, {
        "upstream": {"exceptions": ",".join(f"localhost:{port}" for port in ports)},
        "recognisers": [
            {"name": "names", "url": f"https://localhost:{recogniser.port}/v1/find",
             "types": ["person", "address"], "credential_file": str(credential),
             "credential_header": "x-api-key", "connect_ms": 500, "total_ms": 1000},
            {"name": "impostor", "url": f"https://localhost:{fake.cert_ports['self-signed']}",
             "types": ["planet"]},
        ]})
    made.open_up()
    status, _, answer = made.call("POST", "/v1/policies", NAMES, headers={"prefer": "wait=20"})
    assert status == 201, answer
    made.policy = answer["id"]
    yield made
    text = "".join(made.lines) + made.get("/metrics")[1]
    made.stop()
    for word in [*WORDS, SECRET.split()[1]]:
        assert word not in text


@pytest.fixture(autouse=True)
def quiet(fake, recogniser):
    fake.reset()
    recogniser.reset()
    yield


@pytest.fixture
def oai(lab):
    with openai.OpenAI(base_url=lab.url + "/v1", api_key=lab.keys["production"],
                       max_retries=0) as client:
        yield client


@pytest.fixture
def claude(lab):
    with anthropic.Anthropic(base_url=lab.url, api_key=lab.keys["production"],
                             max_retries=0) as client:
        yield client


def user(text):
    return [{"role": "user", "content": text}]


def sent(fake):
    return "".join(json.dumps(json.loads(r["body"]), ensure_ascii=False) for r in fake.log())


# ---- what it finds ----

def test_a_prompt_is_masked(oai, fake, recogniser):
    answer = oai.chat.completions.create(
        model="gpt-4o", messages=user("I am Ada Lovelace, with Zoë, at Rue de la Paix; a@acme.com"))
    masked = "I am <PERSON>, with <PERSON>, at <ADDRESS>; <EMAIL>"
    assert masked in sent(fake)
    assert answer.choices[0].message.content == "You said: " + masked
    ask = recogniser.seen[0]
    assert ask["path"] == "/v1/find"
    assert ask["headers"]["x-api-key"] == SECRET
    assert "authorization" not in ask["headers"]
    assert sorted(ask["body"]["types"]) == ["address", "person"]
    # The prompt, then the answer.
    assert [len(r["body"]["texts"]) > 0 for r in recogniser.seen] == [True, True]


def test_messages_and_arguments(claude, fake):
    claude.messages.create(model="claude-sonnet-4-5", max_tokens=50, messages=[
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f",
                                           "input": {"to": "Ada Lovelace", "n": 3}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1",
                                      "content": "sent to Zoë"}]}])
    text = sent(fake)
    assert '{"to": "<PERSON>", "n": 3}' in text and "sent to <PERSON>" in text
    assert "Ada" not in text and "Zoë" not in text


def test_an_answer_is_masked(oai, fake):
    answer_with(fake, "It was Zoë.")
    answer = oai.chat.completions.create(model="gpt-4o", messages=user("who"))
    assert answer.choices[0].message.content == "It was <PERSON>."


def test_a_stream_is_held_until_it_is_known(oai, fake):
    answer_with(fake, "It was Ada Lovelace, of Rue de la Paix.")
    stream = oai.chat.completions.create(model="gpt-4o", messages=user("who"), stream=True)
    text = "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
    assert text == "It was <PERSON>, of <ADDRESS>."


def test_a_stream_of_messages(claude, fake):
    answer_with(fake, "It was Ada Lovelace.")
    with claude.messages.stream(model="claude-sonnet-4-5", max_tokens=50,
                                messages=user("who")) as stream:
        assert stream.get_final_text() == "It was <PERSON>."


# ---- what goes wrong ----

@pytest.mark.parametrize("how", BEHAVIOURS)
def test_no_answer_is_a_refusal(oai, fake, recogniser, how):
    recogniser.behave(how)
    with pytest.raises(openai.PermissionDeniedError) as e:
        oai.chat.completions.create(model="gpt-4o", messages=user("I am Ada Lovelace"))
    said = json.dumps(e.value.body)
    assert "Content that cannot be scanned: recogniser names: " in said
    assert "Lovelace" not in said
    assert fake.log() == []
    recogniser.behave(None)
    oai.chat.completions.create(model="gpt-4o", messages=user("I am Ada Lovelace"))


@pytest.mark.parametrize("how", ["status", "close"])
def test_no_answer_about_an_answer(oai, fake, recogniser, how):
    recogniser.behave(how, after=1)  # the prompt is the first question
    answer_with(fake, "It was Zoë.")
    with pytest.raises(openai.PermissionDeniedError) as e:
        oai.chat.completions.create(model="gpt-4o", messages=user("who"))
    said = json.dumps(e.value.body, ensure_ascii=False)
    assert "recogniser names: " in said and "Zoë" not in said
    assert len(fake.log()) == 1


def test_others_are_served_meanwhile(lab, oai, recogniser):
    recogniser.behave("hang")
    caught = []

    def hang():
        try:
            oai.chat.completions.create(model="gpt-4o", messages=user("slow"))
        except openai.PermissionDeniedError as e:
            caught.append(json.dumps(e.body))
    threads = [threading.Thread(target=hang) for _ in range(8)]
    for t in threads:
        t.start()
    wait_until(lambda: len(recogniser.seen) == 8, "all of them wait")
    assert lab.get("/healthz")[0] == 200
    assert lab.call("GET", "/v1/models", key=lab.keys["production"])[0] == 200
    assert not caught  # still waited for
    for t in threads:
        t.join()
    assert len(caught) == 8 and all("recogniser names: timeout" in text for text in caught)


def test_a_certificate_that_is_not_trusted(lab, fake):
    policy = {"name": "Planets", "scope": {"level": "org"}, "priority": 20, "rules": [
        {"key": "planets", "type": "pii", "effect": "block", "stage": "request",
         "params": {"types": ["planet"], "on_recogniser_failure": "warn"}}]}
    status, _, made = lab.call("POST", "/v1/policies", policy, headers={"prefer": "wait=20"})
    assert status == 201
    assert made["rules"][0]["params"]["on_recogniser_failure"] == "warn"
    status, headers, _ = lab.chat("to Mars")
    assert status == 200
    assert headers["x-governance-decision"] == "warn"
    assert "recogniser impostor: tls" in headers["x-governance-violations"]
    assert all("Mars" not in r["body"] or "messages" in r["body"] for r in fake.log())
    lab.must("DELETE", "/v1/policies/" + made["id"])
    wait_until(lambda: "impostor" not in
               lab.chat("to Mars")[1].get("x-governance-violations", ""), "the policy is gone")


# ---- what is said of it ----

def test_records_and_metrics(lab, oai):
    oai.chat.completions.create(model="gpt-4o", messages=user("I am Ada Lovelace, yes"))
    lab.wait_shipped()
    found = [json.loads(text) for (text,) in lab.rows(
        "SELECT violations FROM portcullis.audit_decisions WHERE violations LIKE %s "
        "ORDER BY unix_ms DESC LIMIT 1", "%person%")]
    seen = [v for v in found[0] if v["what"] == "person"][0]
    assert (seen["start"], seen["end"], seen["pointer"]) == (5, 17, "/messages/0/content")
    for table in ("audit_decisions", "audit_outcomes"):
        for (text,) in lab.rows(f"SELECT t::text FROM portcullis.{table} t"):
            assert "Lovelace" not in text and SECRET not in text
    metrics = lab.get("/metrics")[1]
    assert 'portcullis_recogniser_calls_total{recogniser="names",result="answered"}' in metrics
    assert 'portcullis_recogniser_calls_total{recogniser="names",result="timeout"}' in metrics
    assert "portcullis_recogniser_duration_seconds_bucket" in metrics


def test_evaluation_and_trial_say_that_they_did_not_ask(lab, recogniser):
    status, _, answer = lab.call("POST", "/v1/evaluate", {
        "model": "gpt-4o", "prompt": "I am Ada Lovelace"}, lab.keys["production"])
    assert status == 200
    text = json.dumps(answer)
    assert "recogniser names: not_asked" in text and '"block"' in text
    status, _, answer = lab.call("POST", f"/api/v1/policies/policy_{lab.policy[4:]}/evaluate",
                                 {"prompt": "I am Ada Lovelace"})
    assert status == 200, answer
    assert answer["data"]["notAsked"] == ["recogniser names"]
    assert answer["data"]["verdict"] == "blocked"
    assert recogniser.seen == []


def test_a_type_that_nobody_offers_is_refused(lab):
    policy = json.loads(json.dumps(NAMES))
    policy["rules"][0]["params"]["types"] = ["email", "BADGE"]
    status, _, answer = lab.call("POST", "/v1/policies", policy)
    assert status == 400
    assert answer["error"]["param"].endswith("/types/1")


def test_settings(lab, tmp_path):
    def check(recognisers):
        path = tmp_path / "portcullis.json"
        path.write_text(json.dumps({"recognisers": recognisers}))
        done = subprocess.run([lab.binary, "config", "show", "-c", str(path)], env=lab.env,
                              capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout + done.stderr
    good = {"name": "a", "url": "https://a.example/x", "types": ["person"]}
    credential = tmp_path / "key"
    credential.write_text(SECRET)
    code, text = check([{**good, "credential_file": str(credential)}])
    assert code == 0 and "recognisers.a" in text and SECRET not in text
    for change, word in [({"name": "A"}, "name"), ({"url": "https://a.example/x?y=1"}, "url"),
                         ({"types": []}, "types"), ({"types": ["Person"]}, "types"),
                         ({"types": ["all"]}, "types"), ({"total_ms": 0}, "total_ms"),
                         ({"total": 5}, "total"), ({"types": ["b", "b"]}, "only once"),
                         ({"credential_file": str(tmp_path / "none")}, "credential_file"),
                         ({"credential_file": str(credential), "credential_header": "host"},
                          "credential_header")]:
        code, text = check([{**good, **change}])
        assert code != 0 and word in text, (change, text)
    code, text = check([good, {**good, "name": "b"}])
    assert code != 0 and "only once" in text


@pytest.mark.parametrize("change,word", [
    ({"url": "http://127.0.0.1:9/"}, "upstream.exceptions"),
    ({"url": "https://10.0.0.1/"}, "upstream.exceptions"),
    ({"ca_file": "/nonexistent/ca.pem"}, "/nonexistent/ca.pem"),
])
def test_where_it_may_be(lab, tmp_path, change, word):
    """As for providers: what is not public and https is the operator's explicit exception."""
    path = tmp_path / "portcullis.json"
    path.write_text(json.dumps({
        "listen": {"port": 0}, "state_dir": str(tmp_path / "state"), "recognisers": [
            {"name": "a", "url": "https://a.example/x", "types": ["person"], **change}]}))
    done = subprocess.run([lab.binary, "serve", "-c", str(path)], env=lab.env,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert word in done.stdout + done.stderr


def test_without_its_recogniser_a_policy_lets_nothing_pass(lab, fake):
    """A gateway whose settings have lost the recogniser does not run the policy without it."""
    with open(lab.config, encoding="ascii") as f:
        whole = f.read()
    settings, lab.settings = lab.settings, {}
    config = json.loads(whole)
    del config["recognisers"]
    with open(lab.config, "w", encoding="ascii") as f:
        json.dump(config, f)
    lab.restart()
    status, _, _ = lab.chat("I am Ada Lovelace")
    assert status >= 400
    assert fake.log() == []
    assert any("policy_not_compiled" in line and "PERSON" not in line.split("reason")[0]
               for line in lab.lines)
    lab.settings = settings
    lab.restart()
    status, _, _ = lab.chat("I am Ada Lovelace")
    assert status == 200
    assert "Ada" not in sent(fake)
