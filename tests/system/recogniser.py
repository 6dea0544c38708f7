# SPDX-License-Identifier: Apache-2.0
"""A small recogniser: a server over TLS that finds the words it was given and keeps what it was
asked. `behave` makes the next answers wrong in a way of the test's choice.
"""
import http.server
import json
import ssl
import threading
import time

BEHAVIOURS = {
    "status": lambda h, _: h.reply(500, b"{}"),
    "not-json": lambda h, _: h.reply(200, b"<html>"),
    "other-type": lambda h, ask: h.find(ask, kind="planet"),
    "beyond": lambda h, ask: h.find(ask, shift=1000),
    "large": lambda h, _: h.reply(200, b" " * (5 << 20)),
    "close": lambda h, _: h.close(),
    "hang": lambda h, ask: h.find(ask, wait=h.server.owner.hang_s),
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        owner = self.server.owner
        with owner.lock:
            owner.seen.append({"path": self.path, "body": json.loads(body),
                               "headers": {n.lower(): v for n, v in self.headers.items()}})
            behaviour = owner.behaviour if len(owner.seen) > owner.after else None
        BEHAVIOURS.get(behaviour, lambda h, ask: h.find(ask))(self, json.loads(body))

    def find(self, ask, kind=None, shift=0, wait=0):
        findings = []
        for text in ask["texts"]:
            for word, of in self.server.owner.words.items():
                at = text["text"].find(word)
                while at >= 0 and of in ask["types"]:
                    findings.append({"id": text["id"], "type": kind or of, "start": at + shift,
                                     "end": at + len(word) + shift, "score": 0.95})
                    at = text["text"].find(word, at + 1)
        time.sleep(wait)
        self.reply(200, json.dumps({"findings": findings}).encode())

    def reply(self, status, body):
        try:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass  # the gateway has given up, which is what a test wants to see

    def close(self):
        self.close_connection = True

    def log_message(self, *args):
        pass


class Recogniser:
    def __init__(self, certificate, key, words):
        self.words = words  # word -> type
        self.lock = threading.Lock()
        self.seen, self.behaviour, self.after, self.hang_s = [], None, 0, 30
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.owner = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def behave(self, how, after=0):
        """From the question behind the first `after` on."""
        with self.lock:
            self.behaviour, self.after = how, after

    def texts(self):
        """Everything it was sent to read."""
        with self.lock:
            return [t["text"] for request in self.seen for t in request["body"]["texts"]]

    def reset(self):
        with self.lock:
            self.seen, self.behaviour, self.after = [], None, 0

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
