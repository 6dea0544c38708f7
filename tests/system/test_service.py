# SPDX-License-Identifier: Apache-2.0
"""What a service manager and whoever reads the log may rely on: the messages of sd_notify in their
order, SIGHUP and SIGTERM, exit statuses, and a log that is one JSON object on each line whatever
happens, at the level that was asked for.
"""
import json
import os
import re
import signal
import socket
import subprocess
import time

import pytest

from lab import Lab, Outage, wait_until


class Manager:
    """Listens where systemd would."""

    def __init__(self, name):
        self.name = name
        self.extended = 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self.socket.settimeout(20)

    def next(self):
        """(state, microseconds of the monotonic clock); what asks for more time is kept."""
        while True:
            lines = self.socket.recv(4096).decode().split("\n")
            fields = dict(line.split("=", 1) for line in lines)
            usec = int(fields.pop("MONOTONIC_USEC"))
            self.extended = int(fields.pop("EXTEND_TIMEOUT_USEC", 0)) or self.extended
            if fields:
                (state,) = fields.items()
                return state, usec


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_the_service_manager_is_told(build_dir, database_url, fake, tmp_path, kind):
    name = str(tmp_path / "notify") if kind == "path" else f"@portcullis-test-{os.getpid()}"
    manager = Manager(name)
    before = time.monotonic_ns() // 1000
    os.environ["NOTIFY_SOCKET"] = name
    try:
        lab = Lab(build_dir, database_url, tmp_path, fake, {"drain_s": 300})
    finally:
        del os.environ["NOTIFY_SOCKET"]
    try:
        state, ready = manager.next()
        assert state == ("READY", "1") and before < ready < time.monotonic_ns() // 1000
        assert lab.get("/readyz")[0] == 200
        lab.process.send_signal(signal.SIGHUP)
        state, reloading = manager.next()
        assert state == ("RELOADING", "1") and reloading > ready
        state, again = manager.next()
        assert state == ("READY", "1") and again >= reloading
        assert lab.end() == 0
        state, _ = manager.next()
        assert state == ("STOPPING", "1")
        assert manager.extended > 300e6, "systemd must wait for drain_s, whatever its unit says"
        events = [json.loads(line)["event"] for line in lab.lines]
        assert events[-2:] == ["draining", "stopped"] and "reloaded" in events
    finally:
        if lab.process.poll() is None:
            lab.end()
        lab.drop()
        manager.socket.close()


def test_a_failed_reload_is_ready_again(build_dir, database_url, fake, tmp_path):
    """Or systemctl reload would wait until its timeout."""
    ca = tmp_path / "ca.pem"
    with open(fake.ca, encoding="ascii") as f:
        ca.write_text(f.read())
    manager = Manager(str(tmp_path / "notify"))
    lab = Lab(build_dir, database_url, tmp_path, fake, {"upstream": {"ca_file": str(ca)}})
    try:
        lab.env["NOTIFY_SOCKET"] = manager.name
        lab.restart()
        assert manager.next()[0] == ("READY", "1")
        ca.write_text("nothing")
        lab.process.send_signal(signal.SIGHUP)
        assert [manager.next()[0] for _ in range(2)] == [("RELOADING", "1"), ("READY", "1")]
        wait_until(lambda: any('"reload_failed"' in line for line in lab.lines), "it is told")
        assert lab.chat()[0] == 200
    finally:
        lab.stop()
        manager.socket.close()


