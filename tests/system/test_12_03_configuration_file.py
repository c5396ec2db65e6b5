# SPDX-License-Identifier: Apache-2.0
"""tidings.yaml: nested keys, flags above them, mistakes named with file and line."""
import re

import pytest
from client import Client
from retries import climb
from server import run

pytestmark = pytest.mark.ours
WHOLE = """# everything in one file
listen:
  host: 127.0.0.1
  namesrv_port: 0
  broker_port: 0
  http_port: 0
store:
  data: {data}
  segment_size: 8M
  retention_time: 48h
broker:
  retry_ladder: "100ms 100ms"
  message_delay_level: 1s 5s
  max_message_size: 2000
  auto_create_topics: false
  topics:
    - one
    - two:7
log:
  level: warn
"""


def check(path, *flags):
    return run("serve", "--config", path, "--check-config", *flags)


def test_a_whole_file(own_server, tmp_path):
    path = tmp_path / "tidings.yaml"
    path.write_text(WHOLE.format(data=tmp_path / "from_file"))
    assert check(path).returncode == 0
    assert not (tmp_path / "from_file").exists()  # checking makes nothing
    server = own_server("--config", str(path), defaults=False)
    assert server.fields["data"] == str(tmp_path / "from_file")
    with Client(server.broker) as client:
        assert client.sent("two", queue=6)[0] == 6
        assert client.send("three").code == 17
        assert client.send("one", b"x" * 2001).code == 13
        client.sent("one")
        assert len(climb(client, "one", "g").delays_s) == 2


def test_flags_stand_above_the_file(own_server, tmp_path):
    path = tmp_path / "tidings.yaml"
    path.write_text(WHOLE.format(data=tmp_path / "from_file"))
    server = own_server("--config", str(path), "--max-message-size", "3000", "--topic", "three:3",
                        "--data", str(tmp_path / "from_flag"), defaults=False)
    assert server.fields["data"] == str(tmp_path / "from_flag")
    with Client(server.broker) as client:
        client.sent("three", b"x" * 3000, queue=2)
        assert client.send("three", b"x" * 3001).code == 13


@pytest.mark.parametrize("text,line,word", [
    ("store:\n  data: /tmp/x\n  colour: red\n", 3, "colour"),
    ("storage:\n  data: /tmp/x\n", 1, "storage"),
    ("store:\n  data: /tmp/x\nbroker:\n  retry_ladder: 1m 5x\n", 4, "5x"),
    ("store:\n  data: /tmp/x\nbroker:\n  max_message_size: lots\n", 4, "lots"),
    ("store:\n  data: /tmp/x\nlisten:\n  broker_port: 70000\n", 4, "70000"),
    ("store:\n  data: /tmp/x\nlisten:\n  broker_port: -1\n", 4, "-1"),
    ("store:\n  data: /tmp/x\nbroker:\n  topics:\n    - 'bad name'\n", 5, "bad name"),
    ("store:\n  data: /tmp/x\nlog:\n  level: loud\n", 4, "loud"),
    ("store:\n  data: /tmp/x\nstore:\n  data: /tmp/y\n", 3, "store"),
    ("store: [1, 2\n", None, ""),
    ("\tstore:\n", 1, ""),
    ("store: 7\n", 1, "store"),
    ("- a\n", 1, ""),
])
def test_mistakes(tmp_path, text, line, word):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    answer = check(path)
    assert answer.returncode == 2, answer
    assert "wrong.yaml" in answer.stderr
    assert word in answer.stderr
    if line is not None:
        assert re.search(rf"(line:? |wrong\.yaml:){line}\b", answer.stderr), answer.stderr


def test_missing_file(tmp_path):
    answer = check(tmp_path / "nowhere.yaml")
    assert answer.returncode != 0 and "nowhere.yaml" in answer.stderr


def test_large_and_deep_files(tmp_path):
    path = tmp_path / "big.yaml"
    for text in ("a: " + "[" * 100_000, "x: y\n" * 1_000_000, "store:\n  data: " + "d" * 1_000_000,
                 "a: &a [x,x,x,x,x,x,x,x]\n" + "".join(
                     f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12))):
        path.write_text(text)
        assert check(path).returncode == 2


def test_without_data(tmp_path):
    answer = run("serve")
    assert answer.returncode == 2 and "--data" in answer.stderr
