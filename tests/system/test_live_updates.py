# SPDX-License-Identifier: Apache-2.0
"""A policy is changed again and again under load. No request fails, every decision is the one of
the policy version in force at the epoch it names, and nothing begun after a change was
acknowledged (Prefer: wait) is decided by what was before.

PORTCULLIS_FLIPS: how many changes (100).
"""
import json
import os
import time

import pytest

from lab import Lab, Load, chat_bytes, milliseconds

FLIPS = int(os.environ.get("PORTCULLIS_FLIPS", "100"))


@pytest.fixture
def lab(build_dir, database_url, fake, tmp_path):
    made = Lab(build_dir, database_url, tmp_path, fake)
    yield made
    made.stop()


def rules(model):
    return {"rules": [{"key": "models", "type": "model_list", "effect": "block",
                       "stage": "select", "params": {"block": [model]}}]}


class History:
    """What was in force from which epoch on; the last row at or below an epoch counts."""

    def __init__(self):
        self.rows = []

    def add(self, epoch, is_blocked, version):
        assert not self.rows or epoch > self.rows[-1][0], "epochs grow"
        self.rows.append((epoch, is_blocked, version))

    def at(self, epoch):
        found = [row for row in self.rows if row[0] <= epoch]
        assert found, f"epoch {epoch} is older than the first change"
        return found[-1]


def flip(lab, policy, is_blocked):
    """(epoch, version, when it was acknowledged, how long that took)."""
    begun = time.monotonic()
    status, headers, body = lab.call("PATCH", "/v1/policies/" + policy,
                                     rules("gpt-4o" if is_blocked else "gpt-3.5-turbo"),
                                     headers={"prefer": "wait=5"})
    acknowledged = time.monotonic()
    assert status == 200, body
    assert headers.get("preference-applied") == "wait", headers
    return int(headers["portcullis-epoch"]), body["version"], acknowledged, acknowledged - begun


def test_flips_under_load(lab, fake):
    status, _, body = lab.call("POST", "/v1/policies", {
        "name": "flip", "scope": {"level": "org"}, **rules("gpt-3.5-turbo")})
    assert status == 201, body
    policy = body["id"]
    history = History()
    acknowledged, took = [], []
    epoch, version, at, _ = flip(lab, policy, False)
    history.add(epoch, False, version)
    acknowledged.append((at, epoch))
    with Load(lab.port, [("chat", chat_bytes(lab.keys["production"]))], 16) as load:
        for i in range(FLIPS):
            is_blocked = i % 2 == 0
            epoch, version, at, duration = flip(lab, policy, is_blocked)
            history.add(epoch, is_blocked, version)
            acknowledged.append((at, epoch))
            took.append(duration)
    check_answers(load.answers, history, acknowledged)
    print(f"\nflips {FLIPS}, requests {len(load.answers)}, "
          f"allowed {sum(a.status == 200 for a in load.answers)}, "
          f"blocked {sum(a.status == 403 for a in load.answers)}")
    print("change sent to enforced everywhere: " + milliseconds(took))
    print("change sent to first decision under it: " +
          milliseconds(first_seen(load.answers, acknowledged, took)))
    print("request: " + milliseconds([a.ended - a.begun for a in load.answers]))
    check_records(lab, load.answers, history, policy)


def check_answers(answers, history, acknowledged):
    wrong = [a for a in answers if a.status not in (200, 403)]
    assert not wrong, (len(wrong), wrong[0].status, wrong[0].body)
    for a in answers:
        if a.status == 403:
            assert json.loads(a.body)["error"]["code"] == "GOVERNANCE_BLOCKED"
        _, is_blocked, _ = history.at(a.epoch)
        assert (a.status == 403) == is_blocked, (a.status, a.epoch)
    turn = 0
    for a in sorted(answers, key=lambda a: a.begun):
        while turn < len(acknowledged) and acknowledged[turn][0] <= a.begun:
            turn += 1
        assert turn == 0 or a.epoch >= acknowledged[turn - 1][1], \
            f"begun after epoch {acknowledged[turn - 1][1]} was acknowledged, decided by {a.epoch}"


def first_seen(answers, acknowledged, took):
    """From sending each change to the end of the first request it decided."""
    ends = {}
    for a in answers:
        ends[a.epoch] = min(ends.get(a.epoch, a.ended), a.ended)
    return [ends[epoch] - (at - duration)
            for (at, epoch), duration in zip(acknowledged[1:], took) if epoch in ends]


def check_records(lab, answers, history, policy):
    """The audit rows say the same, with the version that decided."""
    lab.wait_shipped()
    rows = {row[0]: row[1:] for row in lab.rows(
        "SELECT request_id, decision, epoch, policy_id, policy_version, status "
        "FROM portcullis.audit_decisions WHERE model_requested = 'gpt-4o'")}
    for a in answers:
        assert a.request_id in rows, "an answer without a record"
        decision, epoch, policy_id, version, _ = rows[a.request_id]
        _, is_blocked, expected = history.at(epoch)
        assert epoch == a.epoch
        assert decision == ("block" if is_blocked else "allow")
        if is_blocked:
            assert (policy_id, version) == (policy.partition("_")[2], expected)
    print(f"audit rows compared: {len(answers)}")
