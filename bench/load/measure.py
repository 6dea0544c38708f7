# SPDX-License-Identifier: Apache-2.0
"""What a load run measures: requests by wrk, streams and idle connections by sockets of
our own, and the CPU time of the process under test, divided by what it did.

A measurement with a single failed request, wrong status or short stream raises: figures
of a proxy that answers with errors are worthless.
"""
import os
import re
import selectors
import socket
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
QUIET_S, QUIET_US = 0.25, 1500  # in such a time a gateway without any request uses less
QUIET_TIMES, QUIET_WAIT_S = 2, 60

SCRIPT = """
wrk.method = "POST"
wrk.path = "/v1/chat/completions"
wrk.body = [[{body}]]
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {key}"
done = function(s, l, r)
  io.write(string.format("RESULT %d %d %d %d %d %d %d %d\\n", s.requests, s.duration,
    l:percentile(50), l:percentile(99), s.errors.connect + s.errors.read + s.errors.write,
    s.errors.status, s.errors.timeout, l.max))
end
"""


class Failed(Exception):
    """The measured program did not do what was measured."""


def cpu_us(pid):
    """(user, system) CPU time of all threads so far, in microseconds. Their sum is from the
    process's own clock; /proc alone counts in steps of 10 ms, a twentieth of a short run."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    user = int(fields[11]) * 1e6 / TICKS
    clock = (~pid << 3) | 2  # as clock_getcpuclockid() makes it
    return user, time.clock_gettime_ns(clock) / 1000 - user


def cpu_us_when_done(pid):
    """The same when the process has done what is left to do: the records of a load are still
    being sent when its last answer is out, and belong to it."""
    now, times, end = cpu_us(pid), 0, time.monotonic() + QUIET_WAIT_S
    while times < QUIET_TIMES:
        if time.monotonic() > end:
            raise Failed(f"process {pid} is still busy {QUIET_WAIT_S} s after the load")
        before = now
        time.sleep(QUIET_S)
        now = cpu_us(pid)
        times = times + 1 if sum(now) - sum(before) <= QUIET_US else 0
    return now


def ours_us(pids):
    """CPU time of these processes and all they started, the ended ones included."""
    children, spent = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(entry))
        spent[int(entry)] = sum(int(x) for x in fields[11:15]) * 1e6 / TICKS
    total, todo, seen = 0, list(pids), set()
    while todo:
        pid = todo.pop()
        if pid not in seen:
            seen.add(pid)
            total += spent.get(pid, 0)
            todo += children.get(pid, [])
    return total


class Foreign:
    """Share of one CPU that others used while ours worked, in CPUs."""

    def __init__(self, pids):
        self.pids = pids
        self.begin = (busy_us(), ours_us(pids), time.monotonic())

    def cpus(self):
        busy, ours, now = busy_us(), ours_us(self.pids), time.monotonic()
        spent = busy - self.begin[0] - (ours - self.begin[1])
        return max(0, spent / ((now - self.begin[2]) * 1e6))


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * PAGE


def anonymous_bytes(pid):
    """Resident memory without files: the mapped record log grows with requests, and is the
    page cache's to take back."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"^RssAnon:\s+(\d+) kB", f.read(), re.M)[1]) * 1024


def busy_us():
    """CPU time of the whole machine that was not idle, in microseconds."""
    with open("/proc/stat", encoding="ascii") as f:
        v = [int(x) for x in f.readline().split()[1:9]]
    return (sum(v) - v[3] - v[4]) * 1e6 / TICKS


