# SPDX-License-Identifier: Apache-2.0
"""`tidings notify`, `get`, `list` and `cancel`: exact bytes in, every attempt out."""
import json
import signal
import subprocess

import pytest
from listener import Listener
from server import PROGRAM, run

FLAGS = ("--notify-allow=127.0.0.0/8",)
pytestmark = pytest.mark.ours


@pytest.fixture(name="cli")
def fixture_cli(server):
    """cli("get", id) → what it prints, as JSON; wanted: the exit code; raw: the finished process"""
    def call(*arguments, wanted=0, raw=False, **options):
        answer = run(*arguments, *([] if raw else ["--json"]), "--server", f"http://{server.http}", **options)
        assert answer.returncode == wanted, answer
        return answer if raw else json.loads(answer.stdout)
    return call


@pytest.fixture(name="shop")
def fixture_shop(cli, new_name):
    """shop(*flags of listen, ladder=…) → (its name, its listener)"""
    made = []

    def make(*flags, ladder="50ms 50ms 50ms", **settings):
        listener = Listener(*flags)
        made.append(listener)
        name = new_name("shop")
        more = [word for option, value in settings.items() for word in (f"--{option.replace('_', '-')}", value)]
        cli("receiver", "create", name, "--url", f"http://127.0.0.1:{listener.port}/notify", "--ladder", ladder, *more)
        return name, listener

    yield make
    for listener in made:
        listener.__exit__()


def test_delivered_after_two_failures(cli, shop, new_name):
    name, listener = shop("--fail", 2)
    whole, = cli("notify", "recharge.done", '{"amount":100}', "--tx-no", new_name("tx"), "--receiver", name, "--wait", "100s")
    assert whole["state"] == "delivered" and whole["attempts"] == 3 and whole["receiver"] == name
    assert [attempt["status"] for attempt in whole["lastAttempts"]] == [500, 500, 200]
    assert listener.end() == 0
    assert [row["attempt"] for row in listener.lines] == [1, 2, 3]
    assert {row["id"] for row in listener.lines} == {whole["id"]}
    assert {row["body"] for row in listener.lines} == {'{"amount":100}'}
    assert {row["contentType"] for row in listener.lines} == {"application/json"}


def test_for_people(cli, shop, new_name):
    name, _ = shop("--fail", 1)
    text = cli("notify", "t", "{}", "--tx-no", new_name("tx"), "--receiver", name, "--wait", "100s", raw=True).stdout
    assert "attempt 1" in text and "HTTP 500" in text and "attempt 2" in text and "HTTP 200" in text
    assert "delivered" in text and name in text


def test_dead_is_a_failure_that_names_the_next_step(cli, shop, new_name):
    name, _ = shop("--fail", 100, ladder="50ms")
    answer = cli("notify", "t", "{}", "--tx-no", new_name("tx"), "--receiver", name, "--wait", "100s", raw=True, wanted=1)
    assert "dead" in answer.stdout and "tidings redeliver ntf_" in answer.stderr


