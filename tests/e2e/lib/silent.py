#!/usr/bin/env python3
"""silent PORTFILE accepts|waits: a listening socket on 127.0.0.1 that says nothing: it accepts each connection, and
prints a line about it, or leaves them to the kernel, and prints the lines when it is ended."""

import os
import signal
import socket
import sys

listener = socket.create_server(("127.0.0.1", 0))
held = []


def accept():
    held.append(listener.accept())
    print("accepted", flush=True)


def accept_all(*_):
    listener.setblocking(False)
    try:
        while True:
            accept()
    except BlockingIOError:
        sys.exit()


if sys.argv[2] == "waits":
    signal.signal(signal.SIGTERM, accept_all)
with open(sys.argv[1] + ".new", "w", encoding="utf-8") as out:
    print(listener.getsockname()[1], file=out)
os.rename(sys.argv[1] + ".new", sys.argv[1])
if sys.argv[2] == "waits":
    signal.pause()
while True:
    accept()
