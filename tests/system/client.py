# SPDX-License-Identifier: Apache-2.0
"""A small client: one connection, one reading thread, any number of requests in flight."""
import json
import socket
import struct
import threading
import time

import codec
from codec import Frame, decode_messages, properties_text

ANSWER_S = 60  # how long a test waits for an answer before it fails


class Closed(ConnectionError):
    pass


class Client:
    def __init__(self, address, serialize="json", language="PYTHON", version=409, timeout_s=ANSWER_S):
        host, port = address.rsplit(":", 1)
        self.address, self.serialize, self.language, self.version = address, serialize, language, version
        self.timeout_s = timeout_s
        self.socket = self.connected(host, int(port))
        self.socket.settimeout(None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._changed = threading.Condition()
        self._write = threading.Lock()
        self._opaque = 0
        self._answers, self._unanswered, self._pushed, self._strays = {}, set(), [], []
        self._closed = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    # ---- connection ----
    def connected(self, host, port):
        return socket.create_connection((host, port), timeout=self.timeout_s)

    def _exactly(self, count):
        data = bytearray()
        while len(data) < count:
            piece = self.socket.recv(min(count - len(data), 1 << 20))
            if not piece:
                raise Closed("closed by the server")
            data += piece
        return bytes(data)

    def _read(self):
        try:
            while True:
                frame = codec.decode(self._exactly(struct.unpack(">i", self._exactly(4))[0]))
                with self._changed:
                    if not frame.is_answer:
                        self._pushed.append((time.monotonic(), frame))
                    elif frame.opaque in self._unanswered:
                        self._unanswered.discard(frame.opaque)
                        self._answers[frame.opaque] = frame
                    else:
                        self._strays.append(frame)
                    self._changed.notify_all()
        except (OSError, ValueError) as error:
            with self._changed:
                self._closed = error
                self._changed.notify_all()

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the server was first
        self._reader.join(self.timeout_s)
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def write(self, data):
        with self._write:
            self.socket.sendall(data)

    def wait_closed(self, timeout_s=ANSWER_S):
        """True when the server closed the connection within the time."""
        with self._changed:
            return bool(self._changed.wait_for(lambda: self._closed, timeout_s))

    @property
    def is_closed(self):
        return bool(self._closed)

    @property
    def strays(self):
        """Answers that nobody had asked for."""
        with self._changed:
            return list(self._strays)

    # ---- requests ----
    def frame(self, code, ext=None, body=b"", flag=0, opaque=None):
        with self._changed:
            if opaque is None:
                self._opaque += 1
                opaque = self._opaque
        return Frame(code, ext, body, opaque, flag, None, self.language, self.version, self.serialize)

    def expect(self, *opaques):
        """Answers to these will be kept for finish(); for frames that a test writes by itself."""
        with self._changed:
            self._unanswered.update(opaques)

    def begin(self, code, ext=None, body=b"", flag=0, opaque=None):
        """Sends a request and returns its opaque, for finish()."""
        frame = self.frame(code, ext, body, flag, opaque)
        self.expect(frame.opaque)
        self.write(codec.encode(frame))
        return frame.opaque

    def finish(self, opaque, timeout_s=None):
        timeout_s = timeout_s or self.timeout_s
        with self._changed:
            self._changed.wait_for(lambda: opaque in self._answers or self._closed, timeout_s)
            if opaque in self._answers:
                return self._answers.pop(opaque)
            if self._closed:
                raise Closed(f"{self.address}: {self._closed}")
        raise TimeoutError(f"{self.address}: no answer to request {opaque} in {timeout_s} s")

    def is_answered(self, opaque):
        with self._changed:
            return opaque in self._answers

    def call(self, code, ext=None, body=b"", timeout_s=None, flag=0):
        return self.finish(self.begin(code, ext, body, flag), timeout_s)

    def post(self, code, ext=None, body=b""):
        """One way: no answer is expected; one that comes is a stray."""
        self.write(codec.encode(self.frame(code, ext, body, codec.FLAG_ONE_WAY)))

    def wait_pushed(self, code, timeout_s=ANSWER_S, where=lambda frame: True):
        """Takes the next request of this code that the server sent by itself."""
        def place():
            return next((i for i, (_, frame) in enumerate(self._pushed) if frame.code == code and where(frame)), None)
        with self._changed:
            if not self._changed.wait_for(lambda: place() is not None or self._closed, timeout_s):
                raise TimeoutError(f"{self.address}: nothing with code {code} was pushed in {timeout_s} s")
            if place() is None:
                raise Closed(f"{self.address}: {self._closed}")
            return self._pushed.pop(place())[1]

    def forget_pushed(self):
        with self._changed:
            self._pushed.clear()

    def pushed(self, code):
        with self._changed:
            return [frame for _, frame in self._pushed if frame.code == code]

    # ---- producer ----
    def send_ext(self, topic, queue=0, props=None, **more):
        """Header of SEND_MESSAGE_V2; more: single letter fields."""
        ext = {"a": "system_producer", "b": topic, "c": "TBW102", "d": "4", "e": str(queue), "f": "0",
               "g": str(int(time.time() * 1000)), "h": "0", "j": "0", "k": "false", "m": "false",
               "i": props if isinstance(props, str) else properties_text(props or {})}
        ext.update({name: str(value) for name, value in more.items()})
        return ext

    def send(self, topic, body=b"body", queue=0, props=None, **more):
        return self.call(codec.SEND_V2, self.send_ext(topic, queue, props, **more), body)

    def sent(self, topic, body=b"body", queue=0, props=None, **more):
        """Sends and demands success; returns (queue id, queue offset, position in the log)."""
        answer = self.send(topic, body, queue, props, **more)
        assert answer.code == codec.OK, answer
        position = codec.parse_message_id(answer.ext["msgId"])[2]
        return int(answer.ext["queueId"]), int(answer.ext["queueOffset"]), position

    def send_batch(self, topic, items, queue=0, props=None, code=codec.SEND_BATCH, **more):
        body = items if isinstance(items, bytes) else codec.encode_batch(items)
        return self.call(code, self.send_ext(topic, queue, props, m="true", **more), body)

    # ---- consumer ----
    def pull_ext(self, topic, offset=0, queue=0, group="system_group", expression="*", most=32, hold_ms=0,
                 commit=None, **more):
        """expression None: use the subscription of the heartbeat"""
        sys_flag = (0 if commit is None else 1) | (2 if hold_ms else 0) | (0 if expression is None else 4)
        ext = {"consumerGroup": group, "topic": topic, "queueId": str(queue), "queueOffset": str(offset),
               "maxMsgNums": str(most), "sysFlag": str(sys_flag), "commitOffset": str(commit or 0),
               "suspendTimeoutMillis": str(hold_ms), "subVersion": "1"}
        if expression is not None:
            ext["subscription"] = expression
            ext["expressionType"] = "TAG"
        ext.update({name: str(value) for name, value in more.items()})
        return ext

    def pull(self, topic, offset=0, queue=0, hold_ms=0, code=codec.PULL, **more):
        ext = self.pull_ext(topic, offset, queue, hold_ms=hold_ms, **more)
        return self.call(code, ext, timeout_s=ANSWER_S + hold_ms / 1000)

    def begin_pull(self, topic, offset=0, queue=0, hold_ms=600_000, **more):
        """Held until something arrives: the time is longer than any test waits."""
        return self.begin(codec.PULL, self.pull_ext(topic, offset, queue, hold_ms=hold_ms, **more))

    def read(self, topic, offset=0, queue=0, count=0, within_s=60, **more):
        """All messages of a queue from an offset to its end; waits until there are at least `count`."""
        found, end = [], time.monotonic() + within_s
        while True:
            answer = self.pull(topic, offset, queue, hold_ms=200 if len(found) < count else 0, **more)
            if answer.code in (codec.PULL_NOTHING, codec.PULL_MOVED):  # moved: nothing is there yet at all
                if len(found) >= count:
                    return found
                assert time.monotonic() < end, f"{len(found)} of {count} messages came in {within_s} s"
                continue
            assert answer.code in (codec.OK, codec.PULL_AGAIN), answer
            found += decode_messages(answer.body)
            following = int(answer.ext["nextBeginOffset"])
            assert following > offset, "a pull that does not move on"
            offset = following

    def arrivals(self, topic, count, queue=0, offset=0, within_s=120):
        """Follows a queue by long polling: (message, wall clock in ms when it was in hand), `count` of them."""
        found, end = [], time.monotonic() + within_s
        while len(found) < count:
            assert time.monotonic() < end, f"{len(found)} of {count} messages came in {within_s} s"
            answer = self.pull(topic, offset, queue, hold_ms=1000)
            now_ms = time.time() * 1000
            if answer.code == codec.OK:
                found += [(message, now_ms) for message in decode_messages(answer.body)]
                offset = int(answer.ext["nextBeginOffset"])
        return found

    def next(self, topic, offset=0, queue=0, within_s=60, **more):
        """The message at an offset; waits for it by long polling."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            answer = self.pull(topic, offset, queue, hold_ms=5000, most=1, **more)
            if answer.code == codec.OK:
                message = decode_messages(answer.body)[0]
                assert message.offset == offset, f"offset {message.offset} where {offset} was asked"
                return message
            assert answer.code in (codec.PULL_NOTHING, codec.PULL_AGAIN), answer
        raise TimeoutError(f"no message at {topic} queue {queue} offset {offset} in {within_s} s")

    def commit(self, group, topic, offset, queue=0):
        return self.call(codec.UPDATE_OFFSET, {"consumerGroup": group, "topic": topic, "queueId": str(queue),
                                               "commitOffset": str(offset)})

    def committed(self, group, topic, queue=0):
        """The stored offset, None when there is none."""
        answer = self.call(codec.QUERY_OFFSET, {"consumerGroup": group, "topic": topic, "queueId": str(queue)})
        if answer.code == codec.NOT_FOUND:
            return None
        assert answer.code == codec.OK, answer
        return int(answer.ext["offset"])

    def send_back(self, message, group, level=0, most=16, **more):
        """most None: leave maxReconsumeTimes out"""
        ext = {"offset": str(message.position), "group": group, "delayLevel": str(level), "unitMode": "false",
               "originMsgId": message.properties.get("ORIGIN_MESSAGE_ID", ""), "originTopic": message.topic}
        if most is not None:
            ext["maxReconsumeTimes"] = str(most)
        ext.update({name: str(value) for name, value in more.items()})
        return self.call(codec.SEND_BACK, ext)

    # ---- groups ----
    def beat(self, client_id, group=None, subscriptions=(), producers=(), model="CLUSTERING", **more):
        """subscriptions: topic names or dicts from codec.subscription"""
        made = [codec.subscription(item) if isinstance(item, str) else item for item in subscriptions]
        consumers = [] if group is None else [codec.consumer_data(group, made, model, **more)]
        return self.call(codec.HEARTBEAT, {}, codec.heartbeat_body(client_id, consumers, producers))

    def members(self, group):
        """Sorted client ids; an empty list when the server says that there is nobody."""
        answer = self.call(codec.CONSUMER_LIST, {"consumerGroup": group})
        if answer.code == codec.SYSTEM_ERROR:
            return []
        assert answer.code == codec.OK, answer
        return sorted(json.loads(answer.body)["consumerIdList"])

    def leave(self, client_id, group=None, producer=None):
        ext = {"clientID": client_id}
        if group is not None:
            ext["consumerGroup"] = group
        if producer is not None:
            ext["producerGroup"] = producer
        return self.call(codec.UNREGISTER, ext)

    @staticmethod
    def lock_body(client_id, group, topic, queues, broker_name="broker-a"):
        places = [{"topic": topic, "brokerName": broker_name, "queueId": queue} for queue in queues]
        return json.dumps({"consumerGroup": group, "clientId": client_id, "mqSet": places}).encode()

    def lock(self, client_id, group, topic, queues):
        """Asks for locks; returns the sorted ids of the queues that this client holds now."""
        answer = self.call(codec.LOCK, {}, self.lock_body(client_id, group, topic, queues))
        assert answer.code == codec.OK, answer
        held = json.loads(answer.body)["lockOKMQSet"]
        assert all(place["topic"] == topic for place in held)
        return sorted(place["queueId"] for place in held)

    def unlock(self, client_id, group, topic, queues):
        return self.call(codec.UNLOCK, {}, self.lock_body(client_id, group, topic, queues))

    # ---- questions ----
    def offset(self, code, topic, queue=0, **more):
        """MAX_OFFSET, MIN_OFFSET or SEARCH_OFFSET."""
        answer = self.call(code, {"topic": topic, "queueId": str(queue), **{k: str(v) for k, v in more.items()}})
        assert answer.code == codec.OK, answer
        return int(answer.ext["offset"])

    def max_offset(self, topic, queue=0):
        return self.offset(codec.MAX_OFFSET, topic, queue)

    def min_offset(self, topic, queue=0):
        return self.offset(codec.MIN_OFFSET, topic, queue)

    def view(self, position):
        return self.call(codec.VIEW, {"offset": str(position)})

    def query(self, topic, key, most=32, begin_ms=0, end_ms=1 << 62, unique=None):
        ext = {"topic": topic, "key": key, "maxNum": str(most), "beginTimestamp": str(begin_ms),
               "endTimestamp": str(end_ms)}
        if unique is not None:
            ext["_UNIQUE_KEY_QUERY"] = "true" if unique else "false"
        return self.call(codec.QUERY_MESSAGE, ext)

    def route(self, topic, **more):
        return self.call(codec.ROUTE, {"topic": topic, **more})

    # ---- administration ----
    def create_topic(self, topic, queues=4, perm=6, **more):
        ext = {"topic": topic, "defaultTopic": "TBW102", "readQueueNums": str(queues), "writeQueueNums": str(queues),
               "perm": str(perm), "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false"}
        ext.update({name: str(value) for name, value in more.items()})
        return self.call(codec.CREATE_TOPIC, ext)

    def made_topic(self, topic, queues=4, perm=6, **more):
        answer = self.create_topic(topic, queues, perm, **more)
        assert answer.code == codec.OK, answer
        return topic

    def update_group(self, group, **settings):
        config = {"groupName": group, "consumeEnable": True, "consumeFromMinEnable": True,
                  "consumeBroadcastEnable": True, "retryQueueNums": 1, "brokerId": 0,
                  "whichBrokerWhenConsumeSlowly": 1, "notifyConsumerIdsChangedEnable": True, **settings}
        return self.call(codec.UPDATE_GROUP, {}, json.dumps(config).encode())


def wait_kept(server, client):
    """Until all that the server was told before is in its index, consumer offsets too.

    Those go there by a timer of a fifth of a second: a pull that is held for longer is answered behind it.
    """
    topic = client.made_topic("held_until_kept", queues=1)
    assert client.pull(topic, hold_ms=600).code == codec.PULL_NOTHING
    wait_until(lambda: server.metric("tidings_index_waiting_entries") == 0, what="the index caught up")


def wait_until(check, within_s=60, what="the condition"):
    """Asks again and again until the answer is true; returns it."""
    end = time.monotonic() + within_s
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not come true in {within_s} s"
        time.sleep(0.02)
