#!/usr/bin/env python3
"""callers HOST:PORT CASE: sends to `tiphys serve` by sockets what no HTTP library would."""

import json
import socket
import sys
import time

address = sys.argv[1].split(":")
PATH = "/api/v1/template.execute"


def body(word, padding=0):
    wasm = {"module": "127.0.0.1:1/test/command:1", "args": ["echo", word]}
    return json.dumps({"template": {"name": "x" * padding, "plugin": {"wasm": wasm}}}).encode()


def head(*lines, method="POST", path=PATH):
    fields = ("Host: x", "Content-Type: application/json") + lines
    return f"{method} {path} HTTP/1.1\r\n".encode() + "".join(f + "\r\n" for f in fields).encode() + b"\r\n"


def request(word):
    return head(f"Content-Length: {len(body(word))}") + body(word)


def connect():
    connection = socket.create_connection((address[0], int(address[1])))
    connection.settimeout(15)
    return connection


def answer(connection, until=None):
    """All that comes until it is closed, or has `until` in it."""
    text = b""
    while until is None or until not in text:
        try:
            more = connection.recv(65536)
        except ConnectionResetError:
            break
        if not more:
            break
        text += more
    return text


def drips():
    with connect() as connection:
        text = request("patience")
        for at in range(0, len(text), 3):
            connection.sendall(text[at:at + 3])
            time.sleep(0.02)
        assert b'"result":"patience"' in answer(connection, b"patience"), "no answer"


def stops():
    whole = request("never")
    for part in (b"", b"POST", whole[:60], whole[:-1], head("Transfer-Encoding: chunked") + b"5\r\nab"):
        with connect() as connection:
            connection.sendall(part)
            begin = time.monotonic()
            text = answer(connection)
            took = time.monotonic() - begin
            assert took < 10, f"{part!r}: open for {took} s"
            assert b"Succeeded" not in text, text


def creeps():
    """Bytes that come as seldom as may be, without end: in the first line, the headers, the body, a chunk, and
    behind a request that was answered. Silence alone would let each live for ever."""
    body_of = head("Content-Length: 10000")
    begins = (b"POST /", head()[:-2] + b"X: ", body_of, head("Transfer-Encoding: chunked") + b"fff\r\n",
              request("first"))
    held = []
    for part in begins:
        since = time.monotonic()  # the server's time begins later
        connection = connect()
        connection.sendall(part)
        if part == begins[-1]:
            assert b'"result":"first"' in answer(connection, b"first")
            connection.sendall(body_of)
        connection.setblocking(False)
        held.append((connection, since, part))
    while held:
        time.sleep(0.5)
        for row in held[:]:
            connection, since, part = row
            took = time.monotonic() - since
            try:
                closed = connection.recv(65536) == b""
            except BlockingIOError:
                closed = False
            except ConnectionResetError:
                closed = True
            if not closed:
                assert took < 12, f"{part!r}: open for {took} s"
                try:
                    connection.send(b"x")
                except (BrokenPipeError, ConnectionResetError):
                    closed = True
            if closed:
                assert took > 4, f"{part!r}: closed after {took} s"
                connection.close()
                held.remove(row)


def sips():
    """A reply that is taken slowly, and without a pause that its silence would be noticed by: some 2 MB a second, of
    24. Its result is there for whoever asks again, by the same bytes."""
    size = 24000000
    wasm = {"module": "127.0.0.1:1/test/command:1", "args": ["many", str(size)]}
    text = json.dumps({"template": {"name": "sips", "plugin": {"wasm": wasm}}}).encode()
    ask = head(f"Content-Length: {len(text)}") + text
    with connect() as connection:
        connection.sendall(ask)
        got = len(connection.recv(100))
        since = time.monotonic()
        try:
            while more := len(connection.recv(200000)):
                got += more
                time.sleep(0.1)
        except ConnectionResetError:
            pass
        took = time.monotonic() - since
    assert got < size, f"all of it was taken in {took} s"
    with connect() as connection:
        connection.sendall(ask)
        got = 0
        while got < size and (more := connection.recv(1 << 20)):
            got += more.count(b"x")
        assert got >= size, f"{got} bytes when asked again"


