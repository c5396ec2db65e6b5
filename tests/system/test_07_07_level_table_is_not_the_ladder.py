# SPDX-License-Identifier: Apache-2.0
"""The table of delay levels and the retry ladder are two settings: a level named by a client means the table."""
import pytest
from retries import check_delays, climb

FLAGS = ("--retry-ladder", "1h 1h", "--message-delay-level", "200ms 400ms")
pytestmark = pytest.mark.ours


def test_levels_of_a_give_back(client, topic, group):
    client.sent(topic)
    message = client.next(topic)
    check_delays(climb(client, topic, group, message, level=2, steps=2).delays_s, [0.4, 0.4])


def test_levels_do_not_end_with_the_ladder(client, topic, group):
    """The ladder has two rungs, the client wants three levels and says sixteen times."""
    client.sent(topic)
    assert len(climb(client, topic, group, level=1, most=3).delays_s) == 3
