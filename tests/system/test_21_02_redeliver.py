# SPDX-License-Identifier: Apache-2.0
"""`tidings redeliver` begins again, for one or for all that fit, as a job that can be looked at."""
import json

import pytest
from listener import Listener
from server import run

FLAGS = ("--notify-allow=127.0.0.0/8",)
COUNT = 25
pytestmark = pytest.mark.ours


@pytest.fixture(name="cli")
def fixture_cli(server):
    def call(*arguments, wanted=0, raw=False):
        answer = run(*arguments, *([] if raw else ["--json"]), "--server", f"http://{server.http}")
        assert answer.returncode == wanted, answer
        return answer if raw else json.loads(answer.stdout)
    return call


@pytest.fixture(name="dead")
def fixture_dead(cli, new_name, tmp_path):
    """A receiver for which COUNT have died, and which would take them now."""
    name = new_name("shop")
    (tmp_path / "settings").write_text('{"breaker": {"failures": 0}}')  # else so many failures open it
    with Listener("--fail", 2) as listener:
        cli("receiver", "create", name, "--url", f"http://127.0.0.1:{listener.port}/", "--ladder", "20ms",
            "--file", tmp_path / "settings")
        for i in range(COUNT):
            cli("notify", "t", "{}", "--tx-no", f"tx-{i}", "--receiver", name, "--wait", "100s", wanted=1)
        assert len(cli("list", "--receiver", name, "--state", "dead")) == COUNT
        yield name


def test_one(cli, dead):
    row = cli("list", "--receiver", dead)[0]
    assert cli("redeliver", row["id"])["id"] == row["id"]
    again = cli("notify", "t", "{}", "--tx-no", row["txNo"], "--receiver", dead, "--wait", "100s")[0]
    assert again["id"] == row["id"] and again["state"] == "delivered"
    assert len(cli("list", "--receiver", dead, "--state", "dead")) == COUNT - 1


def test_all_that_fit(cli, dead):
    job = cli("redeliver", "--receiver", dead, "--state", "dead")
    assert job["state"] == "done" and job["redelivered"] == COUNT
    shown = cli("job", "show", job["job"])
    assert shown["job"] == job["job"] and shown["filter"]["receiver"] == dead
    assert job["job"] in [row["job"] for row in cli("job", "list")]
    for i in range(COUNT):
        whole = cli("notify", "t", "{}", "--tx-no", f"tx-{i}", "--receiver", dead, "--wait", "100s")[0]
        assert whole["state"] == "delivered"
    assert cli("redeliver", "--receiver", dead, "--state", "dead")["redelivered"] == 0


def test_without_waiting(server, cli, dead):
    job = cli("redeliver", "--receiver", dead, "--no-wait")
    assert job["state"] in ("running", "done")
    ended = run("job", "cancel", job["job"], "--server", f"http://{server.http}")
    assert ended.returncode == 0 or "409" in ended.stderr, "it may have been done before"
    assert cli("job", "show", job["job"])["state"] in ("done", "cancelled")


def test_what_cannot_be(cli, dead):
    row = cli("notify", "t", "{}", "--tx-no", "new", "--receiver", dead, "--due", "1h")[0]
    assert "409" in cli("redeliver", row["id"], raw=True, wanted=1).stderr
    assert cli("redeliver", "--receiver", dead, "--state", "waiting", raw=True, wanted=1).stderr
    assert "tidings job list" in cli("job", "show", "999999999", raw=True, wanted=1).stderr
