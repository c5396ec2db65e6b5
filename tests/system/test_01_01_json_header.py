# SPDX-License-Identifier: Apache-2.0
"""An answer in JSON has all the fields that the official clients read, in the types they expect."""
import codec


def test_answer_carries_the_fields_clients_read(client, topic):
    answer = client.send(topic)
    assert answer.is_answer
    assert answer.serialize == "json"
    assert answer.language in codec.LANGUAGES  # an unknown name stops a Java client from decoding
    assert isinstance(answer.version, int) and 0 < answer.version < 1000


def test_ext_values_are_strings(client, topic):
    """The C++ client takes nothing but strings."""
    answer = client.send(topic)
    assert answer.ext and all(isinstance(value, str) for value in answer.ext.values())
    answer = client.pull(topic)
    assert answer.ext and all(isinstance(value, str) for value in answer.ext.values())


def test_error_has_a_remark(names, topic):
    answer = names.route(topic)
    assert answer.code == codec.NO_TOPIC
    assert answer.remark
