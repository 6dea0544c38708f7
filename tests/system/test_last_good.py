# SPDX-License-Identifier: Apache-2.0
"""The gateway without its database: a start from the copy on disk, the bound on its age, a copy
that somebody changed, and the way back when the database returns (fault matrix F1 and F34).
"""
import json
import os
import subprocess
import threading
import time

import pytest

from gateway import Gateway

NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"
BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def gateway(build_dir, fake, tmp_path):
    url = os.environ.get("DATABASE_URL")
    if not url:
        pytest.skip("needs DATABASE_URL")
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    g = Gateway(os.path.join(build_dir, "src", "portcullis"), url, tmp_path, root, fake)
    yield g
    if g.env["DATABASE_URL"] == NO_DATABASE:
        kill(g)  # an orderly end waits for records that nobody takes; one test has that
        g.drop()
    else:
        g.stop()


def snapshot(gateway):
    return os.path.join(gateway.directory, "state", "snapshot")


def wait_for(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.05)


def kill(gateway):
    gateway.process.kill()
    gateway.process.wait(60)


def restart(gateway, url):
    gateway.env["DATABASE_URL"] = url
    gateway.start()


def chat(gateway, key=None):
    return gateway.call("POST", "/v1/chat/completions", BODY, key or gateway.keys["owner"])[0]


def ready(gateway):
    return gateway.call("GET", "/readyz")[0]


def test_serves_known_keys_without_database(gateway):
    wait_for(lambda: os.path.exists(snapshot(gateway)))
    assert chat(gateway) == 200
    with open(snapshot(gateway), "rb") as f:
        assert gateway.keys["owner"].encode() not in f.read()
    assert os.stat(snapshot(gateway)).st_mode & 0o777 == 0o600
    kill(gateway)
    restart(gateway, NO_DATABASE)
    assert '"degraded":true' in "".join(gateway.lines)
    assert ready(gateway) == 200
    assert chat(gateway) == 200
    known = gateway.keys["owner"]
    other = known[:-1] + ("A" if known[-1] != "A" else "B")
    assert chat(gateway, other) == 401
    gateway.process.terminate()
    assert gateway.process.wait(60) == 0
    restart(gateway, gateway.database_url)  # the way back
    assert '"degraded":false' in gateway.lines[-1] or chat(gateway) == 200
    assert chat(gateway) == 200


def test_a_damaged_copy_is_refused(gateway):
    wait_for(lambda: os.path.exists(snapshot(gateway)))
    kill(gateway)
    with open(snapshot(gateway), "r+b") as f:
        f.seek(200)
        byte = f.read(1)
        f.seek(200)
        f.write(bytes([byte[0] ^ 1]))
    restart(gateway, NO_DATABASE)
    assert "snapshot_file_refused" in "".join(gateway.lines)
    assert ready(gateway) == 503
    assert chat(gateway) in (401, 503)


def test_another_master_key_is_refused(gateway):
    wait_for(lambda: os.path.exists(snapshot(gateway)))
    kill(gateway)
    with open(gateway.env["PORTCULLIS_MASTER_KEY_FILE"], "w", encoding="ascii") as f:
        f.write("00" * 32)
    restart(gateway, NO_DATABASE)
    assert "snapshot_file_refused" in "".join(gateway.lines)
    assert ready(gateway) == 503


def test_an_old_copy_is_not_enforced_beyond_the_bound(gateway):
    wait_for(lambda: os.path.exists(snapshot(gateway)))
    kill(gateway)
    with open(gateway.config, encoding="ascii") as f:
        config = json.load(f)
    config["policy"] = {"max_stale_s": 1}
    with open(gateway.config, "w", encoding="ascii") as f:
        json.dump(config, f)
    time.sleep(1.2)
    restart(gateway, NO_DATABASE)
    assert chat(gateway) == 503
    assert ready(gateway) == 503


def test_comes_back_when_the_database_does(gateway):
    """The database appears while the gateway runs from the copy; what changed meanwhile counts."""
    wait_for(lambda: os.path.exists(snapshot(gateway)))
    name = gateway.database
    kill(gateway)
    import psycopg
    with psycopg.connect(gateway.server_url, autocommit=True) as c:
        c.execute(f"ALTER DATABASE {name} RENAME TO {name}_away")
    restart(gateway, gateway.database_url)
    assert chat(gateway) == 200
    with psycopg.connect(gateway.server_url, autocommit=True) as c:
        c.execute(f"ALTER DATABASE {name}_away RENAME TO {name}")
    wait_for(lambda: '"event":"published"' in "".join(gateway.lines[-50:]))
    assert chat(gateway) == 200
    assert ready(gateway) == 200


def test_a_fact_does_not_outlive_its_date(gateway):
    """An attestation ends while the database is away: it no longer satisfies a requirement."""
    body = dict(BODY, model="together/zai-org/GLM-5")

    def status():
        return gateway.call("POST", "/v1/chat/completions", body)[0]

    wait = {"prefer": "wait=5"}
    for policy in gateway.must("GET", "/governance")["policies"]:  # only the fact shall speak
        if policy["isDefault"]:
            gateway.must("PATCH", "/governance/" + policy["id"], {"rules": {
                "minimumTrustTier": None, "blockChinaProviders": False, "requireHipaa": False,
                "requireBaa": False}})
    until = time.time() + 6
    gateway.must("PUT", "/v1/compliance/policy", {"enabled": True, "requireGdpr": True})
    made = gateway.call("POST", "/v1/attestations", {
        "provider": "together", "attribute": "gdpr", "value": True,
        "valid_until": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until))}, headers=wait)
    assert made[0] == 201, made
    assert status() == 200, gateway.call("POST", "/v1/chat/completions", body)[2]
    gateway.process.terminate()  # writes what changed last
    assert gateway.process.wait(60) == 0
    restart(gateway, NO_DATABASE)
    first = status()
    assert first == 200 or time.time() > until - 1
    wait_for(lambda: status() == 403)
    assert time.time() >= until - 1
    assert chat(gateway) == 200  # others are as before
