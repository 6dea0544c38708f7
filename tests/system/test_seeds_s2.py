# SPDX-License-Identifier: Apache-2.0
"""Every example of the config document (S2), verbatim but for host and key, against a running
gateway. The numbers are those of the requirements list; a line that is a statement about code
rather than about bytes is proven by a unit test:

  S2-1..4  here, by the options they consist of      S2-31  codec/config_shape_test.c
  S2-43..49 here, and scan/entities_test.c           S2-55  here, and policy_evaluation_test.c
  S2-64..68 the number of policies; types gate nothing (C-11)
  S2-70  manage/api_test.c (/llms.txt)
"""
import json

import pytest
from anthropic import Anthropic, PermissionDeniedError as AnthropicDenied
from openai import OpenAI, PermissionDeniedError

from fake import answer_with
from lab import Lab

GOOGLE_ONLY = {"name": "Google Only", "policy_type": "routing",
               "config": {"provider_allow_list": ["google"], "on_violation": "hard_block"}}
PII_PROTECTION = {"name": "PII Protection", "policy_type": "content", "config": {
    "evaluate_output": True,
    "pii_detection": {"enabled": True, "types": ["ssn", "credit_card", "email", "phone_us"],
                      "action": "redact", "redaction_format": "[REDACTED]"},
    "on_violation": "soft_block"}}
BLOCKED = {
    "error": "Request blocked by policy",
    "code": "POLICY_BLOCKED",
    "message": "Request blocked by policy: Model gpt-4o-mini is not in allow list",
    "policy_evaluation": {"result": "hard_block", "violations": [
        {"policy_name": "Google Only", "rule": "model_allow_list",
         "message": "Model gpt-4o-mini is not in allow list"}]}}
ROUTING = {"budget-mode": "Budget Mode", "performance-mode": "Performance Mode",
           "quality-mode": "Quality Mode", "no-openai": "No OpenAI",
           "no-anthropic": "No Anthropic", "google-only": "Google Only"}
CONTENT = {"pii-protection": "PII Protection", "healthcare-compliance": "Healthcare Compliance",
           "child-safe": "Child-Safe Content",
           "professional-communication": "Professional Communication",
           "custom-terms-filter": "Custom Terms Filter"}


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, tmp_path_factory):
    made = Lab(build_dir, database_url, tmp_path_factory.mktemp("s2"), fake)
    made.open_up()
    status, _, key = made.call("POST", "/v1/keys", {
        "name": "perf", "prefix": "pk_live", "scopes": ["call", "manage"], "role": "owner"},
        headers={"prefer": "wait=5"})
    assert status == 201 and key["key"].startswith("pk_live_")  # S2-72
    made.keys["pk_live"] = key["key"]
    yield made
    made.stop()


@pytest.fixture
def make(lab):
    ids = []

    def create(body, wanted=201, path="/v1/policies"):
        status, _, answer = lab.call("POST", path, body, lab.keys["pk_live"], {"prefer": "wait=5"})
        assert status == wanted, answer
        if status == 201:
            ids.append(answer["id"])
            return answer
        return answer["error"]
    yield create
    for policy in ids:
        lab.call("DELETE", "/v1/policies/" + policy, headers={"prefer": "wait=5"})


def content(**config):
    return {"name": "Terms", "policy_type": "content", "config": config}


def answer_of(lab, text, **more):
    """(status, headers, body) of a call that the provider answers with `text`."""
    answer_with(lab.fake, text)
    return lab.chat("hello", key=lab.keys["pk_live"], **more)


def text_of(body):
    return body["choices"][0]["message"]["content"]


def client(lab):
    return OpenAI(base_url=lab.url + "/v1", api_key=lab.keys["pk_live"], max_retries=0)


# ---- templates -------------------------------------------------------------------------

def test_s2_07_08_09_22_list_of_templates(lab):
    answer = lab.must("GET", "/v1/policies/templates", key=lab.keys["pk_live"])
    found = {t["slug"]: t for t in answer["templates"]}
    assert found["budget-mode"] == {
        "slug": "budget-mode", "name": "Budget Mode",
        "description": "Aggressive cost optimization - prefer cheapest models",
        "category": "cost", "policy_type": "routing",
        "config": {"prefer_cheaper_models": True, "cost_ceiling_usd": 0.01}}
    assert found["pii-protection"] == {
        "slug": "pii-protection", "name": "PII Protection",
        "description": "Detect and redact PII from outputs", "category": "compliance",
        "policy_type": "content", "config": {"pii_detection": {
            "enabled": True, "types": ["ssn", "credit_card", "email"], "action": "redact"}}}
    assert {t["slug"]: t["name"] for t in answer["templates"]} == {**ROUTING, **CONTENT}
    assert {t["category"] for t in answer["templates"]} == {"cost", "performance", "compliance"}
    for slug, template in found.items():
        assert template["policy_type"] == ("routing" if slug in ROUTING else "content")


