# SPDX-License-Identifier: Apache-2.0
"""Every example of the governance document, verbatim but for host and key, against a running
gateway. The numbers are those of the requirements list; a line that is a statement about code
rather than about bytes is proven by a unit test:

  S0-1   the whole of this file                        S0-18  codec/validation_test.c (default)
  S0-6   here, and codec/governance_test.c             S0-20  here, and policy/providers_test.c
  S0-27  the curl commands here; the SDKs: test_sdk_python.py, test_sdk_node.py
"""
import re

import pytest

from lab import Lab

CREATE = {
    "name": "Production - HIPAA Compliant",
    "description": "Only HIPAA-certified providers with BAA",
    "tagSlot": 1,
    "isDefault": True,
    "rules": {
        "minimumTrustTier": "most_trusted",
        "blockChinaProviders": True,
        "requireHipaa": True,
        "requireBaa": True,
        "enforcement": "hard_block",
    },
}
MOST_TRUSTED = ["anthropic", "openai", "azure", "google", "bedrock", "cohere"]
TRUSTED = ["groq", "deepinfra", "fireworks", "together", "mistral"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MESSAGES = [{"role": "user", "content": "Analyze this patient record"}]


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, tmp_path_factory):
    made = Lab(build_dir, database_url, tmp_path_factory.mktemp("s0"), fake)
    # The document begins with an organisation without policies. The default cannot be deleted
    # (S0-49), so it is moved out of the way of slot 1 and made to demand nothing.
    for policy in made.must("GET", "/governance")["policies"]:
        if not policy["isDefault"]:
            made.must("DELETE", "/governance/" + policy["id"])
        else:
            made.must("PATCH", "/governance/" + policy["id"], {
                "name": "First", "tagSlot": 12, "rules": {
                    "minimumTrustTier": None, "blockChinaProviders": False, "requireHipaa": False,
                    "requireBaa": False}})
    yield made
    made.stop()


@pytest.fixture
def first(lab):
    return next(p for p in policies(lab) if p["name"] == "First")


@pytest.fixture
def make(lab, first):
    """Creates policies; afterwards only the first is left, and it is the default."""
    def create(body, wanted=201):
        status, headers, answer = lab.call("POST", "/governance", body,
                                           headers={"prefer": "wait=5"})
        assert status == wanted, answer
        return answer
    yield create
    lab.must("PATCH", "/governance/" + first["id"], {"isDefault": True})
    for policy in policies(lab):
        if policy["id"] != first["id"]:
            lab.must("DELETE", "/governance/" + policy["id"])
    lab.must("PATCH", "/governance/" + first["id"], {"tagSlot": 12})


def policies(lab):
    return lab.must("GET", "/governance")["policies"]


def rules(**more):
    return {"blockChinaProviders": True, "enforcement": "hard_block", **more}


def change(lab, policy, body, headers=None):
    return lab.call("PATCH", "/governance/" + policy["id"], body,
                    headers={"prefer": "wait=5", **(headers or {})})


def test_s0_02_03_04_05_07_08_09_10_11_16_17_23_24_25_create(lab, make):
    status, headers, body = lab.call("POST", "/governance", CREATE)
    assert status == 201
    assert re.fullmatch(r"gpol_[0-9A-Z]{26}", body["id"])
    assert body["orgId"].startswith("org_")
    assert TIME.fullmatch(body["createdAt"]) and body["updatedAt"] == body["createdAt"]
    expected = {
        "id": body["id"], "orgId": body["orgId"], "name": CREATE["name"],
        "description": CREATE["description"], "tagSlot": 1, "isDefault": True, "isActive": True,
        "rules": {"minimumTrustTier": "most_trusted", "blockChinaProviders": True,
                  "requireZdr": False, "requireBaa": True, "requireHipaa": True,
                  "requireSoc2": False, "enforcement": "hard_block"},
        "createdAt": body["createdAt"], "updatedAt": body["updatedAt"]}
    assert body == {**body, **expected}
    documented = list(expected)
    assert [name for name in body if name in documented] == documented, "members in this order"
    assert int(headers["portcullis-epoch"]) > 0
    assert lab.must("GET", "/governance/" + body["id"]) == body


