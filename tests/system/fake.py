# SPDX-License-Identifier: Apache-2.0
"""Starts the fake provider (bench/load/fake_provider) and talks to its control paths."""
import base64
import json
import os
import signal
import ssl
import subprocess
import urllib.request


class FakeProvider:
    def __init__(self, build_dir, directory, *args):
        self.directory = str(directory)
        self.process = subprocess.Popen(
            [os.path.join(build_dir, "bench/load/fake_provider/fake_provider"), "--dir",
             self.directory, *args],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        assert line, "the fake provider did not start"
        ready = json.loads(line)
        self.tls_port = ready["tls_port"]
        self.plain_port = ready["plain_port"]
        self.cert_ports = ready["cert_ports"]
        self.ca = os.path.join(self.directory, "ca.crt")
        self.url = f"https://localhost:{self.tls_port}"
        self.ssl = ssl.create_default_context(cafile=self.ca)

    def control(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.plain_port}{path}", data=data)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def log(self):
        """Requests seen since the last reset, headers as a dictionary with lower-case names."""
        seen = self.control("/__log")["requests"]
        for request in seen:
            request["headers"] = {name.lower(): value for name, value in request["headers"]}
        return seen

    def reset(self):
        self.control("/__reset", {})

    def behave(self, marks, count=1):
        self.control("/__behave", {"next": marks, "count": count})

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(10) == 0
        self.process.stdout.close()


def mark(text):
    return f"[[fake:{text}]]"


def say(text):
    """A mark that makes the provider answer with exactly `text`."""
    return mark("say=" + base64.b64encode(text.encode()).decode())


def call_with(arguments, size=3):
    """Marks that make it call the first tool with exactly these JSON bytes, in deltas of `size`."""
    return (mark("args=" + base64.b64encode(arguments.encode()).decode())
            + mark(f"pieces={size}"))


def say_in_pieces(text, size=3):
    return say(text) + mark(f"pieces={size}")


def answer_with(fake, text):
    """The next request is answered with exactly `text`, whatever it says itself: a mark would be
    part of the prompt, where content rules find what it says."""
    fake.behave("say=" + base64.b64encode(text.encode()).decode())