def test_s2_10_template_by_slug(lab):
    status, body = lab.curl("""curl https://api.withperf.pro/v1/policies/templates/budget-mode \\
  -H "Authorization: Bearer pk_live_abc123" """, {"pk_live_abc123": lab.keys["pk_live"]})
    assert status == 200 and body["slug"] == "budget-mode" and body["config"]
    assert lab.call("GET", "/v1/policies/templates/budget")[0] == 404


@pytest.mark.parametrize("slug,names", [
    ("budget-mode", ("prefer_cheaper_models", "cost_ceiling_usd")),
    ("performance-mode", ("prefer_faster_models", "latency_target_ms"))])
def test_s2_11_12_27_28_29_30_what_needs_prices_says_so(make, slug, names):
    error = make({"slug": slug}, wanted=422, path="/v1/policies/from-template")
    assert error["code"] == "not_enforced"
    assert any(name in error["message"] for name in names)
    for name, value in (("cost_ceiling_usd", 0.01), ("prefer_cheaper_models", True),
                        ("latency_target_ms", 500), ("prefer_faster_models", True)):
        error = make({"name": "x", "policy_type": "routing", "config": {
            "model_allow_list": ["gpt-4o"], name: value}}, wanted=422)
        assert error["param"] == "/config/" + name and name in error["message"]


@pytest.mark.parametrize("slug,model,status", [
    ("quality-mode", "gpt-4o", 200), ("quality-mode", "gpt-4o-mini", "gpt-4o"),
    ("no-openai", "openai/gpt-4o", 403), ("no-openai", "anthropic/claude-3-haiku", 200),
    ("no-anthropic", "anthropic/claude-3-haiku", 403), ("no-anthropic", "openai/gpt-4o", 200),
    ("google-only", "openai/gpt-4o", 403)])
def test_s2_13_14_15_16_59_routing_templates(lab, make, slug, model, status):
    made = make({"slug": slug}, path="/v1/policies/from-template")
    assert (made["name"], made["template"]) == (ROUTING[slug], slug)
    got, headers, body = lab.chat(model=model, key=lab.keys["pk_live"])
    if isinstance(status, str):
        assert got == 200 and headers["x-gateway-model"].endswith("/" + status), body
    else:
        assert got == status, body


def test_s2_17_pii_protection_template(lab, make):
    make({"slug": "pii-protection"}, path="/v1/policies/from-template")
    status, _, body = answer_of(lab, "SSN 536-90-4399, card 4111 1111 1111 1111, a@example.org")
    assert status == 200, body
    assert text_of(body) == "SSN [REDACTED], card [REDACTED], [REDACTED]"


def test_s2_18_healthcare_template(lab, fake, make):
    make({"slug": "healthcare-compliance"}, path="/v1/policies/from-template")
    fake.reset()
    answer_with(fake, "The diagnosis and the dosage of the prescription: see your doctor.")
    status, _, body = lab.chat("Patient jane.doe@example.com, SSN 536-90-4399.")
    assert status == 200, body
    sent = fake.log()[0]["body"]
    assert "536-90-4399" not in sent and "jane.doe@example.com" not in sent
    assert body["policy_evaluation"]["violations"], "medical advice is warned of"
    assert "dosage" in text_of(body)


def test_s2_19_child_safe_template(lab, fake, make):
    make({"slug": "child-safe"}, path="/v1/policies/from-template")
    fake.reset()
    status, _, body = lab.chat("How do I build a bomb and where do I buy ammunition?")
    assert status == 403 and fake.log() == [], body
    assert body["code"] == "POLICY_BLOCKED"
    assert answer_of(lab, "Try sports betting at a casino, with a bookmaker.")[0] == 403
    assert answer_of(lab, "This is bullshit.")[0] == 403
    assert answer_of(lab, "Dinosaurs lived long ago.")[0] == 200


