# SPDX-License-Identifier: Apache-2.0
"""docs/notifier.md: its commands do what it says, in its order, on other ports."""
import contextlib
import os
import re
import subprocess
from pathlib import Path

import ports
import pytest
import signatures
from client import wait_until
from notifier import ALLOW, FINISHED, Notifier
from server import PROGRAM

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "notifier.md"
BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN_S = 120


def blocks(language):
    return [(kind, text) for found, kind, text in BLOCK.findall(GUIDE.read_text(encoding="utf-8")) if found == language]


class Shell:
    """Runs blocks as a reader would, with the guide's ports replaced by free ones."""

    def __init__(self, server, folder):
        self.block = ports.Block()
        self.places = {"9099": str(self.block.first), "9098": str(self.block.first + 1), "127.0.0.1:8080": server.http,
                       "tidings doctor": f"tidings doctor --name-server {server.namesrv}"}
        self.folder = folder
        folder.joinpath("bin").mkdir()
        folder.joinpath("bin", "tidings").symlink_to(Path(PROGRAM).resolve())
        self.environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}", "TIDINGS_SERVER": f"http://{server.http}"}
        self.listeners = []

    def command(self, text):
        for old, new in self.places.items():
            text = text.replace(old, new)
        return ["bash", "-euo", "pipefail", "-c", text]

    def run(self, text):
        done = subprocess.run(self.command(text), cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=RUN_S,
                              check=False)
        assert done.returncode == 0, (text, done)
        return done.stdout

    def listen(self, text):
        """Its output goes to a file; the block of the guide is left when it is ready."""
        process = subprocess.Popen(self.command("exec " + text), cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True)
        self.listeners.append(process)
        assert "listening on" in process.stdout.readline()

    def end(self):
        said = []
        for process in self.listeners:
            process.terminate()
            said.append(process.communicate(timeout=RUN_S)[0])
        return said


@contextlib.contextmanager
def shell(server, folder):
    made = Shell(server, folder)
    try:
        yield made
    finally:
        for process in made.listeners:
            if process.poll() is None:
                process.kill()
                process.communicate()


def test_commands(server, tmp_path):
    api, said = Notifier(server), []
    with shell(server, tmp_path) as reader:
        for kind, text in blocks("sh"):
            if kind == "server":
                assert ALLOW in text and text.startswith("tidings serve")  # is what the test's server was started with
            elif kind == "listener":
                reader.listen(text)
            else:
                said.append(reader.run(text))
                # A reader takes his time: nothing is on its ladder any more when the settings are changed.
                wait_until(lambda: all(row["state"] in FINISHED for row in api.list()), what="all have ended")
        wait_until(lambda: {row["state"] for row in api.list(receiver="shop")} == {"delivered"}, what="all are delivered")
        first, second = reader.end()
    rows = {row["txNo"]: row for row in api.list(receiver="shop")}
    assert sorted(rows) == ["20260001", "20260002", "20260003", "20260004"]
    assert rows["20260001"]["attempts"] == 3 and rows["20260003"]["attempts"] == 3 and rows["20260004"]["attempts"] == 1
    assert first.count("-> 500") >= 6 and "signature: unsigned" in first
    assert second.count("signature: good") >= 1 and "signature: bad" not in second
    assert any("dead: ladder" in text for text in said) and any("redelivered: 1" in text for text in said)


def test_python(notifier, sink):
    """The guide's function takes what the server signs, also while a secret is being changed, and nothing else."""
    scope = {}
    exec(compile(dict(blocks("python"))["verify"], str(GUIDE), "exec"), scope)
    old = signatures.secret()
    name = notifier.receiver(sink.url("/python"), secrets=[{"secret": old}])
    new = notifier.good("POST", f"/v1/receivers/{name}/secrets")["secret"]
    notifier.submit(name)
    request = sink.wait(1, "/python")[0]
    words = [request.header(f"webhook-{word}") for word in ("id", "timestamp", "signature")]
    assert scope["verify"](old, *words, request.body) and scope["verify"](new, *words, request.body)
    assert not scope["verify"](signatures.secret(), *words, request.body) and not scope["verify"](new, *words, request.body + b" ")
    assert not scope["verify"](new, words[0], str(int(words[1]) - 600), words[2], request.body)
    assert not scope["verify"](new, words[0], "soon", words[2], request.body) and not scope["verify"](new, *words[:2], "", request.body)


def test_every_language_is_there():
    assert all(dict(blocks(language)).get("verify") for language in ("python", "javascript", "go", "java"))
