# SPDX-License-Identifier: Apache-2.0
"""Every sentence of the provider compliance document against a running gateway. Lines that state
facts about code rather than behaviour over the wire are proven by unit tests as well:

  S3-4        policy/providers_test.c (unknown is non-compliant, every attribute)
  S3-7..12    codec/compliance_test.c (each toggle alone), policy/providers_test.c
  S3-19       route/catalog_test.c (published metadata), here GET /v1/providers
  S3-22, 25   test_seeds_s0.py (allow-lists), here test_s3_21_22_25
  S3-23       the audit log: test_live_updates.py, test_outage.py
"""
import json

import pytest

from lab import Lab

TOGGLES = ["requireSoc2", "requireIso27001", "requireSoc2OrIso27001", "requireGdpr",
           "requireNoTraining", "requireNoLogging"]
STRICT = {"enabled": True, "requireSoc2OrIso27001": True, "requireGdpr": True,
          "requireNoTraining": True}


@pytest.fixture(scope="module")
def lab(build_dir, database_url, fake, tmp_path_factory):
    made = Lab(build_dir, database_url, tmp_path_factory.mktemp("s3"), fake)
    # Only the compliance policy shall speak: the default demands nothing.
    for policy in made.must("GET", "/governance")["policies"]:
        if policy["isDefault"]:
            made.must("PATCH", "/governance/" + policy["id"], {"rules": {
                "minimumTrustTier": None, "blockChinaProviders": False, "requireHipaa": False,
                "requireBaa": False}})
        else:
            made.must("DELETE", "/governance/" + policy["id"])
    yield made
    made.stop()


def put(lab, toggles, key=None):
    return lab.call("PUT", "/v1/compliance/policy", toggles, key=key, headers={"prefer": "wait=5"})


@pytest.fixture
def policy(lab, fake):
    def enable(**toggles):
        status, _, body = put(lab, {"enabled": True, **toggles})
        assert status == 200, body
        fake.reset()
        return body
    fake.reset()
    yield enable
    assert put(lab, {"enabled": False})[0] == 200


def catalogue(lab):
    answer = lab.must("GET", "/v1/providers")
    return answer[next(n for n in ("providers", "data", "items") if n in answer)]


def events(lab):
    answer = lab.must("GET", "/v1/security-events")
    return answer[next(n for n in ("security_events", "events", "data", "items") if n in answer)]


def test_s3_15_20_27_put_and_get(lab, policy):
    body = policy(requireSoc2=True)
    assert body["enabled"] is True and body["requireSoc2"] is True
    assert all(body[name] is False for name in TOGGLES if name != "requireSoc2")
    assert lab.must("GET", "/v1/compliance/policy") == body
    assert put(lab, {"enabled": True, "requireGdpr": True}, lab.keys["admin"])[0] == 200
    assert lab.must("GET", "/v1/compliance/policy")["requireGdpr"] is True


@pytest.mark.parametrize("role", ["developer", "production", "auditor"])
def test_s3_20_only_owner_and_admin(lab, policy, role):
    before = policy(requireSoc2=True)
    status, _, body = put(lab, {"enabled": False}, lab.keys[role])
    assert status == 403, body
    assert lab.must("GET", "/v1/compliance/policy") == before


def test_s3_20_typing_error_changes_nothing(lab, policy):
    before = policy(requireSoc2=True)
    status, _, body = put(lab, {"enabled": True, "requireSOC2": True})
    assert (status, body["error"]["param"]) == (400, "/requireSOC2")
    assert lab.must("GET", "/v1/compliance/policy") == before


def test_s3_03_14_18_24_26_pinned_is_403_before_any_byte(lab, fake, policy):
    policy(**{k: v for k, v in STRICT.items() if k != "enabled"})
    status, headers, body = lab.chat("secret words", model="deepseek/deepseek-v3.2")
    assert status == 403
    assert body["error"]["message"].startswith(
        "This request was blocked by your organization's provider compliance policy. No available "
        "provider for deepseek-v3.2 meets the required certifications.")
    assert body["error"]["code"] == "GOVERNANCE_BLOCKED"
    assert body["error"]["violations"], "which requirement was not met"
    assert all("deepseek" in v for v in body["error"]["violations"])
    assert headers["x-governance-decision"] == "block"
    assert fake.log() == []
    # The two that asked: log and stats.
    assert fake.control("/__stats")["connections"] == 2, "not even a connection"