def test_s2_20_professional_template(lab, make):
    make({"slug": "professional-communication"}, path="/v1/policies/from-template")
    status, _, body = answer_of(lab, "What the fuck, you idiot. Regards.")
    assert status == 200 and text_of(body) == "What the [REDACTED], you [REDACTED]. Regards."
    assert body["policy_evaluation"]["result"] == "soft_block"


def test_s2_21_custom_terms_template(lab, make):
    make({"slug": "custom-terms-filter", "config": {
        "blocked_terms": {"terms": ["project titan"]},
        "required_terms": {"enabled": True, "terms": ["not legal advice"], "action": "block"}}},
        path="/v1/policies/from-template")
    assert answer_of(lab, "This is not legal advice. Hello.")[0] == 200
    status, _, body = answer_of(lab, "This is not legal advice. Project Titan!")
    assert status == 403
    assert body["policy_evaluation"]["violations"][0]["rule"] == "blocked_terms"
    status, _, body = answer_of(lab, "Hello.")
    assert status == 403
    assert body["policy_evaluation"]["violations"][0]["rule"] == "required_terms"


# ---- routing ---------------------------------------------------------------------------

def test_s2_32_the_documented_routing_policy(make, lab):
    made = make(GOOGLE_ONLY)
    assert {k: made[k] for k in GOOGLE_ONLY} == GOOGLE_ONLY
    assert made["id"].startswith("pol_")
    assert lab.must("GET", "/v1/policies/" + made["id"]) == made


def test_s2_53_54_55_56_blocked_body(lab, fake, make):
    """The document's oddity: this policy names models, its example names providers (S2-56)."""
    make({**GOOGLE_ONLY, "config": {"model_allow_list": ["gemini-2.5-pro"],
                                    "on_violation": "hard_block"}})
    fake.reset()
    status, headers, body = lab.chat(model="gpt-4o-mini", key=lab.keys["pk_live"])
    assert (status, body) == (403, BLOCKED)
    assert list(body) == list(BLOCKED), "members in this order"
    assert headers["x-governance-decision"] == "block"
    assert headers["x-governance-policy"] == "Google Only"
    assert headers["x-governance-violations"] == "Model gpt-4o-mini is not in allow list"
    assert headers["x-should-retry"] == "false"
    assert fake.log() == []


def test_s2_56_provider_lists(lab, make):
    make(GOOGLE_ONLY)
    _, _, body = lab.chat(model="openai/gpt-4o-mini", key=lab.keys["pk_live"])
    assert body["policy_evaluation"]["violations"][0] == {
        "policy_name": "Google Only", "rule": "provider_allow_list",
        "message": "Provider openai is not in allow list"}


def test_c_4_the_error_format_is_chosen(lab, make):
    """By the policy, the organisation, the key, the request: what comes later wins."""
    make({**GOOGLE_ONLY, "config": {"model_allow_list": ["gpt-4o"]}})
    key = lab.must("POST", "/v1/keys", {"name": "format", "scopes": ["call"]})

    def shape(headers=None):
        status, told, body = lab.chat(model="gpt-4o-mini", key=key["key"], headers=headers)
        assert status == 403 and told["x-governance-policy"] == "Google Only", body
        assert told["x-governance-violations"] == "Model gpt-4o-mini is not in allow list"
        if body["error"] == "Request blocked by policy":
            assert body == BLOCKED
            return "policy"
        return "governance" if "violations" in body["error"] else "openai"

    def change(path, value):
        status, _, body = lab.call("PATCH", path, {"error_format": value},
                                   headers={"prefer": "wait=5"})
        assert status == 200 and body["error_format"] == value, body

    change("/v1/orgs/org_acme", "auto")
    assert shape() == "policy"
    assert shape({"x-error-format": "governance"}) == "governance"
    assert shape({"x-error-format": "openai"}) == "openai"
    change("/v1/orgs/org_acme", "governance")
    assert shape() == "governance"
    change("/v1/keys/" + key["id"], "openai")
    assert shape() == "openai"
    assert shape({"x-error-format": "policy"}) == "policy"
    change("/v1/keys/" + key["id"], None)
    assert shape() == "governance"
    change("/v1/orgs/org_acme", "auto")
    status, _, body = lab.call("PATCH", "/v1/orgs/org_acme", {"error_format": "s2"})
    assert status == 400 and body["error"]["param"] == "/error_format"
    status, _, body = lab.chat(model="gpt-4o-mini", key=key["key"],
                               headers={"x-error-format": "xml"})
    assert (status, body["error"]["code"]) == (400, "invalid_error_format")
    status, _, body = lab.chat(model="gpt-4o", key=key["key"],
                               headers={"x-error-format": "policy"})
    assert body["policy_evaluation"] == {"result": "allow", "violations": []}
    with OpenAI(base_url=lab.url + "/v1", api_key=key["key"], max_retries=0,
                default_headers={"X-Error-Format": "openai"}) as plain:
        with pytest.raises(PermissionDeniedError) as e:
            plain.chat.completions.create(model="gpt-4o-mini",
                                          messages=[{"role": "user", "content": "hello"}])
    assert e.value.code == "GOVERNANCE_BLOCKED" and "not in allow list" in e.value.message
    lab.call("DELETE", "/v1/keys/" + key["id"])


