# SPDX-License-Identifier: Apache-2.0
"""The commands, against a running server: send, consume, topic, group, offset, dlq, message, ladder, completion."""
import json
import subprocess

import pytest
from client import Client
from retries import climb
from server import run

FLAGS = ("--retry-ladder", "100ms 100ms")
pytestmark = pytest.mark.ours


@pytest.fixture(name="cli")
def fixture_cli(server):
    """cli("topic", "list") → the JSON it prints; wanted: the exit code expected"""
    def call(*arguments, wanted=0, raw=False):
        answer = run(*arguments, *([] if raw else ["--json"]), "--name-server", server.namesrv)
        assert answer.returncode == wanted, answer
        if raw or wanted:
            return answer
        return json.loads(answer.stdout) if answer.stdout.strip().startswith(("[", "{")) and \
            "\n{" not in answer.stdout else [json.loads(line) for line in answer.stdout.splitlines()]
    return call


def test_send(cli, client, topic):
    cli("send", topic, "hello", "--tag", "t", "--key", "tx1", "--property", "colour=red")
    for queue in range(4):
        found = client.read(topic, queue=queue)
        if found:
            break
    assert found[0].body == b"hello"
    properties = found[0].properties
    assert (properties["TAGS"], properties["KEYS"], properties["colour"]) == ("t", "tx1", "red")


def test_consume(server, client, topic, group):
    client.made_topic(topic)
    for i in range(3):
        client.sent(topic, f"body {i}".encode(), queue=i)
    answer = run("consume", topic, "--group", group, "--from", "first", "--count", "3", "--json", "--name-server",
                 server.namesrv)
    assert answer.returncode == 0, answer
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    assert sorted(line["body"] for line in lines) == ["body 0", "body 1", "body 2"]


def test_consume_that_fails_climbs(server, client, topic, group):
    client.made_topic(topic)
    client.sent(topic, b"twice")
    answer = run("consume", topic, "--group", group, "--from", "first", "--fail", "1", "--count", "2",
                 "--timeout", "100s", "--json", "--name-server", server.namesrv)
    assert answer.returncode == 0, answer
    assert answer.stdout.count("twice") == 2


def test_topics(cli, client, names, topic):
    cli("topic", "create", topic, "--queues", "5")
    assert any(topic in json.dumps(entry) for entry in cli("topic", "list"))
    client.sent(topic, queue=4)
    assert topic in json.dumps(cli("topic", "show", topic)) or cli("topic", "show", topic)
    assert json.loads(names.route(topic).body)["queueDatas"][0]["readQueueNums"] == 5
    cli("topic", "delete", topic, raw=True)
    assert names.route(topic).code == 17


def test_topic_with_a_ladder(cli, client, topic, group):
    cli("topic", "create", topic, "--retry-ladder", "50ms")
    client.sent(topic)
    assert len(climb(client, topic, group).delays_s) == 1


def test_groups(cli, client, topic, group):
    cli("group", "create", group, "--retry-ladder", "50ms 50ms 50ms", "--retry-limit", "1", raw=True)
    client.sent(topic)
    assert len(climb(client, topic, group).delays_s) == 1
    assert any(group in json.dumps(entry) for entry in cli("group", "list"))
    client.beat("the member", group, [topic])
    assert "the member" in json.dumps(cli("group", "show", group))
    cli("group", "delete", group, raw=True)


def test_offsets(cli, client, topic, group):
    client.made_topic(topic, queues=2)
    client.send_batch(topic, [(b"x", {})] * 10, queue=1)
    client.beat("c1", group, [topic])
    client.commit(group, topic, 4, queue=1)
    shown = json.dumps(cli("offset", "show", group))
    assert topic in shown and "4" in shown and "10" in shown
    client.leave("c1", group)
    cli("offset", "reset", group, topic, "--to", "first", raw=True)
    assert client.committed(group, topic, 1) == 0
    cli("offset", "reset", group, topic, "--to", "last", raw=True)
    assert client.committed(group, topic, 1) == 10


def test_dead_letters(cli, client, topic, group):
    for i in range(3):
        client.sent(topic, f"dead {i}".encode(), props={"KEYS": f"tx{i}"})
    for message in client.read(topic, count=3):
        client.send_back(message, group, level=-1)
    client.read(f"%DLQ%{group}", count=3)
    listed = cli("dlq", "list", group)
    assert len(listed) == 3
    text = json.dumps(listed)
    assert topic in text and "tx1" in text
    shown = json.dumps(cli("dlq", "show", group, "1"))
    assert "dead 1" in shown
    cli("dlq", "resend", group, "--from", "1", "--count", "1", raw=True)
    again = client.next(f"%RETRY%{group}") if client.max_offset(f"%RETRY%{group}") else None
    bodies = [again.body] if again else [
        m.body for queue in range(4) for m in client.read(topic, queue=queue)][3:]
    assert b"dead 1" in bodies


def test_message(cli, client, topic):
    answer = client.send(topic, b"look me up", props={"KEYS": "k77"})
    client.next(topic)
    assert "look me up" in json.dumps(cli("message", "show", "--id", answer.ext["msgId"]))
    assert "look me up" in json.dumps(cli("message", "show", "--topic", topic, "--key", "k77"))


def test_errors_name_the_next_step(server, topic):
    nobody = run("topic", "list", "--name-server", "127.0.0.1:1")
    assert nobody.returncode == 1 and "127.0.0.1:1" in nobody.stderr
    unknown = run("topic", "show", topic, "--name-server", server.namesrv)
    assert unknown.returncode == 1 and topic in unknown.stderr
    assert run("topic", "show", "--name-server", server.namesrv).returncode == 2
    assert run("topic", "show", topic, "--nonsense", "--name-server", server.namesrv).returncode == 2


@pytest.mark.parametrize("arguments", [["topic", "list"], ["group", "list"]])
def test_tables_for_people(cli, client, topic, group, arguments):
    client.made_topic(topic)
    client.update_group(group)
    text = cli(*arguments, raw=True).stdout
    assert (topic if arguments[0] == "topic" else group) in text


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell):
    answer = run("completion", shell)
    assert answer.returncode == 0
    assert "topic" in answer.stdout and "consume" in answer.stdout
    if shell == "bash":
        assert subprocess.run(["bash", "-n"], input=answer.stdout, text=True, check=False).returncode == 0


def test_every_command_explains_itself():
    text = run("--help").stdout
    for line in text.splitlines():
        words = line.split()
        if line.startswith("  ") and words and words[0] not in ("serve",):
            command = [word for word in words[:2] if word.islower() and "|" not in word]
            if command[0] in ("topic", "group", "offset", "dlq", "message", "ladder"):
                command = words[:2]
            else:
                command = words[:1]
            assert run(*command, "--help").returncode == 0, command


def test_client_of_another_language_hears_what_the_command_sends(server, topic, group):
    with Client(server.broker) as client:
        client.made_topic(topic, queues=1)
        run("send", topic, "body", "--delay", "300ms", "--name-server", server.namesrv)
        (message, _), = client.arrivals(topic, 1)
        assert message.body == b"body"
