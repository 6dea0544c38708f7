# SPDX-License-Identifier: Apache-2.0
"""The database stops, is killed, freezes; the gateway is killed: under load, and afterwards the
records are complete. Known keys go on, an unknown one is refused all the time, and every request
that was answered, or that a provider saw, has exactly one decision and one outcome.

PORTCULLIS_OUTAGE_S: how long each outage lasts (2).
"""
import collections
import json
import os
import signal
import time

import pytest

from lab import (Lab, Load, Outage, assert_recorded, chat_bytes, milliseconds, recorded, waits,
                 wait_until)

OUTAGE_S = float(os.environ.get("PORTCULLIS_OUTAGE_S", "2"))
# The provider remembers what it saw, so the load is bounded by a pause.
PAUSE_S = 0.02


@pytest.fixture
def postgres():
    made = Outage()
    yield made
    made.thaw()
    made.stop()


@pytest.fixture
def lab(build_dir, fake, tmp_path, postgres):
    made = Lab(build_dir, postgres.url, tmp_path, fake, {"audit": {"segment_mib": 4}})
    fake.reset()
    yield made
    made.stop()


def mixture(lab):
    """Three known keys and one that was never issued, well formed."""
    unknown = lab.keys["production"]
    unknown = unknown[:12] + ("A" if unknown[12] != "A" else "B") + unknown[13:]
    return [("known", chat_bytes(lab.keys["production"])),
            ("known", chat_bytes(lab.keys["owner"])),
            ("unknown", chat_bytes(unknown)),
            ("blocked", chat_bytes(lab.keys["production"], "deepseek/deepseek-v3.2"))]


WANTED = {"known": 200, "unknown": 401, "blocked": 403}


def assert_decided(answers):
    wrong = collections.Counter((a.tag, a.status) for a in answers if a.status != WANTED[a.tag])
    assert not wrong, wrong
    assert {a.tag for a in answers} == set(WANTED)


def outage(lab, postgres, begin, end):
    """The answers of before, during and after."""
    with Load(lab.port, mixture(lab), 16, PAUSE_S) as load:
        before = lab.lag()
        begin()
        begun = time.monotonic()
        wait_until(lambda: lab.metric("portcullis_db_up") == 0 or
                   time.monotonic() - begun > 2 * OUTAGE_S, "the outage is noticed")
        time.sleep(max(0, OUTAGE_S - (time.monotonic() - begun)))
        ready = lab.get("/readyz")[0]
        ended = time.monotonic()
        end()
        wait_until(lambda: lab.metric("portcullis_db_up") == 1, "the database is back")
        back = time.monotonic()
        after = lab.lag()
    assert ready == 200, "with policies known, requests are welcome"
    during = [a for a in load.answers if begun <= a.begun and a.ended <= ended]
    assert_decided(load.answers)
    assert_decided(during)
    print(f"\nanswered {len(load.answers)}, of these {len(during)} in {ended - begun:.1f} s of "
          f"outage; database back after {back - ended:.2f} s")
    print("request in the outage: " + milliseconds([a.ended - a.begun for a in during]))
    lag_s = lab.metric("portcullis_loop_lag_max_seconds")
    print(f"loop lag: {waits(before, after)}; worst since the start {lag_s * 1000:.1f} ms")
    return load.answers


def check_records(lab, fake, answers):
    lab.wait_shipped()
    seen, forwarded, rows = assert_recorded(lab, [a for a in answers if a.tag != "unknown"],
                                            fake.log())
    assert lab.rows("SELECT count(*) FROM portcullis.audit_quarantine") == [(0,)]
    print(f"records: {seen} answered, {forwarded} forwarded, {rows} in the database")


def test_stopped(lab, fake, postgres):
    answers = outage(lab, postgres, postgres.halt, postgres.resume)
    check_records(lab, fake, answers)


def test_killed(lab, fake, postgres):
    answers = outage(lab, postgres, postgres.kill, postgres.resume)
    check_records(lab, fake, answers)


