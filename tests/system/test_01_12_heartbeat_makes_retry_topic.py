# SPDX-License-Identifier: Apache-2.0
"""A consumer's heartbeat makes its %RETRY% topic: one queue, readable and writable."""
import json

import codec
from client import wait_until


def test_retry_topic_after_a_heartbeat(client, names, topic, group):
    client.beat("c1", group, [topic])
    answer = wait_until(lambda: (got := names.route(f"%RETRY%{group}")).code == codec.OK and got)
    queue_data, = json.loads(answer.body)["queueDatas"]
    assert (queue_data["readQueueNums"], queue_data["writeQueueNums"], queue_data["perm"]) == (1, 1, 6)
