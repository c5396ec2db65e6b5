# SPDX-License-Identifier: Apache-2.0
"""Frames, headers, ports, unknown codes, bad input."""
import json
import resource
import socket
import struct
import time

import pytest
from remoting import Client, encode_json


def test_every_port_serves_both_sets_of_codes(shared, topic):
    Client(shared.broker).create_topic(topic)
    for address in (shared.namesrv, shared.broker, shared.vip):
        connection = Client(address)
        route = json.loads(connection.call(105, {"topic": topic}).body)
        assert route["brokerDatas"][0]["brokerAddrs"]["0"] == shared.broker
        assert connection.send(topic).code == 0
        connection.close()
    ports = [int(address.rsplit(":", 1)[1]) for address in (shared.broker, shared.vip)]
    assert ports[0] - ports[1] == 2


def test_binary_headers_are_answered_binary(shared, topic):
    connection = Client(shared.broker, serialize="binary")
    answer = connection.send(topic, b"binary")
    assert (answer.code, answer.serialize) == (0, "binary")
    assert len(answer.ext["msgId"]) == 32
    connection.close()


def test_unknown_code_is_answered_3(client):
    for code in (39, 9999, 200050, -1):
        answer = client.call(code)
        assert answer.code == 3, answer
        assert "not supported" in answer.remark


def test_unknown_topic_is_answered_17(client):
    answer = client.call(105, {"topic": "nobody_made_it"})
    assert answer.code == 17
    assert client.call(105, {"topic": "TBW102"}).code == 0


def test_route_of_a_retry_topic_is_there_when_first_asked(client, group):
    route = json.loads(client.call(105, {"topic": f"%RETRY%{group}"}).body)
    assert route["queueDatas"][0]["readQueueNums"] == 1
    assert route["queueDatas"][0]["perm"] == 6


def test_route_json_is_compact(client, topic):
    client.create_topic(topic)
    body = client.call(105, {"topic": topic}).body
    assert b" " not in body and b'"0":' in body


def test_numbers_and_booleans_in_ext_fields_are_taken(client, topic):
    ext = {"a": "p", "b": topic, "c": "TBW102", "d": 4, "e": 0, "f": 0, "g": 1, "h": 0, "i": "", "j": 0, "k": False,
           "m": False, "n": "broker-a", "ns": "x", "lo": True}
    assert client.call(310, ext, b"numbers").code == 0


@pytest.mark.parametrize("field,value", [("e", "zero"), ("g", "later"), ("f", "9999999999"), ("b", None)])
def test_header_values_of_the_wrong_type_are_answered_1(client, topic, field, value):
    ext = {"a": "p", "b": topic, "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": "1", "h": "0", "i": "",
           "j": "0"}
    if value is None:
        del ext[field]
    else:
        ext[field] = value
    answer = client.call(310, ext, b"x")
    assert answer.code == 1 and answer.remark
    assert client.send(topic).code == 0  # the connection lives on


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x00" * 4, b"\xff" * 64,
                                     struct.pack(">iI", 12, 0xFFFFFF) + b"x" * 8,
                                     struct.pack(">iI", 20, 16) + b"{not json at all",
                                     struct.pack(">iI", 20, 16 | 7 << 24) + b"x" * 16])
def test_garbage_ends_the_connection_and_nothing_else(shared, client, garbage):
    other = Client(shared.broker)
    other.sock.sendall(garbage)
    assert other.wait_closed()
    assert client.call(105, {"topic": "TBW102"}).code == 0


def test_a_frame_over_the_limit_ends_the_connection(shared):
    other = Client(shared.broker)
    other.sock.sendall(struct.pack(">i", 16 * 1024 * 1024 + 1) + b"x" * 100)
    assert other.wait_closed()


def test_a_truncated_frame_is_waited_for(shared):
    connection = Client(shared.broker)
    frame = encode_json(105, {"topic": "TBW102"}, opaque=77)
    for byte in frame:
        connection.sock.sendall(bytes([byte]))
    assert connection.finish(77).code == 0
    connection.sock.sendall(frame[:20])
    connection.close()


def test_ten_thousand_idle_connections(make_server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 10000
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, wanted + 500)), hard))
    server = make_server()
    host, port = server.broker.rsplit(":", 1)
    idle = []
    try:
        for _ in range(wanted):
            idle.append(socket.create_connection((host, int(port)), timeout=10))
        connection = Client(server.broker)
        assert connection.send("crowd").code == 0
        assert connection.call(105, {"topic": "crowd"}).code == 0
        status = open(f"/proc/{server.process.pid}/status", encoding="ascii").read()
        rss = int(status.split("VmRSS:")[1].split()[0])
        print(f"{wanted} idle connections: {rss} kB resident")
    finally:
        for sock in idle:
            sock.close()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and connection.call(105, {"topic": "crowd"}).code != 0:
        pass
    connection.close()
