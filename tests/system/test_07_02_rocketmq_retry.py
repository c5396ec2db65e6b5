# SPDX-License-Identifier: Apache-2.0
"""What a give-back means on any broker: explicit levels, limits, dead letters, unknown messages."""
import codec
import pytest
from client import wait_until
from retries import check_delays, climb, dead_letters

FLAGS = ("--message-delay-level", "1s 5s 10s")


def test_level_of_the_client(client, topic, group):
    client.sent(topic)
    done = climb(client, topic, group, level=1, steps=2)
    check_delays(done.delays_s, [1, 1])
    assert [message.reconsume for message in done.deliveries] == [1, 2]


def test_level_minus_one_is_dead_at_once(client, topic, group):
    client.sent(topic, b"poison")
    done = climb(client, topic, group, level=-1)
    assert done.delays_s == [] and done.dead.body == b"poison"


def test_max_reconsume_times_zero(client, topic, group):
    client.sent(topic, b"once only")
    done = climb(client, topic, group, most=0)
    assert done.delays_s == [] and done.dead.body == b"once only"


def test_n_plus_one_deliveries(client, topic, group):
    """maxReconsumeTimes = 2: the first delivery and two more, then dead."""
    client.sent(topic, b"x")
    done = climb(client, topic, group, level=1, most=2)
    check_delays(done.delays_s, [1, 1])
    assert done.dead.reconsume >= 2


def test_limit_left_out_by_old_clients(client, topic, group):
    client.sent(topic)
    assert climb(client, topic, group, level=1, most=None, steps=1).deliveries[0].reconsume == 1


def test_message_that_is_not_there(client, topic, group):
    client.sent(topic)
    message = client.next(topic)
    for position in (1 << 50, message.position + 1, -1):
        message.position = position
        answer = client.send_back(message, group)
        assert answer.code == codec.SYSTEM_ERROR and str(position) in answer.remark
    assert dead_letters(client, group) == []


def test_by_vip_port(server, connect, client, topic, group):
    client.sent(topic, b"x")
    assert connect(server.vip).send_back(client.next(topic), group, level=1).code == codec.OK
    assert client.next(f"%RETRY%{group}").body == b"x"


def test_one_way(client, topic, group):
    client.sent(topic, b"x")
    message = client.next(topic)
    ext = {"offset": str(message.position), "group": group, "delayLevel": "-1", "maxReconsumeTimes": "16"}
    client.post(codec.SEND_BACK, ext)
    wait_until(lambda: dead_letters(client, group))
    assert not client.strays


@pytest.mark.ours
def test_level_above_the_table_is_its_last(client, topic, group):
    client.sent(topic)
    done = climb(client, topic, group, level=99, steps=1)
    check_delays(done.delays_s, [10])
