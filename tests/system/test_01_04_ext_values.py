# SPDX-License-Identifier: Apache-2.0
"""Header fields may be JSON numbers or booleans (C++), unknown ones are ignored, none at all is fine."""
import json

import codec
import pytest


def test_numbers_and_booleans(client, topic):
    ext = {"a": "p", "b": topic, "c": "TBW102", "d": 4, "e": 1, "f": 0, "g": 1700000000123, "h": 5, "i": "", "j": 0,
           "k": False, "m": False}
    answer = client.call(codec.SEND_V2, ext, b"numbers")
    assert (answer.code, answer.ext["queueId"]) == (codec.OK, "1")
    message = client.next(topic, queue=1)
    assert (message.flag, message.born_ms) == (5, 1700000000123)


def test_unknown_fields(client, topic):
    more = {"n": "broker-a", "bname": "broker-a", "ns": "x", "nsd": "true", "oway": "false", "lo": "true",
            "colour": "red"}
    assert client.send(topic, **more).code == codec.OK


@pytest.mark.parametrize("ext", [None, {}], ids=["missing", "empty"])
def test_no_fields(client, ext):
    body = codec.heartbeat_body("no_fields_client")
    assert client.call(codec.HEARTBEAT, ext, body).code == codec.OK


def test_null_fields(client):
    body = codec.heartbeat_body("null_fields_client")
    header = {"code": codec.HEARTBEAT, "language": "CPP", "version": 333, "opaque": 91, "flag": 0, "remark": None,
              "extFields": None, "serializeTypeCurrentRPC": "JSON", "someNewField": {"a": [1, 2]}}
    client.expect(91)
    client.write(codec.frame_of(json.dumps(header).encode(), body))
    assert client.finish(91).code == codec.OK


@pytest.mark.parametrize("language", ["JAVA", "CPP", "GO", "RUST", "NODE_JS", "OTHER"])
def test_languages(server, connect, language):
    assert connect(server.broker, language=language).beat(f"client of {language}").code == codec.OK
