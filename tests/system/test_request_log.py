# SPDX-License-Identifier: Apache-2.0
"""The lines of requests on stdout (log.requests): one JSON object each, also for what leaves no
record, and a reader that has stopped reading stops neither requests nor the end of the gateway."""
import json
import subprocess

import pytest

from lab import Lab, wait_until


def lines_of(lab):
    return [json.loads(line) for line in lab.lines if '"event":"request"' in line]


@pytest.fixture
def quiet(build_dir, database_url, fake, tmp_path):
    made = Lab(build_dir, database_url, tmp_path, fake)
    yield made
    made.stop()


@pytest.fixture
def lab(build_dir, database_url, fake, tmp_path):
    made = Lab(build_dir, database_url, tmp_path, fake, {"log": {"requests": "all"}})
    yield made
    made.stop()


def test_off_unless_asked_for(quiet):
    assert quiet.chat()[0] == 200
    quiet.end()
    assert lines_of(quiet) == []
    quiet.start()


def test_a_line_for_every_request(lab):
    status, headers, _ = lab.chat("a secret of mine", headers={
        "X-Request-Id": 'order-"7"', "traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"})
    assert status == 200
    assert lab.chat("another", model="no-such-model")[0] == 404
    assert lab.chat("stream of mine", stream=True, key="pc_live_wrong")[0] == 401
    lab.must("GET", "/governance")
    assert lab.call("GET", "/nobody/knows/this?q=1")[0] == 404
    wait_until(lambda: len(lines_of(lab)) >= 5, "five lines")
    by = {(line.get("endpoint"), line["status"]): line for line in lines_of(lab)}  # of two loops
    allowed, unknown, stranger = by["chat", 200], by["chat", 404], by["chat", 401]
    managed, nowhere = by[None, 200], by[None, 404]
    assert allowed["request_id"] == headers["x-request-id"]
    assert allowed["client_request_id"] == 'order-"7"' and allowed["trace_id"] == "ab" * 16
    assert {k: allowed[k] for k in ("level", "endpoint", "method", "status", "decision", "provider",
                                    "msg")} == {
        "level": "info", "endpoint": "chat", "method": "POST", "status": 200, "decision": "allow",
        "provider": "openai", "msg": "completed"}
    assert allowed["org"].startswith("org_") and allowed["bytes_in"] > 50 < allowed["bytes_out"]
    assert (unknown["status"], unknown["code"], unknown["level"]) == (404, "model_not_found", "warn")
    assert (stranger["status"], stranger["code"]) == (401, "invalid_api_key")
    assert "org" not in stranger
    assert (managed["path"], managed["status"]) == ("/governance", 200)
    assert nowhere["status"] == 404 and "path" not in nowhere
    text = "".join(lab.lines)
    assert "of mine" not in text and "pc_live_" not in text and "knows" not in text
    # The same gateway tells its own events on the same output, each on a line of its own.
    assert all(json.loads(line)["ts"] for line in lab.lines)


def test_what_was_said_last_is_written(lab):
    for _ in range(50):
        assert lab.chat()[0] == 200
    lab.end()
    wait_until(lambda: len(lines_of(lab)) == 50, "every line is there after the end")
    lab.start()


def test_nobody_reads(build_dir, database_url, fake, tmp_path):
    lab = Lab(build_dir, database_url, tmp_path, fake, {"log": {"requests": "all"}})
    lab.end()
    lab.process = subprocess.Popen([lab.binary, "serve", "-c", lab.config], env=lab.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    head = b""
    while b'"event":"ready"' not in head or not head.endswith(b"\n"):
        head += lab.process.stdout.read1(4096)
    lab.port = json.loads(head.splitlines()[-1])["port"]
    lab.url = f"http://127.0.0.1:{lab.port}"
    for _ in range(400):  # of which a pipe holds about 130
        assert lab.chat()[0] == 200
    wait_until(lambda: lab.metric("portcullis_log_dropped_bytes_total") > 0, "lines were dropped")
    assert lab.chat()[0] == 200
    lab.process.terminate()
    assert lab.process.wait(60) == 0
    rest = lab.process.stdout.read().decode()
    assert rest.endswith("\n") and all(json.loads(line) for line in rest.splitlines())
    lab.start()
    lab.stop()


def test_only_what_went_wrong(build_dir, database_url, fake, tmp_path):
    lab = Lab(build_dir, database_url, tmp_path, fake, {"log": {"requests": "errors"}})
    assert lab.chat()[0] == 200
    assert lab.chat(model="no-such-model")[0] == 404
    wait_until(lambda: len(lines_of(lab)) == 1, "one line")
    assert lines_of(lab)[0]["status"] == 404
    lab.stop()