@pytest.mark.parametrize("path,body", [
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}], "stream": True}),
    ("/llm/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}]}),
    ("/v1/responses", {"input": "x"}),
    ("/v1/messages", {"messages": [{"role": "user", "content": "x"}], "max_tokens": 5}),
    ("/v1/completions", {"prompt": "x"}),
], ids=["chat", "stream", "llm", "responses", "messages", "completions"])
def test_s3_01_13_17_every_endpoint(lab, fake, policy, path, body):
    policy(requireSoc2=True)
    status, _, answer = lab.call("POST", path, {"model": "deepseek/deepseek-v3.2", **body},
                                 lab.keys["production"])
    assert status == 403, answer
    assert "compliance policy" in json.dumps(answer)
    assert fake.log() == []


def test_s3_01_every_request_anew(lab, fake, policy):
    """The same request on the same key, as the policy goes on, off and on."""
    for is_on in (True, False, True):
        assert put(lab, {"enabled": is_on, "requireSoc2": True})[0] == 200
        status, _, _ = lab.chat(model="deepseek/deepseek-v3.2")
        assert status == (403 if is_on else 200)


def test_s3_02_removed_from_automatic_routing(lab, fake, policy):
    """Two configured providers serve this model. GDPR is published for one, stated for neither or
    for the other by the organisation: the request goes where the policy lets it, or nowhere."""
    model = "zai-org/GLM-5"
    policy(requireGdpr=True)
    assert provider_of(lab, model) == "deepinfra"
    not_deepinfra = attest(lab, "deepinfra", "gdpr", False)
    status, _, body = lab.chat(model=model)
    assert status == 403 and "compliance policy" in body["error"]["message"], body
    together = attest(lab, "together", "gdpr", True)
    assert provider_of(lab, model) == "together"
    # Back to what is published.
    for made in (together, not_deepinfra):
        status, _, body = lab.call("DELETE", "/v1/attestations/" + made,
                                   headers={"prefer": "wait=5"})
        assert status == 204, body
    assert provider_of(lab, model) == "deepinfra"
    assert len(fake.log()) == 3, "the blocked one was sent nowhere"


def test_s3_02_14_what_other_people_could_use_is_no_way_out(lab, fake, policy):
    """The catalogue knows compliant providers of this model, the organisation has none of them: the
    policy took away the only one there is, so it is the policy that refuses, and it is recorded."""
    policy(requireSoc2=True)
    status, headers, body = lab.chat(model="deepseek-v3.2")
    assert status == 403, body
    assert "No available provider for deepseek-v3.2 meets" in body["error"]["message"]
    assert all("'deepseek'" in v for v in body["error"]["violations"])
    assert fake.log() == []
    lab.wait_shipped()
    event = lab.must("GET", "/v1/security-events?limit=1")["data"][0]
    assert event["request_id"] == headers["x-request-id"] and event["provider"] == "deepseek"
    assert event["policy_id"].startswith("pol_")
    assert all(v["policy_id"].startswith("pol_") for v in event["violations"])
    assert lab.call("GET", "/v1/policies/" + event["policy_id"])[0] == 200
    asked = lab.must("POST", "/v1/evaluate", {"model": "deepseek-v3.2"})
    assert asked["decision"] == "block" and asked["request_id"].startswith("req_")


def provider_of(lab, model):
    status, headers, body = lab.chat(model=model)
    assert status == 200, body
    return headers["x-portcullis-provider"]


def attest(lab, provider, attribute, value):
    status, _, body = lab.call("POST", "/v1/attestations", {
        "provider": provider, "attribute": attribute, "value": value}, headers={"prefer": "wait=5"})
    assert status == 201, body
    return body["id"]


def test_s3_04_unknown_is_not_compliant(lab, policy):
    policy(requireGdpr=True)
    blocked = {b["slug"] for b in lab.must("GET", "/v1/compliance/preview")["blockedProviders"]}
    assert {"deepseek", "custom", "cohere", "openrouter"} <= blocked
    for slug in ("deepseek", "custom"):
        assert slug not in lab.must("GET", "/v1/compliance/preview")["allowedProviders"]


