# SPDX-License-Identifier: Apache-2.0
"""With auto-creation off an unknown topic is answered 17 and the template topic is not announced."""
import codec
import pytest

FLAGS = ("--auto-create-topics=false", "--topic", "made_before:2")
pytestmark = pytest.mark.ours


def test_send_to_an_unknown_topic(client, topic, names):
    assert client.send(topic).code == codec.NO_TOPIC
    assert client.send_batch(topic, [(b"a", {})]).code == codec.NO_TOPIC
    assert names.route(topic).code == codec.NO_TOPIC
    assert names.route("TBW102").code == codec.NO_TOPIC


def test_topics_that_were_made_are_served(client):
    assert client.sent("made_before", b"x", queue=1)[:2] == (1, 0)


def test_retry_topics_are_made_all_the_same(client, names, group):
    assert names.route(f"%RETRY%{group}").code == codec.OK
    assert client.send(f"%RETRY%{group}", props={"RETRY_TOPIC": "made_before"}, j=1, l=16).code == codec.OK
