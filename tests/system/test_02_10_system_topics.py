# SPDX-License-Identifier: Apache-2.0
"""Topics that the broker keeps for itself take no sends from outside."""
import codec
import pytest


@pytest.mark.parametrize("name", ["SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC",
                                  "TRANS_CHECK_MAX_TIME_TOPIC", "SELF_TEST_TOPIC", "OFFSET_MOVED_EVENT"])
def test_refused(client, name):
    answer = client.send(name)
    assert answer.code == codec.NO_PERMISSION
    assert client.send_batch(name, [(b"a", {})]).code == codec.NO_PERMISSION
