# SPDX-License-Identifier: Apache-2.0
"""Thousands of connections, topics and groups, and one consumer that asks and never reads: bounded, and served.

The bounds that the server has, and that the figures here are held against:
- settings `listen.connections`: most connections; beyond it an accepted one is closed at once;
- answers waiting for one connection: over 4 MiB (out_soft) no more of its requests are read, so that the kernel
  stops its sender, over 64 MiB (out_max) it is closed (broker_conn_options in src/broker/dispatch.c);
- answers waiting for all: over 256 MiB (OUT_TOTAL in src/app/serve.c) those with more than 64 KiB are not read from;
- one answer to a pull: 256 KiB, or one message (PULL_BYTES_MAX);
- an incomplete frame: 16 MiB and 256 KiB that were read behind it, 30 s long; 120 s of silence end a connection;
- all incomplete frames: over 256 MiB (IN_TOTAL) those with more than 64 KiB wait (test_11_19_unfinished_frames.py);
- what waits for the log: 16 MiB, for the index: 200,000 entries; beyond it nobody is read from.
An idle connection holds no buffer: what it costs is its record and its place in the tables.
"""
import json
import resource
import socket
import struct
import time
import urllib.request

import codec
import pytest
import server as servers
from client import Client, wait_until

PATIENCE_S = 120  # with a sanitizer and a busy machine: the server has all their pulls to answer first
CROWD, TOPICS, GROUPS, BEATING, BUSY = 5000, 1000, 1000, 4000, 200
OUT_SOFT_KB, OUT_TOTAL_KB = 4 * 1024, 256 * 1024
pytestmark = pytest.mark.ours


@pytest.fixture(name="many_files", scope="module", autouse=True)
def fixture_many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CROWD + 1000
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), max(hard, wanted)))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, max(hard, wanted)))


def ask(one, code, ext, body=b""):
    """One request on a bare socket; what the server pushes in between is passed over."""
    one.sendall(codec.encode(codec.Frame(code, ext, body, opaque=7)))
    while True:
        size = struct.unpack(">i", exactly(one, 4))[0]
        answer = codec.decode(exactly(one, size))
        if answer.is_answer:
            assert answer.opaque == 7
            return answer


def exactly(one, count):
    data = b""
    while len(data) < count:
        piece = one.recv(count - len(data))
        assert piece, "closed by the server"
        data += piece
    return data


def metric(server, name):
    with urllib.request.urlopen(f"http://{server.http}/metrics", timeout=60) as page:
        return next(int(line.split()[1]) for line in page.read().decode().splitlines() if line.split()[0] == name)


def make_topics(client):
    asked = [client.begin(codec.CREATE_TOPIC, {
        "topic": f"topic_{i}", "defaultTopic": "TBW102", "readQueueNums": "1", "writeQueueNums": "1", "perm": "6",
        "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"}) for i in range(TOPICS)]
    assert all(client.finish(opaque).code == codec.OK for opaque in asked)


def come(server):
    host, port = server.broker.rsplit(":", 1)
    crowd = [socket.create_connection((host, int(port)), timeout=60) for _ in range(CROWD)]
    for i, one in enumerate(crowd[:BEATING]):
        group, topic = f"group_{i % GROUPS}", f"topic_{i % TOPICS}"
        data = codec.consumer_data(group, [codec.subscription(topic), codec.subscription("%RETRY%" + group)])
        assert ask(one, codec.HEARTBEAT, {}, codec.heartbeat_body(f"c{i}", [data], [f"p_{group}"])).code == codec.OK
    return crowd


def work(client, crowd, round_number):
    """Some of the crowd send and pull, each to the topic of its group."""
    for i, one in enumerate(crowd[:BUSY]):
        topic = f"topic_{i}"
        body = f"{round_number} {i}".encode()
        sent = ask(one, codec.SEND_V2, client.send_ext(topic), body)
        assert sent.code == codec.OK
        pulled = ask(one, codec.PULL, client.pull_ext(topic, sent.ext["queueOffset"], group=f"group_{i}"))
        assert [m.body for m in codec.decode_messages(pulled.body)] == [body]


