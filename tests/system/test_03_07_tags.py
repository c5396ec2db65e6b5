# SPDX-License-Identifier: Apache-2.0
"""Tag expressions: one tag, several with ||, * or nothing for all; a message without tag matches none."""
import codec
import pytest

TAGS = ("A", "B", "C", None, "A B", "a", "标签")


@pytest.fixture(name="filled")
def fixture_filled(client, topic):
    client.made_topic(topic, queues=1)
    for tag in TAGS:
        client.sent(topic, str(tag).encode(), props={"TAGS": tag} if tag else {})
    client.read(topic, count=len(TAGS))
    return topic


@pytest.mark.parametrize("expression,expected", [
    ("A", ["A"]),
    ("A || B", ["A", "B"]),
    ("A||B", ["A", "B"]),
    ("  A   ||  C  ", ["A", "C"]),
    ("A || B || C || D || E", ["A", "B", "C"]),
    ("A B", ["A B"]),
    ("A ||", ["A"]),
    ("|| B", ["B"]),
    ("A || || B", ["A", "B"]),
    ("A || A || A", ["A"]),
    ("标签", ["标签"]),
    ("*", [str(tag) for tag in TAGS]),
    ("", [str(tag) for tag in TAGS]),
    ("nobody", []),
])
def test_expression(client, filled, expression, expected):
    answer = client.pull(filled, expression=expression)
    assert answer.code == (codec.OK if expected else codec.PULL_AGAIN)
    assert [message.body.decode() for message in codec.decode_messages(answer.body)] == expected


def test_a_hundred_tags(client, filled):
    expression = " || ".join(f"t{i}" for i in range(100)) + " || C"
    answer = client.pull(filled, expression=expression)
    assert [message.body for message in codec.decode_messages(answer.body)] == [b"C"]


def test_expression_that_says_nothing(client, filled):
    assert client.pull(filled, expression="||").code == codec.PARSE_FAILED
