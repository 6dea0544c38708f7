# SPDX-License-Identifier: Apache-2.0
"""A provider that keeps every byte it is sent and answers with bytes of the test's choice, whole
or cut. On 127.0.0.1, a thread of its own; plain HTTP, or TLS by a library that is not ours. The answer is chosen by a mark in the body:
"row:NAME". It reads requests as strictly as anybody could, so that what it cannot delimit for
certain is counted as ambiguous."""
import asyncio
import json
import re
import threading

LINE = re.compile(rb"(?:POST|GET) /[!-~]* HTTP/1\.1")
FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ?([\t -~\x80-\xff]*)")
MARK = re.compile(rb"row:([A-Za-z0-9_.\-]+)")
COMPLETION = json.dumps({
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1700000000, "model": "gpt-4o",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {
        "role": "assistant", "content": "hello"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}).encode()
GOOD = (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        % len(COMPLETION)) + COMPLETION


class Ambiguous(Exception):
    pass


def take_request(data):
    """(body, rest) or None when it is not whole; Ambiguous when it is not strictly HTTP/1.1 with
    one Content-Length and JSON."""
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        return None
    lines = head.split(b"\r\n")
    if not LINE.fullmatch(lines[0]):
        raise Ambiguous(lines[0])
    fields = []
    for line in lines[1:]:
        match = FIELD.fullmatch(line)
        if not match:
            raise Ambiguous(line)
        fields.append((match[1].lower(), match[2].strip()))
    names = [name for name, _ in fields]
    for name in (b"host", b"content-length", b"authorization"):
        if names.count(name) != 1:
            raise Ambiguous(f"{names.count(name)} times {name}")
    if b"transfer-encoding" in names or b"connection" in names and \
            dict(fields)[b"connection"] not in (b"keep-alive", b"close"):
        raise Ambiguous(names)
    length = dict(fields)[b"content-length"]
    if not re.fullmatch(rb"0|[1-9]\d{0,8}", length):
        raise Ambiguous(length)
    if len(rest) < int(length):
        return None
    body, rest = rest[:int(length)], rest[int(length):]
    try:
        json.loads(body)
    except ValueError as e:
        raise Ambiguous(body[:100]) from e
    return body, rest


class RawProvider:
    def __init__(self, context=None):
        self.context = context  # of TLS
        self.resumed = []  # of each connection with TLS: was its session?
        self.answers = {}  # name -> (bytes, "fin" | "reset" | "keep-open" | "")
        self.bodies = []
        self.ambiguous = []
        self.unfinished = []
        self.port = 0
        self.ready = threading.Event()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.run, daemon=True).start()
        assert self.ready.wait(10)

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.listen())
        self.ready.set()
        self.loop.run_forever()

    async def listen(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port,
                                                 ssl=self.context)
        self.port = self.server.sockets[0].getsockname()[1]

    def restart(self, context):
        """Another process on the same port: nothing of the old one's tickets is known."""
        async def change():
            self.server.close()
            self.context = context
            await self.listen()
        asyncio.run_coroutine_threadsafe(change(), self.loop).result(10)

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)

    def reset(self):
        self.bodies, self.ambiguous, self.unfinished = [], [], []

    def names(self):
        """The marks of what arrived whole."""
        return [m[1].decode() for m in map(MARK.search, self.bodies) if m]

    async def serve(self, reader, writer):
        data = b""
        if self.context:
            self.resumed.append(writer.get_extra_info("ssl_object").session_reused)
        try:
            while part := await reader.read(65536):
                data += part
                while (taken := take_request(data)) is not None:
                    body, data = taken
                    self.bodies.append(body)
                    if not await self.answer(body, writer):
                        return
        except Ambiguous as e:
            self.ambiguous.append((e.args, data[:500]))
        except OSError:
            pass
        finally:
            if data:
                self.unfinished.append(data)
            writer.close()

    async def answer(self, body, writer):
        """False: the connection is done with."""
        found = MARK.search(body)
        answer, then = self.answers.get(found[1].decode() if found else "", (GOOD, ""))
        writer.write(answer)
        await writer.drain()
        if then == "reset":
            writer.transport.abort()
        return then not in ("fin", "reset")
