# SPDX-License-Identifier: Apache-2.0
"""Starts, kills and stops the program under test."""
import os
import random
import re
import selectors
import shlex
import signal
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import ports

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("TIDINGS_BIN", str(ROOT / "build/release/tidings"))
# A sanitizer keeps what was freed for a while and surrounds each piece of memory: its figures say little.
IS_SANITIZED = "asan" in PROGRAM or "tsan" in PROGRAM
READY_S = 60
STOP_S = 60
# TIDINGS_STAND_STILL=RUN,STOP: every server runs for up to RUN seconds and then stands still for STOP, again and again, as
# on a machine that has no time for it. A test that fails so judges the machine.
STAND_STILL = os.environ.get("TIDINGS_STAND_STILL")
BAD_WORDS = re.compile(r"Sanitizer|runtime error:|\bassert", re.IGNORECASE)


def stand_still(process):
    run_s, stop_s = map(float, STAND_STILL.split(","))
    while process.poll() is None:
        time.sleep(random.uniform(run_s / 10, run_s))
        process.send_signal(signal.SIGSTOP)
        time.sleep(stop_s)
        process.send_signal(signal.SIGCONT)  # nothing is sent to one that has ended


class Server:
    """One data folder and the process that serves it, which may be started many times, always on the same ports."""

    def __init__(self, data, flags=(), env=None, command=None, defaults=True):
        self.data, self.flags, self.env = Path(data), tuple(flags), env or {}
        self.command = tuple(command or (PROGRAM,))
        self.defaults = defaults
        self.process, self.fields, self.ready_line = None, {}, ""
        self.block = ports.Block()
        self.ports = {"broker": self.block.first + 2, "http": self.block.first + 3, "namesrv": self.block.first + 4}
        self.stderr_path = self.data.parent / (self.data.name + ".stderr")

    def arguments(self):
        made = [*self.command, "serve"]
        if self.defaults:
            made += ["--data", str(self.data), "--listen", "127.0.0.1"]
            for name, port in self.ports.items():
                made += [f"--{name}-port", str(port)]
        return made + list(self.flags)

    def start(self):
        with open(self.stderr_path, "ab") as errors:
            self.process = subprocess.Popen(self.arguments(), stdout=subprocess.PIPE, stderr=errors,
                                            env={**os.environ, **self.env})
        self.ready_line = self._read_line()
        if not self.ready_line.startswith("ready "):
            self.process.kill()
            code = self.process.wait()
            raise RuntimeError(f"no ready line but {self.ready_line!r}, exit code {code}; {self.stderr()[-4000:]}")
        self.fields = dict(piece.split("=", 1) for piece in shlex.split(self.ready_line)[1:])
        if STAND_STILL is not None:
            threading.Thread(target=stand_still, args=(self.process,), daemon=True).start()
        return self

    def _read_line(self):
        selector = selectors.DefaultSelector()
        selector.register(self.process.stdout, selectors.EVENT_READ)
        line, end = b"", time.monotonic() + READY_S
        while not line.endswith(b"\n") and selector.select(max(0, end - time.monotonic())):
            byte = self.process.stdout.read1(1)
            if not byte:
                break
            line += byte
        selector.close()
        return line.decode()

    namesrv = property(lambda self: self.fields["namesrv"])
    broker = property(lambda self: self.fields["broker"])
    vip = property(lambda self: self.fields["vip"])
    http = property(lambda self: self.fields["http"])
    pid = property(lambda self: self.process.pid)
    is_running = property(lambda self: self.process is not None and self.process.poll() is None)

    def stderr(self):
        return self.stderr_path.read_text(encoding="utf-8", errors="replace") if self.stderr_path.exists() else ""

    def kill9(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self, with_signal=signal.SIGTERM):
        """Stops it in order: exit code 0, nothing of a sanitizer or an assertion in what it said."""
        self.process.send_signal(with_signal)
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still running {STOP_S} s after {with_signal.name}") from None
        finally:
            self.process.stdout.close()
        assert code == 0, f"exit code {code}: {self.stderr()[-4000:]}"
        self.check_stderr()

    def check_stderr(self):
        found = BAD_WORDS.search(self.stderr())
        assert not found, self.stderr()[max(0, found.start() - 500):found.start() + 6000]

    def restart(self, kill9=False):
        if kill9:
            self.kill9()
        else:
            self.stop()
        return self.start()

    def metric(self, name):
        """The value of one line of /metrics."""
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=READY_S) as page:
            return float(re.search(rf"^{re.escape(name)} (\S+)$", page.read().decode(), re.MULTILINE)[1])

    def resident_kb(self):
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


class Elsewhere:
    """A broker that already runs, for checking the tests themselves: TIDINGS_SYSTEM_TARGET=NAMESRV,BROKER."""

    def __init__(self, text):
        self.namesrv, self.broker = text.split(",")
        host, port = self.broker.rsplit(":", 1)
        self.vip = f"{host}:{int(port) - 2}"
        self.is_running = False


def run(*arguments, input_text=None, within_s=180, env=None):
    """Runs a command of the program to its end; it must not have printed what check_stderr looks for."""
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, input=input_text,
                          timeout=within_s, env={**os.environ, **(env or {})}, check=False)
    assert not BAD_WORDS.search(done.stderr), done.stderr[-6000:]
    return done
