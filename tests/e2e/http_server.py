"""A real HTTP/1.1 server on 127.0.0.1 for the end-to-end tests, whose paths behave well or badly.
Prints its port, then a line for each request: METHOD PATH, and headers that matter."""
import http.server
import json
import socketserver
import sys
import time
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "test"

    def log_message(self, *arguments):
        pass

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self):
        """The pieces of the request's body."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while True:
                size = int(self.rfile.readline().strip() or b"0", 16)
                piece = self.rfile.read(size)
                self.rfile.readline()
                if size == 0:
                    return
                yield piece
        left = int(self.headers.get("Content-Length", 0))
        while left > 0:
            piece = self.rfile.read(min(left, 1 << 16))
            if not piece:
                return
            left -= len(piece)
            yield piece

    def raw(self, *pieces):
        for piece in pieces:
            self.wfile.write(piece)
        self.wfile.flush()
        self.close_connection = True

    def answer(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        seen = [self.headers.get(name, "-") for name in ("Authorization", "Cookie", "Content-Type", "User-Agent")]
        print(self.command, self.path, *seen, sep="|", flush=True)
        if url.path.startswith("/to/"):
            # An object of the bucket "to" lies elsewhere: to/HOST:PORT/PATH.
            self.reply(307, headers=[("Location", "http://" + urllib.parse.unquote(url.path[len("/to/"):]))])
            return
        if url.path.startswith("/v2/team/"):
            # A registry whose layers lie elsewhere, at the port that is the repository's name.
            port, kind = url.path.split("/")[3:5]
            if kind == "blobs":
                self.reply(307, headers=[("Location", "https://127.0.0.1:" + port + "/hello")])
            else:
                layer = {"mediaType": "application/octet-stream", "digest": "sha256:" + "0" * 64, "size": 6}
                text = json.dumps({"schemaVersion": 2, "layers": [layer]}).encode()
                self.reply(200, text, [("Content-Type", "application/vnd.oci.image.manifest.v1+json")])
            return
        act = getattr(self, "at" + url.path.replace("/", "_").replace("-", "_"), None)
        if act is None:
            self.reply(404, b"nothing is here\n")
        else:
            act(query)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def at_hello(self, query):
        self.reply(200, b"hello\n", [("X-Mixed-Case", " two words "), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])

    def at_method(self, query):
        self.reply(200, self.command.encode() + b"\n")

    def at_echo(self, query):
        self.reply(200, b"".join(self.body()), [("X-Encoding", self.headers.get("Transfer-Encoding", "length"))])

    def at_sink(self, query):
        self.reply(200, b"%d\n" % sum(len(piece) for piece in self.body()))

    def at_early(self, query):
        """Answers before it has read the body."""
        self.reply(200, b"enough\n")
        self.close_connection = True

    def at_redirect(self, query):
        for piece in self.body():
            pass
        self.reply(int(query.get("status", 302)), b"a body that nobody reads\n", [("Location", query["to"])])

    def at_loop(self, query):
        self.reply(302, b"", [("Location", "/loop")])

    def at_bytes(self, query):
        left = int(query["n"])
        piece = bytes(1 << 20)
        self.send_response(200)
        self.send_header("Content-Length", str(left))
        self.end_headers()
        while left > 0:
            self.wfile.write(piece[:left])
            left -= len(piece)

    def at_endless(self, query):
        self.raw(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            self.wfile.write(bytes(1 << 16))

    def at_short(self, query):
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")

    def at_long(self, query):
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello and more")

    def at_claims(self, query):
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nhello")

    def at_huge_header(self, query):
        self.raw(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 90000, b"\r\nContent-Length: 0\r\n\r\n")

    def at_many_headers(self, query):
        self.raw(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 300, b"Content-Length: 0\r\n\r\n")

    def at_garbage(self, query):
        self.raw(b"\x00\x01\x02 this is no HTTP\r\n\r\n")

    def at_nothing(self, query):
        self.close_connection = True

    def at_hang(self, query):
        time.sleep(600)

    def at_late(self, query):
        """Just before a second is over."""
        time.sleep(0.95)
        self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlate\n")

    def at_slow(self, query):
        """A byte now and then, for ever."""
        self.raw(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            self.raw(b".")
            time.sleep(0.2)

    def at_continue(self, query):
        self.raw(b"HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-Final: 1\r\nContent-Length: 3\r\n\r\nok\n")


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, *arguments):
        pass


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
