# SPDX-License-Identifier: Apache-2.0
"""`tidings receiver …` and `tidings binding …`: settings by options and by file, and what becomes of them."""
import json

import pytest
from client import Client, wait_until
from listener import Listener
from server import run

FLAGS = ("--notify-allow=127.0.0.0/8",)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL = "http://127.0.0.1:9/"
pytestmark = pytest.mark.ours


@pytest.fixture(name="cli")
def fixture_cli(server):
    def call(*arguments, wanted=0, raw=False, **options):
        answer = run(*arguments, *([] if raw else ["--json"]), "--server", f"http://{server.http}", **options)
        assert answer.returncode == wanted, answer
        return answer if raw else json.loads(answer.stdout)
    return call


@pytest.fixture(name="name")
def fixture_name(new_name):
    return new_name("shop")


def test_every_option(cli, name):
    made = cli("receiver", "create", name, "--url", URL, "--ladder", "1m 5m", "--attempt-limit", 9, "--window", "24h",
               "--timeout", "5s", "--in-flight", 8, "--rate", 100, "--burst", 7, "--type", "recharge.*", "--type", "refund,order",
               "--header", "X-One=1", "--header", "X-Two=a=b", "--secret", SECRET, "--signature", "standard",
               "--ack-body", "success", "--ack-status", "200-202")
    assert made["name"] == name and made["state"] == "active"
    settings = cli("receiver", "show", name)["settings"]
    assert settings["url"] == URL and settings["ladder"].startswith("1m 5m")
    assert settings["attemptLimit"] == 9 and settings["windowMs"] == 86_400_000 and settings["timeoutMs"] == 5000
    assert settings["inFlight"] == 8 and settings["ratePerSecond"] == 100 and settings["burst"] == 7
    assert settings["types"] == ["recharge.*", "refund", "order"]
    assert settings["headers"] == {"X-One": "1", "X-Two": "a=b"}
    assert settings["ack"]["body"] == "success" and settings["ack"]["status"] == "200-202"
    assert settings["signature"]["scheme"] == "standard" and len(settings["secrets"]) == 1
    assert SECRET not in json.dumps(made) + json.dumps(settings)


def test_a_file(cli, name, tmp_path):
    (tmp_path / "r.json").write_text(json.dumps(
        {"url": URL, "ack": {"json": {"pointer": "/code", "equals": "OK"}}, "inFlight": 3, "breaker": {"failures": 5}}))
    cli("receiver", "create", name, "--file", tmp_path / "r.json", "--in-flight", 4)
    settings = cli("receiver", "show", name)["settings"]
    assert settings["ack"]["json"]["equals"] == "OK" and settings["inFlight"] == 4 and settings["breaker"]["failures"] == 5
    (tmp_path / "bad.json").write_text('{"url": ')
    assert "bad.json" in cli("receiver", "create", name, "--file", tmp_path / "bad.json", raw=True, wanted=2).stderr
    (tmp_path / "unknown.json").write_text('{"colour": "red"}')
    assert "colour" in cli("receiver", "set", name, "--file", tmp_path / "unknown.json", raw=True, wanted=1).stderr


def test_set(cli, name):
    cli("receiver", "create", name, "--url", URL, "--header", "X-One=1", "--header", "X-Two=2", "--rate", 5)
    changed = cli("receiver", "set", name, "--in-flight", 9, "--header", "X-One=", "--header", "X-Three=3")
    assert changed["settings"]["inFlight"] == 9 and changed["settings"]["ratePerSecond"] == 5
    assert changed["settings"]["headers"] == {"X-Two": "2", "X-Three": "3"}
    stale = cli("receiver", "set", name, "--rate", 6, "--if-version", changed["version"] - 1, raw=True, wanted=1)
    assert "412" in stale.stderr
    cli("receiver", "set", name, "--rate", 6, "--if-version", changed["version"])
    replaced = cli("receiver", "set", name, "--replace", "--url", URL)
    assert replaced["settings"]["ratePerSecond"] == 0 and not replaced["settings"]["headers"]
    assert cli("receiver", "set", name, "--in-flight", 0, raw=True, wanted=1).stderr


def test_course_of_a_receiver(cli, name):
    cli("receiver", "create", name, "--url", URL)
    assert "409" in cli("receiver", "create", name, "--url", URL, raw=True, wanted=1).stderr
    assert cli("receiver", "pause", name)["state"] == "paused"
    assert cli("receiver", "resume", name)["state"] == "active"
    assert name in [row["name"] for row in cli("receiver", "list")]
    assert name in cli("receiver", "list", raw=True).stdout
    assert cli("receiver", "retire", name)["done"] == name
    assert name not in [row["name"] for row in cli("receiver", "list") if row["state"] != "retired"]
    nobody = cli("receiver", "show", name + "_", raw=True, wanted=1)
    assert "404" in nobody.stderr and "tidings receiver list" in nobody.stderr


def test_rotate(cli, name, tmp_path):
    cli("receiver", "create", name, "--url", URL, "--secret", SECRET)
    made = cli("receiver", "rotate", name, "--overlap", "1h")
    assert made["secret"].startswith("whsec_") and made["secret"] != SECRET
    assert len(cli("receiver", "show", name)["settings"]["secrets"]) == 2
    (tmp_path / "secret").write_text(SECRET + "\n")
    cli("receiver", "rotate", name, "--secret-file", tmp_path / "secret", "--overlap", "0")


def test_test(cli, name):
    with Listener("--secret", SECRET) as listener:
        cli("receiver", "create", name, "--url", f"http://127.0.0.1:{listener.port}/", "--secret", SECRET)
        answer = cli("receiver", "test", name, '{"x": 1}')
        assert answer["status"] == 200 and answer["taken"]
        assert listener.end() == 0
        assert all(row["signature"] == "good" for row in listener.lines) and listener.lines[0]["body"] == '{"x": 1}'


def test_a_test_that_is_not_taken(cli, name):
    cli("receiver", "create", name, "--url", URL)
    answer = cli("receiver", "test", name, wanted=1, raw=True)
    assert "connect" in answer.stdout and name in answer.stderr


def test_bindings(server, cli, name, topic, new_name):
    with Client(server.broker) as client:
        client.made_topic(topic)
    binding = new_name("binding")
    with Listener() as listener:
        cli("receiver", "create", name, "--url", f"http://127.0.0.1:{listener.port}/")
        made = cli("binding", "put", binding, "--topic", topic, "--group", new_name("group"), "--receiver", name,
                   "--type", "recharge.done", "--set", "from=first")
        assert made["name"] == binding and made["settings"]["topic"] == topic
        assert binding in [row["name"] for row in cli("binding", "list")]
        assert topic in cli("binding", "list", raw=True).stdout
        assert cli("binding", "show", binding)["settings"]["settings"] == {"from": "first"}
        assert run("send", topic, '{"from":"mq"}', "--key", "tx-1", "--name-server", server.namesrv).returncode == 0
        wait_until(lambda: cli("list", "--receiver", name, "--tx-no", "tx-1", "--state", "delivered"), what="delivery")
        assert cli("binding", "delete", binding)["done"] == binding
        assert "tidings binding list" in cli("binding", "show", binding, raw=True, wanted=1).stderr
        assert listener.end() == 0
        assert listener.lines[0]["body"] == '{"from":"mq"}'