# The commands as the document prints them, but for the host.
CURL = {
    "create": """curl -X POST https://gateway.test/governance \\
-H "Authorization: Bearer sk_case_xxx" \\
-H "Content-Type: application/json" \\
-d '{
"name": "Production - HIPAA Compliant",
"description": "Only HIPAA-certified providers with BAA",
"tagSlot": 1,
"isDefault": true,
"rules": {
"minimumTrustTier": "most_trusted",
"blockChinaProviders": true,
"requireHipaa": true,
"requireBaa": true,
"enforcement": "hard_block"
}
}'""",
    "select": """curl -X POST https://gateway.test/llm/v1/chat/completions \\
-H "Authorization: Bearer sk_case_xxx" \\
-H "Content-Type: application/json" \\
-d '{
"model": "claude-sonnet-4-20250514",
"messages": [{"role": "user", "content": "Analyze this patient record"}],
"governance_policy": 1
}'""",
    "list": """curl https://gateway.test/governance \\
-H "Authorization: Bearer sk_case_xxx" """,
    "update": """curl -X PATCH https://gateway.test/governance/gpol_abc123 \\
-H "Authorization: Bearer sk_case_xxx" \\
-H "Content-Type: application/json" \\
-d '{
"rules": {
"requireSoc2": true
}
}'""",
    "validate": """curl -X POST https://gateway.test/governance/validate \\
-H "Authorization: Bearer sk_case_xxx" \\
-H "Content-Type: application/json" \\
-d '{
"rules": {
"minimumTrustTier": "most_trusted",
"requireHipaa": true,
"requireBaa": true
}
}'""",
    "delete": """curl -X DELETE https://gateway.test/governance/gpol_abc123 \\
-H "Authorization: Bearer sk_case_xxx" """,
}


def curl(lab, command, policy=""):
    return lab.curl(command, {"gpol_abc123": policy, "sk_case_xxx": lab.keys["owner"]})


def test_s0_23_27_the_documented_commands(lab, make, first):
    """In the document's order; slot 1 takes effect on the next request a moment later."""
    status, made = curl(lab, CURL["create"])
    assert status == 201 and made["rules"]["requireHipaa"] is True
    change(lab, made, {})  # an empty change that is waited for: the first one is in force too
    status, body = curl(lab, CURL["select"])
    assert status == 200 and body["object"] == "chat.completion"
    status, body = curl(lab, CURL["list"])
    assert status == 200 and made["id"] in [p["id"] for p in body["policies"]]
    status, body = curl(lab, CURL["update"], made["id"])
    assert status == 200
    assert body["rules"] == {**made["rules"], "requireSoc2": True}
    status, body = curl(lab, CURL["validate"])
    assert status == 200 and body["allowedProviders"] == MOST_TRUSTED
    status, body = curl(lab, CURL["delete"], made["id"])
    assert status == 409 and body["error"]["code"] == "CANNOT_DELETE_DEFAULT"
    lab.must("PATCH", "/governance/" + first["id"], {"isDefault": True})
    status, body = curl(lab, CURL["delete"], made["id"])
    assert (status, body) == (204, None)


@pytest.mark.parametrize("slot", [0, 13, -1, 1.5, "1", True])
def test_s0_06_slot_out_of_range_is_400(lab, slot):
    before = policies(lab)
    status, _, body = lab.call("POST", "/governance", {**CREATE, "tagSlot": slot})
    assert (status, body["error"]["param"]) == (400, "/tagSlot")
    assert policies(lab) == before


def test_s0_06_slot_taken_is_409(lab, make):
    make(CREATE)
    status, _, body = lab.call("POST", "/governance", {**CREATE, "name": "Second",
                                                       "isDefault": False})
    assert status == 409, body
    assert "slot" in body["error"]["message"].lower()
    assert [p["name"] for p in policies(lab)].count("Second") == 0


