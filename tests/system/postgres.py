# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL for running the system tests by hand; ./check brings its own.

Never as root: PostgreSQL refuses that, so root runs it as the system user `postgres`.
"""
import glob
import os
import shutil
import socket
import subprocess
import tempfile


class Postgres:
    def __init__(self):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
        assert found, "no PostgreSQL server under /usr/lib/postgresql"
        self.bin = found[-1]
        self.home = tempfile.mkdtemp(prefix="portcullis-pg-", dir="/tmp")
        self.user = {}
        if os.geteuid() == 0:
            shutil.chown(self.home, "postgres", "postgres")
            self.user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.run("initdb", "-U", "portcullis", "--auth=trust", "--encoding=UTF8", "--locale=C",
                 "--no-sync")
        self.run("pg_ctl", "-w", "-l", self.home + "/log", "-o",
                 f"-c listen_addresses=127.0.0.1 -c port={self.port} -c fsync=off "
                 f"-c unix_socket_directories={self.home} -c max_connections=200", "start")
        self.url = f"postgresql://portcullis@127.0.0.1:{self.port}/postgres"

    def run(self, program, *args):
        done = subprocess.run([os.path.join(self.bin, program), "-D", self.home + "/data", *args],
                              cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              timeout=120, check=False, **self.user)
        assert done.returncode == 0, done.stderr

    def stop(self):
        self.run("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(self.home, ignore_errors=True)
