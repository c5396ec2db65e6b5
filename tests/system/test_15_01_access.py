# SPDX-License-Identifier: Apache-2.0
"""Accounts: who signs wrongly or lacks a permission is refused with what was missing, and nothing of him is done."""
import base64
import hashlib
import hmac
import signal

import codec
import pytest
from client import Client, wait_until
from transactions import END, half

ACCOUNTS = """
accounts:
  - access_key: operator
    secret_key: operator-secret
    admin: true
  - access_key: producer
    secret_key: producer-secret
    topics: [ "paid=PUB" ]
  - access_key: consumer
    secret_key: consumer-secret
    topics: [ "paid=SUB" ]
    groups: [ "readers=SUB" ]
"""


class Signer(Client):
    """Signs every request but 105 as RocketMQ's clients do."""

    def __init__(self, address, key=None, secret=None):
        super().__init__(address)
        self.key, self.secret = key, secret

    def frame(self, code, ext=None, body=b"", flag=0, opaque=None):
        if self.key is not None:
            ext = {**(ext or {}), "AccessKey": self.key}
            content = "".join(str(ext[name]) for name in sorted(ext)).encode() + body
            digest = hmac.new(self.secret.encode(), content, hashlib.sha1).digest()
            ext["Signature"] = base64.b64encode(digest).decode()
        return super().frame(code, ext, body, flag, opaque)


@pytest.fixture
def accounts(tmp_path):
    path = tmp_path / "acl.yaml"
    path.write_text(ACCOUNTS)
    return path


@pytest.fixture
def guarded(own_server, accounts):
    server = own_server("--acl-file", accounts)
    with Signer(server.broker, "operator", "operator-secret") as operator:
        operator.made_topic("paid", queues=1)
        operator.made_topic("secret", queues=1)
    return server


def refused(answer, *words):
    assert answer.code == codec.NO_PERMISSION, answer
    for word in words:
        assert word in answer.remark, answer
    assert "secret" not in answer.remark.replace("topic secret", "")


def test_who_may_publish(guarded):
    with Signer(guarded.broker, "producer", "producer-secret") as producer:
        producer.sent("paid", b"1")
        refused(producer.send("secret", b"2"), "secret", "PUB")
        refused(producer.pull("paid"), "SUB")
        refused(producer.create_topic("more"))
    with Signer(guarded.broker, "operator", "operator-secret") as operator:
        assert operator.max_offset("secret") == 0
        assert operator.max_offset("paid") == 1


def test_who_may_consume(guarded):
    with Signer(guarded.broker, "operator", "operator-secret") as operator:
        _, _, position = operator.sent("secret", b"hidden")
        operator.sent("paid", b"1")
    with Signer(guarded.broker, "consumer", "consumer-secret") as consumer:
        assert consumer.beat("c1", "readers", ["paid"]).code == codec.OK
        refused(consumer.beat("c1", "readers", ["secret"]), "secret")
        refused(consumer.beat("c1", "others", ["paid"]), "others")
        message = consumer.next("paid", group="readers")
        assert message.body == b"1"
        consumer.commit("readers", "paid", 1)
        assert consumer.committed("readers", "paid") == 1
        assert consumer.send_back(message, "readers").code == codec.OK
        refused(consumer.send_back(message, "others"), "others")
        refused(consumer.pull("secret", group="readers"), "secret")
        refused(consumer.view(position), "secret")
        refused(consumer.query("secret", "k"), "secret")
        refused(consumer.send("paid"), "PUB")
        assert consumer.lock("c1", "readers", "paid", [0]) is not None
        refused(consumer.call(codec.LOCK, {}, consumer.lock_body("c1", "readers", "secret", [0])), "secret")


@pytest.mark.parametrize("key,secret", [(None, None), ("producer", "wrong-secret"), ("nobody", "producer-secret"),
                                        ("", "producer-secret")])
def test_wrong_or_no_signature(guarded, key, secret):
    with Signer(guarded.broker, key, secret) as client:
        refused(client.send("paid"))
        refused(client.pull("paid"))
        refused(client.beat("c1", "readers", ["paid"]))
        assert client.route("paid") is not None  # as RocketMQ's name server
    with Signer(guarded.broker, "operator", "operator-secret") as operator:
        assert operator.max_offset("paid") == 0


def test_unknown_key_and_wrong_secret_read_the_same(guarded):
    remarks = set()
    for key, secret in (("producer", "wrong-secret"), ("nobody", "whatever-it-is")):
        with Signer(guarded.broker, key, secret) as client:
            remarks.add(client.send("paid").remark.replace(key, "KEY"))
    assert len(remarks) == 1


def test_end_of_a_transaction_needs_the_topic(guarded):
    with Signer(guarded.broker, "producer", "producer-secret") as producer:
        waiting = half(producer, "paid")
        with Signer(guarded.broker, "consumer", "consumer-secret") as consumer:
            refused(consumer.call(END, waiting.ext(8)), "paid")
        assert producer.call(END, waiting.ext(8)).code == codec.OK


def wait_line(server, word, count):
    wait_until(lambda: server.stderr().count(word) >= count, what=f"a line with {word!r}")


def test_reload(guarded, accounts):
    with Signer(guarded.broker, "producer", "producer-secret") as producer:
        refused(producer.send("secret"), "secret")
        accounts.write_text(ACCOUNTS.replace('"paid=PUB"', '"paid=PUB", "secret=PUB"'))
        guarded.process.send_signal(signal.SIGHUP)
        wait_line(guarded, "reloaded", 1)
        producer.sent("secret")
        accounts.write_text(ACCOUNTS + "nonsense: 1\n")
        guarded.process.send_signal(signal.SIGHUP)
        wait_line(guarded, "not reloaded", 1)
        producer.sent("secret")  # what was in force stays
    assert "producer-secret" not in guarded.stderr()


def test_bad_file_refuses_the_start(own_server, accounts):
    accounts.write_text("accounts: [ { access_key: short, secret_key: x } ]\n")
    with pytest.raises(RuntimeError, match="acl.yaml"):
        own_server("--acl-file", accounts)
