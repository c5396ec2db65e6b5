# SPDX-License-Identifier: Apache-2.0
"""An independent codec and client of the RocketMQ remoting protocol, for tests: standard library only."""
import json
import socket
import struct
import threading
import time
import zlib

MAGIC = 0xDAA320A7 - (1 << 32)


def encode_json(code, ext=None, body=b"", opaque=0, flag=0, language="JAVA", version=409):
    header = json.dumps({"code": code, "language": language, "version": version, "opaque": opaque, "flag": flag,
                         "extFields": ext or {}, "serializeTypeCurrentRPC": "JSON"}).encode()
    return struct.pack(">iI", 4 + len(header) + len(body), len(header)) + header + body


def encode_binary(code, ext=None, body=b"", opaque=0, flag=0, version=409):
    fields = b""
    for key, value in (ext or {}).items():
        key, value = key.encode(), str(value).encode()
        fields += struct.pack(">h", len(key)) + key + struct.pack(">i", len(value)) + value
    header = struct.pack(">hBhii", code, 0, version, opaque, flag) + struct.pack(">i", 0)
    header += struct.pack(">i", len(fields)) + fields
    return struct.pack(">iI", 4 + len(header) + len(body), 1 << 24 | len(header)) + header + body


class Frame:
    def __init__(self, code, opaque, flag, remark, ext, body, serialize):
        self.code, self.opaque, self.flag, self.remark = code, opaque, flag, remark
        self.ext, self.body, self.serialize = ext, body, serialize

    def __repr__(self):
        return f"Frame(code={self.code}, remark={self.remark!r}, ext={self.ext}, body={len(self.body)} bytes)"


def decode(data):
    mark, = struct.unpack_from(">I", data, 0)
    length = mark & 0xFFFFFF
    header, body = data[4:4 + length], data[4 + length:]
    if mark >> 24 == 0:
        fields = json.loads(header)
        return Frame(fields["code"], fields["opaque"], fields["flag"], fields.get("remark"),
                     fields.get("extFields") or {}, body, "json")
    code, _, _, opaque, flag, remark_len = struct.unpack_from(">hBhiii", header, 0)
    at = 17
    remark = header[at:at + remark_len].decode() if remark_len else None
    at += remark_len
    ext_len, = struct.unpack_from(">i", header, at)
    at, end, ext = at + 4, at + 4 + ext_len, {}
    while at < end:
        n, = struct.unpack_from(">h", header, at)
        key = header[at + 2:at + 2 + n].decode()
        at += 2 + n
        n, = struct.unpack_from(">i", header, at)
        ext[key] = header[at + 4:at + 4 + n].decode()
        at += 4 + n
    return Frame(code, opaque, flag, remark, ext, body, "binary")


def properties(pairs):
    return "".join(f"{key}\x01{value}\x02" for key, value in pairs.items())


def parse_properties(text):
    return dict(piece.split("\x01", 1) for piece in text.split("\x02") if "\x01" in piece)


class Message:
    """One stored message as a pull gives it."""

    def __init__(self, data):
        (self.size, magic, self.crc, self.queue_id, self.flag, self.offset, self.position, self.sys_flag,
         self.born) = struct.unpack_from(">iiiiiqqiq", data, 0)
        assert magic == MAGIC, hex(magic)
        at = 48 + (20 if self.sys_flag & 16 else 8)
        self.stored, = struct.unpack_from(">q", data, at)
        at += 8 + (20 if self.sys_flag & 32 else 8)
        self.reconsume, self.prepared, n = struct.unpack_from(">iqi", data, at)
        at += 16
        self.raw = data[at:at + n]
        at += n
        self.topic = data[at + 1:at + 1 + data[at]].decode()
        at += 1 + data[at]
        n, = struct.unpack_from(">h", data, at)
        self.properties = parse_properties(data[at + 2:at + 2 + n].decode())
        assert at + 2 + n == self.size
        assert zlib.crc32(self.raw) & 0x7FFFFFFF == self.crc
        self.body = zlib.decompress(self.raw) if self.sys_flag & 1 else self.raw


def messages(data):
    found, at = [], 0
    while at < len(data):
        message = Message(data[at:])
        found.append(message)
        at += message.size
    return found


def batch(items):
    data = b""
    for body, pairs in items:
        text = properties(pairs).encode()
        data += struct.pack(">iiiii", 22 + len(body) + len(text), 0, 0, 0, len(body)) + body
        data += struct.pack(">h", len(text)) + text
    return data