def test_s0_06_slot_may_be_null(lab, make):
    body = make({**CREATE, "tagSlot": None, "isDefault": False})
    assert body["tagSlot"] is None


def test_s0_07_exactly_one_default(lab, make):
    one = make(CREATE)
    assert [p["id"] for p in policies(lab) if p["isDefault"]] == [one["id"]]
    two = make({**CREATE, "name": "Two", "tagSlot": 2})
    assert [p["id"] for p in policies(lab) if p["isDefault"]] == [two["id"]]
    status, _, body = change(lab, one, {"isDefault": True})
    assert status == 200 and body["isDefault"]
    assert [p["id"] for p in policies(lab) if p["isDefault"]] == [one["id"]]


def test_s0_07_the_default_cannot_merely_be_unset(lab, first):
    status, _, body = change(lab, first, {"isDefault": False})
    assert status == 409, body
    assert [p["id"] for p in policies(lab) if p["isDefault"]] == [first["id"]]


@pytest.mark.parametrize("member", ["minimumTrustTier", "enforcement"])
def test_s0_12_21_unknown_words_are_400(lab, member):
    status, _, body = lab.call("POST", "/governance", {
        **CREATE, "rules": {**CREATE["rules"], member: "utmost"}})
    assert (status, body["error"]["param"]) == (400, "/rules/" + member)


@pytest.mark.parametrize("member", ["requireHippa", "blockChina", "allowlist"])
def test_s0_typing_error_in_a_policy_is_400(lab, member):
    status, _, body = lab.call("POST", "/governance", {
        **CREATE, "rules": {**CREATE["rules"], member: True}})
    assert (status, body["error"]["param"]) == (400, "/rules/" + member)


def test_s0_13_14_15_16_17_18_21_22_defaults(lab, make):
    body = make({"name": "Bare", "rules": {}})
    assert body["rules"] == {"blockChinaProviders": True, "requireZdr": False, "requireBaa": False,
                             "requireHipaa": False, "requireSoc2": False,
                             "enforcement": "hard_block"}
    assert (body["isActive"], body["isDefault"]) == (True, False)


def test_s0_19_empty_allowlist_restricts_nothing(lab):
    answer = lab.must("POST", "/governance/validate",
                      {"rules": rules(blockChinaProviders=False, providerAllowlist=[])})
    assert answer["valid"] is True and "deepseek" in answer["allowedProviders"]


def test_s0_20_blocklist_wins(lab):
    answer = lab.must("POST", "/governance/validate", {"rules": rules(
        providerAllowlist=["openai", "anthropic"], providerBlocklist=["openai"])})
    assert answer["allowedProviders"] == ["anthropic"]


def test_s0_26_key_prefix_sk_case(lab):
    status, _, key = lab.call("POST", "/v1/keys", {
        "name": "case", "prefix": "sk_case", "scopes": ["call", "manage"], "role": "owner"},
        headers={"prefer": "wait=5"})
    assert status == 201 and key["key"].startswith("sk_case_")
    assert lab.call("GET", "/governance", key=key["key"])[0] == 200
    assert lab.call("GET", "/governance", key=key["key"][:-1] + ("y" if key["key"][-1] == "x" else "x"))[0] == 401


