# SPDX-License-Identifier: Apache-2.0
"""A change that waits until every gateway enforces it, while one of them goes: the answer is clear
and comes in time, and what it says is what is stored.
"""
import http.client
import signal
import threading
import time

import pytest

from lab import Lab, wait_until
from test_two_gateways import nodes, two_name


@pytest.fixture
def lab(build_dir, database_url, fake, tmp_path):
    made = Lab(build_dir, database_url, tmp_path, fake, {"drain_s": 5})
    made.policy = "/v1/policies/" + made.must("POST", "/v1/policies", {
        "name": "old", "scope": {"level": "org"}, "rules": []})["id"]
    yield made
    if made.process.poll() is None:
        made.stop()
    else:
        made.drop()


class Change(threading.Thread):
    """PATCH of the policy's name, in a thread: .answer is (status, headers, body), or the error."""

    def __init__(self, lab, name, seconds):
        super().__init__(daemon=True)
        self.lab = lab
        self.name_given = name
        self.seconds = seconds
        self.answer = None
        self.start()
        wait_until(lambda: lab.rows("SELECT FROM portcullis.policies WHERE name = %s", name),
                   "the change is stored")
        self.begun = time.monotonic()

    def run(self):
        try:
            self.answer = self.lab.call("PATCH", self.lab.policy, {"name": self.name_given},
                                        headers={"prefer": f"wait={self.seconds}",
                                                 "if-match": '"1"'})
        except (OSError, http.client.HTTPException) as e:
            self.answer = e

    def wait(self):
        """How long it took from when it was stored; the number is only when to give up."""
        self.join(60)
        assert not self.is_alive(), "no answer ever came"
        return time.monotonic() - self.begun


def never(lab):
    """A gateway that is alive and follows nothing."""
    lab.rows("INSERT INTO portcullis.nodes (id, epoch, seen_at) "
             "VALUES ('ghost', 0, now() + interval '1 hour') RETURNING id")


def test_a_gateway_that_stops_answers_first(lab):
    never(lab)
    change = Change(lab, "new", 30)
    assert change.is_alive()
    lab.process.send_signal(signal.SIGTERM)
    took = change.wait()
    status, headers, body = change.answer
    assert (status, body["name"], headers["etag"]) == (200, "new", '"2"')
    assert headers["portcullis-not-enforced-by"] in ("ghost", two_name(lab))
    assert "preference-applied" not in headers
    assert lab.process.wait(60) == 0
    print(f"\nSIGTERM to the answer: {took:.3f} s")
    lab.start()
    assert lab.must("GET", lab.policy)["name"] == "new"


def test_without_time_to_drain_nothing_is_half_done(lab):
    lab.end()
    lab.settings["drain_s"] = 0
    lab.start()
    never(lab)
    change = Change(lab, "new", 30)
    lab.process.send_signal(signal.SIGTERM)
    change.wait()
    assert lab.process.wait(60) == 0
    if isinstance(change.answer, tuple):
        assert change.answer[0] == 200 and "portcullis-not-enforced-by" in change.answer[1]
    assert_told_by_the_version(lab)


def test_a_gateway_that_is_killed_leaves_the_version_to_tell(lab):
    never(lab)
    change = Change(lab, "new", 30)
    lab.end(signal.SIGKILL)
    change.wait()
    assert isinstance(change.answer, Exception), change.answer
    assert_told_by_the_version(lab)


def assert_told_by_the_version(lab):
    """The client without an answer asks again with the version it knew: nothing is done twice."""
    lab.start()
    status, _, answer = lab.call("PATCH", lab.policy, {"name": "new"}, headers={"if-match": '"1"'})
    assert (status, answer["error"]["code"]) == (412, "version_mismatch")
    assert lab.must("GET", lab.policy)["name"] == "new"
    assert len(lab.must("GET", lab.policy + "/versions")["data"]) == 2


def test_another_gateway_that_dies_is_named_then_forgotten(lab, tmp_path_factory):
    two = lab.twin(tmp_path_factory.mktemp("two"))
    wait_until(lambda: sum(n["is_live"] for n in nodes(lab)) == 2, "both are known to be alive")
    two.end(signal.SIGKILL)
    change = Change(lab, "new", 1)
    change.wait()
    status, headers, _ = change.answer
    assert (status, headers["portcullis-not-enforced-by"]) == (200, two_name(two))
    # It reports no more, so its lease ends (15 s), within the longest wait.
    status, headers, _ = lab.call("PATCH", lab.policy, {"name": "newer"},
                                  headers={"prefer": "wait=30"})
    assert (status, headers.get("preference-applied")) == (200, "wait"), headers
    assert [n["id"] for n in nodes(lab) if n["is_live"]] == [two_name(lab)]
