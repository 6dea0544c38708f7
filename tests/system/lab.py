# SPDX-License-Identifier: Apache-2.0
"""What the proofs under load share: a gateway with settings of the test's choice, a second one on
the same database, a PostgreSQL that can be stopped, killed and frozen, a client that keeps
connections busy, and the comparison of what was answered with what was recorded.

Nothing here asserts how long something takes: times are printed, and deadlines only end a wait.
"""
import asyncio
import collections
import http.client
import json
import os
import re
import shlex
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import psycopg

from gateway import Gateway
from postgres import Postgres

class Lab(Gateway):
    """A gateway whose configuration is the usual one changed by `settings`."""

    def __init__(self, build_dir, server_url, directory, fake, settings=None):
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self.settings = settings or {}
        binary = os.environ.get("PORTCULLIS_BIN", os.path.join(build_dir, "src/portcullis"))
        super().__init__(binary, server_url, directory, root, fake)

    def start(self):
        with open(self.config, encoding="ascii") as f:
            config = json.load(f)
        for name, value in self.settings.items():
            if isinstance(value, dict):
                config[name] = {**config.get(name, {}), **value}
            else:
                config[name] = value
        with open(self.config, "w", encoding="ascii") as f:
            json.dump(config, f)
        super().start()

    def twin(self, directory):
        """Another gateway on the same database; stop it with end(), before this one."""
        other = object.__new__(Lab)
        other.__dict__.update(self.__dict__)
        other.directory = str(directory)
        other.lines = []
        other.settings = {**self.settings, "state_dir": os.path.join(str(directory), "state")}
        other.config = os.path.join(str(directory), "portcullis.json")
        with open(self.config, encoding="ascii") as f:
            text = f.read()
        with open(other.config, "w", encoding="ascii") as f:
            f.write(text)
        other.start()
        return other

    def end(self, number=signal.SIGTERM):
        """Ends the process only; the database stays."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def restart(self):
        self.end()
        self.start()

    def get(self, path):
        """(status, text) without a key."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            with e:
                return e.code, e.read().decode()

    def metric(self, name):
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise AssertionError(name + " is no metric")

    def lag(self):
        """{upper bound in seconds: events that waited at most that long}, over all loops."""
        buckets = collections.Counter()
        for line in self.get("/metrics")[1].splitlines():
            found = re.match(r'portcullis_loop_lag_seconds_bucket{.*le="([^"]+)"} (\d+)', line)
            if found:
                buckets[float(found[1])] += int(found[2])
        return buckets

    def rows(self, sql, *values):
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(sql, values).fetchall()

    def chat(self, text="hello", model="gpt-4o", key=None, headers=None, **more):
        """(status, headers, body) of one chat completion."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return self.call("POST", "/v1/chat/completions", body, key or self.keys["production"],
                         headers)

    def open_up(self):
        """The documents begin with an organisation without policies; the default one cannot be
        deleted (S0-49), so it is made to demand nothing."""
        for policy in self.must("GET", "/governance")["policies"]:
            if policy["isDefault"]:
                self.must("PATCH", "/governance/" + policy["id"], {"tagSlot": 12, "rules": {
                    "minimumTrustTier": None, "blockChinaProviders": False,
                    "requireHipaa": False, "requireBaa": False, "requireSoc2": False,
                    "requireZdr": False}})
            else:
                self.must("DELETE", "/v1/policies/" + policy["id"])

    def curl(self, command, words):
        """What curl would send for a command of a document, byte for byte in the body, with
        `words` replaced and the host being this gateway: (status, parsed body)."""
        for word, value in words.items():
            command = command.replace(word, value)
        method, url, headers, body = None, None, {}, None
        words = iter(shlex.split(command.replace("\\\n", " "))[1:])
        for word in words:
            if word == "-X":
                method = next(words)
            elif word == "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            elif word == "-d":
                body = next(words)
                headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
            else:
                url = word
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method or ("GET" if body is None else "POST"),
                           "/" + url.split("/", 3)[3], body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else None

    def wait_shipped(self):
        """Until every record is in the database; the figures of the spool if that never ends."""
        def is_shipped():
            return self.metric("portcullis_audit_queue_depth") == 0
        wait_until(is_shipped, "the audit queue is empty")


def wait_until(check, what, seconds=60):
    """Polls; `seconds` is only when to give up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return
        time.sleep(0.02)
    raise AssertionError("never happened: " + what)


class Outage(Postgres):
    """A PostgreSQL of the test's own, to be maltreated."""

    def halt(self):
        self.run("pg_ctl", "-w", "-m", "fast", "stop")

    def kill(self):
        """kill -9 of the postmaster and of every backend."""
        self.signal(signal.SIGKILL)
        wait_until(lambda: not self.pids(), "PostgreSQL is gone")
        os.unlink(self.home + "/data/postmaster.pid")

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def signal(self, number):
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass  # a backend that has just ended

    def resume(self):
        self.run("pg_ctl", "-w", "-l", self.home + "/log", "-o",
                 f"-c listen_addresses=127.0.0.1 -c port={self.port} -c fsync=off "
                 f"-c unix_socket_directories={self.home} -c max_connections=200", "start")

    def pids(self):
        """The postmaster first, then its children."""
        try:
            with open(self.home + "/data/postmaster.pid", encoding="ascii") as f:
                top = int(f.readline())
        except FileNotFoundError:
            return []
        found = subprocess.run(["ps", "-o", "pid=,stat=", "--pid", str(top), "--ppid", str(top)],
                               capture_output=True, text=True, check=False).stdout
        rows = [line.split() for line in found.splitlines()]
        return sorted(int(pid) for pid, state in rows if not state.startswith("Z"))