TEMPLATES = [
    ("Production - HIPAA", {"minimumTrustTier": "most_trusted", "blockChinaProviders": True,
                            "requireHipaa": True, "requireBaa": True, "enforcement": "hard_block"},
     MOST_TRUSTED),
    ("Enterprise - SOC 2", {"minimumTrustTier": "trusted", "blockChinaProviders": True,
                            "requireSoc2": True, "enforcement": "hard_block"},
     MOST_TRUSTED + TRUSTED),
    ("EU Data Residency", {"blockChinaProviders": True,
                           "providerAllowlist": ["anthropic", "mistral", "deepinfra", "azure"],
                           "enforcement": "hard_block"},
     ["anthropic", "azure", "deepinfra", "mistral"]),
    ("Zero Data Retention", {"minimumTrustTier": "most_trusted", "blockChinaProviders": True,
                             "requireZdr": True, "enforcement": "hard_block"}, None),
    ("Development", {"minimumTrustTier": "trusted", "blockChinaProviders": True,
                     "enforcement": "warn"}, None),
    ("Approved Vendors Only", {"providerAllowlist": ["anthropic", "openai"],
                               "blockChinaProviders": True, "enforcement": "hard_block"},
     ["anthropic", "openai"]),
]


@pytest.mark.parametrize("name,wanted,allowed", TEMPLATES, ids=[t[0] for t in TEMPLATES])
def test_s0_28_to_37_templates(lab, make, name, wanted, allowed):
    """Each is served, can be posted as it stands, and allows who the document says it allows."""
    listed = lab.must("GET", "/governance/templates")
    rows = listed["templates"] if isinstance(listed, dict) else listed
    template = next(t for t in rows if (t.get("policy") or t)["name"] == name)
    policy = template.get("policy") or {"name": template["name"], "rules": template["rules"]}
    assert {k: policy["rules"][k] for k in wanted} == wanted
    made = make({"name": name, "rules": wanted})
    assert {k: made["rules"][k] for k in wanted} == wanted
    answer = lab.must("POST", "/governance/validate", {"rules": wanted})
    assert answer["valid"] is True
    if allowed is not None:
        assert sorted(answer["allowedProviders"]) == sorted(allowed)


def test_s0_33_note_about_eu_regions(lab):
    text = str(lab.must("GET", "/governance/templates"))
    assert "Verify each provider" in text and "EU region availability" in text


def test_s0_36_warning_about_warn(lab):
    answer = lab.must("POST", "/governance/validate", {"rules": TEMPLATES[4][1]})
    assert any("hard_block" in w for w in answer["warnings"]), answer["warnings"]


def test_s0_40_financial_services_template(lab):
    assert "Financial Services" in str(lab.must("GET", "/governance/templates"))


def test_s0_38_39_41_44_slot_is_selected_and_stripped(lab, fake, make):
    make(CREATE)
    fake.reset()
    status, headers, body = lab.call("POST", "/llm/v1/chat/completions", {
        "model": "claude-sonnet-4-20250514", "messages": MESSAGES, "governance_policy": 1})
    assert status == 200, body
    assert body["object"] == "chat.completion"
    sent = fake.log()
    assert len(sent) == 1
    assert "governance_policy" not in sent[0]["body"]
    assert "Analyze this patient record" in sent[0]["body"]


def test_s0_38_all_twelve_slots(lab, make, first):
    change(lab, first, {"tagSlot": None})
    for slot in range(1, 13):
        make({"name": f"Slot {slot}", "tagSlot": slot, "rules": rules(
            providerBlocklist=["openai"] if slot % 2 else ["anthropic"])})
    for slot in range(1, 13):
        status, _, body = lab.chat(model="openai/gpt-4o", governance_policy=slot)
        assert status == (403 if slot % 2 else 200), (slot, body)


def test_s0_42_default_applies_without_slot(lab, make):
    make({"name": "No OpenAI", "isDefault": True, "rules": rules(providerBlocklist=["openai"])})
    make({"name": "Open", "tagSlot": 2, "rules": rules()})
    assert lab.chat(model="openai/gpt-4o")[0] == 403
    assert lab.chat(model="openai/gpt-4o", governance_policy=2)[0] == 200


@pytest.mark.parametrize("slot", [7, 0, 13, "x", 1.5])
def test_s0_43_unknown_slot_fails_closed(lab, fake, slot):
    fake.reset()
    status, _, body = lab.chat(governance_policy=slot)
    assert status == 400, body
    if slot == 7:
        assert body["error"]["code"] == "governance_policy_not_found"
    assert fake.log() == []


