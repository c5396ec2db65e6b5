# SPDX-License-Identifier: Apache-2.0
"""At the end of a queue without leave to wait the answer is 19, at once."""
import codec


def test_empty_queue(client, topic):
    client.made_topic(topic)
    answer = client.pull(topic)
    assert answer.code == codec.PULL_NOTHING
    assert [answer.ext[name] for name in ("nextBeginOffset", "minOffset", "maxOffset")] == ["0", "0", "0"]


def test_end_of_a_queue(client, topic):
    client.sent(topic)
    client.next(topic)
    answer = client.pull(topic, offset=1)
    assert (answer.code, answer.ext["nextBeginOffset"]) == (codec.PULL_NOTHING, "1")


def test_suspend_time_without_the_suspend_bit(client, topic):
    client.made_topic(topic)
    ext = client.pull_ext(topic, hold_ms=0)
    ext["suspendTimeoutMillis"] = "15000"
    assert client.call(codec.PULL, ext, timeout_s=10).code == codec.PULL_NOTHING
