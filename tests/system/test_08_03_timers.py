# SPDX-License-Identifier: Apache-2.0
"""TIMER_DELAY_MS, TIMER_DELAY_SEC and TIMER_DELIVER_MS name any time; DELAY stands above them."""
import time

import codec
import pytest

FLAGS = ("--message-delay-level", "600ms 1h")
pytestmark = pytest.mark.ours


@pytest.mark.parametrize("delay_ms", [1, 250, 1234])
def test_delay_ms(client, topic, delay_ms):
    begun_ms = time.time() * 1000
    client.sent(topic, b"x", 1, {"TIMER_DELAY_MS": str(delay_ms)})
    (message, arrived_ms), = client.arrivals(topic, 1, queue=1)
    assert arrived_ms - begun_ms >= delay_ms - 2
    assert message.body == b"x"


def test_delay_sec(client, topic):
    begun_ms = time.time() * 1000
    client.sent(topic, props={"TIMER_DELAY_SEC": "1"})
    assert client.arrivals(topic, 1)[0][1] >= begun_ms + 998


def test_deliver_ms(client, topic):
    due_ms = int(time.time() * 1000) + 900
    client.sent(topic, props={"TIMER_DELIVER_MS": str(due_ms)})
    assert client.arrivals(topic, 1)[0][1] >= due_ms


@pytest.mark.parametrize("name,value", [("TIMER_DELAY_MS", "50"), ("TIMER_DELAY_SEC", "1"),
                                        ("TIMER_DELIVER_MS", "1000000000000")])
def test_timer_is_used_up_and_the_rest_stays(client, topic, name, value):
    client.sent(topic, props={name: value, "KEYS": "k", "TAGS": "t"})
    properties = client.next(topic).properties
    assert name not in properties
    assert (properties["KEYS"], properties["TAGS"]) == ("k", "t")


def test_a_time_in_the_past_is_now(client, topic):
    client.sent(topic, props={"TIMER_DELIVER_MS": "1000000000000"})
    assert client.next(topic).offset == 0


def test_zero_is_now(client, topic):
    client.sent(topic, props={"TIMER_DELAY_MS": "0"})
    assert client.next(topic).offset == 0


def test_level_stands_above_timer(client, topic):
    begun_ms = time.time() * 1000
    client.sent(topic, props={"DELAY": "1", "TIMER_DELAY_SEC": "3600"})
    assert client.arrivals(topic, 1)[0][1] >= begun_ms + 598


def test_in_order_of_their_times(client, new_name):
    for lead_ms in (500, 10_000):  # the second where the first of them was due before the last was sent
        topic, start_ms = new_name("topic"), int(time.time() * 1000) + lead_ms
        for delay in (900, 300, 600):
            client.sent(topic, f"{delay}".encode(), props={"TIMER_DELIVER_MS": str(start_ms + delay)})
        if time.time() * 1000 < start_ms + 300:
            break
    assert [message.body for message in client.read(topic, count=3)] == [b"300", b"600", b"900"]


@pytest.mark.parametrize("value", ["soon", "", "1e3", "99999999999999999999999", "1 "])
@pytest.mark.parametrize("name", ["TIMER_DELAY_MS", "TIMER_DELAY_SEC", "TIMER_DELIVER_MS"])
def test_no_number(client, topic, name, value):
    client.made_topic(topic)
    answer = client.send(topic, props={name: value})
    assert answer.code == codec.ILLEGAL and answer.remark
    assert client.max_offset(topic) == 0


@pytest.mark.parametrize("props", [{"TIMER_DELAY_SEC": str(10 * 365 * 86400)}, {"TIMER_DELIVER_MS": "9" * 15}])
def test_further_than_the_longest_delay(client, topic, props):
    client.made_topic(topic)
    assert client.send(topic, props=props).code == codec.ILLEGAL


def test_three_days_as_on_rocketmq(client, topic):
    assert client.send(topic, props={"TIMER_DELAY_SEC": "259200"}).code == codec.OK
