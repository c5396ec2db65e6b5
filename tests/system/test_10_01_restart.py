# SPDX-License-Identifier: Apache-2.0
"""Everything that was acknowledged is there after a restart, orderly or by kill -9."""
import json
import time

import codec
import pytest
from client import Client, wait_kept, wait_until
from retries import check_delays, climb

pytestmark = pytest.mark.ours


@pytest.mark.parametrize("kill9", [False, True], ids=["SIGTERM", "SIGKILL"])
def test_everything_survives(own_server, connect, kill9):
    server = own_server("--retry-ladder", "3s", "--message-delay-level", "3s")
    client = connect(server.broker)
    client.made_topic("t", queues=3, retryLadder="200ms 300ms")
    client.made_topic("empty", queues=7, perm=4)
    client.update_group("g2", retryLadder="150ms", retryWindowMs=600000, retryMaxTimes=9)
    sent = {}
    for i in range(300):
        queue, offset, position = client.sent("t", f"{i}".encode(), i % 3, {"KEYS": f"key{i}", "TAGS": f"t{i % 2}"})
        sent[queue, offset] = (position, f"{i}".encode())
    client.send_batch("t", [(b"b0", {}), (b"b1", {})], queue=0)
    client.sent("auto_made", b"x", d=2)
    client.sent("delayed", b"by level", props={"DELAY": "1"})
    client.sent("delayed", b"by timer", props={"TIMER_DELAY_MS": "3000"})
    client.sent("auto_made", b"fails")
    given_back = client.next("auto_made", 1)
    assert client.send_back(given_back, "g").code == codec.OK
    assert client.send_back(given_back, "g_dead", level=-1).code == codec.OK
    for queue in range(3):
        assert client.commit("g", "t", 40 + queue, queue).code == codec.OK
    wait_kept(server, client)
    server.restart(kill9=kill9)

    client = connect(server.broker)
    for queue in range(3):
        found = client.read("t", queue=queue)
        assert [m.offset for m in found] == list(range(102 if queue == 0 else 100))
        for message in found[:100]:
            assert (message.position, message.body) == sent[queue, message.offset]
        assert client.committed("g", "t", queue) == 40 + queue
    assert [m.body for m in client.read("t", offset=100)] == [b"b0", b"b1"]
    odd = codec.decode_messages(client.pull("t", queue=0, expression="t1").body)
    assert all(message.properties["TAGS"] == "t1" for message in odd)
    assert codec.decode_message(client.view(sent[1, 5][0]).body).body == sent[1, 5][1]
    answer = wait_until(lambda: (got := client.query("t", "key77")).code == codec.OK and got)
    assert codec.decode_messages(answer.body)[0].body == b"77"
    queue_data, = json.loads(client.route("empty").body)["queueDatas"]
    assert (queue_data["readQueueNums"], queue_data["perm"]) == (7, 4)
    config = json.loads(client.call(201).body)["subscriptionGroupTable"]["g2"]
    assert (config["retryLadder"], config["retryWindowMs"], config["retryMaxTimes"]) == ("150ms", 600000, 9)
    assert client.read("%DLQ%g_dead", count=1)[0].body == b"fails"
    assert {m.body for m in client.read("delayed", count=2)} == {b"by level", b"by timer"}
    assert client.next("%RETRY%g").body == b"fails"
    check_delays(climb(client, "t", "g2", client.next("t")).delays_s, [0.15])  # group stands above topic
    check_delays(climb(client, "t", "g3", client.next("t")).delays_s, [0.2, 0.3])  # the topic's own ladder


def test_due_while_it_was_down(own_server, connect):
    server = own_server("--retry-ladder", "300ms")
    client = connect(server.broker)
    client.sent("t", b"given back")
    client.send_back(client.next("t"), "g")
    client.sent("t", b"delayed", queue=1, props={"TIMER_DELAY_MS": "300"})
    server.kill9()
    time.sleep(0.5)
    server.start()
    client = connect(server.broker)
    assert client.next("%RETRY%g").body == b"given back"
    assert client.next("t", queue=1).body == b"delayed"
    assert client.max_offset("%RETRY%g") == 1 == client.max_offset("t", 1)


def test_delivered_delayed_messages_do_not_come_again(own_server, connect):
    server = own_server("--retry-ladder", "100ms")
    with Client(server.broker) as client:
        for i in range(50):
            client.sent("t", f"{i}".encode(), props={"TIMER_DELAY_MS": str(1 + i * 5)})
        assert len(client.read("t", count=50)) == 50
    for kill9 in (True, False, True):
        server.restart(kill9=kill9)
        with Client(server.broker) as client:
            client.sent("t", b"plain", queue=1)
            client.sent("t", b"witness", queue=2, props={"TIMER_DELAY_MS": "100"})
            wait_until(lambda: client.max_offset("t", 2) > 0)
            wait_until(lambda: server.metric("tidings_delayed_messages") == 0, what="none is counted as waiting")
            assert sorted(int(m.body) for m in client.read("t")) == list(range(50))


def test_offsets_go_on_without_gap(own_server):
    server = own_server()
    for turn in range(6):
        with Client(server.broker) as client:
            for i in range(40):
                assert client.sent("t", f"{turn * 40 + i}".encode())[1] == turn * 40 + i
        server.restart(kill9=turn % 2 == 0)
    with Client(server.broker) as client:
        assert [int(message.body) for message in client.read("t")] == list(range(240))


def test_empty_server(own_server):
    server = own_server("--topic", "a:2")
    for kill9 in (True, True, False):
        server.restart(kill9=kill9)
        with Client(server.broker) as client:
            assert client.max_offset("a", 1) == 0
