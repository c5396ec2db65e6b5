# SPDX-License-Identifier: Apache-2.0
"""tidings.yaml: the notifier's section, receivers and bindings that stand there from the start."""
import pytest
from client import Client, wait_until
from notifier import Notifier
from server import run

pytestmark = pytest.mark.ours
WHOLE = """listen:
  namesrv_port: 0
  broker_port: 0
  http_port: 0
store:
  data: {data}
broker:
  topics:
    - from_file:2
api:
  payload_max: 2000
notify:
  allow: 127.0.0.0/8
receivers:
  bank1:
    url: {url}
    types: ["recharge.*"]
    ladder: "10ms 1h"
    headers:
      X-From: file
bindings:
  paid:
    topic: from_file
    group: from_file_group
    receivers: [bank1]
"""


def test_a_whole_file(own_server, sink, tmp_path):
    path = tmp_path / "tidings.yaml"
    path.write_text(WHOLE.format(data=tmp_path / "data", url=sink.url("/bank1")), encoding="utf-8")
    done = run("serve", "--config", path, "--check-config")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "data").exists()
    server = own_server("--config", str(path), defaults=False)
    api = Notifier(server)
    settings = api.show("bank1")["settings"]
    assert settings["types"] == ["recharge.*"] and settings["ladder"] == "10ms 1h" and settings["headers"] == {"X-From": "file"}
    api.submit(None, type="recharge.done")
    assert sink.wait(1, "/bank1")[0].header("x-from") == "file"
    assert api.call("POST", "/v1/notifications", {"source": "s", "type": "recharge.x", "txNo": "large", "payload": "x" * 2001}).status == 413
    wait_until(lambda: api.good("GET", "/v1/bindings/paid")["state"] == "listening")
    with Client(server.broker) as client:
        client.sent("from_file", b"{}", props={"KEYS": "1", "TAGS": "t"})
    sink.wait(2, "/bank1")


def test_twice_is_once(own_server, sink, tmp_path):
    """A restart with the same file changes nothing: no new version, nothing delivered again."""
    path = tmp_path / "tidings.yaml"
    path.write_text(WHOLE.format(data=tmp_path / "data", url=sink.url("/bank1")), encoding="utf-8")
    server = own_server("--config", str(path), defaults=False)
    version = Notifier(server).show("bank1")["version"]
    server.restart()
    assert Notifier(server).show("bank1")["version"] == version
    path.write_text(WHOLE.format(data=tmp_path / "data", url=sink.url("/moved")), encoding="utf-8")
    server.restart()
    assert Notifier(server).show("bank1")["settings"]["url"] == sink.url("/moved")


@pytest.mark.parametrize("old,new,word", [
    ("  bank1:\n", "  bank 1:\n", "bank 1"), ("ladder: \"10ms 1h\"", "ladder: 5x", "5x"), ("types: [\"recharge.*\"]", "types: 7", "types"),
    ("topic: from_file\n", "topic: 'bad name'\n", "topic"), ("allow: 127.0.0.0/8", "allow: 127.0.0.0/7", "127.0.0.0/7"),
    ("payload_max: 2000", "payload_max: lots", "lots"), ("{url}", "ftp://x/", "url"), ("    group: from_file_group\n", "", "group"),
    ("  payload_max: 2000\n", "  colour: red\n", "colour")])
def test_mistakes(tmp_path, old, new, word):
    path = tmp_path / "wrong.yaml"
    assert old in WHOLE
    path.write_text(WHOLE.replace(old, new).replace("{data}", str(tmp_path / "d")).replace("{url}", "http://127.0.0.1:9/"), encoding="utf-8")
    done = run("serve", "--config", path, "--check-config")
    assert done.returncode != 0 and word in done.stderr, done.stderr


@pytest.mark.parametrize("flag", ["--payload-max=0", "--payload-max=x", "--notify-retention=x", "--notify-retention=-1s", "--api-keys="])
def test_flags(tmp_path, flag):
    done = run("serve", "--data", tmp_path / "d", "--check-config", flag)
    assert done.returncode != 0 or flag == "--api-keys="
