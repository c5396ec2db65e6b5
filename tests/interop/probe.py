#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Asks a RocketMQ name server for the route of one topic; exit 0 when it knows the topic.

    probe.py HOST:PORT TOPIC [--within SECONDS]

With --within it asks again every 0.1 s until the answer is good or the time is up. One request a
connection, JSON header, request code 105 (GET_ROUTEINFO_BY_TOPIC).
"""

import argparse
import json
import socket
import struct
import sys
import time

GET_ROUTE = 105
MAX_FRAME = 1 << 20


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        chunk = sock.recv(count - len(data))
        if not chunk:
            raise ConnectionError("closed in the middle of a frame")
        data += chunk
    return data


def ask(address, topic):
    """Returns the response code of one route request."""
    host, port = address.rsplit(":", 1)
    header = json.dumps({
        "code": GET_ROUTE, "language": "JAVA", "version": 409, "opaque": 1, "flag": 0,
        "serializeTypeCurrentRPC": "JSON", "extFields": {"topic": topic},
    }).encode()
    with socket.create_connection((host, int(port)), timeout=2) as sock:
        sock.sendall(struct.pack(">ii", 4 + len(header), len(header)) + header)
        (length,) = struct.unpack(">i", read_exactly(sock, 4))
        if not 4 <= length <= MAX_FRAME:
            raise ValueError(f"frame of {length} bytes")
        frame = read_exactly(sock, length)
    header_len = struct.unpack(">i", frame[:4])[0] & 0xFFFFFF
    return json.loads(frame[4:4 + header_len])["code"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address")
    parser.add_argument("topic")
    parser.add_argument("--within", type=float, default=0)
    args = parser.parse_args()
    deadline = time.monotonic() + args.within
    while True:
        try:
            answer = f"code {ask(args.address, args.topic)}"
        except (OSError, ValueError, KeyError, struct.error) as error:
            answer = str(error)
        if answer == "code 0":
            return 0
        if time.monotonic() >= deadline:
            print(f"{args.address} has no route for {args.topic}: {answer}", file=sys.stderr)
            return 1
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
