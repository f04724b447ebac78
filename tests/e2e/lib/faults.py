#!/usr/bin/env python3
"""faults PORTFILE PLAN LOG FOLDER|HOST:PORT [PEM]: an HTTP server of a folder, or a proxy in front of another
server, that does wrong what PLAN says. A real server in front of which nothing goes wrong tells nothing
about what happens when it does. With PEM, a certificate and its key, it speaks HTTPS.

Each line of PLAN is "METHOD PATTERN TIMES FAULT [VALUE]", read anew for each request; the first line that
fits (PATTERN is found in the path with its query) and was used fewer than TIMES times counts:
  status CODE[,SECONDS]  answers so, without asking anybody, with Retry-After when SECONDS are given
  location URL           redirects there by 302
  drop BYTES             closes the connection behind so many bytes of the body
  refuse                 closes the connection without an answer
  stall SECONDS          sends nothing for so long before the body
  pause BYTES            stops behind so many bytes of the body for a minute
  length BYTES           announces so many bytes more than there are
  flip BYTE              changes that byte of the body
  change                 gives another ETag
  part STATUS[,RANGE]    answers with that status, and with RANGE ("0-9/10") or no Content-Range at all
  header NAME:VALUE      sets a header, or with an empty VALUE leaves it out
  huge BYTES             a body of so many spaces, by chunks
  drip SECONDS           sends a byte, and after so many seconds another, to the end of the body
LOG gets a line "METHOD PATH STATUS RANGE AUTHORIZATION SECURITY-TOKEN" for each request; of AUTHORIZATION its
first word."""

import http.client
import http.server
import os
import ssl
import sys
import threading
import time

portfile, plan, log, behind = sys.argv[1:5]
used = {}
lock = threading.Lock()


def fault_for(method, path):
    with lock, open(plan, encoding="utf-8") as lines:
        written = os.stat(plan).st_mtime_ns
        for number, line in enumerate(lines):
            words = line.split()
            if len(words) < 4 or words[0] != method or words[1] not in path:
                continue
            if used.get((written, number), 0) < int(words[2]):
                used[written, number] = used.get((written, number), 0) + 1
                return words[3], words[4] if len(words) > 4 else ""
    return None, ""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, status):
        with lock, open(log, "a", encoding="utf-8") as out:
            print(self.command, self.path, status, self.headers.get("Range", "-"),
                  self.headers.get("Authorization", "-").split()[0],
                  self.headers.get("x-amz-security-token", "-"), file=out)

    def from_folder(self):
        """Status, headers and body of a file, with ranges as RFC 9110 has them."""
        name = os.path.join(behind, self.path.split("?")[0].lstrip("/"))
        if self.headers.get("X-Wanted") not in (None, "yes"):
            return 403, {}, b"another X-Wanted is wanted"
        if not os.path.isfile(name):
            return 404, {}, b"no such file"
        with open(name, "rb") as file:
            body = file.read()
        tag = f'"{os.path.getmtime(name)}"'
        if self.headers.get("If-Match", tag) != tag:
            return 412, {"ETag": tag}, b"changed"
        span = self.headers.get("Range", "")
        if span.startswith("bytes=") and span.endswith("-"):
            start = int(span[6:-1])
            place = f"bytes {start}-{len(body) - 1}/{len(body)}"
            return 206, {"ETag": tag, "Content-Range": place}, body[start:]
        return 200, {"ETag": tag}, body

    def from_server(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        other = http.client.HTTPConnection(behind, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
        other.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            other.putheader(name, value)
        other.endheaders(body if body else None)
        reply = other.getresponse()
        body = reply.read()
        headers = {k: v for k, v in reply.getheaders()
                   if k.lower() not in ("connection", "transfer-encoding", "content-length")}
        other.close()
        return reply.status, headers, body

    def send_huge(self, left):
        piece = b" " * 65536
        self.close_connection = True
        try:
            while left > 0:
                size = min(left, len(piece))
                self.wfile.write(b"%x\r\n" % size + piece[:size] + b"\r\n")
                left -= size
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass  # the other one has had enough

    def answer(self):
        fault, value = fault_for(self.command, self.path)
        if fault == "refuse":
            self.note("refused")
            self.close_connection = True
            return
        if fault == "status":
            code, _, seconds = value.partition(",")
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = int(code), {"Retry-After": seconds} if seconds else {}, b"a fault"
        elif fault == "location":
            status, headers, body = 302, {"Location": value}, b""
        elif ":" in behind:
            status, headers, body = self.from_server()
        else:
            status, headers, body = self.from_folder()
        self.note(status)
        length = len(body)
        if fault == "length":
            length += int(value)
        if fault == "flip" and len(body) > int(value):
            at = int(value)
            body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]
        if fault == "change":
            headers["ETag"] = '"changed"'
        if fault == "part":
            code, _, span = value.partition(",")
            status = int(code)
            headers.pop("Content-Range", None)
            if span:
                headers["Content-Range"] = "bytes " + span
        if fault == "header":
            name, _, text = value.partition(":")
            headers = {k: v for k, v in headers.items() if k.lower() != name.lower()}
            if text:
                headers[name] = text
        self.send_response_only(status)
        for name, text in headers.items():
            self.send_header(name, text)
        if fault == "huge":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.send_huge(int(value))
            return
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.flush()
        if fault == "stall":
            time.sleep(float(value))
        if fault == "drop":
            body = body[:int(value)]
        if fault == "pause":
            self.wfile.write(body[:int(value)])
            self.wfile.flush()
            time.sleep(60)
            body = body[int(value):]
        if fault == "drip":
            for at in range(len(body)):
                self.wfile.write(body[at:at + 1])
                self.wfile.flush()
                time.sleep(float(value))
        elif self.command != "HEAD":
            self.wfile.write(body)
            self.wfile.flush()
        if fault in ("drop", "length"):
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
if len(sys.argv) > 5:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[5])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(portfile + ".new", "w", encoding="utf-8") as out:
    print(server.server_port, file=out)
os.rename(portfile + ".new", portfile)
server.serve_forever()
