# SPDX-License-Identifier: Apache-2.0
"""Message trace (on by default in Spring starters 2.0.2) is stored like any message."""
import json

import codec


def test_trace_records_are_stored(client, names):
    record = "\x01".join(["Pub", "1700000000000", "DefaultRegion", "producer", "topic", "0A"]) + "\x02"
    _, offset, _ = client.sent("RMQ_SYS_TRACE_TOPIC", record.encode(), props={"KEYS": "0A key"},
                               a="_INNER_TRACE_PRODUCER")
    assert client.next("RMQ_SYS_TRACE_TOPIC", offset).body == record.encode()
    answer = names.route("RMQ_SYS_TRACE_TOPIC")
    assert answer.code == codec.OK
    assert json.loads(answer.body)["queueDatas"][0]["perm"] & 6 == 6
