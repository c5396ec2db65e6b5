# SPDX-License-Identifier: Apache-2.0
"""%RETRY%group is there at the first look-up, before the first heartbeat: else the first retry comes 20 s late."""
import json

import codec
import pytest

pytestmark = pytest.mark.ours


def test_retry_topic_is_made_by_the_look_up(names, group):
    answer = names.route(f"%RETRY%{group}")
    assert answer.code == codec.OK
    queue_data, = json.loads(answer.body)["queueDatas"]
    assert (queue_data["readQueueNums"], queue_data["writeQueueNums"], queue_data["perm"]) == (1, 1, 6)


def test_dead_letter_topic_is_not_made_by_the_look_up(names, group):
    assert names.route(f"%DLQ%{group}").code == codec.NO_TOPIC


def test_bad_group_names_make_nothing(names):
    for name in ("%RETRY%", "%RETRY%with space", "%RETRY%" + "g" * 300):
        assert names.route(name).code != codec.OK
