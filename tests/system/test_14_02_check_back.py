# SPDX-License-Identifier: Apache-2.0
"""Who does not say how a transaction ended is asked (39), on a ladder, until somebody answers or nobody will."""
import time

import codec
import pytest
from client import Client, wait_until
from transactions import CHECK, RESUME, end, half, transactions

FLAGS = ("--transaction-checks", "300ms 500ms 700ms", "--transaction-check-max", "3")
OFTEN = ("--transaction-checks", "300ms 500ms 700ms", "--transaction-check-max", "100000")  # never parked


def asked(producer, waiting):
    push = producer.wait_pushed(CHECK, where=lambda frame: frame.ext["commitLogOffset"] == str(waiting.position))
    return push


def wait_parked(client, waiting):
    wait_until(lambda: any(t["msgId"] == waiting.id for t in transactions(client, parked=True)["transactions"]), what="parked")


def test_producer_is_asked_and_answers(client, topic):
    client.made_topic(topic, queues=1)
    client.beat("p1", producers=["asked_group"])
    waiting = half(client, topic, b"paid", group="asked_group")
    push = asked(client, waiting)
    assert push.ext["tranStateTableOffset"] == str(waiting.queue_offset)
    assert push.ext["msgId"] == push.ext["transactionId"] == waiting.key
    assert push.ext["offsetMsgId"] == waiting.id and push.ext["topic"] == topic
    message = codec.decode_messages(push.body)[0]
    assert (message.topic, message.body, message.queue_id) == (topic, b"paid", 0)
    assert message.properties["PGROUP"] == "asked_group"
    answer = end(client, waiting, 8, from_check=True, table=int(push.ext["tranStateTableOffset"]),
                 log=int(push.ext["commitLogOffset"]))
    assert answer.code == codec.OK
    assert client.next(topic).body == b"paid"


def test_asked_on_the_ladder_then_parked(client, topic):
    client.made_topic(topic, queues=1)
    client.beat("p1", producers=["silent_group"])
    begun, times = time.monotonic(), []  # before it is stored: what follows is never sooner than the ladder says
    waiting = half(client, topic, group="silent_group")
    for _ in range(3):
        asked(client, waiting)
        times.append(time.monotonic() - begun)
        end(client, waiting, 0, from_check=True)
    assert times[0] >= 0.29 and times[1] >= 0.79 and times[2] >= 1.49
    wait_parked(client, waiting)
    assert not client.pushed(CHECK)  # three times and no more
    assert client.max_offset(topic) == 0
    # It is kept: asked again when somebody says so, and decided.
    assert client.call(RESUME, {"msgId": waiting.id, "topic": topic}).code == codec.OK
    asked(client, waiting)
    assert end(client, waiting, 8, from_check=True).code == codec.OK
    assert client.next(topic).body == b"half"


def test_parked_half_can_be_decided(client, topic):
    client.made_topic(topic, queues=1)
    client.beat("p1", producers=["late_group"])
    waiting = half(client, topic, group="late_group")
    wait_parked(client, waiting)
    assert end(client, waiting, 12).code == codec.OK
    assert not [t for t in transactions(client)["transactions"] if t["msgId"] == waiting.id]


def test_nobody_there_costs_no_check(client, topic, connect, server):
    client.made_topic(topic, queues=1)
    waiting = half(client, topic, group="absent_group")
    time.sleep(2.5)  # more than three checks would take
    [told] = [t for t in transactions(client)["transactions"] if t["msgId"] == waiting.id]
    assert (told["checks"], told["parked"]) == (0, False)
    producer = connect(server.broker)
    producer.beat("p9", producers=["absent_group"])
    asked(producer, waiting)


def test_another_instance_is_asked(own_server, connect, topic):
    server = own_server(*OFTEN)
    first, second = connect(server.broker), connect(server.broker)
    first.made_topic(topic, queues=1)
    first.beat("p1", producers=["pair_group"])
    second.beat("p2", producers=["pair_group"])
    waiting = half(first, topic, group="pair_group")
    first.close()
    asked(second, waiting)


def test_immunity(client, topic):
    client.made_topic(topic, queues=1)
    client.beat("p1", producers=["immune_group"])
    begun = time.monotonic()
    waiting = half(client, topic, group="immune_group", CHECK_IMMUNITY_TIME_IN_SECONDS="2")
    asked(client, waiting)
    assert time.monotonic() - begun >= 1.99


def test_decided_ones_are_not_asked_about(client, topic):
    client.made_topic(topic, queues=1)
    for decision in (8, 12):
        assert end(client, half(client, topic, group="quick_group"), decision).code == codec.OK
    client.beat("p1", producers=["quick_group"])  # nobody could be asked before
    undecided = half(client, topic, group="quick_group")
    asked(client, undecided)  # the others' time was before its own
    assert not [frame for frame in client.pushed(CHECK) if frame.ext["commitLogOffset"] != str(undecided.position)]


def test_checks_go_on_after_a_kill(own_server):
    server = own_server(*OFTEN)
    with Client(server.broker) as client:
        client.made_topic("t", queues=1)
        client.beat("p1", producers=["g"])
        waiting = half(client, "t", group="g")
        asked(client, waiting)
    server.restart(kill9=True)
    with Client(server.broker) as client:
        client.beat("p1", producers=["g"])
        asked(client, waiting)
        # Counted when that is durable.
        wait_until(lambda: transactions(client)["transactions"][0]["checks"] >= 1, what="the check is counted")
        assert end(client, waiting, 8, from_check=True).code == codec.OK
        assert client.next("t").body == b"half"


def test_retention_takes_undecided_halves_along(own_server):
    server = own_server("--segment-size", "1M", "--retention-size", "2M", "--max-message-size", "256K",
                        "--transaction-checks", "1s")
    with Client(server.broker) as client:
        client.made_topic("t", queues=1)
        client.made_topic("other", queues=1)
        waiting = half(client, "t", b"old", group="g")

        def gone():
            for opaque in [client.begin(codec.SEND_V2, client.send_ext("other"), b"x" * 200_000) for _ in range(5)]:
                assert client.finish(opaque).code == codec.OK
            return client.view(waiting.position).code != codec.OK
        wait_until(gone, 120, "retention")
        client.beat("p1", producers=["g"])
        push = client.wait_pushed(CHECK)
        assert push.ext["commitLogOffset"] != str(waiting.position)
        table, log = int(push.ext["tranStateTableOffset"]), int(push.ext["commitLogOffset"])
        assert end(client, waiting, 8, from_check=True, table=table, log=log).code == codec.OK
        assert client.next("t").body == b"old"
