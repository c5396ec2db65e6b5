# SPDX-License-Identifier: Apache-2.0
"""Starts `tidings listen` and posts to it as a notifier would, by Python's own HTTP client."""
import base64
import hashlib
import hmac
import http.client
import json
import re
import signal
import subprocess
import time

import ports
from server import BAD_WORDS, PROGRAM

END_S = 120


class Listener:
    """`tidings listen --json` on a port of its own; `lines` is what it printed, to be read after `end`."""

    def __init__(self, *flags, json_lines=True):
        self.block = ports.Block()
        command = [PROGRAM, "listen", "--port", str(self.block.first), *map(str, flags)]
        self.process = subprocess.Popen(command + (["--json"] if json_lines else []), text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.first_line = self.process.stdout.readline()
        self.port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", self.first_line)[1])
        self.lines, self.early, self.sum, self.text = [], [], {}, ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def post(self, message_id="msg_1", body=b"{}", within_s=END_S, method="POST", **fields):
        """(status, headers, body) of the answer"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=within_s)
        try:
            named = {name.replace("_", "-"): value for name, value in fields.items()}
            if message_id is not None:
                named["webhook-id"] = message_id
            connection.request(method, "/notify", body, named)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def heard(self):
        """The next row that it prints, waited for."""
        row = json.loads(self.process.stdout.readline())
        self.early.append(row)
        return row

    def statuses(self, count, *arguments, **fields):
        return [self.post(*arguments, **fields)[0] for _ in range(count)]

    def end(self, with_signal=signal.SIGTERM):
        """Its exit code; what it printed is in lines and sum."""
        if with_signal is not None:
            self.process.send_signal(with_signal)
        self.text, errors = self.process.communicate(timeout=END_S)
        assert not BAD_WORDS.search(errors), errors
        rows = [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]
        self.lines, self.sum = self.early + rows[:-1], rows[-1] if rows else {}
        return self.process.returncode


def signature(secret, message_id, timestamp, body):
    """v1 of Standard Webhooks, made without the program's help"""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode()


def now_s():
    return int(time.time())