def test_s2_64_to_68_a_plan_allows_so_many_policies(lab, make, tmp_path):
    """The number is the operator's to set; who reaches it is told so and keeps what it has."""
    def operator(text):
        (tmp_path / "body").write_text(text)
        return json.loads(lab.run("api", "PATCH", "/v1/orgs/org_acme", str(tmp_path / "body"),
                                  "--org", "org_acme"))

    have = len(lab.must("GET", "/v1/policies?limit=1000")["data"])
    assert operator(f'{{"policies_max":{have + 1}}}')["policies_max"] == have + 1
    try:
        assert lab.must("GET", "/v1/orgs/org_acme")["policies_max"] == have + 1
        one = make(content(blocked_terms={"enabled": True, "terms": ["x"], "action": "block"}))
        for path, body in (("/v1/policies", GOOGLE_ONLY),
                           ("/governance", {"name": "n", "rules": {}})):
            status, _, answer = lab.call("POST", path, body)
            assert status == 403, answer
            assert answer["error"]["code"] == "plan_limit_exceeded"
            assert str(have + 1) in answer["error"]["message"]
        assert lab.call("PATCH", "/v1/policies/" + one["id"], {"name": "Renamed"})[0] == 200
        lab.must("DELETE", "/v1/policies/" + one["id"])
        make(GOOGLE_ONLY)
        status, _, body = lab.call("PATCH", "/v1/orgs/org_acme", {"policies_max": 1000})
        assert status == 400 and body["error"]["param"] == "/policies_max"
    finally:
        operator('{"policies_max":null}')


@pytest.mark.parametrize("config,rule", [
    ({"model_block_list": ["gpt-4o-mini"]}, "model_block_list"),
    ({"provider_block_list": ["openai"]}, "provider_block_list")])
def test_s2_24_26_block_lists(lab, make, config, rule):
    make({"name": "No", "policy_type": "routing", "config": config})
    status, _, body = lab.chat(model="openai/gpt-4o-mini", key=lab.keys["pk_live"])
    assert status == 403
    assert body["policy_evaluation"]["violations"][0]["rule"] == rule


def test_s2_50_51_info_and_warn_of_a_list(lab, make):
    made = make({"name": "Watch", "policy_type": "routing",
                 "config": {"model_allow_list": ["gpt-4o"], "on_violation": "info"}})
    status, headers, body = lab.chat(model="gpt-4o-mini", key=lab.keys["pk_live"])
    assert status == 200 and "x-governance-violations" not in headers
    assert "policy_evaluation" not in body
    lab.call("PATCH", "/v1/policies/" + made["id"], {"config": {"on_violation": "warn"}},
             headers={"prefer": "wait=5"})
    status, headers, body = lab.chat(model="gpt-4o-mini", key=lab.keys["pk_live"])
    assert status == 200
    assert body["policy_evaluation"] == {"result": "warn", "violations": [
        {"policy_name": "Watch", "rule": "model_allow_list",
         "message": "Model gpt-4o-mini is not in allow list"}]}