def test_s0_43_inactive_slot_fails_closed(lab, fake, make):
    made = make({"name": "Off", "tagSlot": 7, "rules": rules()})
    assert change(lab, made, {"isActive": False})[0] == 200
    fake.reset()
    status, _, body = lab.chat(governance_policy=7)
    assert (status, body["error"]["code"]) == (400, "governance_policy_not_found")
    assert fake.log() == []


def test_s0_45_46_list(lab, make):
    one = make(CREATE)
    two = make({"name": "Development", "tagSlot": 2, "rules": {
        "minimumTrustTier": "trusted", "enforcement": "warn"}})
    answer = lab.must("GET", "/governance")
    found = {p["id"]: p for p in answer["policies"]}
    # Setting a new default touched no other member of the old one.
    assert found[one["id"]] == one and found[two["id"]] == two
    for member in ("id", "name", "tagSlot", "isDefault", "isActive", "rules"):
        assert member in found[two["id"]]


def test_s0_47_patch_merges_deeply(lab, make):
    one = make(CREATE)
    status, _, body = change(lab, one, {"rules": {"requireSoc2": True}})
    assert status == 200
    assert body["rules"] == {**one["rules"], "requireSoc2": True}
    assert {k: v for k, v in body.items() if k not in ("rules", "updatedAt", "version")} == \
        {k: v for k, v in one.items() if k not in ("rules", "updatedAt", "version")}
    status, _, body = change(lab, one, {"rules": {"minimumTrustTier": None}})
    assert status == 200 and "minimumTrustTier" not in body["rules"]


def test_s0_47_if_match(lab, make):
    one = make(CREATE)
    status, headers, _ = change(lab, one, {"rules": {"requireSoc2": True}}, {"if-match": '"1"'})
    assert status == 200
    status, _, body = change(lab, one, {"rules": {"requireZdr": True}}, {"if-match": '"1"'})
    assert status == 412, body
    assert lab.must("GET", "/governance/" + one["id"])["rules"]["requireZdr"] is False


def test_s0_48_50_delete_and_get(lab, make):
    two = make({"name": "Two", "rules": rules()})
    assert lab.must("GET", "/governance/" + two["id"]) == two
    status, _, body = lab.call("DELETE", "/governance/" + two["id"])
    assert (status, body) == (204, None)
    assert lab.call("GET", "/governance/" + two["id"])[0] == 404
    assert lab.call("DELETE", "/governance/" + two["id"])[0] == 404


def test_s0_49_default_cannot_be_deleted(lab, first):
    status, _, body = lab.call("DELETE", "/governance/" + first["id"])
    assert status == 409
    assert body["error"]["code"] == "CANNOT_DELETE_DEFAULT"
    assert body["error"]["message"] == \
        "You cannot delete the default policy. Set another policy as default first."
    assert first in policies(lab)


def test_s0_51_54_55_56_58_66_hard_block(lab, fake, make):
    make({"name": "Tiers", "tagSlot": 1, "rules": rules(minimumTrustTier="most_trusted")})
    fake.reset()
    status, headers, body = lab.chat(model="deepseek/deepseek-v3.2", governance_policy=1)
    assert status == 403
    error = body["error"]
    assert {k: error[k] for k in ("message", "type", "code", "violations")} == {
        "message": "Request blocked by governance policy",
        "type": "governance_blocked",
        "code": "GOVERNANCE_BLOCKED",
        "violations": [
            "Provider 'deepseek' is China-based and blocked by policy",
            "Provider 'deepseek' does not meet minimum trust tier 'most_trusted'",
        ]}
    assert headers["x-governance-decision"] == "block"
    assert fake.log() == [], "not a byte went to the provider"


