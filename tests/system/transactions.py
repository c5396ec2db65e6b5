# SPDX-License-Identifier: Apache-2.0
"""Half messages as a transactional producer of RocketMQ sends and ends them."""
import dataclasses
import itertools
import json

import codec

END, CHECK, RESUME, LIST = 37, 39, 323, 9001
numbers = itertools.count(1)


@dataclasses.dataclass
class Half:
    group: str
    topic: str
    key: str
    id: str
    position: int
    queue_offset: int

    def ext(self, decision, from_check=False, table=None, log=None):
        return {"producerGroup": self.group, "tranStateTableOffset": str(self.queue_offset if table is None else table),
                "commitLogOffset": str(self.position if log is None else log), "commitOrRollback": str(decision),
                "fromTransactionCheck": "true" if from_check else "false", "msgId": self.key,
                "transactionId": self.key, "topic": self.topic}


def half(client, topic, body=b"half", queue=0, group="tx_group", **props):
    key = f"UNIQ{next(numbers):028}"
    answer = client.send(topic, body, queue, {"TRAN_MSG": "true", "PGROUP": group, "UNIQ_KEY": key, **props}, f="4")
    assert answer.code == codec.OK, answer
    _, _, position = codec.parse_message_id(answer.ext["msgId"])
    return Half(group, topic, key, answer.ext["msgId"], position, int(answer.ext["queueOffset"]))


def end(client, waiting, decision, **more):
    return client.call(END, waiting.ext(decision, **more))


def transactions(client, parked=False):
    answer = client.call(LIST, {"parkedOnly": "true"} if parked else {})
    assert answer.code == codec.OK, answer
    return json.loads(answer.body)
