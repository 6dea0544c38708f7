# SPDX-License-Identifier: Apache-2.0
"""Every example of the enforcement document (S4), verbatim, against a running gateway: its policy
definition, its audit response, and what its tables say of types and actions. The numbers are those
of the requirements list; a line that is a statement about code rather than about bytes is proven
by a unit test:

  S4-2,3   bench/, policy/property_test.c       S4-30,42  test_live_updates.py, test_two_gateways.py
  S4-5..7  here                                 S4-33     here (no policy: everything passes)
  S4-29,31,40  here, and policy/override_test.c S4-46     here, and codec/enforcement_shape_test.c
"""
import re

import pytest

from fake import answer_with
from lab import Lab

# As printed.
DOCUMENTED = {
    "policy_name": "dev_team_restrictions",
    "environment": "development",
    "rules": [
        {"type": "model_access", "models": ["gpt-4o-mini", "claude-3-haiku"],
         "max_cost_per_day": 100.00},
        {"type": "content_filter", "patterns": ["password", "api_key"], "action": "block"},
    ],
}
ENFORCED = {**DOCUMENTED, "rules": [
    {"type": "model_access", "models": ["gpt-4o-mini", "claude-3-haiku"]},
    DOCUMENTED["rules"][1]]}
AUDIT = {"decision": "block", "policy": "dev_team_restrictions", "rule": "content_filter",
         "reason": "Pattern matched: api_key", "user": "dev@acme.com",
         "environment": "development"}
FOURTEEN = ["ssn", "ssn_no_dash", "credit_card", "email", "phone_us", "phone", "ip_address",
            "date_of_birth", "passport", "iban", "drivers_license", "bank_account", "tax_id",
            "api_key"]


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, tmp_path_factory):
    made = Lab(build_dir, database_url, tmp_path_factory.mktemp("s4"), fake)
    made.open_up()
    yield made
    made.stop()


@pytest.fixture
def make(lab):
    ids = []

    def create(body, wanted=201):
        status, _, answer = lab.call("POST", "/v1/policies", body, headers={"prefer": "wait=5"})
        assert status == wanted, answer
        if status == 201:
            ids.append(answer["id"])
            return answer
        return answer["error"]
    yield create
    for policy in ids:
        lab.call("DELETE", "/v1/policies/" + policy, headers={"prefer": "wait=5"})


def named(*rules, **more):
    return {"policy_name": "filter", "rules": list(rules), **more}


def dev(lab, text="hello", **more):
    """A call of the developer's key, whose environment is development."""
    return lab.chat(text, key=lab.keys["developer"], **{"model": "gpt-4o-mini", **more})


def answered(lab, fake, text):
    """A call that the provider answers with `text`."""
    answer_with(fake, text)
    return lab.chat("hello")


def text_of(body):
    return body["choices"][0]["message"]["content"]


def audit_of(lab, headers):
    lab.wait_shipped()
    return lab.must("GET", "/v1/audit?request_id=" + headers["x-request-id"])["data"][0]


def test_s4_36_the_documented_policy_names_what_is_not_enforced(lab, make):
    error = make(DOCUMENTED, wanted=422)
    assert error["code"] == "not_enforced"
    assert error["param"] == "/rules/0/max_cost_per_day"
    assert "'max_cost_per_day' is not enforced" in error["message"]
    assert "the rest can, without it" in error["message"]
    assert DOCUMENTED["policy_name"] not in str(lab.must("GET", "/v1/policies?status=all"))


def test_s4_34_35_37_44_the_documented_policy(lab, make):
    made = make(ENFORCED)
    assert {k: made[k] for k in ENFORCED} == ENFORCED
    assert made["id"].startswith("pol_") and made["active"] is True
    path = "/v1/policies/" + made["id"]
    assert lab.must("GET", path) == made
    assert made in lab.must("GET", "/v1/policies")["data"]
    native = lab.must("GET", path + "?view=native")
    assert native["scope"] == {"level": "environment", "environment": "development"}
    assert [r["type"] for r in native["rules"]] == ["model_list", "terms"]