def be_deaf(server, client, pulls=2000):
    """A consumer that asks for large answers, half a gigabyte of them, and reads none."""
    host, port = server.broker.rsplit(":", 1)
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    deaf.connect((host, int(port)))
    deaf.settimeout(2)
    asked = codec.encode(client.frame(codec.PULL, client.pull_ext("large")))
    try:
        for _ in range(pulls):
            deaf.sendall(asked)
    except TimeoutError:
        pass  # the server reads no more from it: the kernel's buffers are full
    return deaf


def round_trip(client, number):
    began = time.monotonic()
    _, offset, _ = client.sent("large_too", f"{number}".encode())
    assert client.next("large_too", offset, within_s=PATIENCE_S).body == f"{number}".encode()
    return time.monotonic() - began


def test_many_deaf_consumers(own_server):
    """A hundred and twenty of them would have 480 MiB waiting; together they get 256 MiB and their small shares."""
    server = own_server()
    with Client(server.broker, timeout_s=PATIENCE_S) as client:
        for _ in range(4):
            client.sent("large", b"x" * 250_000)
        before_kb = server.resident_kb()
        deaf = [be_deaf(server, client, 40) for _ in range(120)]
        trips = [round_trip(client, number) for number in range(20)]
        grown_kb = server.resident_kb() - before_kb
        print(f"120 deaf consumers +{grown_kb} KiB, slowest trip {max(trips):.3f} s")
        wait_until(lambda: server.resident_kb() - before_kb > OUT_TOTAL_KB // 2, PATIENCE_S, "answers that wait")
        assert (servers.IS_SANITIZED or grown_kb < OUT_TOTAL_KB + 120 * 512)
        for one in deaf:
            one.close()
        wait_until(lambda: metric(server, "tidings_connections") == 1, within_s=PATIENCE_S)
        wait_until(lambda: servers.IS_SANITIZED or server.resident_kb() - before_kb < 32 * 1024, what="memory given back")


def test_many_of_everything(own_server):
    server = own_server(env={"ASAN_OPTIONS": "quarantine_size_mb=1"} if servers.IS_SANITIZED else {})
    with Client(server.broker, timeout_s=PATIENCE_S) as client:
        make_topics(client)
        for _ in range(4):
            client.sent("large", b"x" * 250_000)
        before_kb = server.resident_kb()
        peaks = [fill_and_leave(server, client, number, before_kb) for number in range(3)]
    # Nothing is left of the earlier crowds that the last one has to come on top of.
    assert peaks[2] < peaks[0] * 1.15 or servers.IS_SANITIZED, peaks


def fill_and_leave(server, client, number, before_kb):
    crowd = come(server)
    try:
        # A connection is open for its client before the server has heard of it.
        wait_until(lambda: metric(server, "tidings_connections") == CROWD + 1, PATIENCE_S, "all are accepted")
        assert metric(server, "tidings_clients") == 2 * BEATING  # as consumers and as producers
        came_kb = server.resident_kb()
        with be_deaf(server, client) as deaf:
            trips = [round_trip(client, number) for number in range(20)]
            waiting_kb = server.resident_kb()
            work(client, crowd, number)
            peak_kb = server.resident_kb()
            deaf.close()
        print(f"round {number}: before {before_kb} KiB, crowd +{came_kb - before_kb} KiB, "
              f"deaf consumer +{waiting_kb - came_kb} KiB, peak {peak_kb} KiB, slowest trip {max(trips):.3f} s")
        if not servers.IS_SANITIZED:
            assert came_kb - before_kb < CROWD * 6  # KiB for each, its heartbeat, group and topic with it
            assert waiting_kb - came_kb < OUT_SOFT_KB + 8 * 1024
        assert json.loads(client.call(codec.CONSUMER_LIST, {"consumerGroup": "group_1"}).body)["consumerIdList"]
    finally:
        for one in crowd:
            one.close()
    wait_until(lambda: metric(server, "tidings_connections") == 1 and metric(server, "tidings_clients") == 0, PATIENCE_S, "all have left")
    print(f"round {number}: after {server.resident_kb()} KiB")
    return peak_kb