class Client:
    """One connection; answers are matched by opaque, what the server pushes is collected."""

    def __init__(self, address, timeout=10, serialize="json"):
        host, port = address.rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)), timeout=timeout)
        self.sock.settimeout(None)
        self.timeout, self.opaque, self.encode = timeout, 0, encode_json if serialize == "json" else encode_binary
        self.answers, self.pushes, self.closed = {}, [], False
        self.changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _exactly(self, n):
        data = b""
        while len(data) < n:
            piece = self.sock.recv(min(n - len(data), 1 << 20))
            if not piece:
                raise ConnectionError("closed")
            data += piece
        return data

    def _read(self):
        try:
            while True:
                size, = struct.unpack(">i", self._exactly(4))
                frame = decode(self._exactly(size))
                with self.changed:
                    if frame.flag & 1:
                        self.answers[frame.opaque] = frame
                    else:
                        self.pushes.append(frame)
                    self.changed.notify_all()
        except (OSError, ConnectionError):
            with self.changed:
                self.closed = True
                self.changed.notify_all()

    def start(self, code, ext=None, body=b"", flag=0):
        with self.changed:
            self.opaque += 1
            opaque = self.opaque
        self.sock.sendall(self.encode(code, ext, body, opaque, flag))
        return opaque

    def finish(self, opaque, timeout=None):
        with self.changed:
            done = self.changed.wait_for(lambda: opaque in self.answers or self.closed, timeout or self.timeout)
            if opaque in self.answers:
                return self.answers.pop(opaque)
        raise ConnectionError("connection closed") if done else TimeoutError(f"no answer to {opaque}")

    def call(self, code, ext=None, body=b"", timeout=None):
        return self.finish(self.start(code, ext, body), timeout)

    def wait_push(self, code, timeout=10):
        def find():
            return next((frame for frame in self.pushes if frame.code == code), None)
        with self.changed:
            assert self.changed.wait_for(lambda: find() or self.closed, timeout), f"no push {code}"
            frame = find()
            self.pushes.remove(frame)
            return frame

    def wait_closed(self, timeout=10):
        with self.changed:
            return self.changed.wait_for(lambda: self.closed, timeout)

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    # ---- requests ----
    def send(self, topic, body=b"hello", queue=0, props=None, **extra):
        ext = {"a": "test_producer", "b": topic, "c": "TBW102", "d": "4", "e": str(queue), "f": "0",
               "g": str(int(time.time() * 1000)), "h": "0", "i": properties(props or {}), "j": "0", "k": "false",
               "m": "false"}
        ext.update({key: str(value) for key, value in extra.items()})
        return self.call(310, ext, body)

    def pull(self, topic, offset=0, queue=0, group="test_group", expression="*", most=32, suspend=0, timeout=None,
             commit=None):
        ext = {"consumerGroup": group, "topic": topic, "queueId": str(queue), "queueOffset": str(offset),
               "maxMsgNums": str(most), "commitOffset": str(commit or 0), "suspendTimeoutMillis": str(suspend),
               "subVersion": "0", "subscription": expression, "expressionType": "TAG",
               "sysFlag": str(4 | (2 if suspend else 0) | (0 if commit is None else 1))}
        return self.call(11, ext, timeout=timeout or 10 + suspend / 1000)

    def heartbeat(self, client_id, group=None, topics=(), producer=None, model="CLUSTERING"):
        consumers = [] if group is None else [{
            "groupName": group, "consumeType": "CONSUME_PASSIVELY", "messageModel": model,
            "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET", "unitMode": False,
            "subscriptionDataSet": [{"topic": topic, "subString": expression, "tagsSet": [], "codeSet": [],
                                     "subVersion": int(time.time() * 1000), "expressionType": "TAG",
                                     "classFilterMode": False} for topic, expression in topics]}]
        producers = [] if producer is None else [{"groupName": producer}]
        body = json.dumps({"clientID": client_id, "producerDataSet": producers, "consumerDataSet": consumers})
        return self.call(34, {}, body.encode())

    def send_back(self, message, group="test_group", level=0, most=16, **extra):
        ext = {"offset": str(message.position), "group": group, "delayLevel": str(level), "originMsgId": "",
               "originTopic": message.topic, "unitMode": "false", "maxReconsumeTimes": str(most)}
        ext.update({key: str(value) for key, value in extra.items()})
        return self.call(36, ext)

    def create_topic(self, topic, queues=4, perm=6, **extra):
        return self.call(17, {"topic": topic, "defaultTopic": "TBW102", "readQueueNums": str(queues),
                              "writeQueueNums": str(queues), "perm": str(perm), "topicFilterType": "SINGLE_TAG",
                              "topicSysFlag": "0", "order": "false",
                              **{key: str(value) for key, value in extra.items()}})

    def create_group(self, group, **extra):
        return self.call(200, {}, json.dumps({"groupName": group, "consumeEnable": True, "retryMaxTimes": 16,
                                              **extra}).encode())

    def max_offset(self, topic, queue=0):
        return int(self.call(30, {"topic": topic, "queueId": str(queue)}).ext["offset"])

    def query_offset(self, group, topic, queue=0):
        return self.call(14, {"consumerGroup": group, "topic": topic, "queueId": str(queue),
                              "setZeroIfNotFound": "false"})

    def update_offset(self, group, topic, offset, queue=0):
        return self.call(15, {"consumerGroup": group, "topic": topic, "queueId": str(queue),
                              "commitOffset": str(offset)})
