# SPDX-License-Identifier: Apache-2.0
"""Starts a gateway of its own: a fresh database, migrations, the demonstration organisation, a
configuration that trusts the fake provider's CA, and provider endpoints that point at it.

Needs DATABASE_URL of a PostgreSQL where databases may be created (./check starts one).
"""
import json
import os
import secrets
import subprocess
import threading
import urllib.error
import urllib.request

import psycopg


class Gateway:
    def __init__(self, binary, server_url, directory, root, fake):
        self.binary = binary
        self.directory = str(directory)
        self.fake = fake
        self.lines = []
        self.database = "gateway_" + secrets.token_hex(6)
        self.server_url = server_url
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {self.database}")
        self.database_url = server_url.rsplit("/", 1)[0] + "/" + self.database
        master_key = os.path.join(self.directory, "master.key")
        with open(os.open(master_key, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as f:
            f.write(secrets.token_hex(32))
        self.env = dict(os.environ, DATABASE_URL=self.database_url,
                        PORTCULLIS_MASTER_KEY_FILE=master_key,
                        PORTCULLIS_CATALOG_DIR=os.path.join(root, "src/core/route/catalog"))
        self.run("migrate", "up")
        self.keys = self.read_keys(self.run("demo", "load", "--provider", fake.url))
        self.config = os.path.join(self.directory, "portcullis.json")
        hosts = [f"localhost:{p}" for p in (fake.tls_port, *fake.cert_ports.values())]
        with open(self.config, "w", encoding="ascii") as f:
            json.dump({"listen": {"port": 0}, "workers": 2,
                       "state_dir": os.path.join(self.directory, "state"),
                       "upstream": {"ca_file": fake.ca, "exceptions": ",".join(hosts)}}, f)
        self.process = None
        self.start()

    def run(self, *args):
        done = subprocess.run([self.binary, *args], env=self.env, capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
        return done.stdout

    @staticmethod
    def read_keys(text):
        """name -> key, of the JSON lines `demo load` prints."""
        rows = [json.loads(line) for line in text.splitlines()]
        return {row["name"]: row["key"] for row in rows}

    def start(self):
        self.process = subprocess.Popen([self.binary, "serve", "-c", self.config], env=self.env,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in self.process.stdout:
            self.lines.append(line)
            if '"event":"ready"' in line:
                self.port = json.loads(line)["port"]
                break
        else:
            raise AssertionError("the gateway did not start: " + "".join(self.lines))
        # Read on, or a full pipe stops the gateway.
        threading.Thread(target=self.lines.extend, args=(self.process.stdout,),
                         daemon=True).start()
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self):
        self.process.terminate()
        code = self.process.wait(60)
        self.drop()
        assert code == 0, "".join(self.lines[-20:])

    def drop(self):
        with psycopg.connect(self.server_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")

    def call(self, method, path, body=None, key=None, headers=None):
        """(status, headers with lower-case names, parsed body)."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers={
            "content-type": "application/json", "authorization": "Bearer " + (key or self.keys["owner"]),
            **(headers or {})})
        try:
            answer = urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as e:
            answer = e
        with answer:
            text = answer.read()
            names = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status, names, json.loads(text) if text else None

    def must(self, method, path, body=None, key=None):
        status, _, answer = self.call(method, path, body, key)
        assert status < 300, (method, path, status, answer)
        return answer
