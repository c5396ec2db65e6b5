# SPDX-License-Identifier: Apache-2.0
"""Numbers at the edges of their types are answered sensibly, whatever the request."""
import codec
import pytest

EDGES = [-2 ** 63, -1, 0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 63 - 1]


@pytest.mark.parametrize("most", [-2 ** 31, -1, 0, 2 ** 31 - 1])
def test_messages_wanted(client, topic, most):
    for _ in range(3):
        client.sent(topic)
    client.read(topic, count=3)
    answer = client.pull(topic, most=most)
    assert answer.code in (codec.OK, codec.PULL_NOTHING, codec.PULL_AGAIN, codec.SYSTEM_ERROR, codec.PULL_MOVED)
    assert client.beat("lives on").code == codec.OK


@pytest.mark.ours
@pytest.mark.parametrize("hold_ms", EDGES)
def test_hold_time(client, topic, hold_ms):
    client.made_topic(topic)
    held = client.begin(codec.PULL, {**client.pull_ext(topic, hold_ms=1), "suspendTimeoutMillis": str(hold_ms)})
    client.sent(topic)
    answer = client.finish(held)
    assert answer.code in (codec.OK, codec.PULL_NOTHING)
    assert client.beat("lives on").code == codec.OK


@pytest.mark.parametrize("time_ms", EDGES)
def test_search_time(client, topic, time_ms):
    client.sent(topic)
    client.next(topic)
    assert 0 <= client.offset(codec.SEARCH_OFFSET, topic, timestamp=time_ms) <= 1


@pytest.mark.ours
@pytest.mark.parametrize("most", [-1, 0, 2 ** 31 - 1])
def test_query_limits(client, topic, most):
    client.sent(topic, props={"KEYS": "k"})
    client.next(topic)
    assert client.query(topic, "k", most=most).code in (codec.OK, codec.NOT_FOUND, codec.SYSTEM_ERROR)
    assert client.query(topic, "k", begin_ms=2 ** 62, end_ms=-2 ** 62).code in (codec.NOT_FOUND, codec.SYSTEM_ERROR)
    assert client.query(topic, "").code in (codec.NOT_FOUND, codec.SYSTEM_ERROR)
    assert client.query(topic, "k" * 30000).code in (codec.NOT_FOUND, codec.SYSTEM_ERROR)


@pytest.mark.ours
@pytest.mark.parametrize("times", [-2 ** 31, -1, 2 ** 31 - 1])
def test_reconsume_times(client, topic, group, times):
    client.made_topic(topic)
    answer = client.send(topic, j=times)
    assert answer.code in (codec.OK, codec.SYSTEM_ERROR, codec.ILLEGAL)
    client.sent(topic, b"x")
    message = client.next(topic, client.max_offset(topic) - 1)
    answer = client.send_back(message, group, most=times)
    assert answer.code in (codec.OK, codec.SYSTEM_ERROR)
    assert client.beat("lives on").code == codec.OK


@pytest.mark.ours
@pytest.mark.parametrize("level", [-2 ** 31, 2 ** 31 - 1])
def test_delay_levels(client, topic, group, level):
    client.sent(topic)
    assert client.send_back(client.next(topic), group, level=level).code == codec.OK
    assert client.beat("lives on").code == codec.OK


@pytest.mark.ours
@pytest.mark.parametrize("flags", [-1, 4, 8, 12, 2, 16, 32, 48, 64, 128, 0x100, 2 ** 31 - 1])
def test_system_flags_of_a_send(client, topic, flags):
    """Bits that a producer has no say over never make a message that clients cannot decode."""
    client.made_topic(topic)
    answer = client.send(topic, b"body", f=flags)
    if answer.code == codec.OK:
        message = client.next(topic)
        assert message.stored_body == b"body" and message.topic == topic
        assert client.send_back(message, "flags_group", level=-1).code == codec.OK
    else:
        assert answer.remark
    assert client.sent(topic, b"next")[0] == 0
