# SPDX-License-Identifier: Apache-2.0
"""Separators where none should be: a property may be lost or the send refused, the message is never mixed up."""
import codec
import pytest

CASES = ["\x01", "\x02", "\x02\x02\x02", "\x01\x01", "name", "name\x02", "\x01value\x02", "a\x01b\x01c\x02",
         "a\x01\x02", "\x02\x02a\x01b\x02\x02", "a\x01b\x02a\x01c\x02", "a\x01b\x02\x01", "\x02\x01\x02\x01"]


@pytest.mark.parametrize("text", CASES, ids=range(len(CASES)))
def test_good_properties_beside_them_survive(client, topic, text):
    client.made_topic(topic)
    for props in ("TAGS\x01t\x02KEYS\x01k\x02" + text, text.rstrip("\x01") + "\x02TAGS\x01t\x02KEYS\x01k\x02"):
        answer = client.send(topic, b"body", props=props)
        if answer.code == codec.OK:
            message = client.next(topic, int(answer.ext["queueOffset"]))
            assert message.body == b"body"
            assert (message.properties["TAGS"], message.properties["KEYS"]) == ("t", "k")
        else:
            assert answer.code in (codec.ILLEGAL, codec.SYSTEM_ERROR) and answer.remark
    assert client.beat("lives on").code == codec.OK


@pytest.mark.parametrize("text", CASES, ids=range(len(CASES)))
def test_they_can_be_given_back(client, topic, group, text):
    client.made_topic(topic)
    answer = client.send(topic, b"body", props="TAGS\x01t\x02" + text)
    if answer.code == codec.OK:
        message = client.next(topic)
        assert client.send_back(message, group, level=-1).code == codec.OK
        dead = client.next(f"%DLQ%{group}")
        assert dead.properties["TAGS"] == "t" and dead.properties["RETRY_TOPIC"] == topic


def test_a_producer_cannot_make_itself_old(client, topic):
    """Properties that only brokers set, set by a producer, do not break the server."""
    props = {"RETRY_TOPIC": "x" * 300, "ORIGIN_MESSAGE_ID": "nonsense", "DLQ_ORIGIN_TOPIC": "y",
             "REAL_TOPIC": "z", "REAL_QID": "-7", "RECONSUME_TIME": "lots", "MAX_RECONSUME_TIMES": "-1"}
    client.sent(topic, props=props)
    message = client.next(topic)
    assert client.send_back(message, "strange_group", level=-1).code in (codec.OK, codec.SYSTEM_ERROR)
    assert client.beat("lives on").code == codec.OK


@pytest.mark.ours
def test_exactly_the_limit(client, topic):
    text = "k\x01" + "v" * (32767 - 3) + "\x02"
    answer = client.send(topic, props=text)
    assert answer.code in (codec.OK, codec.ILLEGAL)  # the broker's own additions may not fit
    if answer.code == codec.OK:
        assert client.next(topic).properties["k"] == "v" * (32767 - 3)


def test_over_the_limit(client, topic):
    client.made_topic(topic)
    for size in (32768, 40000, 65536, 200000):
        answer = client.send(topic, props="k\x01" + "v" * (size - 3) + "\x02")
        assert answer.code == codec.ILLEGAL and answer.remark
    assert client.sent(topic)[1] == 0


def test_wide_characters_count_as_bytes(client, topic):
    client.made_topic(topic)
    assert client.send(topic, props="k\x01" + "三" * 12000 + "\x02").code == codec.ILLEGAL
    client.sent(topic, props="k\x01" + "三" * 9000 + "\x02")
    assert client.next(topic).properties["k"] == "三" * 9000
