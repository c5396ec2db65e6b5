# SPDX-License-Identifier: Apache-2.0
"""Unknown topics are answered 17; the template topic of auto-creation is there."""
import json

import codec


def test_unknown_topic(names, topic):
    assert names.route(topic).code == codec.NO_TOPIC


def test_template_topic(names):
    queue_data, = json.loads(names.route("TBW102").body)["queueDatas"]
    assert queue_data["perm"] == 7
    assert queue_data["writeQueueNums"] == 8


def test_a_look_up_makes_no_topic(names, topic):
    names.route(topic)
    assert names.route(topic).code == codec.NO_TOPIC
