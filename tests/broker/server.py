# SPDX-License-Identifier: Apache-2.0
"""Starts and stops the real program for tests."""
import os
import re
import signal
import subprocess
import threading

PROGRAM = os.environ.get("TIDINGS_BIN", "build/release/tidings")
READY_S = 60


class Server:
    def __init__(self, data, *flags, ports=None, env=None):
        self.data, self.flags, self.ports, self.env = str(data), flags, ports, env
        self.process = None
        self.start()

    def start(self):
        ports = self.ports or {"namesrv": "0", "broker": "0", "http": "0"}
        command = [PROGRAM, "serve", "--data", self.data, "--namesrv-port", ports["namesrv"], "--broker-port",
                   ports["broker"], "--http-port", ports["http"], *self.flags]
        with open(self.data + ".stderr", "ab") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True,
                                            env={**os.environ, **(self.env or {})})
        timer = threading.Timer(READY_S, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line.startswith("ready "):
            self.process.wait()
            raise RuntimeError(f"no ready line but {line!r}; stderr: {self.said()}")
        self.fields = dict(pair.split("=", 1) for pair in line.split()[1:])
        self.namesrv, self.broker = self.fields["namesrv"], self.fields["broker"]
        self.vip, self.http = self.fields["vip"], self.fields["http"]
        return self

    def said(self):
        with open(self.data + ".stderr", encoding="utf-8", errors="replace") as lines:
            return lines.read()

    def keep_ports(self):
        self.ports = {name: self.fields[name].rsplit(":", 1)[1] for name in ("namesrv", "broker", "http")}

    def kill(self):
        self.keep_ports()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        self.keep_ports()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.process.stdout.close()
        said = self.said()
        assert code == 0, f"exit code {code}: {said[-3000:]}"
        assert not re.search(r"Sanitizer|runtime error:|assertion failed", said), said[-6000:]

    def restart(self, kill=False):
        if kill:
            self.kill()
        else:
            self.stop()
        return self.start()
