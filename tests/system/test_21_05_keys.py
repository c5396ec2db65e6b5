# SPDX-License-Identifier: Apache-2.0
"""A key of `tidings key create` opens the API to whom it says; without one the commands tell how to get one."""
import json
import signal

import pytest
from client import wait_until
from server import run

pytestmark = pytest.mark.ours


def made(*arguments):
    answer = run("key", "create", *arguments, "--json")
    assert answer.returncode == 0, answer
    return json.loads(answer.stdout)


def test_keys(own_server, tmp_path):
    operator, pay = made("operator", "ops"), made("initiator", "pay", "--sources", "pay")
    keys = tmp_path / "keys"
    keys.write_text(operator["line"] + "\n" + pay["line"] + "\n")
    server = own_server("--api-keys", str(keys), "--notify-allow=127.0.0.0/8")
    at = ("--server", f"http://{server.http}")

    unknown = run("receiver", "list", *at)
    assert unknown.returncode == 1 and "401" in unknown.stderr and "tidings key create" in unknown.stderr
    wrong = run("receiver", "list", *at, "--key", "tdk_wrong")
    assert wrong.returncode == 1 and "tdk_wrong" not in wrong.stderr
    assert run("receiver", "create", "shop", "--url", "http://127.0.0.1:9/", *at,
               env={"TIDINGS_KEY": operator["key"]}).returncode == 0
    (tmp_path / "pay.key").write_text(pay["key"] + "\n")
    as_pay = (*at, "--key-file", str(tmp_path / "pay.key"))
    assert run("notify", "t", "{}", "--tx-no", "1", "--source", "pay", "--receiver", "shop", *as_pay).returncode == 0
    for refused in (run("notify", "t", "{}", "--tx-no", "1", "--source", "other", "--receiver", "shop", *as_pay),
                    run("receiver", "pause", "shop", *as_pay)):
        assert refused.returncode == 1 and "403" in refused.stderr and pay["key"] not in refused.stderr

    more = made("operator", "second")
    keys.write_text(keys.read_text() + more["line"] + "\n")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: run("receiver", "list", *at, "--key", more["key"]).returncode == 0, what="the keys file is read again")
    doctor = run("doctor", *at, "--name-server", server.namesrv, "--key", "tdk_wrong", "--json")
    assert doctor.returncode == 1
    assert [row["verdict"] for row in json.loads(doctor.stdout) if row["check"] == "key"] == ["fail"]
