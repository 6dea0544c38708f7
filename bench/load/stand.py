# SPDX-License-Identifier: Apache-2.0
"""What a load run stands on: a private PostgreSQL, the fake provider, nginx as a
plain proxy, and the gateway with an organisation and 10,000 rules in force.

All of it lives in one temporary folder and on free loopback ports, and is ended by
the process ids kept here. The process under test runs on CPU 0, all others on CPU 1:
only so is the CPU time of a proxy its own.
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CPU_PROXY = "0"
CPU_OTHERS = "1"
MODEL_PLAIN = "openai/gpt-4o-mini"
MODEL_TLS = "azure/gpt-4o-mini"

NGINX_CONF = """
daemon off;
master_process off;
worker_processes 1;
error_log {dir}/nginx-error.log error;
pid {dir}/nginx.pid;
events {{ worker_connections 20000; }}
http {{
  access_log off;
  client_body_temp_path {dir}/nginx-body;
  proxy_temp_path {dir}/nginx-proxy;
  client_body_buffer_size 64k;
  client_max_body_size 16m;
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  upstream plain {{
    server 127.0.0.1:{plain};
    keepalive 256;
    keepalive_requests 100000000;
  }}
  upstream secure {{
    server 127.0.0.1:{tls};
    keepalive 256;
    keepalive_requests 100000000;
  }}
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_ssl_verify on;
  proxy_ssl_verify_depth 2;
  proxy_ssl_trusted_certificate {dir}/provider/ca.crt;
  proxy_ssl_name localhost;
  proxy_ssl_server_name on;
  proxy_buffering {buffering};
  server {{
    listen 127.0.0.1:{port_plain} reuseport;
    location / {{ proxy_pass http://plain; }}
  }}
  server {{
    listen 127.0.0.1:{port_tls} reuseport;
    location / {{ proxy_pass https://secure; }}
  }}
}}
"""


def port_free():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_port(port, process=None, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        if process is not None and process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}; see the logs in the work folder")


class Stand:
    """Everything that runs, and where. Use as a context manager."""

    def __init__(self, build, rules):
        self.build = pathlib.Path(build).resolve()
        self.rules = rules
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="portcullis-bench.", dir="/var/tmp"))
        self.dir.chmod(0o755)
        self.processes = {}
        self.env = dict(os.environ)
        self.ports = {}
        self.has_postgres = False

    def __enter__(self):
        try:
            self._provider()
            self._postgres()
            self._gateway()
            self.nginx("nginx", "on")
            self.nginx("nginx-stream", "off")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        for process in reversed(list(self.processes.values())):
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        if self.has_postgres:
            self._setup_shell("postgres_remove bench")
        if kind is None:
            shutil.rmtree(self.dir, ignore_errors=True)
        else:
            print(f"what ran is left in {self.dir}")

    def pid(self, name):
        return self.processes[name].pid

    def pids(self):
        """Everything that runs for the bench: this program with all it started, PostgreSQL."""
        with open(self.dir / "bench/data/postmaster.pid", encoding="ascii") as f:
            return [os.getpid(), int(f.readline())]

    def _spawn(self, name, cpu, command):
        log = open(self.dir / f"{name}.log", "wb")
        self.processes[name] = subprocess.Popen(
            ["taskset", "-c", cpu] + [str(c) for c in command], env=self.env, stdout=log,
            stderr=subprocess.STDOUT)
        return self.processes[name]

    def _run(self, *command, stdin=None):
        done = subprocess.run([str(c) for c in command], env=self.env, input=stdin,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command[:4]))}: {done.stderr or done.stdout}")
        return done.stdout

    def _setup_shell(self, what):
        script = f". docker/setup/say.sh; . docker/setup/postgres.sh; STATE={self.dir}; {what}"
        done = subprocess.run(["taskset", "-c", CPU_OTHERS, "bash", "-c", script], cwd=ROOT,
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{what}: {done.stdout}{done.stderr}")

    def _provider(self):
        self.ports["provider-tls"], self.ports["provider"] = port_free(), port_free()
        (self.dir / "provider").mkdir()
        process = self._spawn("provider", CPU_OTHERS, [
            self.build / "bench/load/fake_provider/fake_provider", "--bench", "--dir",
            self.dir / "provider", "--port", self.ports["provider-tls"], "--plain-port",
            self.ports["provider"]])
        wait_port(self.ports["provider"], process)

    def _postgres(self):
        self.has_postgres = True
        self._setup_shell("postgres_start bench durable")
        self._give_way()
        for line in (self.dir / "bench.env").read_text().splitlines():
            name, value = line.split("=", 1)
            self.env[name] = value

    def _give_way(self):
        """The database gets what the load leaves of CPU 1, so that every proxy has the same
        client and the same provider; what it has not stored when the load is over is waited
        for, and counted (measure.py). Where the kernel weighs sessions against each other,
        a process's own priority counts only within its session."""
        postmaster = self.pids()[1]
        children = pathlib.Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text()
        for pid in [postmaster] + [int(p) for p in children.split()]:
            os.setpriority(os.PRIO_PROCESS, pid, 19)
        session = pathlib.Path(f"/proc/{postmaster}/autogroup")
        if session.exists():
            session.write_text("19")

    def _gateway(self):
        binary = self.build / "src/portcullis"
        plain, tls = self.ports["provider"], self.ports["provider-tls"]
        self.ports["gateway"] = port_free()
        key_file = self.dir / "master.key"
        key_file.write_text(os.urandom(32).hex())
        key_file.chmod(0o600)
        self.env["PORTCULLIS_MASTER_KEY_FILE"] = str(key_file)
        (self.dir / "state").mkdir(mode=0o700)
        config = self.dir / "portcullis.json"
        config.write_text(json.dumps({
            "listen": {"host": "127.0.0.1", "port": self.ports["gateway"]},
            "state_dir": str(self.dir / "state"),
            "workers": 1,
            "upstream": {"ca_file": str(self.dir / "provider/ca.crt"),
                         "exceptions": f"localhost:{tls},127.0.0.1:{plain}"}}))
        self._run(binary, "migrate", "up", "-c", config)
        keys = self._run(binary, "demo", "load", "--provider", f"https://localhost:{tls}", "-c",
                         config)
        for line in keys.splitlines():
            row = json.loads(line)
            if row["name"] == "developer":
                self.key = row["key"]
        self._plain_endpoint(binary, config, f"http://127.0.0.1:{plain}/v1")
        if self.rules > 0:
            self._run(binary, "api", "POST", "/v1/policies", "-", "--org", "org_acme", "-c",
                      config, stdin=json.dumps(policy_of(self.rules)))
        process = self._spawn("gateway", CPU_PROXY, [binary, "serve", "-c", config])
        wait_port(self.ports["gateway"], process)

    def _plain_endpoint(self, binary, config, url):
        """openai is reached without TLS, azure with it; both are the fake provider."""
        org = ("--org", "org_acme", "-c", config)
        answer = json.loads(self._run(binary, "api", "GET", "/v1/provider-endpoints", *org))
        rows = answer if isinstance(answer, list) else answer.get("data", answer.get("items"))
        for row in rows:
            if row["provider"] == "openai":
                self._run(binary, "api", "PATCH", "/v1/provider-endpoints/" + row["id"], "-", *org,
                          stdin=json.dumps({"base_url": url, "credential": "fake-credential"}))
        self._run(binary, "api", "POST", "/v1/provider-endpoints", "-", *org, stdin=json.dumps(
            {"provider": "azure", "dialect": "openai", "credential": "fake-credential-of-azure",
             "base_url": f"https://localhost:{self.ports['provider-tls']}/v1"}))

    def nginx(self, name, buffering):
        folder = self.dir / name
        folder.mkdir()
        shutil.copytree(self.dir / "provider", folder / "provider",
                        ignore=lambda _, names: [n for n in names if n != "ca.crt"])
        self.ports[name], self.ports[name + "-tls"] = port_free(), port_free()
        conf = folder / "nginx.conf"
        conf.write_text(NGINX_CONF.format(
            dir=folder, plain=self.ports["provider"], tls=self.ports["provider-tls"],
            port_plain=self.ports[name], port_tls=self.ports[name + "-tls"], buffering=buffering))
        process = self._spawn(name, CPU_PROXY, ["nginx", "-p", folder, "-c", conf])
        wait_port(self.ports[name], process)


def policy_of(count):
    """Provider and model rules that all must be weighed and none of which says no to the
    benchmark's requests: half of them unconditional, half of them for roles and providers."""
    providers = ["groq", "deepseek", "xai", "minimax", "moonshot", "zai", "cerebras", "nebius"]
    models = ["gpt-4", "gpt-4o", "gpt-4.1", "deepseek-chat", "gpt-4-turbo"]
    roles = ["owner", "admin", "member", "auditor"]
    rules = []
    for i in range(count):
        rule = {"key": f"rule-{i}", "effect": "block", "stage": "select", "enabled": True}
        if i % 2 == 0:
            rule["type"] = "provider_list"
            rule["params"] = {"block": [providers[i // 2 % len(providers)]]}
        else:
            rule["type"] = "model_list"
            rule["params"] = {"block": [models[i // 2 % len(models)]]}
        if i % 4 >= 2:
            rule["when"] = {"roles": [roles[i // 4 % len(roles)]]}
        rules.append(rule)
    return {"name": "Benchmark rules", "scope": {"level": "org"}, "status": "active",
            "mode": "enforce", "selection": "always", "rules": rules}