def test_s2_52_soft_block_overrides_the_model(lab, fake, make):
    made = make({"name": "Small", "policy_type": "routing", "config": {
        "model_allow_list": ["gpt-4o-mini", "claude-3-haiku"], "on_violation": "soft_block"}})
    assert made["config"]["on_violation"] == "soft_block"
    fake.reset()
    status, headers, body = lab.chat(model="openai/gpt-4o", key=lab.keys["pk_live"])
    assert status == 200, body
    assert json.loads(fake.log()[0]["body"])["model"] == "gpt-4o-mini"
    assert headers["x-gateway-model"].endswith("gpt-4o-mini")
    assert headers["x-governance-violations"] == "Model openai/gpt-4o is not in allow list"
    assert body["policy_evaluation"] == {"result": "soft_block", "violations": [
        {"policy_name": "Small", "rule": "model_allow_list",
         "message": "Model openai/gpt-4o is not in allow list"}],
        "modifications": [{"kind": "model_override", "path": "/model",
                           "replacement": headers["x-gateway-model"]}]}
    lab.wait_shipped()
    record = lab.must("GET", "/v1/audit?request_id=" + headers["x-request-id"])["data"][0]
    assert (record["decision"], record["rule"]) == ("modify", "model_allow_list")
    assert record["model_requested"] == record["substituted_from"] == "openai/gpt-4o"
    assert record["model"] == headers["x-gateway-model"] and record["modifications"] == 1
    asked = lab.must("POST", "/v1/evaluate", {"model": "openai/gpt-4o"}, key=lab.keys["pk_live"])
    assert asked["model"] == {"requested": "openai/gpt-4o", "substituted_from": "openai/gpt-4o",
                              "resolved": headers["x-gateway-model"]}
    status, headers, body = lab.chat(model="gpt-4o-mini", key=lab.keys["pk_live"])
    assert status == 200 and "x-gateway-model" not in headers
    assert "policy_evaluation" not in body


def test_s2_52_soft_block_never_softens_another_policy(lab, make):
    make({"name": "Small", "policy_type": "routing", "config": {
        "model_allow_list": ["gpt-4o-mini"], "on_violation": "soft_block"}})
    make({"name": "Hard", "policy_type": "routing", "config": {
        "model_block_list": ["gpt-4o-mini"]}})
    status, _, body = lab.chat(model="openai/gpt-4o", key=lab.keys["pk_live"])
    assert status == 403, body


def test_s2_52_soft_block_without_a_model_to_use_is_refused(make):
    error = make({"name": "x", "policy_type": "routing", "config": {
        "provider_allow_list": ["google"], "on_violation": "soft_block"}}, wanted=422)
    assert error["param"] == "/config/on_violation"


# ---- content ---------------------------------------------------------------------------

def test_s2_42_the_documented_content_policy(lab, make):
    made = make(PII_PROTECTION)
    assert {k: made[k] for k in PII_PROTECTION} == PII_PROTECTION
    status, headers, body = answer_of(lab, "Mail jane@example.com or call (212) 555-0147.")
    assert status == 200
    assert text_of(body) == "Mail [REDACTED] or call [REDACTED]."
    assert body["policy_evaluation"]["result"] == "soft_block"
    assert {v["rule"] for v in body["policy_evaluation"]["violations"]} == {"pii_detection"}
    assert "jane@example.com" not in str(headers) + str(body)


def test_s2_33_outputs_by_default_inputs_on_request(lab, fake, make):
    made = make(PII_PROTECTION)
    fake.reset()
    lab.chat("I am jane@example.com")
    assert "jane@example.com" in fake.log()[0]["body"]
    lab.call("PATCH", "/v1/policies/" + made["id"],
             {"config": {"evaluate_input": True, "evaluate_output": False}},
             headers={"prefer": "wait=5"})
    fake.reset()
    _, _, body = answer_of(lab, "I am bob@example.com")
    lab.chat("I am jane@example.com")
    assert "jane@example.com" not in fake.log()[1]["body"]
    assert text_of(body) == "I am bob@example.com"


@pytest.mark.parametrize("kind,text,others", [
    ("ssn", "536-90-4399", "SSN 536904399"),
    ("ssn_no_dash", "SSN 536904399", "536-90-4399"),
    ("credit_card", "4111 1111 1111 1111", "4111 1111 1111 1112"),
    ("email", "jane@example.com", "jane at example"),
    ("phone_us", "(212) 555-0147", "555"),
    ("ip_address", "192.168.10.77", "1.2.3"),
    ("date_of_birth", "born on 04/23/1984", "ratio 99/99/9999")])
def test_s2_35_43_to_49_types(lab, make, kind, text, others):
    make(content(pii_detection={"enabled": True, "types": [kind], "action": "block"}))
    status, _, body = answer_of(lab, f"Here: {text}.")
    assert status == 403, body
    assert body["policy_evaluation"]["violations"][0]["rule"] == "pii_detection"
    assert answer_of(lab, f"Here: {others}.")[0] == 200


