# SPDX-License-Identifier: Apache-2.0
"""GET_MAX_OFFSET (30), GET_MIN_OFFSET (31) and GET_EARLIEST_MSG_STORETIME (32)."""
import time

import codec
import pytest
from client import wait_until


def test_empty_queue(client, topic):
    client.made_topic(topic)
    assert (client.min_offset(topic), client.max_offset(topic)) == (0, 0)


def test_bounds(client, topic):
    for i in range(7):
        client.sent(topic, queue=2)
    wait_until(lambda: client.max_offset(topic, 2) == 7)
    assert client.min_offset(topic, 2) == 0
    assert client.max_offset(topic, 1) == 0


def test_committed_field_of_5_x(client, topic):
    client.sent(topic)
    client.next(topic)
    assert client.offset(codec.MAX_OFFSET, topic, committed="true") == 1


def test_earliest_time(client, topic):
    before_ms = int(time.time() * 1000)
    client.sent(topic)
    first = client.next(topic)
    time.sleep(0.02)
    client.sent(topic)
    client.next(topic, 1)
    answer = client.call(codec.EARLIEST, {"topic": topic, "queueId": "0"})
    assert answer.code == codec.OK
    assert int(answer.ext["timestamp"]) == first.store_ms >= before_ms - 1000


def test_earliest_time_of_an_empty_queue(client, topic):
    client.made_topic(topic)
    answer = client.call(codec.EARLIEST, {"topic": topic, "queueId": "0"})
    assert (answer.code, answer.ext["timestamp"]) == (codec.OK, "-1")


@pytest.mark.ours
@pytest.mark.parametrize("code", [codec.MAX_OFFSET, codec.MIN_OFFSET, codec.EARLIEST, codec.SEARCH_OFFSET])
def test_queue_or_topic_that_is_not_there(client, topic, code):
    ext = {"topic": topic, "queueId": "0", "timestamp": "0"}
    assert client.call(code, ext).code == codec.NO_TOPIC
    client.made_topic(topic, queues=4)
    for queue in ("4", "-1", "2147483647"):
        answer = client.call(code, {**ext, "queueId": queue})
        assert answer.code == codec.SYSTEM_ERROR and answer.remark
