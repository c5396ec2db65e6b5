# SPDX-License-Identifier: Apache-2.0
"""A consumer whose give-back failed sends a copy to %RETRY%group: it waits like a give-back, and dies like one."""
import time

import codec
import pytest
from client import wait_until
from retries import climb, dead_letters

FLAGS = ("--retry-ladder", "400ms 600ms", "--message-delay-level", "1s 5s 1500ms 1500ms 1500ms")


def fallback(client, group, topic, body, times, limit=16):
    props = {"RETRY_TOPIC": topic, "RECONSUME_TIME": str(times), "MAX_RECONSUME_TIMES": str(limit),
             "ORIGIN_MESSAGE_ID": codec.message_id("127.0.0.1", 10911, 77), "DELAY": str(3 + times), "KEYS": "k"}
    return client.send(f"%RETRY%{group}", body, props=props, a="CLIENT_INNER_PRODUCER", j=times, l=limit)


@pytest.mark.ours
def test_waits_as_the_ladder_says(client, topic, group):
    client.beat("c1", group, [topic])
    begun = time.time()
    assert fallback(client, group, topic, b"again", 1).code == codec.OK
    message = client.next(f"%RETRY%{group}")
    assert time.time() - begun >= 0.398
    assert (message.body, message.reconsume) == (b"again", 1)
    assert (message.properties["RETRY_TOPIC"], message.properties["KEYS"]) == (topic, "k")


@pytest.mark.ours
def test_climbs_on_from_there(client, topic, group):
    client.beat("c1", group, [topic])
    fallback(client, group, topic, b"again", 1)
    done = climb(client, topic, group, client.next(f"%RETRY%{group}"))
    assert len(done.delays_s) == 1 and done.dead.body == b"again"


@pytest.mark.ours  # RocketMQ 4.9 lets the dead letter wait for the level named in DELAY
def test_limit_of_the_header(client, topic, group):
    """An orderly consumer that gave up sends this to reach the dead letters."""
    client.beat("c1", group, [topic])
    client.made_topic(topic)
    assert fallback(client, group, topic, b"dead", 17, 16).code == codec.OK
    assert wait_until(lambda: dead_letters(client, group))[0].body == b"dead"


@pytest.mark.ours
def test_no_heartbeat_before(client, topic, group):
    assert fallback(client, group, topic, b"early bird", 1).code == codec.OK
    assert client.next(f"%RETRY%{group}").body == b"early bird"