def test_s0_52_soft_block_fails_and_is_logged(lab, fake, make):
    make({"name": "Soft", "tagSlot": 1, "rules": rules(enforcement="soft_block")})
    fake.reset()
    status, headers, body = lab.chat(model="deepseek/deepseek-v3.2", governance_policy=1)
    assert status == 403
    assert body["error"]["code"] == "GOVERNANCE_BLOCKED"
    assert body["error"]["enforcement"] == "soft_block"
    assert fake.log() == []
    lab.wait_shipped()
    rows = lab.rows("SELECT decision, violations::jsonb -> 0 ->> 'severity' FROM "
                    "portcullis.audit_decisions WHERE request_id = %s", headers["x-request-id"])
    assert rows == [("block", "violation")]


def test_s0_53_57_59_warn(lab, fake, make):
    make({"name": "Warn", "tagSlot": 2, "rules": rules(requireBaa=True, enforcement="warn")})
    fake.reset()
    status, headers, body = lab.chat(model="groq/llama-3.3-70b-versatile", governance_policy=2)
    assert status == 200, body
    assert headers["x-governance-violations"] == "Provider 'groq' does not have BAA available"
    assert len(fake.log()) == 1
    lab.wait_shipped()
    rows = lab.rows("SELECT decision FROM portcullis.audit_decisions WHERE request_id = %s",
                    headers["x-request-id"])
    assert rows == [("warn",)]


def test_s0_58_the_other_sentences(lab, make):
    make({"name": "All", "tagSlot": 3, "rules": rules(
        minimumTrustTier="most_trusted", requireBaa=True, requireHipaa=True, requireZdr=True,
        requireSoc2=True, providerAllowlist=["anthropic"], providerBlocklist=["deepseek"])})
    _, _, body = lab.chat(model="deepseek/deepseek-v3.2", governance_policy=3)
    got = body["error"]["violations"]
    for ending in ("does not support zero data retention", "is not HIPAA compliant",
                   "does not have SOC 2 Type II certification", "does not have BAA available",
                   "is in the provider blocklist"):
        assert f"Provider 'deepseek' {ending}" in got, got
    _, _, body = lab.chat(model="groq/llama-3.3-70b-versatile", governance_policy=3)
    assert "Provider 'groq' is not in the provider allowlist" in body["error"]["violations"]


def test_s0_60_61_62_63_64_validate(lab):
    before = policies(lab)
    answer = lab.must("POST", "/governance/validate", {"rules": {
        "minimumTrustTier": "most_trusted", "requireHipaa": True, "requireBaa": True}})
    assert list(answer)[:4] == ["valid", "allowedProviders", "blockedProviders", "warnings"]
    assert answer["valid"] is True
    assert answer["allowedProviders"] == MOST_TRUSTED
    assert answer["warnings"] == []
    blocked = {b["slug"]: b["reason"] for b in answer["blockedProviders"]}
    assert blocked["groq"] == "BAA not available"
    assert blocked["deepseek"] == "China-based provider"
    order = [b["slug"] for b in answer["blockedProviders"]]
    assert order.index("groq") < order.index("deepseek")
    assert policies(lab) == before, "nothing was created"


def test_s0_65_unsatisfiable_is_not_valid(lab):
    answer = lab.must("POST", "/governance/validate", {"rules": rules(
        providerAllowlist=["deepseek"])})
    assert (answer["valid"], answer["allowedProviders"]) == (False, [])


def test_s0_65_unknown_provider_is_named(lab):
    answer = lab.must("POST", "/governance/validate", {"rules": rules(
        providerBlocklist=["opnai"])})
    assert answer["valid"] is True and "opnai" in str(answer["warnings"])
    answer = lab.must("POST", "/governance/validate", {"rules": rules(
        providerAllowlist=["opnai"])})
    assert answer["valid"] is False and "opnai" in str(answer["warnings"])
    # To store it is another matter.
    status, _, answer = lab.call("POST", "/governance", {"name": "x", "rules": rules(
        providerBlocklist=["opnai"])})
    assert (status, answer["error"]["param"]) == (400, "/rules/providerBlocklist/0")