def malformed():
    rows = (
        b"GARBAGE\r\n\r\n", b"\r\n" * 50, b"\0" * 1000, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        b"POST " + PATH.encode() + b"\r\n\r\n", b"POST  HTTP/1.1\r\nHost: x\r\n\r\n",
        head("Content-Length: -1") + body("a"), head("Content-Length: x") + body("a"),
        head("Content-Length: 99999999999999999999") + body("a"),
        head("Transfer-Encoding: chunked") + b"zz\r\n" + body("a"),
        head("Transfer-Encoding: chunked") + b"ffffffffffffffffff\r\n" + body("a"),
        head("X: " + "y" * 200000) + body("a"), head(*[f"X{i}: y" for i in range(5000)]) + body("a"),
        head("Content-Length: 3") + b'{"a', head("Content-Length: 4") + b"\xff\xfe\0{",
        head("Content-Length: 40000") + b"[" * 40000, head("Content-Length: 2") + b"[]",
    )
    for row in rows:
        with connect() as connection:
            begin = time.monotonic()
            try:
                connection.sendall(row)
                text = answer(connection, b"\r\n\r\n")
            except (BrokenPipeError, ConnectionResetError):
                text = b""
            took = time.monotonic() - begin
            assert took < 10, f"{row[:60]!r}: open for {took} s"
            assert text == b"" or b" 4" in text.split(b"\r\n")[0] or b" 5" in text.split(b"\r\n")[0], \
                f"{row[:60]!r}: {text[:200]!r}"


def oversized():
    # Answered before it comes, whatever it is refused for.
    for status, words, path in ((b" 413 ", b"--max-body", PATH), (b" 404 ", b"there is nothing at", "/else")):
        for fields in (("Content-Length: 70000000",), ("Content-Length: 200000", "Expect: 100-continue")):
            with connect() as connection:
                connection.sendall(head(*fields, path=path))
                text = answer(connection)
                assert status in text.split(b"\r\n")[0] and words in text, text
                assert b"connection: close" in text.lower(), text
    # One who sends first and then looks found the connection closed, and no answer.
    with connect() as connection:
        connection.sendall(head("Content-Length: 200000"))
        for _ in range(20):
            time.sleep(0.02)
            connection.sendall(b" " * 10000)
        text = answer(connection, b"--max-body")
        assert b" 413 " in text.split(b"\r\n")[0] and b"200000" in text and b"--max-body" in text, text
        # All of it was heard, so that what comes next is a request.
        connection.sendall(request("next"))
        assert b'"result":"next"' in answer(connection, b'"result":"next"'), "no answer"
    # One who drips it is not heard for longer than any other.
    since = time.monotonic()
    with connect() as connection:
        connection.sendall(head("Content-Length: 200000"))
        try:
            while time.monotonic() - since < 15:
                connection.sendall(b" ")
                time.sleep(0.2)
        except (BrokenPipeError, ConnectionResetError):
            pass
        took = time.monotonic() - since
        assert 4 < took < 12, f"open for {took} s"
    with connect() as connection:
        connection.sendall(head("Transfer-Encoding: chunked"))
        try:
            for _ in range(200):
                connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        text = answer(connection, b"--max-body")
        assert text == b"" or b" 413 " in text.split(b"\r\n")[0], text


def pipelined():
    with connect() as connection:
        connection.sendall(request("first") + request("second") + request("third"))
        text = b""
        for word in (b'"result":"first"', b'"result":"second"', b'"result":"third"'):
            while word not in text:
                more = connection.recv(65536)
                assert more, f"closed before {word!r}: {text!r}"
                text += more
        assert text.index(b"first") < text.index(b"second") < text.index(b"third"), text


def crowded():
    held = [connect() for _ in range(40)]
    more = [connect() for _ in range(30)]
    for connection in more:
        connection.sendall(request("crowd"))
    for number, connection in enumerate(more):
        assert b'"result":"crowd"' in answer(connection, b"crowd"), f"{number} was not answered"
    for connection in held:
        assert answer(connection) == b"", "an idle connection was answered"
    for connection in held + more:
        connection.close()


{check.__name__: check for check in (drips, stops, creeps, sips, malformed, oversized, pipelined, crowded)}[sys.argv[2]]()
