# SPDX-License-Identifier: Apache-2.0
"""Wrong usage of the notifier's commands ends with 2 and says what would be right; no server with 1 and the next step."""
import os

import pytest
from server import run

pytestmark = pytest.mark.ours
NOBODY = ("--server", "http://127.0.0.1:1")
SECRET = "tdk_never-to-be-shown"


@pytest.mark.parametrize("arguments", [
    ("notify",), ("notify", "t"), ("notify", "t", "{}"), ("notify", "t", "{}", "--tx-no", ""),
    ("notify", "t", "{}", "--tx-no", "a\nb"), ("notify", "t\r\nX: y", "{}", "--tx-no", "1"),
    ("notify", "t", "{}", "--tx-no", " 1"), ("notify", "t", "{}", "--tx-no", "1", "--file", "x"),
    ("notify", "t", "--tx-no", "1", "--file", "/does/not/exist"), ("notify", "t", "{}", "--tx-no", "1", "--due", "soon"),
    ("notify", "t", "{}", "--tx-no", "1", "--wait", "soon"), ("notify", "t", "{}", "--tx-no", "1", "--ladder", "1m\n"),
    ("get",), ("get", "a", "b"), ("list", "--since", "yesterday"), ("list", "--since", "2026-02-30"),
    ("list", "--limit", "0"), ("list", "word"), ("redeliver",), ("redeliver", "ntf_1", "--receiver", "x"),
    ("redeliver", "--state", "dead", "--since", "never"), ("cancel",), ("job", "show", "x"), ("job", "show", "0"),
    ("receiver", "create", "r"), ("receiver", "create", "r", "--url", "u", "--header", "no"),
    ("receiver", "create", "r", "--url", "u", "--rate", "x"), ("receiver", "create", "r", "--url", "u", "--timeout", "x"),
    ("receiver", "create", "r", "--file", "/does/not/exist"), ("receiver", "set", "r"),
    ("receiver", "set", "r", "--url", "u", "--if-version", "x"), ("receiver", "set", "r", "--secret", "a",
                                                                 "--secret-file", "b"),
    ("receiver", "rotate", "r", "--overlap", "x"), ("receiver", "test", "r", "{}", "--file", "x"),
    ("binding", "put", "b"), ("binding", "put", "b", "--topic", "t"), ("binding", "put", "b", "--topic", "t", "--group",
                                                                       "g", "--set", "no"),
    ("doctor", "word"), ("doctor", "--timeout", "x"), ("doctor", "--set", "nonsense")])
def test_wrong_usage(arguments):
    answer = run(*arguments, *(NOBODY if arguments[0] != "word" else ()))
    assert answer.returncode == 2, answer
    assert answer.stderr and answer.stdout in ("", "[")


@pytest.mark.parametrize("flags, env", [
    (("--server", "ftp://127.0.0.1"), {}), (("--server", "127.0.0.1:8080"), {}), (("--server", ""), {"TIDINGS_SERVER": "x"}),
    (("--server", "http://u:p@h/"), {}), ((), {"TIDINGS_SERVER": "nonsense"}), (("--key", "a b"), {}),
    (("--key", "a\nX-Y: z"), {}), (("--key-file", "/does/not/exist"), {}), (("--key", "a", "--key-file", "b"), {}),
    ((), {"TIDINGS_KEY": SECRET + "\n" + SECRET}), (("--timeout", "0"), {}), (("--timeout", "2h"), {})])
def test_wrong_access(flags, env):
    answer = run("list", *flags, env=env)
    if flags[:2] == ("--server", ""):
        assert answer.returncode == 1, "an empty one is none: the default"
        return
    assert answer.returncode == 2 and answer.stderr, answer
    assert SECRET not in answer.stderr


@pytest.mark.parametrize("arguments", [
    ("notify", "t", "{}", "--tx-no", "1"), ("get", "ntf_0000000000000"), ("get", "ntf_0000000000000", "--payload"), ("list",),
    ("redeliver", "ntf_0000000000000"), ("redeliver", "--receiver", "r"), ("cancel", "ntf_0000000000000"), ("job", "list"),
    ("job", "show", "1"), ("receiver", "list"), ("receiver", "show", "r"), ("receiver", "create", "r", "--url", "http://x/"),
    ("receiver", "set", "r", "--rate", "5"), ("receiver", "rotate", "r"), ("receiver", "test", "r"), ("binding", "list"),
    ("binding", "put", "b", "--topic", "t", "--group", "g"), ("binding", "delete", "b")])
def test_no_server(arguments):
    answer = run(*arguments, *NOBODY, env={"TIDINGS_KEY": SECRET})
    assert answer.returncode == 1
    assert "127.0.0.1:1" in answer.stderr and "tidings serve" in answer.stderr
    assert SECRET not in answer.stderr + answer.stdout


def test_doctor_without_a_server():
    answer = run("doctor", *NOBODY, "--name-server", "127.0.0.1:1", "--timeout", "2s")
    assert answer.returncode == 1
    assert answer.stdout.count("fail  ") == 3, "name server, broker, HTTP: " + answer.stdout
    assert "tidings serve" in answer.stdout


def test_families_explain_themselves():
    for family in ("receiver", "binding", "job", "key", "ladder"):
        answer = run(family, "--help")
        assert answer.returncode == 0 and f"{family} " in answer.stdout
    for command in ("notify", "get", "list", "redeliver", "cancel", "listen", "doctor"):
        answer = run(command, "--help")
        assert answer.returncode == 0 and answer.stdout.startswith(f"Usage: tidings {command}")


def test_completion_tells_list_from_listen():
    script = run("completion", "bash").stdout
    assert "'list'|'list '*)" in script and "'listen'|'listen '*)" in script
    assert "receiver) words='list show create" in script
    assert os.linesep in script
