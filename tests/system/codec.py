# SPDX-License-Identifier: Apache-2.0
"""RocketMQ remoting on the wire, written for the tests alone: nothing here is shared with the program under test.

Numbers are big endian throughout. Decoders are strict: what does not fit the layout raises ValueError.
"""
import dataclasses
import ipaddress
import json
import struct
import zlib

# Requests.
SEND, PULL, QUERY_MESSAGE, QUERY_OFFSET, UPDATE_OFFSET, CREATE_TOPIC = 10, 11, 12, 14, 15, 17
SEARCH_OFFSET, MAX_OFFSET, MIN_OFFSET, EARLIEST, VIEW = 29, 30, 31, 32, 33
HEARTBEAT, UNREGISTER, SEND_BACK, CONSUMER_LIST, IDS_CHANGED, LOCK, UNLOCK = 34, 35, 36, 38, 40, 41, 42
ROUTE, UPDATE_GROUP, SEND_V2, SEND_BATCH, LITE_PULL = 105, 200, 310, 320, 361

# Answers.
OK, SYSTEM_ERROR, NOT_SUPPORTED, ILLEGAL, NOT_AVAILABLE, NO_PERMISSION, NO_TOPIC = 0, 1, 3, 13, 14, 16, 17
PULL_NOTHING, PULL_AGAIN, PULL_MOVED, NOT_FOUND = 19, 20, 21, 22
PARSE_FAILED, NO_SUBSCRIPTION, OLD_SUBSCRIPTION, NO_GROUP = 23, 24, 25, 26

LANGUAGES = ("JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY", "OTHER", "HTTP", "GO", "PHP", "OMS",
             "RUST", "NODE_JS")
FRAME_MAX = 16 * 1024 * 1024
MESSAGE_MAGIC = 0xDAA320A7
COMPRESSED, BORN_IPV6, STORE_IPV6 = 1, 16, 32
FLAG_ANSWER, FLAG_ONE_WAY = 1, 2


# ---- frames ----

@dataclasses.dataclass
class Frame:
    code: int
    ext: dict | None = None
    body: bytes = b""
    opaque: int = 0
    flag: int = 0
    remark: str | None = None
    language: object = "PYTHON"
    version: int = 409
    serialize: str = "json"

    @property
    def is_answer(self):
        return self.flag & FLAG_ANSWER != 0

    def __repr__(self):
        return f"<code {self.code} remark {self.remark!r} ext {self.ext} body {len(self.body)} bytes>"


def frame_of(header, body=b"", kind=0):
    """Wraps header bytes (kind 0 JSON, 1 binary) and a body with the two leading lengths."""
    return struct.pack(">iI", 4 + len(header) + len(body), kind << 24 | len(header)) + header + body


def encode_json(frame):
    fields = {"code": frame.code, "language": frame.language, "version": frame.version, "opaque": frame.opaque,
              "flag": frame.flag, "serializeTypeCurrentRPC": "JSON"}
    if frame.remark is not None:
        fields["remark"] = frame.remark
    if frame.ext is not None:
        fields["extFields"] = frame.ext
    return frame_of(json.dumps(fields, ensure_ascii=False).encode(), frame.body)


def encode_binary(frame):
    language = LANGUAGES.index(frame.language)
    remark = (frame.remark or "").encode()
    fields = b""
    for name, value in (frame.ext or {}).items():
        name, value = name.encode(), str(value).encode()
        fields += struct.pack(">h", len(name)) + name + struct.pack(">i", len(value)) + value
    header = struct.pack(">hBhiii", frame.code, language, frame.version, frame.opaque, frame.flag, len(remark))
    return frame_of(header + remark + struct.pack(">i", len(fields)) + fields, frame.body, kind=1)


def encode(frame):
    return encode_binary(frame) if frame.serialize == "binary" else encode_json(frame)


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count < 0 or self.at + count > len(self.data):
            raise ValueError(f"{count} bytes wanted at {self.at} of {len(self.data)}")
        piece = self.data[self.at:self.at + count]
        self.at += count
        return piece

    def unpack(self, layout):
        return struct.unpack(">" + layout, self.take(struct.calcsize(">" + layout)))

    def number(self, layout):
        return self.unpack(layout)[0]


def _decode_binary_header(header, body):
    reader = _Reader(header)
    code, language, version, opaque, flag, remark_len = reader.unpack("hBhiii")
    remark = reader.take(remark_len).decode() if remark_len else None
    fields = _Reader(reader.take(reader.number("i")))
    ext = {}
    while fields.at < len(fields.data):
        name = fields.take(fields.number("h")).decode()
        ext[name] = fields.take(fields.number("i")).decode()
    if reader.at != len(header):
        raise ValueError("bytes behind the binary header")
    return Frame(code, ext, body, opaque, flag, remark, LANGUAGES[language], version, "binary")


