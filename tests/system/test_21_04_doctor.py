# SPDX-License-Identifier: Apache-2.0
"""`tidings doctor` says of everything whether it is well, and what to do where it is not."""
import json

import pytest
from listener import Listener
from server import run

FLAGS = ("--notify-allow=127.0.0.0/8",)
pytestmark = pytest.mark.ours


@pytest.fixture(name="doctor")
def fixture_doctor(server):
    """doctor(*more) → (exit code, its rows)"""
    def call(*more):
        answer = run("doctor", "--json", "--server", f"http://{server.http}", "--name-server", server.namesrv, *more)
        assert answer.returncode in (0, 1), answer
        return answer.returncode, json.loads(answer.stdout)
    return call


@pytest.fixture(name="cli")
def fixture_cli(server):
    def call(*arguments, wanted=0):
        answer = run(*arguments, "--json", "--server", f"http://{server.http}")
        assert answer.returncode == wanted, answer
        return json.loads(answer.stdout)
    return call


def verdict(rows, check, text=""):
    return [row["verdict"] for row in rows if row["check"] == check and text in row["text"]]


def test_a_healthy_server(doctor, server):
    code, rows = doctor("--data", str(server.data))
    assert code == 0, rows
    for check in ("name server", "broker", "HTTP", "clock", "ready", "key"):
        assert verdict(rows, check) == ["ok"], check
    assert verdict(rows, "disk")[0] in ("ok", "warn")
    text = run("doctor", "--server", f"http://{server.http}", "--name-server", server.namesrv).stdout
    assert "ok    HTTP" in text and "0 failed" in text


def test_a_folder_that_is_not_there(doctor):
    code, rows = doctor("--data", "/does/not/exist")
    assert code == 1 and verdict(rows, "disk") == ["fail"]


def test_a_paused_receiver_and_dead_letters(doctor, cli, new_name):
    name = new_name("shop")
    with Listener("--fail", 1000) as listener:
        cli("receiver", "create", name, "--url", f"http://127.0.0.1:{listener.port}/", "--ladder", "10ms")
        cli("notify", "t", "{}", "--tx-no", "1", "--receiver", name, "--wait", "100s", wanted=1)
        code, rows = doctor()
        assert code == 0 and verdict(rows, "dead letters", name) == ["warn"]
        assert any("tidings redeliver" in (row["next"] or "") for row in rows)
        cli("receiver", "pause", name)
        code, rows = doctor()
        assert code == 0 and verdict(rows, "receiver", f"{name} is paused") == ["warn"]
    cli("receiver", "retire", name)


def test_a_name_that_nobody_knows(doctor, cli, new_name):
    name = new_name("lost")
    cli("receiver", "create", name, "--url", "http://nobody.invalid/notify")
    code, rows = doctor()
    assert code == 1 and verdict(rows, "DNS", "nobody.invalid") == ["fail"]
    cli("receiver", "retire", name)