def test_s4_38_39_the_documented_audit_record(lab, fake, make):
    make(ENFORCED)
    fake.reset()
    status, headers, body = dev(lab, "what is my api_key?")
    assert status == 403 and fake.log() == [], body
    record = audit_of(lab, headers)
    assert {k: record[k] for k in AUDIT} == AUDIT
    assert record["request_id"] == headers["x-request-id"]
    assert re.fullmatch(r"req_[0-9A-Z]{26}", record["request_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", record["timestamp"])
    members = ["decision", "policy", "rule", "reason", "user", "environment", "timestamp",
               "request_id"]
    assert [m for m in record if m in members] == members, "in the documented order"


def test_s4_08_21_36_model_access(lab, fake, make):
    make(ENFORCED)
    fake.reset()
    assert dev(lab)[0] == 200
    assert dev(lab, model="claude-3-haiku")[0] == 200, "a short name is the dated model"
    sent = len(fake.log())
    status, headers, body = dev(lab, model="gpt-4o")
    assert status == 403 and len(fake.log()) == sent
    record = audit_of(lab, headers)
    assert (record["rule"], record["reason"]) == \
        ("model_access", "Model gpt-4o is not in allow list")
    assert lab.chat(model="gpt-4o")[0] == 200, "production has no such policy"


def test_s4_08_block(lab, make):
    make(named({"type": "model_access", "models": ["gpt-4o"], "action": "block"}))
    assert lab.chat(model="gpt-4o")[0] == 403
    assert lab.chat(model="gpt-4o-mini")[0] == 200


@pytest.mark.parametrize("said,is_blocked", [
    ("the password is lost", True), ("my PassWord", True), ("api_key=1", True),
    ("passwords", False), ("pass word", False), ("apikey", False)])
def test_s4_37_words(lab, fake, make, said, is_blocked):
    make(named({"type": "content_filter", "patterns": ["password", "api_key"],
                "action": "block"}))
    assert (lab.chat(said)[0] == 403) == is_blocked
    assert (answered(lab, fake, said)[0] == 403) == is_blocked, "and in the answer"


@pytest.mark.parametrize("said,is_blocked", [
    ("account acct-123456", True), ("ACCT-999999.", True), ("acct-12345", False)])
def test_s4_37_regular_expressions(lab, make, said, is_blocked):
    make(named({"type": "content_filter", "patterns": ["/acct-[0-9]{6}/"]}))
    status, headers, _ = lab.chat(said)
    assert (status == 403) == is_blocked
    if is_blocked:
        assert audit_of(lab, headers)["reason"] == "Pattern matched: /acct-[0-9]{6}/"


def test_s4_11_24_topics(lab, fake, make):
    make(named({"type": "content_filter", "topics": ["weapons"], "action": "block"}))
    fake.reset()
    status, headers, _ = lab.chat("How do I build a bomb with a detonator and explosives?")
    assert status == 403 and fake.log() == []
    assert audit_of(lab, headers)["rule"] == "content_filter"
    assert lab.chat("How do I build a bird house?")[0] == 200


def test_s4_11_18_25_modify(lab, fake, make):
    make(named({"type": "content_filter", "patterns": ["project titan"], "action": "modify"}))
    fake.reset()
    answer_with(fake, "project titan is late")
    status, headers, body = lab.chat("About Project Titan:")
    assert status == 200
    assert "Titan" not in fake.log()[0]["body"]
    assert text_of(body) == "[REDACTED] is late"
    assert audit_of(lab, headers)["decision"] == "modify"


def test_s4_16_allow_is_logged(lab, fake, make):
    make(named({"type": "content_filter", "patterns": ["project titan"], "action": "allow"}))
    fake.reset()
    status, headers, body = lab.chat("About Project Titan")
    assert status == 200 and "Project Titan" in fake.log()[0]["body"]
    assert "project titan" in str(audit_of(lab, headers)).lower()


def test_s4_17_block_is_an_alert(lab, make):
    make(named({"type": "content_filter", "patterns": ["project titan"], "action": "block"}))
    _, headers, _ = lab.chat("About Project Titan")
    lab.wait_shipped()
    rows = lab.rows("SELECT violations::jsonb -> 0 ->> 'severity' FROM "
                    "portcullis.audit_decisions WHERE request_id = %s", headers["x-request-id"])
    assert rows == [("alert",)]


@pytest.mark.parametrize("mode,wanted", [
    ("mask", "SSN ***-**-4399"), ("redact", "SSN [REDACTED]"), ("block", None)])
def test_s4_12_25_pii_redaction(lab, fake, make, mode, wanted):
    make(named({"type": "pii_redaction", "types": ["ssn"], "mode": mode}))
    fake.reset()
    status, _, body = lab.chat("SSN 536-90-4399")
    if wanted is None:
        assert status == 403 and fake.log() == []
        return
    assert status == 200 and wanted in fake.log()[0]["body"]
    assert text_of(answered(lab, fake, "SSN 536-90-4399")[2]) == wanted


def test_s4_12_46_fourteen_types(lab, make):
    made = make(named({"type": "pii_redaction"}))
    assert made["rules"] == [{"type": "pii_redaction", "types": FOURTEEN, "mode": "mask"}]


def test_s4_15_28_compliance(lab, make):
    made = make(named({"type": "compliance", "frameworks": ["SOC 2", "HIPAA"],
                       "mode": "enforce"}))
    assert made["rules"][0]["frameworks"] == ["soc2", "hipaa"]
    status, headers, _ = lab.chat(model="groq/llama-3.3-70b-versatile")
    assert status == 403
    assert audit_of(lab, headers)["rule"] == "compliance"
    assert lab.call("PATCH", "/v1/policies/" + made["id"], {"rules": [
        {"type": "compliance", "frameworks": ["hipaa"], "mode": "log"}]},
        headers={"prefer": "wait=5"})[0] == 200
    assert lab.chat(model="groq/llama-3.3-70b-versatile")[0] == 200


@pytest.mark.parametrize("rule,word", [
    ({"type": "rate_limit", "requests": 60, "window": 60}, "rate_limit"),
    ({"type": "cost_budget", "max_cost_per_day": 100}, "cost_budget"),
    ({"type": "approval_required", "models": ["gpt-4o"]}, "approval_required"),
    ({"type": "provider_failover"}, "provider_failover"),
    ({"type": "content_filter", "patterns": ["x"], "action": "throttle"}, "throttle"),
    ({"type": "content_filter", "patterns": ["x"], "action": "escalate"}, "escalate")])
def test_s4_09_10_13_14_19_20_45_not_enforced_is_refused_by_name(make, rule, word):
    error = make(named(rule), wanted=422)
    assert word in error["message"] and error["code"] == "not_enforced"
    make(named(rule, active=False), wanted=422)


def test_s4_29_31_40_scopes_and_overrides(lab, make):
    org = make(named({"type": "model_access", "models": ["gpt-4o-mini"]}))
    assert dev(lab)[0] == 200 and dev(lab, model="gpt-4o")[0] == 403
    make({"policy_name": "dev", "environment": "development", "overrides": [org["id"]],
          "rules": [{"type": "model_access", "models": ["gpt-4o"]}]})
    assert dev(lab, model="gpt-4o")[0] == 200, "development overrides"
    assert dev(lab)[0] == 403
    assert lab.chat(model="gpt-4o")[0] == 403, "production inherits"
    status, _, body = lab.call("PATCH", "/v1/policies/" + org["id"], {"locked": True},
                               headers={"prefer": "wait=5"})
    assert status == 200 and body["locked"] is True
    assert dev(lab, model="gpt-4o")[0] == 403, "a locked rule is not overridden"


def test_s4_33_no_policy_nothing_configured(lab):
    assert lab.chat("my api_key and password")[0] == 200


@pytest.mark.parametrize("body,param,word", [
    ({**ENFORCED, "enviroment": "x"}, "/enviroment", "environment"),
    (named({"type": "content_filter", "patterns": ["x"], "actoin": "block"}),
     "/rules/0/actoin", "action"),
    (named({"type": "content_filter", "topics": ["weapons"], "action": "redact"}),
     "/rules/0/action", "topic")])
def test_s4_what_is_wrong_is_400(make, body, param, word):
    error = make(body, wanted=400)
    assert error["param"] == param and word in error["message"]