class Answer:
    """One request of a Load. status 0: no complete answer came."""
    __slots__ = ("tag", "begun", "ended", "status", "request_id", "epoch", "body")

    def __init__(self, tag, begun):
        self.tag = tag
        self.begun = begun
        self.ended = None
        self.status = 0
        self.request_id = None
        self.epoch = None
        self.body = b""


class Load:
    """Keeps `connections` connections busy, each with one request after the other, in a thread of
    its own. requests: [(tag, bytes)], taken in turn. A connection that ends is made again."""

    def __init__(self, port, requests, connections=16, pause=0.0):
        self.port = port
        self.requests = requests
        self.connections = connections
        self.pause = pause
        self.answers = []
        self.is_ending = False
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()), daemon=True)

    def __enter__(self):
        self.thread.start()
        wait_until(lambda: len(self.answers) > self.connections, "load is running")
        return self

    def __exit__(self, *_):
        self.finish()

    def finish(self):
        self.is_ending = True
        self.thread.join(60)
        assert not self.thread.is_alive()

    async def run(self):
        await asyncio.gather(*(self.keep_busy(i) for i in range(self.connections)))

    async def keep_busy(self, turn):
        reader = writer = None
        while not self.is_ending:
            tag, request = self.requests[turn % len(self.requests)]
            turn += 1
            answer = Answer(tag, time.monotonic())
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(request)
                is_last = await self.read(reader, answer)
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                is_last = True
            answer.ended = time.monotonic()
            self.answers.append(answer)
            if is_last:
                if writer is not None:
                    writer.close()
                writer = None
                if answer.status == 0:
                    await asyncio.sleep(0.02)
            if self.pause:
                await asyncio.sleep(self.pause)
        if writer is not None:
            writer.close()

    @staticmethod
    async def read(reader, answer):
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = {}
        for line in lines[1:-2]:
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        answer.request_id = fields.get("x-request-id")
        answer.epoch = int(fields["portcullis-epoch"]) if "portcullis-epoch" in fields else None
        answer.body = await reader.readexactly(int(fields["content-length"]))
        answer.status = int(lines[0].split()[1])
        return fields.get("connection") == "close"


def chat_bytes(key, model="gpt-4o", text="hello", **more):
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": text}],
                       **more}).encode()
    return (b"POST /v1/chat/completions HTTP/1.1\r\nhost: gateway.test\r\n"
            b"content-type: application/json\r\nauthorization: Bearer %s\r\n"
            b"content-length: %d\r\n\r\n" % (key.encode(), len(body))) + body


def recorded(lab):
    """request id -> (decisions, outcomes): how many rows each has."""
    counts = {}
    for request_id, n in lab.rows("SELECT request_id, count(*) FROM portcullis.audit_decisions "
                                  "GROUP BY 1"):
        counts[request_id] = (n, 0)
    for request_id, n in lab.rows("SELECT request_id, count(*) FROM portcullis.audit_outcomes "
                                  "GROUP BY 1"):
        counts[request_id] = (counts.get(request_id, (0, 0))[0], n)
    return counts


def assert_recorded(lab, answers, provider_log):
    """Every request that was answered with an id of its own, and every one a provider saw, has
    exactly one decision and exactly one outcome; nobody has two of either."""
    counts = recorded(lab)
    seen = {a.request_id for a in answers if a.request_id}
    forwarded = {r["headers"]["x-request-id"] for r in provider_log}
    wrong = {i: counts.get(i, (0, 0)) for i in seen | forwarded if counts.get(i) != (1, 1)}
    assert not wrong, f"{len(wrong)} of {len(seen | forwarded)}: {list(wrong.items())[:5]}"
    doubled = {i: n for i, n in counts.items() if max(n) > 1}
    assert not doubled, list(doubled.items())[:5]
    return len(seen), len(forwarded), len(counts)


def waits(before, after):
    """How long events waited for a loop between two calls of Lab.lag: text, bounds of buckets."""
    count = {bound: n - before[bound] for bound, n in after.items()}
    total = count[float("inf")]
    assert total > 0, "no event was counted"
    shares = [(q, min(b for b, n in count.items() if n >= q * total)) for q in (0.5, 0.99, 0.999)]
    return f"{total} events, " + ", ".join(f"p{q * 100:g} <= {b * 1000:g} ms" for q, b in shares)


def milliseconds(values):
    """p50/p99/max, for printing only."""
    values = sorted(values)
    if not values:
        return "none"
    at = [values[int((len(values) - 1) * q)] * 1000 for q in (0.5, 0.99, 1.0)]
    return "p50 {:.1f} ms, p99 {:.1f} ms, max {:.1f} ms".format(*at)
