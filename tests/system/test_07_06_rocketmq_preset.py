# SPDX-License-Identifier: Apache-2.0
"""--retry-ladder rocketmq: delay level 3 + n of the table, sixteen times, as RocketMQ does it."""
import pytest
from retries import check_delays, climb

FLAGS = ("--retry-ladder", "rocketmq", "--message-delay-level", "1h 1h 100ms 300ms 500ms 200ms")
pytestmark = pytest.mark.ours


def test_level_three_plus_n(client, topic, group):
    client.sent(topic)
    done = climb(client, topic, group, steps=5)
    check_delays(done.delays_s, [0.1, 0.3, 0.5, 0.2, 0.2])


def test_sixteen_times(client, topic, group):
    client.sent(topic)
    done = climb(client, topic, group)
    assert len(done.delays_s) == 16
    assert done.dead is not None
