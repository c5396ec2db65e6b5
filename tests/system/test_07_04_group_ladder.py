# SPDX-License-Identifier: Apache-2.0
"""A group may have a ladder, a window and a limit of its own."""
import json
import time

import codec
import pytest
from retries import check_delays, climb

FLAGS = ("--retry-ladder", "100ms 100ms 100ms 100ms")
pytestmark = pytest.mark.ours


def test_ladder(client, topic, group):
    assert client.update_group(group, retryLadder="250ms 800ms").code == codec.OK
    client.sent(topic)
    done = climb(client, topic, group)
    check_delays(done.delays_s, [0.25, 0.8])
    assert done.dead is not None


def test_other_groups_keep_the_brokers(client, topic, new_name):
    own, other = new_name("group"), new_name("group")
    client.update_group(own, retryLadder="10ms")
    client.sent(topic)
    assert len(climb(client, topic, other).delays_s) == 4
    assert len(climb(client, topic, own).delays_s) == 1


def test_limit(client, topic, group):
    assert client.update_group(group, retryMaxTimes=2).code == codec.OK
    client.sent(topic)
    assert len(climb(client, topic, group).delays_s) == 2


def test_limit_and_ladder_the_shorter_ends_it(client, topic, new_name):
    client.sent(topic)
    for limit, expected in ((1, 1), (3, 2)):
        group = new_name("group")
        client.update_group(group, retryLadder="50ms 50ms", retryMaxTimes=limit)
        assert len(climb(client, topic, group).delays_s) == expected


def test_the_clients_own_limit_is_obeyed_too(client, topic, group):
    client.update_group(group, retryLadder="50ms 50ms 50ms", retryMaxTimes=3)
    client.sent(topic)
    assert len(climb(client, topic, group, most=1).delays_s) == 1


def test_window(client, topic, group):
    """The third rung would end after the window: it is not begun."""
    assert client.update_group(group, retryLadder="100ms 200ms 1h", retryWindowMs=60000).code == codec.OK
    client.sent(topic)
    done = climb(client, topic, group)
    check_delays(done.delays_s, [0.1, 0.2])
    assert done.dead is not None


def test_window_shorter_than_the_first_rung(client, topic, group):
    assert client.update_group(group, retryLadder="1h", retryWindowMs=1000).code == codec.OK
    client.sent(topic)
    assert climb(client, topic, group).delays_s == []


def test_window_counts_from_the_first_failure(client, topic, group):
    """Not from when the message was stored: a consumer that was away must get its deliveries all the same."""
    assert client.update_group(group, retryLadder="100ms 100ms", retryWindowMs=900).code == codec.OK
    client.sent(topic)
    time.sleep(1.2)
    begun = time.monotonic()
    rungs = len(climb(client, topic, group).delays_s)
    # The first rung is always inside. So is the second, unless this machine stood still between the two give-backs.
    assert rungs == 2 or (rungs == 1 and time.monotonic() - begun > 0.7)


def test_new_ladder_holds_from_the_next_give_back_on(client, topic, group):
    client.update_group(group, retryLadder="50ms 50ms 50ms")
    client.sent(topic)
    message = climb(client, topic, group, steps=1).deliveries[0]
    client.update_group(group, retryLadder="50ms 600ms")
    done = climb(client, topic, group, message)
    check_delays(done.delays_s, [0.6])


def test_settings_are_listed(client, group):
    client.update_group(group, retryLadder="1m 5m", retryWindowMs=3600000, retryMaxTimes=7)
    config = json.loads(client.call(201).body)["subscriptionGroupTable"][group]
    assert config["retryLadder"] == "1m 5m"
    assert config["retryWindowMs"] == 3600000
    assert config["retryMaxTimes"] == 7


@pytest.mark.parametrize("text", ["1m 5x", "-1s", "hello", "1s;;", "1s; colour=red", "0s*", "99999999999h",
                                  "1s " * 5000])
def test_ladders_that_make_no_sense_are_refused(client, topic, group, text):
    client.update_group(group, retryLadder="50ms")
    answer = client.update_group(group, retryLadder=text)
    assert answer.code == codec.SYSTEM_ERROR and answer.remark
    client.sent(topic)
    assert len(climb(client, topic, group).delays_s) == 1  # the old one holds on


def test_a_refusal_names_the_place(client, group):
    assert "character 4" in client.update_group(group, retryLadder="1m 5x").remark