def decode(payload):
    """Decodes what follows a frame's leading length."""
    reader = _Reader(payload)
    mark = reader.number("I")
    header = reader.take(mark & 0xFFFFFF)
    body = payload[reader.at:]
    if mark >> 24 == 1:
        return _decode_binary_header(header, body)
    if mark >> 24 != 0:
        raise ValueError(f"unknown serialization {mark >> 24}")
    fields = json.loads(header.decode())
    return Frame(fields["code"], fields.get("extFields"), body, fields["opaque"], fields["flag"],
                 fields.get("remark"), fields["language"], fields["version"])


# ---- properties ----

def properties_text(pairs, trailing=True):
    text = "\x02".join(f"{name}\x01{value}" for name, value in pairs.items())
    return text + "\x02" if trailing and text else text


def properties_of(text):
    pairs = {}
    for piece in text.split("\x02"):
        name, separator, value = piece.partition("\x01")
        if separator:
            pairs[name] = value
    return pairs


def java_hash(text):
    """String.hashCode of Java: over UTF-16 units, 32 bits, signed."""
    value = 0
    for unit in struct.iter_unpack("<H", text.encode("utf-16-le")):
        value = (31 * value + unit[0]) & 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


# ---- messages ----

@dataclasses.dataclass
class Message:
    """One stored message; `stored_body` is as it was kept, `body` is unpacked."""
    size: int
    crc: int
    queue_id: int
    flag: int
    offset: int
    position: int
    sys_flag: int
    born_ms: int
    born_host: tuple
    store_ms: int
    store_host: tuple
    reconsume: int
    prepared: int
    stored_body: bytes
    topic: str
    properties_raw: bytes

    @property
    def body(self):
        return zlib.decompress(self.stored_body) if self.sys_flag & COMPRESSED else self.stored_body

    @property
    def properties(self):
        return properties_of(self.properties_raw.decode())


def _host(reader, is_ipv6):
    address = ipaddress.ip_address(reader.take(16 if is_ipv6 else 4))
    return str(address), reader.number("i")


def decode_message(data, at=0):
    size = struct.unpack_from(">i", data, at)[0]
    if size < 91 or at + size > len(data):
        raise ValueError(f"message of {size} bytes in {len(data) - at}")
    reader = _Reader(data[at:at + size])
    _, magic, crc, queue_id, flag, offset, position, sys_flag, born_ms = reader.unpack("iIiiiqqiq")
    if magic != MESSAGE_MAGIC:
        raise ValueError(f"magic {magic:#x}")
    born_host = _host(reader, sys_flag & BORN_IPV6)
    store_ms = reader.number("q")
    store_host = _host(reader, sys_flag & STORE_IPV6)
    reconsume, prepared, body_len = reader.unpack("iqi")
    body = reader.take(body_len)
    topic = reader.take(reader.number("B")).decode()
    properties = reader.take(reader.number("h"))
    if reader.at != size:
        raise ValueError(f"{size - reader.at} bytes behind the properties")
    if crc != zlib.crc32(body) & 0x7FFFFFFF:
        raise ValueError("checksum of the body is wrong")
    return Message(size, crc, queue_id, flag, offset, position, sys_flag, born_ms, born_host, store_ms, store_host,
                   reconsume, prepared, body, topic, properties)


def decode_messages(data):
    found, at = [], 0
    while at < len(data):
        message = decode_message(data, at)
        found.append(message)
        at += message.size
    return found


def encode_batch_item(body, properties=b"", flag=0, magic=0, crc=0):
    size = 4 + 4 + 4 + 4 + 4 + len(body) + 2 + len(properties)
    return struct.pack(">iiiii", size, magic, crc, flag, len(body)) + body + struct.pack(">h", len(properties)) + \
        properties


def encode_batch(items):
    """items: (body, {property: value})"""
    return b"".join(encode_batch_item(body, properties_text(pairs).encode()) for body, pairs in items)


def parse_message_id(text):
    """offsetMsgId → (host, port, position)"""
    raw = bytes.fromhex(text)
    if text != text.upper() or len(raw) not in (16, 28):
        raise ValueError(f"no message id: {text!r}")
    port, position = struct.unpack(">iq", raw[-12:])
    return str(ipaddress.ip_address(raw[:-12])), port, position


def message_id(host, port, position):
    return (ipaddress.ip_address(host).packed + struct.pack(">iq", port, position)).hex().upper()


# ---- heartbeats ----

def subscription(topic, expression="*", version=1, codes=None, **more):
    tags = [] if expression in ("", "*") else [tag.strip() for tag in expression.split("||")]
    return {"topic": topic, "subString": expression, "tagsSet": tags,
            "codeSet": [java_hash(tag) for tag in tags] if codes is None else codes,
            "subVersion": version, "classFilterMode": False, "expressionType": "TAG", **more}


def heartbeat_body(client_id, consumers=(), producers=()):
    """consumers: dicts from consumer_data; producers: group names"""
    return json.dumps({"clientID": client_id, "producerDataSet": [{"groupName": name} for name in producers],
                       "consumerDataSet": list(consumers)}).encode()


def consumer_data(group, subscriptions, model="CLUSTERING", **more):
    return {"groupName": group, "consumeType": "CONSUME_PASSIVELY", "messageModel": model,
            "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET", "subscriptionDataSet": list(subscriptions),
            "unitMode": False, **more}