def body_of(size, model, extra=""):
    """A chat request of about `size` bytes: several turns of plain prose."""
    words = ("The committee met on Tuesday to discuss the budget of the coming year and how the "
             "new building should be paid for, since prices had risen and the loan had not. ")
    head = f'{{"model":"{model}",{extra}"messages":['
    head += '{"role":"system","content":"You are a helpful assistant."},'
    head += '{"role":"user","content":"'
    tail = '"}]}'
    room = max(0, size - len(head) - len(tail))
    return head + (words * (room // len(words) + 1))[:room] + tail


def write_script(path, body, key):
    path.write_text(SCRIPT.replace("{body}", body).replace("{key}", key))


def wrk(port, script, pid, connections, seconds, is_warm_up=False):
    """One round. Returns the figures of this round by name. Opening 64 TLS connections may
    take all of a warm-up on a busy machine; nothing else may go wrong in it."""
    before = cpu_us(pid)
    done = subprocess.run(
        ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s",
         str(script), f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=False)
    at_end, after = cpu_us(pid), cpu_us_when_done(pid)
    found = re.search(r"^RESULT (.*)$", done.stdout, re.M)
    if not found:
        raise Failed(f"wrk: {done.stdout}{done.stderr}")
    n, us, p50, p99, io_errors, status, timeouts, _ = map(int, found.group(1).split())
    if is_warm_up and n == 0 and not io_errors + status + timeouts:
        return None
    if io_errors or status or timeouts or n == 0:
        raise Failed(f"port {port}: {n} requests, {io_errors} broken, {status} of a wrong status, "
                     f"{timeouts} too late")
    return {
        "cpu": (sum(after) - sum(before)) / n,
        "user": (after[0] - before[0]) / n,
        "sys": (after[1] - before[1]) / n,
        "rate": n / us * 1e6,
        "p50": p50,
        "p99": p99,
        "util": (sum(at_end) - sum(before)) / us,
        "rss": rss_bytes(pid) / 1e6,
    }


def request_bytes(body, key):
    return (f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}"
            f"\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            f"{body}").encode()


def streams(port, pid, key, model, plan):
    """Runs plan["streams"] event streams of plan["chunks"] deltas each, repeated until
    plan["seconds"] are over; CPU of `pid` per delta. A pace of 0 ms is a burst."""
    marks = f"[[fake:chunks={plan['chunks']}]]"
    if plan["drip_ms"]:
        marks += f"[[fake:drip={plan['drip_ms']}]]"
    body = body_of(1200, model, '"stream":true,')[:-4] + marks + '"}]}'
    request = request_bytes(body, key)
    poll = selectors.DefaultSelector()
    for _ in range(plan["streams"]):
        s = socket.create_connection(("127.0.0.1", port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.setblocking(False)
        poll.register(s, selectors.EVENT_READ, [0, b""])
    before, begin = cpu_us(pid), time.monotonic()
    for key_ in list(poll.get_map().values()):
        key_.fileobj.sendall(request)
    total, open_count = 0, plan["streams"]
    while open_count > 0:
        ready = poll.select(15)
        if not ready:
            raise Failed(f"port {port}: a stream stopped")
        for key_, _ in ready:
            got = key_.fileobj.recv(1 << 18)
            if not got:
                raise Failed(f"port {port}: a stream was cut: {key_.data[1][-200:]!r}")
            if b"HTTP/1.1 " in got and b"HTTP/1.1 200" not in got:
                raise Failed(f"port {port}: {got[:400]!r}")
            state = key_.data
            joined = state[1] + got
            state[0] += joined.count(b'"delta":') - state[1].count(b'"delta":')
            state[1] = joined[-24:]
            if b"data: [DONE]" in joined:
                if state[0] < plan["chunks"]:
                    raise Failed(f"port {port}: {state[0]} deltas in a stream")
                total += state[0]
                state[0], state[1] = 0, b""
                if time.monotonic() - begin < plan["seconds"]:
                    key_.fileobj.sendall(request)
                else:
                    poll.unregister(key_.fileobj)
                    key_.fileobj.close()
                    open_count -= 1
    at_end, spent = cpu_us(pid), (time.monotonic() - begin) * 1e6
    after = cpu_us_when_done(pid)
    user, system = after[0] - before[0], after[1] - before[1]
    return {"cpu": (user + system) / total, "user": user / total, "sys": system / total,
            "rate": total / spent * 1e6, "util": (sum(at_end) - sum(before)) / spent}


def idle(port, pid, key, model, count):
    """Memory of `count` connections that made one 2 KB request each and now wait."""
    request = request_bytes(body_of(2048, model), key)
    warm = [_one(port, request) for _ in range(64)]
    for s in warm:
        s.close()
    time.sleep(1)
    before = anonymous_bytes(pid)
    held = []
    try:
        for _ in range(count):
            held.append(_one(port, request))
        time.sleep(1.5)
        after = anonymous_bytes(pid)
    finally:
        for s in held:
            s.close()
    time.sleep(1)
    return {"base": before / 1e6, "each": (after - before) / count, "after": after / 1e6}


def _one(port, request):
    s = socket.create_connection(("127.0.0.1", port))
    s.sendall(request)
    s.settimeout(10)
    got = b""
    while True:
        part = s.recv(65536)
        if not part:
            raise Failed(f"port {port}: closed after {got[:80]!r}")
        got += part
        head, mark, rest = got.partition(b"\r\n\r\n")
        if not mark:
            continue
        if not head.startswith(b"HTTP/1.1 200"):
            raise Failed(f"port {port}: {got[:300]!r}")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if (length and len(rest) >= int(length[1])) or (not length and rest.endswith(b"0\r\n\r\n")):
            return s
