# SPDX-License-Identifier: Apache-2.0
"""`tidings listen` answers each notification as told: first failures, then silence, then the wanted answer."""
import json
import re
import signal
import threading
import time

import pytest
from listener import Listener
from server import run

pytestmark = pytest.mark.ours


def test_takes_what_comes():
    with Listener() as listener:
        status, fields, body = listener.post(body=b'{"amount": 100}', tidings_attempt="3", tidings_type="recharge.done")
        assert (status, body) == (200, b"success")
        assert fields["Content-Type"].startswith("text/plain")
        assert listener.end() == 0
        row, = listener.lines
        assert row["id"] == "msg_1" and row["attempt"] == 3 and row["type"] == "recharge.done"
        assert row["size"] == 15 and json.loads(row["body"]) == {"amount": 100}
        assert row["answer"] == "taken" and row["status"] == 200 and row["signature"] == "unsigned"
        assert listener.sum == {"heard": 1, "taken": 1, "again": 0, "failed": 0, "hung": 0, "refused": 0}


def test_fails_the_first_of_each():
    with Listener("--fail", 3) as listener:
        assert listener.statuses(5, "a") == [500, 500, 500, 200, 200]
        assert listener.statuses(4, "b") == [500, 500, 500, 200]
        assert listener.end() == 0
        assert [row["answer"] for row in listener.lines if row["id"] == "a"] == \
            ["failed"] * 3 + ["taken", "again"]
        assert listener.sum["failed"] == 6 and listener.sum["taken"] == 2 and listener.sum["again"] == 1


def test_a_hang_holds_up_nobody_else():
    with Listener("--fail", 1, "--hang", 1) as listener:
        assert listener.statuses(1, "a") == [500]
        assert listener.heard()["answer"] == "failed"
        answers = []
        thread = threading.Thread(target=lambda: answers.append(listener.post("a")[0]))
        thread.start()
        assert listener.heard()["answer"] == "hung"
        for i in range(20):
            assert listener.statuses(1, f"other_{i}") == [500]
        assert listener.statuses(1, "a") == [200], "the delivery behind the one that hangs"
        assert not answers, "it hangs"
        assert listener.end() == 0
        thread.join()
        assert answers == [503], "the end of the program is the end of the hang"
        assert listener.sum["hung"] == 1


def test_many_hang_at_once():
    with Listener("--hang", 1) as listener:
        answers = []
        threads = [threading.Thread(target=lambda i=i: answers.append(listener.post(f"hung_{i}")[0])) for i in range(100)]
        for thread in threads:
            thread.start()
        assert [listener.heard()["answer"] for _ in threads] == ["hung"] * 100
        assert listener.statuses(1, "hung_7") == [200]
        assert not answers, "they hang"
        assert listener.end() == 0
        for thread in threads:
            thread.join()
        assert answers == [503] * 100
        assert listener.sum["hung"] == 100 and listener.sum["taken"] == 1


def test_a_wanted_answer():
    with Listener("--status", 503, "--reply", '{"code": "FAIL"}') as listener:
        status, fields, body = listener.post()
        assert status == 503 and json.loads(body) == {"code": "FAIL"}
        assert fields["Content-Type"] == "application/json"
    with Listener("--status", 204) as listener:
        status, _, body = listener.post()
        assert status == 204 and body == b""


def test_an_answer_that_takes_its_time():
    with Listener("--delay", "300ms") as listener:
        begun = time.monotonic()
        assert listener.statuses(1) == [200]
        assert time.monotonic() - begun >= 0.3
        assert listener.end() == 0


@pytest.mark.parametrize("content_type, space, reply_type", [
    ("text/xml; charset=utf-8", "http://schemas.xmlsoap.org/soap/envelope/", "text/xml"),
    ("application/soap+xml", "http://www.w3.org/2003/05/soap-envelope", "application/soap+xml")])
def test_soap(content_type, space, reply_type):
    with Listener("--soap", "--fail", 1, "--reply", "a<b & c") as listener:
        status, fields, body = listener.post(body=b"<Envelope/>", Content_Type=content_type)
        assert status == 500 and b"Fault" in body and space.encode() in body
        status, fields, body = listener.post(body=b"<Envelope/>", Content_Type=content_type)
        assert status == 200 and fields["Content-Type"].startswith(reply_type)
        assert b"a&lt;b &amp; c" in body and b"Fault" not in body and space.encode() in body


def test_ends_after_so_many_were_taken():
    with Listener("--fail", 1, "--count", 2) as listener:
        assert listener.statuses(3, "a") == [500, 200, 200]
        assert listener.statuses(2, "b") == [500, 200]
        assert listener.end(with_signal=None) == 0
        assert listener.sum["taken"] == 2 and listener.sum["heard"] == 5


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM])
def test_for_people(with_signal):
    with Listener(json_lines=False) as listener:
        assert listener.first_line == f"listening on http://127.0.0.1:{listener.port}/\n"
        listener.post("msg_7", b"line one\nline two \x1b[31m" + b"x" * 500, tidings_attempt="2")
        assert listener.end(with_signal) == 0
        line, total = listener.text.splitlines()
        assert "msg_7" in line and "attempt=2" in line and "line one line two" in line and len(line) < 400
        assert "\x1b" not in line
        assert re.match(r"heard 1: taken 1,", total)


def test_quiet():
    with Listener("--quiet", json_lines=False) as listener:
        listener.post()
        assert listener.end() == 0
        assert listener.text.startswith("heard 1:") and listener.text.count("\n") == 1


def test_other_methods_and_strange_requests():
    with Listener() as listener:
        assert listener.post(method="GET")[0] == 200
        status, fields, _ = listener.post(method="DELETE")
        assert status == 405 and "POST" in fields["Allow"]
        assert listener.post("x" * 300)[0] == 400
        assert listener.post(None)[0] == 200
        assert listener.post("ünï")[0] == 200
        assert listener.post("bytes", b"\xff\x00\xfe" * 100)[0] == 200
        assert listener.post("empty", b"")[0] == 200
        assert listener.post("many", b"a" * 2_000_000)[0] == 200
        assert listener.post("too many", b"a" * 17_000_000)[0] == 413
        assert listener.end() == 0
        assert listener.sum["taken"] == 5 and listener.sum["refused"] == 1
        assert [row["body"] for row in listener.lines if row["id"] == "bytes"] == [None]


def test_the_port_is_taken():
    with Listener() as listener:
        answer = run("listen", "--port", listener.port)
        assert answer.returncode == 1 and str(listener.port) in answer.stderr


@pytest.mark.parametrize("flags", [
    ("--port", "70000"), ("--port", "x"), ("--fail", "-1"), ("--status", "99"), ("--status", "600"),
    ("--delay", "soon"), ("--delay", "1h"), ("--secret", "short"), ("--secret", "whsec_AAAA"), ("--nonsense",),
    ("word",), ("--count",)])
def test_wrong_usage(flags):
    answer = run("listen", *flags)
    assert answer.returncode == 2 and answer.stderr
    assert "whsec_AAAA" not in answer.stderr