def test_no_core_dump_and_no_secret_in_sight(build_dir, database_url, fake, tmp_path):
    """What SECURITY.md says of the process itself."""
    lab = Lab(build_dir, database_url, tmp_path, fake)
    try:
        with open(f"/proc/{lab.process.pid}/limits", encoding="ascii") as f:
            core = next(line for line in f if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"]
        for name in ("state", "state/spool"):
            assert os.stat(os.path.join(lab.directory, name)).st_mode & 0o777 == 0o700
        for folder, _, names in os.walk(os.path.join(lab.directory, "state")):
            for name in names:
                assert os.stat(os.path.join(folder, name)).st_mode & 0o077 == 0, name
        assert lab.chat("a-word-of-the-prompt")[0] == 200
        lab.wait_shipped()
        files = b""
        for folder, _, names in os.walk(os.path.join(lab.directory, "state")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    files += f.read()
        assert b"a-word-of-the-prompt" not in files
        for key in lab.keys.values():
            assert key.encode() not in files and key not in "".join(lab.lines)
    finally:
        lab.stop()


@pytest.mark.parametrize("signals,exits", [([signal.SIGTERM], 0), ([signal.SIGINT], 0),
                                           ([signal.SIGHUP, signal.SIGTERM], 0),
                                           ([signal.SIGTERM, signal.SIGTERM], 0)])
def test_signals_end_it_well(build_dir, database_url, fake, tmp_path, signals, exits):
    lab = Lab(build_dir, database_url, tmp_path, fake)
    try:
        for number in signals:
            lab.process.send_signal(number)
        assert lab.process.wait(60) == exits
        assert json.loads(lab.lines[-1])["exit"] == 0
    finally:
        lab.drop()


def test_every_line_is_json(build_dir, database_url, fake, tmp_path):
    """Also of requests whose parts were made to break it."""
    lab = Lab(build_dir, database_url, tmp_path, fake, {
        "log": {"requests": "all", "level": "debug"}, "node": "a.b_c:d-1"})
    try:
        lab.chat("hello", headers={"x-request-id": 'a"b\\c', "traceparent": "nonsense\""})
        lab.chat(model='"},{"')
        with socket.create_connection(("127.0.0.1", lab.port)) as raw:
            raw.sendall(b'GET /"\\\x01 HTTP/1.1\r\n\r\n')
            raw.recv(4096)
        lab.call("POST", "/v1/policies", {"name": '"\\ \n\u2028', "scope": {"level": "org"},
                                          "rules": []})
        lab.process.send_signal(signal.SIGHUP)
        wait_until(lambda: any('"reloaded"' in line for line in lab.lines), "reloaded")
        lab.restart()
        assert len(lab.lines) > 10
        for line in lab.lines:
            row = json.loads(line)
            assert {"ts", "level", "event", "node"} <= row.keys() and row["node"] == "a.b_c:d-1"
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["ts"])
            assert row["level"] in ("error", "warn", "info", "debug")
    finally:
        lab.stop()


def test_an_outage_says_why(build_dir, fake, tmp_path):
    postgres = Outage()
    lab = Lab(build_dir, postgres.url, tmp_path, fake)

    def reason(event):
        wait_until(lambda: any(f'"event":"{event}"' in line for line in lab.lines), event)
        row = json.loads(next(line for line in lab.lines if f'"event":"{event}"' in line))
        return row["reason"]
    try:
        postgres.halt()
        assert reason("database_down")
        lab.end()
        lab.lines.clear()
        lab.start()
        assert "Connection refused" in reason("database_unavailable")
        assert "postgresql://" not in "".join(lab.lines)
    finally:
        if not postgres.pids():
            postgres.resume()
        lab.stop()
        postgres.stop()


def test_the_level_chooses_and_a_closed_log_stops_nobody(build_dir, database_url, fake, tmp_path):
    lab = Lab(build_dir, database_url, tmp_path, fake)
    lab.end()
    try:
        with open(lab.config, encoding="ascii") as f:
            config = json.load(f)
        config["log"] = {"level": "error", "requests": "all"}
        with socket.create_server(("127.0.0.1", 0)) as taken:
            config["listen"] = {"port": taken.getsockname()[1]}
        with open(lab.config, "w", encoding="ascii") as f:
            json.dump(config, f)
        process = subprocess.Popen([lab.binary, "serve", "-c", lab.config], env=lab.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        lab.url = f"http://127.0.0.1:{config['listen']['port']}"

        def is_ready():
            try:
                return lab.get("/readyz")[0] == 200
            except OSError:
                return False
        wait_until(is_ready, "it serves, and says nothing at this level")
        process.stdout.close()  # whoever read the log is gone
        lab.port = config["listen"]["port"]
        assert all(lab.chat()[0] == 200 for _ in range(5))
        time.sleep(0.3)  # the lines are written, to nobody
        assert lab.chat()[0] == 200 and lab.metric("portcullis_log_dropped_bytes_total") > 0
        process.terminate()
        assert process.wait(60) == 0
    finally:
        lab.drop()


def test_management_is_where_admin_port_says(build_dir, database_url, fake, tmp_path):
    lab = Lab(build_dir, database_url, tmp_path, fake, {"admin": {"port": 0}})
    try:
        ready = next(json.loads(line) for line in lab.lines if '"event":"ready"' in line)
        port = ready["admin_port"]
        assert port > 0 and ready["port"] == lab.port and ready["tls_port"] == 0
        both = {"/healthz": 200, "/readyz": 200, "/metrics": 200, "/v1/models": 200}
        managed = {"/v1/policies": 200, "/governance": 200, "/v1/nodes": 200, "/openapi.json": 200}
        main = lab.url

        def statuses(url):
            lab.url = url
            found = {path: lab.call("GET", path)[0] for path in [*both, *managed][3:]}
            found.update({path: lab.get(path)[0] for path in [*both][:3]})
            found["evaluate"] = lab.call("POST", "/v1/evaluate", {"model": "gpt-4o"})[0]
            found["chat"] = lab.chat()[0]
            return found
        everything = {**both, **managed, "evaluate": 200, "chat": 200}
        assert statuses(f"http://127.0.0.1:{port}") == everything
        assert statuses(main) == {**everything, **dict.fromkeys([*managed, "evaluate"], 404)}
    finally:
        lab.stop()
