#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fuzz/corpus/{request,response,sse,url}: seeds for the fuzz targets.

The streams are our own: a few good messages and systematic spoilings of them. The
file name begins with the verdict (accept, reject, incomplete), and
tests/unit/wire/corpus_test.c holds the parser to it. Run it from the top of the tree
after changing it; files found by a fuzzer are kept beside these under other names.
"""
import hashlib
import pathlib
import re

ROOT = pathlib.Path(__file__).parent / 'corpus'
LINE = b'POST /v1/chat/completions HTTP/1.1\r\nHost: gw.example\r\n'
OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'


def put(kind, verdict, name, data):
    """One stream, named after verdict, idea and content."""
    folder = ROOT / kind
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')
    mark = hashlib.sha256(data).hexdigest()[:6]
    (folder / f'{verdict}-{name}-{mark}').write_bytes(data)


def spoilt_names():
    """Framing fields spelt so that somebody might take them for the real ones."""
    for name, value in ((b'Transfer-Encoding', b'chunked'), (b'Content-Length', b'5')):
        for byte in (0x00, 0x09, 0x0b, 0x0c, 0x0d, 0x20, 0x7f, 0x80, 0xa0, 0xff):
            junk = bytes([byte])
            yield f'{name.decode()} {byte:02x} before', junk + name + b': ' + value
            yield f'{name.decode()} {byte:02x} within', name[:8] + junk + name[8:] + b': ' + value
            yield f'{name.decode()} {byte:02x} behind', name + junk + b': ' + value
        yield f'{name.decode()} folded', b'X: y\r\n ' + name + b': ' + value
        yield f'{name.decode()} bare lf', b'X: y\n' + name + b': ' + value
        yield f'{name.decode()} bare cr', b'X: y\r' + name + b': ' + value


def requests():
    chunks = b'5\r\nhello\r\n0\r\n\r\n'
    chunked = LINE + b'Transfer-Encoding: chunked\r\n\r\n'
    good = {
        'length': LINE + b'Content-Length: 5\r\n\r\nhello',
        'length tab': LINE + b'Content-Length:\t5\t\r\n\r\nhello',
        'chunked': chunked + chunks,
        'chunked case': LINE + b'TRANSFER-ENCODING:\tChunked \r\n\r\n' + chunks,
        'chunk extension': chunked + b'5;a=b;c="d e";f\r\nhello\r\n0\r\n\r\n',
        'trailers': chunked + b'5\r\nhello\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n',
        'no body': b'GET /v1/models?limit=5 HTTP/1.1\r\nHost: gw.example\r\n\r\n',
        'http10': b'GET / HTTP/1.0\r\n\r\n',
        'absolute': b'GET http://gw.example/a HTTP/1.1\r\nHost: gw.example\r\n\r\n',
        'expect': LINE + b'Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi',
        'upgrade': b'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
        'alias': LINE + b'Content-Length: 2\r\nContent_Length: 9\r\n\r\nhi',
        'pipeline': (LINE + b'Content-Length: 2\r\n\r\nhi') * 3,
        'leading': b'\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n',
    }
    for name, data in good.items():
        put('request', 'accept', name, data)
    for name, data in (('length', good['length']), ('chunked', good['chunked']),
                       ('trailers', good['trailers'])):
        for cut in (1, 20, len(data) // 2, len(data) - 8, len(data) - 3, len(data) - 1):
            put('request', 'incomplete', f'{name} cut', data[:cut])
    for name, field in spoilt_names():
        if name.endswith(('09 before', '20 before')):
            field = b'X: y\r\n' + field
        put('request', 'reject', name, LINE + field + b'\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n')
    for value in ('', ',chunked', 'chunked,', 'gzip, chunked', 'chunked;a', 'identity', 'xchunked',
                  '"chunked"', 'chunked\x0b', 'chunked\r\nTransfer-Encoding: chunked',
                  'chunked\r\nContent-Length: 5', 'cow\r\nTransfer-Encoding: chunked'):
        put('request', 'reject', 'te ' + value, LINE + b'Transfer-Encoding: ' + value.encode() +
            b'\r\n\r\n' + chunks)
    for value in ('', '+5', '-5', '0x5', '5e0', '5.0', '1_0', '"5"', '5, 5', '5 5', '05',
                  '18446744073709551621', '9223372036854775808', '5\r\nContent-Length: 5',
                  '99999999999'):
        put('request', 'reject', 'cl ' + value, LINE + b'Content-Length: ' + value.encode() +
            b'\r\n\r\nhello')
    for value in ('5;', '0x5', '+5', '5_0', ' 5', '5 ', 'fffffffff', '', 'g', '5;a=', '5;a="',
                  '5;a="b"c', '5; a', '5;a\rb', '5\n', '000000005'):
        put('request', 'reject', 'chunk ' + value, chunked + value.encode() + b'\r\nhello\r\n0\r\n\r\n')
    put('request', 'reject', 'chunk overrun', chunked + b'5\r\nhelloX\r\n0\r\n\r\n')
    for value in (' X: y', 'X : y', ': y', 'X', 'X: a\rb', 'X: \x00'):
        put('request', 'reject', 'trailer ' + value,
            chunked + b'5\r\nhello\r\n0\r\n' + value.encode() + b'\r\n\r\n')
    for line in ('GET  / HTTP/1.1', 'GET / HTTP/1.1 ', 'GET\t/ HTTP/1.1', ' GET / HTTP/1.1',
                 'GET / HTTP/1.2', 'GET / http/1.1', 'GET /', 'GET /#a HTTP/1.1', 'GET * HTTP/1.1',
                 'CONNECT a:1 HTTP/1.1', 'GET //a HTTP/1.1', 'GET /../a HTTP/1.1',
                 'GET /%2e/a HTTP/1.1', 'GET /a;b HTTP/1.1', 'GET /a\\b HTTP/1.1',
                 'GET /%00 HTTP/1.1', 'GET http://other/ HTTP/1.1', 'G(T / HTTP/1.1',
                 'PRI * HTTP/2.0'):
        put('request', 'reject', 'line ' + line, line.encode() + b'\r\nHost: gw.example\r\n\r\n')
    for host in ('a@b', 'a,b', '', 'a b', 'a:', 'a:x', '[::1', 'a\r\nHost: a'):
        put('request', 'reject', 'host ' + host,
            b'GET / HTTP/1.1\r\nHost: ' + host.encode() + b'\r\n\r\n')
    put('request', 'reject', 'no host', b'GET / HTTP/1.1\r\nAccept: a\r\n\r\n')


def responses():
    chunked = OK + b'Transfer-Encoding: chunked\r\n\r\n'
    good = {
        'length': OK + b'Content-Length: 2\r\n\r\nhi',
        'chunked': chunked + b'2\r\nhi\r\n0\r\n\r\n',
        'early hints': b'HTTP/1.1 103 Early\r\nLink: a\r\n\r\n' + OK + b'Content-Length: 0\r\n\r\n',
        'no content': b'HTTP/1.1 204 No Content\r\n\r\n',
        'not modified': b'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
        'no reason': b'HTTP/1.1 429\r\nContent-Length: 0\r\n\r\n',
        'until eof': b'HTTP/1.0 200 OK\r\n\r\nhello',
        'surplus': OK + b'Content-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\n',
    }
    for name, data in good.items():
        put('response', 'accept', name, data)
    for name in ('length', 'chunked'):
        for cut in (5, len(good[name]) // 2, len(good[name]) - 1):
            put('response', 'incomplete', f'{name} cut', good[name][:cut])
    for name, field in spoilt_names():
        if name.endswith(('09 before', '20 before')):
            field = b'X: y\r\n' + field
        put('response', 'reject', name, OK + field + b'\r\n\r\nhello')
    for line in ('HTTP/1.1  200 OK', 'HTTP/1.1 99 OK', 'HTTP/1.1 1000 OK', 'HTTP/1.1 2x0 OK',
                 'HTTP/2.0 200 OK', 'HTTP/1.1\t200 OK', 'RTSP/1.0 200 OK', 'HTTP/1.1 200  OK',
                 'HTTP/1.1 101 Up', 'HTTP/1.1 000 OK', 'hello'):
        put('response', 'reject', 'line ' + line, line.encode() + b'\r\nContent-Length: 0\r\n\r\n')
    for fields in ('Content-Length: 2\r\nTransfer-Encoding: chunked',
                   'Content-Length: 2\r\nContent-Length: 2', 'Transfer-Encoding: gzip',
                   'Transfer-Encoding: chunked, gzip', 'Content-Length: 2, 2'):
        put('response', 'reject', fields, OK + fields.encode() + b'\r\n\r\nhi')
    put('response', 'reject', 'informational flood', b'HTTP/1.1 102 x\r\n\r\n' * 11)
    put('response', 'reject', 'surplus close',
        OK + b'Connection: close\r\nContent-Length: 2\r\n\r\nhiX')
    put('response', 'reject', 'chunk blank', chunked + b'2 \r\nhi\r\n0\r\n\r\n')


def events():
    body = b'event: delta\nid: 7\ndata: {"choices":[{"delta":{"content":"hi"}}]}\n\n'
    for name, data in {
            'lf': body * 2, 'crlf': body.replace(b'\n', b'\r\n') * 2,
            'cr': body.replace(b'\n', b'\r') * 2,
            'mixed': b'data: a\r\ndata: b\n\rdata: c\r\r\ndata: d\n\n',
            'mark': b'\xef\xbb\xbf' + body, 'comment': b': ping\n\n' + body,
            'lines': b'data: a\ndata\ndata:\ndata:  b\n\n', 'cut': body + b'data: x',
            'unknown': b'event: weird\ndata: \x00\x01\nfoo: bar\n\n', 'blank': b'\n\r\n\r\r\n\n',
    }.items():
        put('sse', 'stream', name, data)


def urls():
    for text in ('https://api.example.com/v1', 'https://8.8.8.8', 'https://[2606:4700::1111]:443/',
                 'http://127.0.0.1:8080/v1', 'https://a@b.com', 'https://a.com\\@b.com',
                 'https://2130706433', 'https://0x7f.1', 'https://017700000001', 'https://a.com.',
                 'https://[::ffff:127.0.0.1]', 'https://[fe80::1%25eth0]', 'https://xn--a.com',
                 'https://a.com:00443', 'https://a.com/../b', 'https://a.com/%2e', 'file:///etc',
                 'https://metadata.google.internal', 'https://127.0.0.1.nip.io', '/v1/%C3%A9',
                 '1:2:3:4:5:6:1.2.3.4', '::', '1.2.3.4'):
        put('url', 'text', text, text.encode())


for kind in ('request', 'response', 'sse', 'url'):
    for old in (ROOT / kind).glob('*'):
        if old.name.split('-')[0] in ('accept', 'reject', 'incomplete', 'stream', 'text'):
            old.unlink()
requests()
responses()
events()
urls()
