# SPDX-License-Identifier: Apache-2.0
"""Header fields of the wrong type, out of range or missing are answered 1 with a remark; the connection lives on."""
import codec
import pytest

WRONG = ["", "zero", "1.5", "0x10", "99999999999999999999", "1 2",
         pytest.param("１", marks=pytest.mark.ours)]  # Java reads any digits of Unicode


def check(client, answer):
    assert answer.code == codec.SYSTEM_ERROR, answer
    assert answer.remark
    assert client.beat("lives on").code == codec.OK


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("field", ["e", "f", "g", "h", "j"])
def test_send(client, topic, field, value):
    client.made_topic(topic)
    check(client, client.send(topic, **{field: value}))
    assert client.max_offset(topic) == 0


@pytest.mark.parametrize("field", [pytest.param("a", marks=pytest.mark.ours), "b", "e", "f", "g", "h"])
def test_send_without(client, topic, field):
    client.made_topic(topic)
    ext = client.send_ext(topic)
    del ext[field]
    check(client, client.call(codec.SEND_V2, ext, b"x"))


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("field", ["queueId", "queueOffset", "maxMsgNums", "sysFlag", "commitOffset",
                                   "suspendTimeoutMillis", "subVersion"])
def test_pull(client, topic, field, value):
    client.made_topic(topic)
    check(client, client.pull(topic, **{field: value}))


@pytest.mark.parametrize("field", ["consumerGroup", "topic", "queueId", "queueOffset", "maxMsgNums", "sysFlag"])
def test_pull_without(client, topic, field):
    client.made_topic(topic)
    ext = client.pull_ext(topic)
    del ext[field]
    check(client, client.call(codec.PULL, ext))


@pytest.mark.parametrize("code,ext", [
    (codec.QUERY_OFFSET, {"consumerGroup": "g", "topic": "TBW102", "queueId": "x"}),
    pytest.param(codec.QUERY_OFFSET, {"topic": "TBW102", "queueId": "0"}, marks=pytest.mark.ours),
    (codec.UPDATE_OFFSET, {"consumerGroup": "g", "topic": "TBW102", "queueId": "0", "commitOffset": "far"}),
    (codec.UPDATE_OFFSET, {"consumerGroup": "g", "topic": "TBW102", "queueId": "0"}),
    (codec.SEND_BACK, {"offset": "x", "group": "g", "delayLevel": "0"}),
    (codec.SEND_BACK, {"group": "g", "delayLevel": "0"}),
    (codec.SEND_BACK, {"offset": "0", "delayLevel": "0"}),
    (codec.VIEW, {"offset": "everywhere"}),
    (codec.VIEW, {}),
    (codec.VIEW, None),
    (codec.QUERY_MESSAGE, {"topic": "TBW102", "key": "k", "maxNum": "all", "beginTimestamp": "0",
                           "endTimestamp": "1"}),
    (codec.QUERY_MESSAGE, {"topic": "TBW102"}),
    (codec.MAX_OFFSET, {"topic": "TBW102"}),
    (codec.MIN_OFFSET, {"queueId": "0"}),
    (codec.SEARCH_OFFSET, {"topic": "TBW102", "queueId": "0", "timestamp": "noon"}),
    (codec.EARLIEST, {}),
    (codec.CONSUMER_LIST, {}),
    pytest.param(codec.UNREGISTER, {}, marks=pytest.mark.ours),
    pytest.param(codec.ROUTE, {}, marks=pytest.mark.ours),
    (codec.CREATE_TOPIC, {"topic": "x", "readQueueNums": "many", "writeQueueNums": "4", "perm": "6"}),
    pytest.param(codec.CREATE_TOPIC, {"topic": "x", "readQueueNums": "-4", "writeQueueNums": "4", "perm": "6"},
                 marks=pytest.mark.ours),
    pytest.param(codec.CREATE_TOPIC, {"topic": "x", "readQueueNums": "4", "writeQueueNums": "1000000", "perm": "6"},
                 marks=pytest.mark.ours),
])
def test_others(client, code, ext):
    check(client, client.call(code, ext))


def test_values_that_are_no_text(client, topic):
    """null counts as missing; an object or list is no value at all."""
    for value in (None, {}, [], [1], {"a": 1}):
        ext = client.send_ext(topic)
        ext["e"] = value
        opaque = client.begin(codec.SEND_V2, ext, b"x")
        check(client, client.finish(opaque))
