# SPDX-License-Identifier: Apache-2.0
"""Rows that were tampered with are not enforced, and nobody is told that they are: the last good
policies stay in force, a write of that organisation that waits names the gateway that is behind,
and another organisation's waits are answered as ever."""
import json

import psycopg
import pytest

from lab import Lab, wait_until

RULES = [{"key": "models", "type": "model_list", "effect": "block", "stage": "select",
          "params": {"allow": ["gpt-4o"]}}]


@pytest.fixture
def lab(build_dir, database_url, fake, tmp_path):
    made = Lab(build_dir, database_url, tmp_path, fake)
    made.open_up()
    yield made
    made.stop()


def write(lab, name, key=None):
    status, headers, body = lab.call("POST", "/v1/policies", {
        "name": name, "scope": {"level": "org"}, "rules": RULES}, key, {"Prefer": "wait=2"})
    assert status == 201, body
    return headers, body


def other_org(lab):
    """A key of the owner of another organisation."""
    lab.run("org", "create", "other", "org_other")
    made = lab.run("key", "create", "first", "role=owner", 'scopes=["call","manage"]',
                   "--org", "org_other")
    return json.loads(made)["key"]


def tamper(lab, core, change):
    """As somebody does who owns the database: past the trigger that keeps versions as they are."""
    with psycopg.connect(lab.database_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        done = connection.execute(
            f"UPDATE portcullis.policy_versions SET body = {change}, "
            f"sha256 = sha256(convert_to({change}, 'UTF8')) WHERE policy_id = %s", (core,))
        assert done.rowcount == 1


def test_a_wait_is_not_answered_for_what_is_not_enforced(lab):
    headers, policy = write(lab, "first")
    assert headers["preference-applied"] == "wait"
    core = policy["id"].split("_", 1)[1]
    stranger = other_org(lab)
    tamper(lab, core, "replace(body, 'model_list', 'model_lisp')")
    headers, _ = write(lab, "second")
    assert write(lab, "theirs", stranger)[0]["preference-applied"] == "wait"
    assert "preference-applied" not in headers
    node = headers["portcullis-not-enforced-by"]
    assert lab.metric("portcullis_policy_orgs_behind") == 1
    nodes = lab.must("GET", "/v1/nodes")
    listed = nodes[next(n for n in ("nodes", "data", "items") if n in nodes)]
    assert [n["is_current"] for n in listed if n["id"] == node] == [False]
    assert lab.chat(model="gpt-4o-mini")[0] == 403, "the last good policies stay in force"
    assert any('"event":"policy_not_compiled"' in line for line in lab.lines)
    # Mended, it is taken over with the next change.
    tamper(lab, core, "replace(body, 'model_lisp', 'model_list')")
    headers, _ = write(lab, "third")
    assert headers["preference-applied"] == "wait"
    wait_until(lambda: lab.metric("portcullis_policy_orgs_behind") == 0, "it is current again")
