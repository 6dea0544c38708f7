# SPDX-License-Identifier: Apache-2.0
"""Two gateways on one database: what one of them is told, both do; and a change that was waited
for names the one that has not followed."""
import json
import signal
import time

import pytest

from lab import Lab, Load, chat_bytes, milliseconds, wait_until

ROUNDS = 10


@pytest.fixture(scope="module")
def pair(build_dir, database_url, fake, tmp_path_factory):
    one = Lab(build_dir, database_url, tmp_path_factory.mktemp("one"), fake)
    two = one.twin(tmp_path_factory.mktemp("two"))
    wait_until(lambda: sum(n["is_live"] for n in nodes(one)) == 2, "both are known to be alive")
    yield one, two
    two.process.send_signal(signal.SIGCONT)
    assert two.end() == 0
    one.stop()


def nodes(lab):
    answer = lab.must("GET", "/v1/nodes")
    return answer[next(n for n in ("nodes", "data", "items") if n in answer)]


def make_key(lab, name):
    status, headers, key = lab.call("POST", "/v1/keys", {
        "name": name, "scopes": ["call"], "environment": "production"},
        headers={"prefer": "wait=5"})
    assert status == 201, key
    assert headers.get("preference-applied") == "wait", headers
    return key


def test_new_key_is_good_on_both(pair):
    for i in range(ROUNDS):
        key = make_key(pair[i % 2], f"new-{i}")
        assert [lab.chat(key=key["key"])[0] for lab in pair] == [200, 200]


def test_revoked_key_is_refused_on_both(pair):
    """The acknowledgement of a waited-for revocation comes after both refuse; without waiting,
    the delay until both do is measured under load."""
    took = []
    for i in range(ROUNDS):
        one, two = pair if i % 2 == 0 else pair[::-1]
        key = make_key(one, f"revoked-{i}")
        request = [("key", chat_bytes(key["key"]))]
        with Load(one.port, request, 4) as here, Load(two.port, request, 4) as there:
            begun = time.monotonic()
            status, headers, body = one.call("DELETE", "/v1/keys/" + key["id"],
                                             headers={"prefer": "wait=5"})
            acknowledged = time.monotonic()
            assert status == 204, body
            assert headers.get("preference-applied") == "wait", headers
            wait_until(lambda: all(load.answers[-1].begun > acknowledged
                                   for load in (here, there)), "requests after it")
        for load in (here, there):
            assert {a.status for a in load.answers} == {200, 401}
            late = [a for a in load.answers if a.begun >= acknowledged and a.status != 401]
            assert not late, f"{len(late)} admitted after the acknowledgement"
            took.append(max(a.begun for a in load.answers if a.status == 200) - begun)
    print("\nrevocation sent to last request admitted anywhere: " +
          milliseconds([max(t, 0) for t in took]))


def test_policy_change_is_seen_on_both(pair):
    took = []
    policy = pair[0].must("POST", "/v1/policies", {
        "name": "both", "scope": {"level": "org"}, "rules": [block("gpt-3.5-turbo")]})["id"]
    for i in range(ROUNDS):
        one, two = pair if i % 2 == 0 else pair[::-1]
        is_blocked = i % 2 == 0
        begun = time.monotonic()
        status, headers, body = one.call(
            "PATCH", "/v1/policies/" + policy,
            {"rules": [block("gpt-4o" if is_blocked else "gpt-3.5-turbo")]},
            headers={"prefer": "wait=5"})
        took.append(time.monotonic() - begun)
        assert status == 200 and headers.get("preference-applied") == "wait", (body, headers)
        for lab in (one, two):
            status, answer, _ = lab.chat()
            assert status == (403 if is_blocked else 200)
            assert int(answer["portcullis-epoch"]) >= int(headers["portcullis-epoch"])
    pair[0].must("DELETE", "/v1/policies/" + policy)
    print("\nchange sent to enforced by both: " + milliseconds(took))


def block(model):
    return {"key": "models", "type": "model_list", "effect": "block", "stage": "select",
            "params": {"block": [model]}}


def test_wait_names_the_laggard(pair):
    one, two = pair
    frozen = next(n["id"] for n in nodes(one) if n["id"] == two_name(two))
    two.process.send_signal(signal.SIGSTOP)
    try:
        status, headers, body = one.call("PATCH", "/v1/orgs/org_acme", {"name": "Acme Inc"},
                                         headers={"prefer": "wait=1"})
        assert status == 200, body
        assert "preference-applied" not in headers
        assert headers["portcullis-not-enforced-by"] == frozen
        assert one.chat()[0] == 200, "the other one goes on"
    finally:
        two.process.send_signal(signal.SIGCONT)
    epoch = int(headers["portcullis-epoch"])
    wait_until(lambda: two.metric("portcullis_policy_snapshot_version") >= epoch,
               "it catches up when it wakes")
    status, headers, _ = one.call("PATCH", "/v1/orgs/org_acme", {"name": "Acme"},
                                  headers={"prefer": "wait=5"})
    assert status == 200 and headers.get("preference-applied") == "wait"


def two_name(lab):
    """As its own log calls it."""
    return json.loads(next(line for line in lab.lines if '"ready"' in line))["node"]


def test_one_leaves_and_the_other_stays(pair):
    one, two = pair
    gone = two_name(two)
    assert two.end() == 0
    wait_until(lambda: all(n["id"] != gone or not n["is_live"] for n in nodes(one)),
               "a node that left is not waited for")
    status, headers, _ = one.call("PATCH", "/v1/orgs/org_acme", {"name": "Acme"},
                                  headers={"prefer": "wait=5"})
    assert status == 200 and headers.get("preference-applied") == "wait"
    two.start()
    assert two.chat()[0] == 200
