# SPDX-License-Identifier: Apache-2.0
"""SEARCH_OFFSET_BY_TIMESTAMP (29): the first offset that was stored at that time or later."""
import time

import codec
import pytest


@pytest.fixture(name="filled")
def fixture_filled(client, topic):
    client.made_topic(topic, queues=1)
    for i in range(10):
        client.sent(topic, f"{i}".encode())
        time.sleep(0.02)
    return client.read(topic, count=10)


def search(client, topic, time_ms, **more):
    return client.offset(codec.SEARCH_OFFSET, topic, timestamp=time_ms, **more)


def test_each_message_by_its_own_time(client, topic, filled):
    for message in filled:
        assert search(client, topic, message.store_ms) == message.offset


@pytest.mark.ours  # RocketMQ takes the nearest
def test_between_two_messages(client, topic, filled):
    assert search(client, topic, filled[4].store_ms + 1) == 5


def test_before_the_first(client, topic, filled):
    assert search(client, topic, 0) == 0
    assert search(client, topic, filled[0].store_ms - 100000) == 0


@pytest.mark.ours
def test_after_the_last(client, topic, filled):
    assert search(client, topic, filled[-1].store_ms + 100000) == 10


def test_boundary_type_of_5_x(client, topic, filled):
    assert search(client, topic, filled[3].store_ms, boundaryType="LOWER") == 3


@pytest.mark.ours
def test_a_delayed_message_counts_from_its_delivery(client, new_name):
    """Whoever reads from a moment on sees all that appeared since, what was sent long before included."""
    for delay_ms in (800, 10_000):  # the second where the plain one was not there well before it
        topic, begun_ms = client.made_topic(new_name("topic"), queues=1), time.time() * 1000
        client.sent(topic, b"delayed", props={"TIMER_DELAY_MS": str(delay_ms)})
        client.sent(topic, b"plain")
        if time.time() * 1000 < begun_ms + delay_ms - 100:
            break
    plain = client.next(topic)
    time.sleep(0.05)
    assert search(client, topic, plain.store_ms + 40) == 1
    assert client.next(topic, 1).body == b"delayed"
    assert search(client, topic, plain.store_ms + 40) == 1
    assert search(client, topic, plain.store_ms) == 0
    assert search(client, topic, int(time.time() * 1000) + 1000) == 2


def test_empty_queue(client, topic):
    client.made_topic(topic)
    assert search(client, topic, int(time.time() * 1000)) == 0


@pytest.mark.ours
def test_thousands_of_messages_at_few_times(client, topic):
    client.made_topic(topic, queues=1)
    for _ in range(5):
        client.send_batch(topic, [(b"x", {})] * 1000)
        time.sleep(0.02)
    found = client.read(topic, count=5000)
    for message in found[::487]:
        offset = search(client, topic, message.store_ms)
        assert found[offset].store_ms == message.store_ms
        assert offset == 0 or found[offset - 1].store_ms < message.store_ms