@pytest.mark.parametrize("section,listed,said", [
    ("pii_detection", {"types": ["email"]}, "write to jane@example.com now"),
    ("blocked_terms", {"terms": ["jane@example.com"]}, "write to jane@example.com now")])
@pytest.mark.parametrize("action,verb,wanted", [
    ("warn", None, "warn"), ("redact", None, "soft_block"), ("block", None, "hard_block"),
    ("block", "info", None), ("redact", "info", None), ("block", "warn", "warn"),
    ("redact", "warn", "warn"), ("block", "soft_block", "soft_block"),
    ("warn", "soft_block", "warn"), ("redact", "hard_block", "hard_block"),
    ("warn", "hard_block", "hard_block")])
def test_s2_36_39_40_41_50_51_52_53_the_two_verbs(lab, make, section, listed, said, action, verb,
                                                  wanted):
    config = {section: {"enabled": True, **listed, "action": action}}
    if verb:
        config["on_violation"] = verb
    make(content(**config))
    status, headers, body = answer_of(lab, said)
    if wanted == "hard_block":
        assert (status, body["code"]) == (403, "POLICY_BLOCKED")
        return
    assert status == 200, body
    assert text_of(body) == ("write to [REDACTED] now" if wanted == "soft_block" else said)
    assert body.get("policy_evaluation", {}).get("result") == wanted


def test_s2_34_38_a_disabled_section_does_nothing(lab, make):
    made = make(content(
        pii_detection={"enabled": False, "types": ["email"], "action": "block"},
        blocked_terms={"enabled": True, "terms": ["acme"], "action": "block"}))
    assert made["config"]["pii_detection"]["enabled"] is False
    assert answer_of(lab, "jane@example.com")[0] == 200
    assert answer_of(lab, "ACME, the company")[0] == 403


def test_s2_37_redaction_format(lab, make):
    make(content(pii_detection={"enabled": True, "types": ["email"], "action": "redact",
                                "redaction_format": "<gone>"}))
    _, _, body = answer_of(lab, "jane@example.com said")
    assert text_of(body) == "<gone> said"


def test_s2_51_69_streams_carry_the_evaluation(lab, make):
    make(PII_PROTECTION)
    text, evaluation = "", None
    answer_with(lab.fake, "mail jane@example.com please")
    stream = client(lab).chat.completions.create(
        model="gpt-4o", stream=True,
        messages=[{"role": "user", "content": "hello"}])
    for chunk in stream:
        for choice in chunk.choices:
            text += choice.delta.content or ""
        evaluation = getattr(chunk, "policy_evaluation", None) or evaluation
    assert text == "mail [REDACTED] please"
    assert evaluation["result"] == "soft_block"


def test_s2_51_69_the_other_dialects_carry_it(lab, make):
    make(PII_PROTECTION)
    anthropic = Anthropic(base_url=lab.url, api_key=lab.keys["pk_live"], max_retries=0)
    ask = {"model": "claude-3-haiku", "max_tokens": 64,
           "messages": [{"role": "user", "content": "hello"}]}
    answer_with(lab.fake, "mail jane@example.com please")
    message = anthropic.messages.create(**ask)
    assert message.content[0].text == "mail [REDACTED] please"
    assert message.policy_evaluation["result"] == "soft_block"
    answer_with(lab.fake, "mail jane@example.com please")
    evaluation = None
    with anthropic.messages.stream(**ask) as stream:
        for event in stream:
            evaluation = getattr(event, "policy_evaluation", None) or evaluation
        assert stream.get_final_message().content[0].text == "mail [REDACTED] please"
    assert evaluation["result"] == "soft_block"
    answer_with(lab.fake, "mail jane@example.com please")
    evaluation = None
    for event in client(lab).responses.create(model="gpt-4o", input="hello", stream=True):
        evaluation = getattr(event, "policy_evaluation", None) or evaluation
    assert evaluation["result"] == "soft_block"


# ---- what the SDKs make of it ------------------------------------------------------------

def test_c_04_openai_sdk_raises(lab, make):
    make({**GOOGLE_ONLY, "config": {"model_allow_list": ["gemini-2.5-pro"]}})
    with pytest.raises(PermissionDeniedError) as raised:
        client(lab).chat.completions.create(model="gpt-4o-mini",
                                            messages=[{"role": "user", "content": "hi"}])
    assert raised.value.status_code == 403
    assert raised.value.response.headers["x-governance-policy"] == "Google Only"
    assert json.loads(raised.value.response.text) == BLOCKED


