# SPDX-License-Identifier: Apache-2.0
"""SQL92 subscriptions: the server looks at the properties and gives only what the condition is true for."""
import json

import codec
import pytest

ORDERS = [{"amount": "5", "region": "north"}, {"amount": "50", "region": "south"}, {"region": "north"},
          {"amount": "many", "region": "north"}, {"amount": "500", "region": "north", "vip": "true"}]


@pytest.fixture
def orders(client, topic):
    client.made_topic(topic, queues=1)
    for number, properties in enumerate(ORDERS):
        client.sent(topic, str(number).encode(), props=properties)
    return topic


def pulled(client, topic, expression, **more):
    answer = client.pull(topic, expression=expression, expressionType="SQL92", **more)
    if answer.code != codec.OK:
        return answer
    return [message.body.decode() for message in codec.decode_messages(answer.body)]


@pytest.mark.parametrize("expression,numbers", [
    ("amount > 10", "14"), ("amount BETWEEN 5 AND 50", "01"), ("region = 'north'", "0234"),
    ("region = 'north' AND amount > 10", "4"), ("amount IS NULL", "2"), ("amount IS NOT NULL", "0134"),
    ("region IN ('south', 'west')", "1"), ("vip = TRUE", "4"), ("vip IS NULL OR amount > 100", "01234"),
    ("NOT (region = 'north')", "1"), ("region STARTSWITH 'so'", "1"),
])
def test_what_is_given(client, orders, expression, numbers):
    assert pulled(client, orders, expression) == list(numbers)


def test_held_pull_waits_for_a_match(client, orders, connect, server):
    reader = connect(server.broker)
    opaque = reader.begin_pull(orders, offset=5, expression="amount > 1000", expressionType="SQL92")
    client.sent(orders, b"small", props={"amount": "7"})
    client.sent(orders, b"none")
    assert not reader.is_answered(opaque)
    client.sent(orders, b"large", props={"amount": "7000"})
    answer = reader.finish(opaque)
    assert [message.body for message in codec.decode_messages(answer.body)] == [b"large"]
    assert answer.ext["nextBeginOffset"] == "8"


def test_expression_of_the_heartbeat(client, orders, group):
    subscription = codec.subscription(orders, "amount > 10", expressionType="SQL92")
    assert client.beat("c1", group, [subscription]).code == codec.OK
    answer = client.pull(orders, group=group, expression=None)
    assert [message.body for message in codec.decode_messages(answer.body)] == [b"1", b"4"]


@pytest.mark.parametrize("expression", ["amount >", "amount > 'x'", "", "amount = 5 garbage", "(" * 100 + "a"])
def test_wrong_expressions(client, orders, expression):
    answer = pulled(client, orders, expression)
    assert answer.code == codec.PARSE_FAILED and answer.remark
    check = {"clientId": "c1", "group": "g",
             "subscriptionData": codec.subscription(orders, expression, expressionType="SQL92")}
    answer = client.call(46, {}, json.dumps(check).encode())
    assert answer.code == codec.PARSE_FAILED and answer.remark


def test_position_of_a_mistake(client, orders):
    assert "position 10" in pulled(client, orders, "amount > 'x'").remark


def test_right_expression_is_checked(client, orders):
    check = {"clientId": "c1", "group": "g",
             "subscriptionData": codec.subscription(orders, "amount > 5", expressionType="SQL92")}
    assert client.call(46, {}, json.dumps(check).encode()).code == codec.OK


def test_a_thousand_expressions(client, orders):
    for limit in range(1000):
        assert pulled(client, orders, f"amount > {limit}") != []