def test_frozen(lab, fake, postgres):
    answers = outage(lab, postgres, postgres.freeze, postgres.thaw)
    check_records(lab, fake, answers)


def test_changes_during_an_outage_are_refused_and_later_work(lab, postgres):
    """A write is refused with 503, and changes nothing; reads of documents still work."""
    postgres.halt()
    status, headers, body = lab.call("POST", "/governance", {"name": "Lost", "rules": {}})
    assert status == 503 and body["error"]["code"] == "database_unavailable", body
    assert "retry-after" in headers
    assert lab.get("/openapi.json")[0] == 200
    postgres.resume()
    wait_until(lambda: lab.call("GET", "/governance")[0] == 200, "the database is back")
    assert "Lost" not in [p["name"] for p in lab.must("GET", "/governance")["policies"]]


def test_start_without_database_fails_closed(lab, postgres):
    """A gateway that starts with no database and no copy on disk admits nobody."""
    assert lab.end() == 0
    postgres.halt()
    snapshot = os.path.join(lab.directory, "state", "snapshot")
    if os.path.exists(snapshot):
        os.unlink(snapshot)
    lab.start()
    assert lab.get("/healthz")[0] == 200
    assert lab.get("/readyz")[0] == 503
    assert lab.chat()[0] in (401, 503)
    postgres.resume()
    wait_until(lambda: lab.get("/readyz")[0] == 200, "ready once the database answers")
    assert lab.chat()[0] == 200


def test_gateway_killed(lab, fake, postgres):
    """kill -9 in the middle of it all; a restart in the same state folder accounts for what was
    under way: outcome 'unknown' where nobody can know."""
    requests = mixture(lab) + [("known", chat_bytes(lab.keys["production"],
                                                    text="[[fake:delay=200]]"))]
    load = Load(lab.port, requests, 16, PAUSE_S)
    with load:
        time.sleep(OUTAGE_S)
        lab.end(signal.SIGKILL)
        load.finish()
    answers = [a for a in load.answers if a.status != 0]
    assert_decided(answers)
    lab.start()
    wait_until(lambda: lab.chat()[0] == 200, "it serves again")
    lab.wait_shipped()

    def is_complete():
        counts = recorded(lab)
        return all(n == (1, 1) for i, n in counts.items())
    wait_until(is_complete, "every decision has an outcome", 30)
    check_records(lab, fake, answers)
    orphans = lab.rows("SELECT count(*) FROM portcullis.audit_outcomes WHERE outcome = 'unknown'")
    print(f"answered {len(answers)}, cut off {len(load.answers) - len(answers)} tries, "
          f"outcome unknown: {orphans[0][0]}")
    assert orphans[0][0] > 0, "sixteen connections were busy when it died"


def test_a_full_spool_is_not_ready(build_dir, fake, tmp_path, postgres):
    """Nobody takes the records, so the spool fills up and requests are refused before they are
    sent: then no more should come, and without any coming it is ready again with the database."""
    lab = Lab(build_dir, postgres.url, tmp_path, fake,
              {"workers": 1, "audit": {"segment_mib": 1, "spool_mib": 2}})
    try:
        assert lab.get("/readyz")[0] == 200
        postgres.halt()
        load = Load(lab.port, [("blocked", chat_bytes(lab.keys["production"],
                                                      "deepseek/deepseek-v3.2"))], 8)
        load.thread.start()
        wait_until(lambda: lab.get("/readyz")[0] == 503, "the spool is full", 60)
        wait_until(lambda: load.answers[-1].status == 503, "and requests are refused", 10)
        load.finish()
        status, text = lab.get("/readyz")
        answer = json.loads(text)
        assert status == 503 and answer["checks"]["audit_spool"] == "full"
        assert "the audit spool is full" in answer["reasons"][0]
        assert lab.get("/healthz")[0] == 200
        assert {a.status for a in load.answers} == {403, 503}
        postgres.resume()
        wait_until(lambda: lab.get("/readyz")[0] == 200, "ready by itself", 60)
        assert lab.chat()[0] == 200
    finally:
        if not postgres.pids():
            postgres.resume()
        lab.stop()