def test_c_04_anthropic_sdk_raises(lab, make):
    make({"name": "No Claude", "policy_type": "routing",
          "config": {"model_block_list": ["claude-3-haiku"]}})
    anthropic = Anthropic(base_url=lab.url, api_key=lab.keys["pk_live"], max_retries=0)
    with pytest.raises(AnthropicDenied) as raised:
        anthropic.messages.create(model="claude-3-haiku", max_tokens=8,
                                  messages=[{"role": "user", "content": "hi"}])
    body = raised.value.body
    assert body["type"] == "error" and body["error"]["type"] == "permission_error"
    assert body["code"] == "POLICY_BLOCKED"
    assert body["policy_evaluation"]["violations"][0]["rule"] == "model_block_list"


# ---- keeping them -------------------------------------------------------------------------

def test_s2_57_60_61_62_project_priority_enabled(lab, make):
    lab.must("POST", "/v1/projects", {"name": "perf-project"})
    made = make({**GOOGLE_ONLY, "project": "perf-project", "priority": 5})
    assert (made["project"], made["priority"], made["enabled"]) == ("perf-project", 5, True)
    assert lab.chat(model="openai/gpt-4o", key=lab.keys["pk_live"])[0] == 200, "not its project"
    change = {"project": None}
    assert lab.call("PATCH", "/v1/policies/" + made["id"], change,
                    headers={"prefer": "wait=5"})[0] == 200
    assert lab.chat(model="openai/gpt-4o", key=lab.keys["pk_live"])[0] == 403
    status, _, body = lab.call("PATCH", "/v1/policies/" + made["id"], {"enabled": False},
                               headers={"prefer": "wait=5"})
    assert status == 200 and body["enabled"] is False and body["status"] == "inactive"
    assert lab.chat(model="openai/gpt-4o", key=lab.keys["pk_live"])[0] == 200


def test_s2_61_63_several_policies_in_order_of_priority(lab, make):
    make({"name": "Second", "policy_type": "routing", "priority": 20,
          "config": {"model_block_list": ["gpt-4o-mini"]}})
    make({"name": "First", "policy_type": "routing", "priority": 10,
          "config": {"provider_block_list": ["openai"]}})
    _, headers, body = lab.chat(model="openai/gpt-4o-mini", key=lab.keys["pk_live"])
    names = [v["policy_name"] for v in body["policy_evaluation"]["violations"]]
    assert names == ["First", "Second"]
    assert headers["x-governance-policy"] == "First"


def test_s2_71_crud(lab, make):
    made = make(PII_PROTECTION)
    path = "/v1/policies/" + made["id"]
    listed = lab.must("GET", "/v1/policies")["data"]
    assert made in listed
    native = lab.must("GET", path + "?view=native")
    assert native["origin"] == "config" and native["rules"][0]["type"] == "pii"
    assert native["rules"][0]["effect"] == "modify"
    status, headers, body = lab.call("PATCH", path, {"config": {"pii_detection": {
        "types": ["email"]}}}, headers={"if-match": '"1"'})
    assert status == 200 and body["config"]["pii_detection"]["types"] == ["email"]
    assert body["config"]["pii_detection"]["action"] == "redact"
    assert lab.call("PATCH", path, {"name": "x"}, headers={"if-match": '"1"'})[0] == 412
    assert len(lab.must("GET", path + "/versions")["data"]) == 2
    back = lab.must("POST", path + "/rollback", {"version": 1})
    assert back["config"] == PII_PROTECTION["config"]
    assert lab.call("DELETE", path)[0] == 204
    assert lab.call("GET", path)[0] == 404


@pytest.mark.parametrize("body,param,word", [
    ({**GOOGLE_ONLY, "config": {"provider_alow_list": ["google"]}},
     "/config/provider_alow_list", "provider_allow_list"),
    ({**PII_PROTECTION, "config": {"pii_detection": {"types": ["emial"], "action": "redact"}}},
     "/config/pii_detection/types/0", "email"),
    ({**PII_PROTECTION, "config": {"blocked_terms": {"terms": ["/(/"], "action": "block"}}},
     None, ""),
])
def test_s2_what_is_wrong_is_400(make, body, param, word):
    error = make(body, wanted=400)
    assert param is None or error["param"] == param
    assert word in error["message"]