def test_a_wait_that_is_over(cli, shop, new_name):
    name, _ = shop("--fail", 100, ladder="1h")
    answer = cli("notify", "t", "{}", "--tx-no", new_name("tx"), "--receiver", name, "--wait", "300ms", raw=True, wanted=1)
    assert "look again with: tidings get ntf_" in answer.stderr


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_a_wait_that_is_broken_off(server, shop, new_name, with_signal):
    name, _ = shop("--fail", 100, ladder="1h")
    command = [PROGRAM, "notify", "t", "{}", "--tx-no", new_name("tx"), "--receiver", name, "--wait", "10m"]
    with subprocess.Popen([*command, "--server", f"http://{server.http}"], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        while "attempt 1" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(with_signal)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1 and "look again with: tidings get ntf_" in errors


@pytest.mark.parametrize("payload, content_type", [
    (b"\x00\xff\xfe\r\n\x00", "application/octet-stream"), (b"plain text\n", "text/plain; charset=utf-8"),
    (b'{ "b": 1.10,\n "a": 2 }\n', "application/json"), (b"<a/>", "application/xml"), (b"", "text/plain; charset=utf-8")])
def test_bytes_stay_as_they_are(server, cli, shop, new_name, tmp_path, payload, content_type):
    name, _ = shop()
    (tmp_path / "payload").write_bytes(payload)
    more = ["--content-type", content_type] if payload.startswith(b"<") else []
    row, = cli("notify", "t", "--file", tmp_path / "payload", "--tx-no", new_name("tx"), "--receiver", name, *more)
    whole = cli("get", row["id"])
    assert whole["payloadSize"] == len(payload) and whole["contentType"] == content_type
    out = subprocess.run([PROGRAM, "get", row["id"], "--payload", "--server", f"http://{server.http}"],
                         capture_output=True, check=True, timeout=60).stdout
    assert out == payload


def test_the_same_again(cli, shop, new_name):
    name, _ = shop()
    tx_no = new_name("充值")
    first, = cli("notify", "t", "{}", "--tx-no", tx_no, "--source", "pay", "--receiver", name)
    second, = cli("notify", "t", "{}", "--tx-no", tx_no, "--source", "pay", "--receiver", name)
    assert first["id"] == second["id"] and not first["duplicate"] and second["duplicate"]
    answer = cli("notify", "t", '{"other":1}', "--tx-no", tx_no, "--source", "pay", "--receiver", name, raw=True, wanted=1)
    assert "409" in answer.stderr and first["id"] in answer.stderr and "--tx-no" in answer.stderr
    whole = cli("get", first["id"])
    assert whole["txNo"] == tx_no and whole["source"] == "pay"


def test_several_receivers(cli, shop, new_name):
    names = [shop()[0] for _ in range(3)]
    rows = cli("notify", "t", "{}", "--tx-no", new_name("tx"), "--receiver", ",".join(names[:2]), "--receiver", names[2])
    assert sorted(row["receiver"] for row in rows) == sorted(names)


def test_by_subscription(cli, shop, new_name):
    kind = new_name("kind")
    name, _ = shop(type=f"{kind}.*")
    row, = cli("notify", f"{kind}.paid", "{}", "--tx-no", new_name("tx"))
    assert row["receiver"] == name


def test_due_later_and_cancelled(cli, shop, new_name):
    name, listener = shop()
    row, = cli("notify", "t", "{}", "--tx-no", new_name("tx"), "--receiver", name, "--due", "1h")
    whole = cli("get", row["id"])
    assert whole["state"] == "waiting" and 3_500_000 < whole["dueAt"] - whole["acceptedAt"] <= 3_700_000
    cli("cancel", row["id"])
    assert cli("get", row["id"])["state"] == "cancelled"
    answer = cli("cancel", row["id"], raw=True, wanted=1)
    assert "409" in answer.stderr
    assert listener.end() == 0 and listener.lines == []


def test_list(cli, shop, new_name):
    name, _ = shop()
    ids = [cli("notify", f"t{i % 2}", "{}", "--tx-no", f"tx-{i}", "--receiver", name)[0]["id"] for i in range(7)]
    assert [row["id"] for row in cli("list", "--receiver", name)] == ids
    assert [row["id"] for row in cli("list", "--receiver", name, "--type", "t1")] == ids[1::2]
    assert [row["id"] for row in cli("list", "--receiver", name, "--tx-no", "tx-3")] == ids[3:4]
    assert [row["id"] for row in cli("list", "--receiver", name, "--limit", "3")] == ids[:3]
    assert [row["id"] for row in cli("list", "--receiver", name, "--all", "--since", "1h")] == ids
    assert cli("list", "--receiver", name, "--until", "1h") == []
    few = cli("list", "--receiver", name, "--limit", "3", raw=True)
    assert ids[0] in few.stdout and ids[3] not in few.stdout and "--all" in few.stderr
    assert cli("list", "--receiver", new_name("nobody"), raw=True).stdout == "none\n"
    assert cli("list", "--state", "nonsense", raw=True, wanted=1).stderr


@pytest.mark.parametrize("id", ["ntf_0000000000000", "nonsense", "../receivers", ".."])
def test_what_is_not_there(cli, id):
    answer = cli("get", id, raw=True, wanted=1)
    assert answer.stderr.startswith("tidings get: ") and answer.stdout == ""


def test_an_unknown_receiver(cli, new_name):
    nobody = new_name("nobody")
    answer = cli("notify", "t", "{}", "--tx-no", "1", "--receiver", nobody, raw=True, wanted=1)
    assert nobody in answer.stderr