def test_s3_05_16_preview_is_exact(lab, fake, policy):
    """What the preview calls blocked is refused, what it calls allowed is not refused by it."""
    policy(requireSoc2OrIso27001=True, requireGdpr=True, requireNoTraining=True)
    preview = lab.must("GET", "/v1/compliance/preview")
    allowed = set(preview["allowedProviders"])
    blocked = {b["slug"]: b for b in preview["blockedProviders"]}
    assert allowed.isdisjoint(blocked)
    assert len(allowed) + len(blocked) == len(catalogue(lab))
    assert all(b["reason"] for b in blocked.values())
    for model in ("openai/gpt-4o", "anthropic/claude-sonnet-4-20250514", "deepseek/deepseek-v3.2",
                  "groq/llama-3.3-70b-versatile", "mistral/mistral-large-latest"):
        status, _, body = lab.chat(model=model)
        slug = model.split("/")[0]
        assert (status == 403) == (slug in blocked), (model, status, body)


def test_s3_05_draft_preview_changes_nothing(lab, policy):
    before = policy(requireSoc2=True)
    answer = lab.must("POST", "/v1/compliance/preview", {"enabled": True, "requireNoLogging": True})
    assert "openai" not in answer["allowedProviders"]  # published: prompts are kept 30 days
    assert "bedrock" in answer["allowedProviders"]
    assert lab.must("GET", "/v1/compliance/policy") == before


@pytest.mark.parametrize("toggle", TOGGLES)
def test_s3_07_to_12_each_requirement(lab, toggle):
    answer = lab.must("POST", "/v1/compliance/preview", {"enabled": True, toggle: True})
    assert "deepseek" not in answer["allowedProviders"]
    assert "bedrock" in answer["allowedProviders"]


def test_s3_09_either_is_weaker_than_each(lab):
    def allowed(**toggles):
        return set(lab.must("POST", "/v1/compliance/preview",
                            {"enabled": True, **toggles})["allowedProviders"])
    either = allowed(requireSoc2OrIso27001=True)
    assert either == allowed(requireSoc2=True) | allowed(requireIso27001=True)


def test_s3_06_security_event(lab, policy):
    policy(requireSoc2=True)
    status, headers, _ = lab.chat(model="deepseek/deepseek-v3.2", key=lab.keys["developer"])
    assert status == 403
    lab.wait_shipped()
    found = [e for e in events(lab) if e["request_id"] == headers["x-request-id"]]
    assert len(found) == 1
    event = found[0]
    assert event["model_requested"] == "deepseek/deepseek-v3.2"
    assert event["user"] == "dev@acme.com"
    assert event["policy"] == "Provider compliance"
    assert "deepseek" in json.dumps(event["violations"]) and event["reason"]
    assert event["status"] == 403
    assert lab.call("GET", "/v1/security-events", key=lab.keys["auditor"])[0] == 200
    assert lab.call("GET", "/v1/security-events", key=lab.keys["developer"])[0] == 403


def test_s3_06_18_events_of_automatic_routing(lab, fake, policy):
    """No provider of this model has published a GDPR statement; nobody pinned one."""
    policy(requireGdpr=True)
    not_deepinfra = attest(lab, "deepinfra", "gdpr", False)
    status, headers, body = lab.chat(model="zai-org/GLM-5")
    lab.must("DELETE", "/v1/attestations/" + not_deepinfra)
    assert status == 403, body
    assert fake.log() == []
    lab.wait_shipped()
    assert headers["x-request-id"] in {e["request_id"] for e in events(lab)}


def test_s3_19_published_metadata(lab):
    providers = catalogue(lab)
    assert len(providers) > 10
    for attribute in ("soc2", "iso27001", "gdpr", "no_training", "no_logging"):
        assert attribute in json.dumps(providers[0]), providers[0]


def test_s3_21_22_25_all_projects(lab, fake, policy):
    """A slot of a project's key, or a more generous policy, does not switch it off."""
    policy(requireSoc2=True)
    status, _, key = lab.call("POST", "/v1/keys", {
        "name": "project", "scopes": ["call"], "project": "assistant",
        "environment": "development"}, headers={"prefer": "wait=5"})
    assert status == 201, key
    assert lab.chat(model="deepseek/deepseek-v3.2", key=key["key"])[0] == 403
    status, _, made = lab.call("POST", "/governance", {
        "name": "Generous", "tagSlot": 9, "rules": {"blockChinaProviders": False,
                                                    "providerAllowlist": ["deepseek"],
                                                    "enforcement": "warn"}},
        headers={"prefer": "wait=5"})
    assert status == 201, made
    status, _, body = lab.chat(model="deepseek/deepseek-v3.2", key=key["key"], governance_policy=9)
    lab.must("DELETE", "/governance/" + made["id"])
    assert status == 403, body
    assert fake.log() == []
