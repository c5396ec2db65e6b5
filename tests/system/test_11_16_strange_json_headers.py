# SPDX-License-Identifier: Apache-2.0
"""JSON headers of unusual make that are still right: order, white space, escapes, repeated keys."""
import json

import codec
import pytest


def ask(client, text, opaque, body=b""):
    client.expect(opaque)
    client.write(codec.frame_of(text.encode(), body))
    return client.finish(opaque)


def test_white_space_and_order(client, topic):
    client.made_topic(topic)
    text = """
      { "extFields" : { "queueId" : "0" ,\t"topic" : "%s" } , "flag" : 0 , "version" : 409 ,
        "opaque" : 501 , "language" : "JAVA" , "code" : 30 }  """ % topic
    assert ask(client, text, 501).code == codec.OK


def test_escapes(client, topic):
    client.made_topic(topic)
    escaped = "".join(f"\\u{ord(char):04x}" for char in topic)
    text = '{"code":30,"language":"JAVA","version":409,"opaque":502,"flag":0,' \
           '"extFields":{"\\u0074opic":"%s","queueId":"\\u0030"}}' % escaped
    assert ask(client, text, 502).code == codec.OK


def test_wide_characters_and_surrogates(client, topic):
    ext = client.send_ext(topic, props={"user": "𝄞 三 é"})
    header = {"code": codec.SEND_V2, "language": "JAVA", "version": 409, "opaque": 503, "flag": 0, "extFields": ext}
    assert ask(client, json.dumps(header), 503, b"x").code == codec.OK  # ASCII, with surrogate pairs
    assert client.next(topic).properties["user"] == "𝄞 三 é"


def test_only_what_is_needed(client):
    assert ask(client, '{"code":34,"opaque":504}', 504, codec.heartbeat_body("bare")).code == codec.OK


@pytest.mark.ours
@pytest.mark.parametrize("text", [
    '{"code":"34","opaque":505}', '{"code":34.5,"opaque":505}', '{"code":34,"opaque":"x"}', '{"code":99999999999}',
    '{"opaque":505}', '[]', '34', '"x"', 'null', '{"code":34,"opaque":505', '{"code":34,,"opaque":505}',
    '{"code":34,"opaque":505,"extFields":[]}', '{"code":34,"opaque":505,"extFields":{"a":"b"}',
    '{"code":34,"opaque":505,"remark":"\\ud800"}', '{"code":34,"opaque":505}x',
    '{"a":' * 5000 + "1" + "}" * 5000,
], ids=range(16))
def test_wrong_ones_cost_at_most_their_connection(server, connect, client, text):
    bad = connect(server.broker)
    bad.write(codec.frame_of(text.encode(), b"{}"))
    assert client.beat("somebody else").code == codec.OK


def test_invalid_utf_8(server, connect, client):
    bad = connect(server.broker)
    bad.write(codec.frame_of(b'{"code":34,"opaque":7,"extFields":{"a":"\xff\xfe"}}', b"{}"))
    assert client.beat("somebody else").code == codec.OK
