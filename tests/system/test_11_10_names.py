# SPDX-License-Identifier: Apache-2.0
"""Names beyond the limits: topics of 127 characters out of a small set, groups of 120."""
import json

import codec
import pytest

BAD_TOPICS = ["with space", "a/b", "a.b", "a#b", "a:b", "ä", "主题", "a\tb", "a\nb", "t" * 128, "t" * 1000]
BAD_GROUPS = ["with space", "a/b", "主题", "g" * 256, "g" * 5000]


@pytest.mark.parametrize("name", BAD_TOPICS, ids=range(len(BAD_TOPICS)))
def test_send_to_a_bad_topic(client, name):
    answer = client.send(name)
    assert answer.code in (codec.SYSTEM_ERROR, codec.ILLEGAL) and answer.remark
    assert client.send_batch(name, [(b"x", {})]).code == answer.code


def test_send_to_no_topic(client):
    assert client.send("").code in (codec.SYSTEM_ERROR, codec.ILLEGAL)


@pytest.mark.parametrize("name", [*BAD_TOPICS, ""], ids=range(len(BAD_TOPICS) + 1))
def test_ask_for_a_bad_topic(client, names, name):
    assert names.route(name).code in (codec.NO_TOPIC, codec.SYSTEM_ERROR)
    assert client.pull(name).code in (codec.NO_TOPIC, codec.SYSTEM_ERROR)


def test_longest_topic(client, new_name):
    name = new_name("t").ljust(127, "%")
    client.sent(name, b"x")
    message = client.next(name)
    assert (message.topic, message.body) == (name, b"x")


@pytest.mark.ours
@pytest.mark.parametrize("name", [*BAD_GROUPS, ""], ids=range(len(BAD_GROUPS) + 1))
def test_bad_groups(client, topic, name):
    client.sent(topic)
    message = client.next(topic)
    assert client.beat("c", name, [topic]).code == codec.SYSTEM_ERROR
    assert client.send_back(message, name).code == codec.SYSTEM_ERROR
    assert client.update_group(name).code == codec.SYSTEM_ERROR
    assert client.commit(name, topic, 0).code == codec.SYSTEM_ERROR
    assert client.beat("lives on").code == codec.OK


@pytest.mark.ours
def test_longest_group(client, topic, new_name):
    """A topic has 127 characters at most, of which seven are %RETRY%."""
    group = new_name("g").ljust(120, "x")
    client.sent(topic, b"x")
    client.beat("c", group, [topic])
    assert client.members(group) == ["c"]
    assert client.send_back(client.next(topic), group, level=-1).code == codec.OK
    assert client.next(f"%DLQ%{group}").body == b"x"


@pytest.mark.ours
@pytest.mark.parametrize("length", [121, 255])
def test_group_whose_retry_topic_has_no_room(client, topic, new_name, length):
    """Better told at once than at the first failure."""
    answer = client.beat("c", new_name("g").ljust(length, "x"), [topic])
    assert answer.code in (codec.SYSTEM_ERROR, codec.ILLEGAL) and answer.remark
    assert client.beat("lives on").code == codec.OK


def test_long_client_ids_and_expressions(client, topic, group):
    client.made_topic(topic)
    answer = client.beat("c" * 100_000, group, [codec.subscription(topic, "t" * 100_000)])
    assert answer.code in (codec.OK, codec.SYSTEM_ERROR)
    assert client.pull(topic, expression=" || ".join(["t" * 1000] * 200)).code in (
        codec.PULL_NOTHING, codec.PARSE_FAILED, codec.SYSTEM_ERROR)
    assert client.beat("lives on").code == codec.OK


@pytest.mark.ours
def test_thousands_of_auto_made_topics_have_a_limit(client, new_name):
    """Whoever makes up names without end is stopped, and told so."""
    made = 0
    asked = [client.begin(codec.SEND_V2, client.send_ext(new_name("many"), d=1), b"x") for _ in range(12_000)]
    refused = None
    for opaque in asked:
        answer = client.finish(opaque, 120)
        made += answer.code == codec.OK
        refused = refused or (answer if answer.code != codec.OK else None)
    assert made >= 5000
    if refused is not None:
        assert refused.remark
    assert json.loads(client.call(206).body)["topicList"]
