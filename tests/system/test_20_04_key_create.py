# SPDX-License-Identifier: Apache-2.0
"""`tidings key create` makes a key that nobody can guess, and the line for the keys file, which does not show it."""
import hashlib
import json
import re

import pytest
from server import run

pytestmark = pytest.mark.ours


def made(*arguments):
    answer = run("key", "create", *arguments, "--json")
    assert answer.returncode == 0, answer
    return json.loads(answer.stdout)


def test_key_and_line():
    one = made("operator", "ops")
    assert re.fullmatch(r"tdk_[A-Za-z0-9_-]{43}", one["key"])
    assert one["line"] == "operator ops sha256:" + hashlib.sha256(one["key"].encode()).hexdigest()
    assert len({made("operator", "ops")["key"] for _ in range(10)}) == 10


def test_what_a_key_may():
    line = made("initiator", "pay", "--sources", "pay,shop.*", "--rate", "100")["line"]
    assert line.endswith(" sources=pay,shop.* rate=100")
    assert made("initiator", "pay")["line"].endswith(" sources=*")
    assert made("receiver", "bank1")["line"].endswith(" receivers=bank1")
    assert made("receiver", "bank1", "--receivers", "b*,c")["line"].endswith(" receivers=b*,c")


def test_for_people():
    answer = run("key", "create", "operator", "ops")
    key = re.search(r"tdk_\S+", answer.stdout)[0]
    assert answer.stdout.count(key) == 1 and key not in answer.stderr
    assert hashlib.sha256(key.encode()).hexdigest() in answer.stdout
    assert "SIGHUP" in answer.stderr


@pytest.mark.parametrize("arguments", [
    ("boss", "ops"), ("operator",), ("operator", ""), ("operator", "a b"), ("operator", "a\nb"), ("operator", "x" * 200),
    ("initiator", "pay", "--sources", "a b"), ("initiator", "pay", "--sources", "a\noperator x sha256:00"),
    ("initiator", "pay", "--sources", ""), ("initiator", "pay", "--sources", "a,,b"), ("operator", "ops", "--sources", "a"),
    ("initiator", "pay", "--receivers", "a"), ("initiator", "pay", "--sources", "a" * 9000),
    ("operator", "ops", "--rate", "0"), ("operator", "ops", "--rate", "many")])
def test_mistakes(arguments):
    answer = run("key", "create", *arguments)
    assert answer.returncode == 2 and answer.stderr and "tdk_" not in answer.stdout
