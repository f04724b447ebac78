#!/usr/bin/python3
"""swift_rings DIRECTORY KIND=PORT…: writes KIND.ring.gz for each, with one device "d1" at 127.0.0.1:PORT.

What swift-ring-builder does in three commands for each ring, of which each takes most of a second to
start. By Debian's Python, which alone finds Debian's Swift."""

import sys

from swift.common.ring.builder import RingBuilder


def main():
    directory = sys.argv[1]
    for argument in sys.argv[2:]:
        kind, port = argument.split("=")
        builder = RingBuilder(part_power=4, replicas=1, min_part_hours=1)
        builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": int(port), "device": "d1",
                         "weight": 1, "replication_ip": "127.0.0.1", "replication_port": int(port)})
        builder.rebalance()
        builder.get_ring().save(f"{directory}/{kind}.ring.gz")


main()
