#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clients of RocketMQ against servers and tells, in a table, who gets along with whom.

    run.py [--server NAME]... [--client NAME]... [--scenario NAME]...

Servers: tidings (the program at --tidings), tidings-tls (the same, TLS only), tidings-acl (with accounts), rocketmq-VERSION (by
scripts/rocketmq). Clients: java-VERSION (official client from Maven Central), go (official Go client), c (libtidings, the program at --c-client),
mixed-VERSION (a Java client whose group is shared with libtidings), mqadmin-VERSION (RocketMQ's own tool). Without --server and --client: every
client against tidings, and libtidings against the real servers. The clients must have been built;
scripts/interop does that and then calls this.

A client program takes the name server and scenario names, and prints "PASS name" or "FAIL name: reason" for
each. What it says beside that is shown as it is. A scenario without a verdict has failed. What failed is run once
more. The last line is "N passed (K at the second try), M failed"; the exit status is 0 only when nothing failed and something passed.
"""

import argparse
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "interop"
RUN = BUILD / "run"
OFFICIAL = ["java-4.5.0", "java-4.9.8", "java-5.3.3", "go"]
LADDER_S = [1, 2, 3]
# RocketMQ's table of delays has our rungs where retries look them up (level 3 + n).
REAL_DELAY_LEVELS = " ".join(["1s", "5s", *(f"{rung}s" for rung in LADDER_S), "5s", "5s", "5s"])
READY_S = 60
STOP_S = 60
# A client says something at least this often: each scenario ends itself after 120 s.
SILENCE_S = 150
VERDICT = re.compile(r"(PASS|FAIL) ([a-z0-9-]+)(.*)")
SANITIZER = re.compile(r"(Sanitizer|runtime error):")


def free_port_block(count):
    """The first of `count` ports in a row that nobody listens on now."""
    for base in range(21000, 32000, 10):
        sockets = []
        try:
            for port in range(base, base + count):
                sock = socket.socket()
                sockets.append(sock)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
        finally:
            for sock in sockets:
                sock.close()
    raise RuntimeError(f"no {count} free ports in a row")


class TidingsServer:
    """Our server with a data folder of its own, on free ports."""

    primes_retry = False
    traces_version5 = True
    delay_levels = None
    flags = ("--transaction-checks", "1s")
    options = {}  # of the Java clients
    flags_c = ()  # of libtidings
    only = None  # the scenarios that fit; None = those that every server has

    def __init__(self, name, program):
        self.name = name
        self.program = program
        self.dir = RUN / name
        self.process = None
        self.name_server = None

    def start(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir.mkdir(parents=True)
        base = free_port_block(6)
        # The VIP listener is at the broker's port - 2.
        self.name_server = f"127.0.0.1:{base}"
        self.process = subprocess.Popen(
            [self.program, "serve", "--data", str(self.dir / "data"), "--listen", "127.0.0.1",
             "--namesrv-port", str(base), "--broker-port", str(base + 4), "--http-port", str(base + 5),
             "--retry-ladder", " ".join(f"{rung}s" for rung in LADDER_S), *self.flags],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=(self.dir / "stderr").open("wb"))
        lines = Lines(self.process.stdout)
        line = lines.next(READY_S)
        if line is None or not line.startswith("ready "):
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"no ready line but {line!r}; {self.tail()}")

    def tail(self):
        return "stderr ends: " + (self.dir / "stderr").read_text(errors="replace")[-2000:]

    def stop(self):
        """Returns what was wrong with the server's end, or None."""
        if self.process.poll() is not None:
            return f"ended by itself with status {self.process.returncode}; {self.tail()}"
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return f"did not stop within {STOP_S} s; {self.tail()}"
        if status != 0:
            return f"stopped with status {status}; {self.tail()}"
        if SANITIZER.search((self.dir / "stderr").read_text(errors="replace")):
            return self.tail()
        return None


class TlsServer(TidingsServer):
    """Ours, plain connections refused; the clients trust the certificate that it made itself."""

    flags = (*TidingsServer.flags, "--tls-mode", "enforcing")

    def start(self):
        super().start()
        self.flags_c = ("--set", "tls=on", "--set", f"tls_ca={self.dir / 'data' / 'tls' / 'server.pem'}")
        self.options = {"tls.enable": "true", "tls.test.mode.enable": "false", "tls.client.authServer": "true",
                        "tls.client.trustCertPath": self.dir / "data" / "tls" / "server.pem"}


class AclServer(TidingsServer):
    """Ours with accounts: one that may do all, one that may only read."""

    accounts = """accounts:
  - {access_key: sender, secret_key: "all that is needed", default_topic: PUB|SUB, default_group: SUB}
  - {access_key: reader, secret_key: "only for reading", default_topic: SUB, default_group: SUB}
"""
    only = {"accounts"}

    def __init__(self, name, program):
        super().__init__(name, program)
        file = RUN / f"{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.accounts)
        file.chmod(0o600)
        self.flags = (*TidingsServer.flags, "--acl-file", str(file))
        self.options = {"acl": "sender:all that is needed,reader:only for reading"}
        self.flags_c = ("--accounts", self.options["acl"])


class RealServer:
    """A real RocketMQ from Maven Central."""

    primes_retry = True
    delay_levels = REAL_DELAY_LEVELS
    options = {}
    flags_c = ()
    only = None

    def __init__(self, name):
        self.name = name
        self.version = name.split("-", 1)[1]
        self.traces_version5 = self.version.startswith("5.")
        self.name_server = None

    def script(self, *arguments):
        return subprocess.run([ROOT / "scripts" / "rocketmq", *arguments], check=True, timeout=1200)

    def start(self):
        base = free_port_block(6)
        self.name_server = f"127.0.0.1:{base}"
        self.script("start", self.version, "--dir", str(RUN / self.name), "--ports",
                    f"ns={base},broker={base + 4}", "--delay-levels", self.delay_levels)

    def stop(self):
        self.script("stop", self.version, "--dir", str(RUN / self.name))
        return None


JAVA_FLAGS = ["-Xmx256m", "-XX:TieredStopAtLevel=1"] + [
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in ("java.nio", "sun.nio.ch", "java.lang", "jdk.internal.misc")]


class JavaClient:
    def __init__(self, name):
        self.name = name
        self.version = name.split("-", 1)[1]

    def options(self, server):
        """The -D options of the program; without a server those for asking its scenarios."""
        home = RUN / f"home-{self.name}"
        home.mkdir(parents=True, exist_ok=True)
        options = {"user.home": home, "rocketmq.client.logRoot": home / "logs",
                   "rocketmq.client.localOffsetStoreDir": home / "offsets"}
        if server:
            options["ns"] = server.name_server
            options.update(server.options)
            options["ladder"] = ",".join(str(rung * 1000) for rung in LADDER_S)
            options["prime"] = "true" if server.primes_retry else "false"
            if self.version.startswith("5.") and not server.traces_version5:
                options["consumeTraces"] = "false"
        return options

    def command(self, server):
        classes = f"{BUILD}/java-{self.version}:{BUILD}/jars/client-{self.version}/*"
        options = [f"-D{key}={value}" for key, value in self.options(server).items()]
        return ["java", *JAVA_FLAGS, *options, "-cp", classes, "tidings.interop.Main"]

    def scenarios(self):
        return subprocess.run([*self.command(None), "--list"], check=True, capture_output=True,
                              text=True, timeout=60).stdout.split()


OURS = {"tidings": TidingsServer, "tidings-tls": TlsServer, "tidings-acl": AclServer}


class MixedClient(JavaClient):
    """A Java consumer that shares its group with a libtidings consumer, which is killed."""

    def __init__(self, name, c_program):
        super().__init__(name)
        self.c_program = c_program

    def options(self, server):
        options = super().options(server)
        options["worker"] = f"{self.c_program} --ns {server.name_server}"
        return options

    def scenarios(self):
        return ["mixed-group"]


class GoClient:
    name = "go"
    program = str(BUILD / "go-client")

    def command(self, server):
        home = RUN / "home-go"
        home.mkdir(parents=True, exist_ok=True)
        return ["env", f"HOME={home}", self.program, "-ns", server.name_server, "-ladder",
                ",".join(str(rung * 1000) for rung in LADDER_S),
                f"-prime={'true' if server.primes_retry else 'false'}", "-log", str(home / "client.log")]

    def scenarios(self):
        return subprocess.run([self.program, "-list"], check=True, capture_output=True, text=True,
                              timeout=60).stdout.split()


class CClient:
    """libtidings. Where it shares a group, the other is a Java consumer of worker_version, which is killed."""

    name = "c"

    def __init__(self, program, worker_version):
        self.program = program
        self.worker = JavaClient(f"java-{worker_version}")

    def command(self, server):
        home = RUN / "home-c"
        home.mkdir(parents=True, exist_ok=True)
        levels = ["--delay-levels", server.delay_levels] if server.delay_levels else []
        return ["env", f"HOME={home}", self.program, "--ns", server.name_server,
                "--ladder", ",".join(str(rung * 1000) for rung in LADDER_S), *levels,
                "--prime", "yes" if server.primes_retry else "no",
                "--worker-command", " ".join(self.worker.command(server)), *server.flags_c]

    def scenarios(self):
        listed = subprocess.run([self.program, "--list"], check=True, capture_output=True, text=True, timeout=60).stdout
        return [name for name in listed.split() if name != "accounts"]  # where the server has some


class AdminClient:
    """RocketMQ's own mqadmin, as its version's tools have it."""

    def __init__(self, name):
        self.name = name
        self.version = name.split("-", 1)[1]

    def program(self, *arguments):
        return [sys.executable, str(ROOT / "tests" / "interop" / "mqadmin.py"), *arguments]

    def command(self, server):
        jars = subprocess.run([ROOT / "scripts" / "rocketmq", "fetch", "server", self.version], check=True,
                              capture_output=True, text=True, timeout=1200).stdout.strip()
        return self.program("--jars", jars, "--ns", server.name_server, "--home", str(RUN / f"home-{self.name}"))

    def scenarios(self):
        return subprocess.run(self.program("--list"), check=True, capture_output=True, text=True,
                              timeout=60).stdout.split()


class Lines:
    """Lines of a pipe, each awaited with a limit."""

    def __init__(self, pipe):
        self.lines = queue.Queue()
        threading.Thread(target=self.read, args=(pipe,), daemon=True).start()

    def read(self, pipe):
        for line in pipe:
            self.lines.put(line.decode(errors="replace").rstrip("\n"))
        self.lines.put(None)

    def next(self, limit_s):
        """None at the end or when the time is up."""
        try:
            return self.lines.get(timeout=limit_s)
        except queue.Empty:
            return None


# What failed once and then passed, with the first reason: the clients are not ours, and have timers of their own that
# a busy machine lets run out. It is told, in the table and in the last line.
SECOND = set()


def run_client(client, server, scenarios):
    """Returns {scenario: reason of the failure or None}."""
    verdicts = {}
    process = subprocess.Popen([*client.command(server), *scenarios], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, start_new_session=True)
    lines = Lines(process.stdout)
    try:
        while True:
            line = lines.next(SILENCE_S)
            if line is None:
                break
            print(f"    {line}", flush=True)
            verdict = VERDICT.fullmatch(line)
            if verdict:
                failed = verdict[1] == "FAIL"
                verdicts[verdict[2]] = verdict[3].lstrip(": ") if failed else None
        status = process.wait(5)
    except subprocess.TimeoutExpired:
        status = "killed after silence"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    for scenario in scenarios:
        verdicts.setdefault(scenario, f"no verdict (client's exit: {status})")
    return verdicts


def run_pair(client, server, wanted):
    offered = client.scenarios() if server.only is None else sorted(server.only)
    scenarios = [name for name in offered if not wanted or name in wanted]
    if not scenarios:
        return []
    print(f"== {client.name} against {server.name}: {' '.join(scenarios)}", flush=True)
    start = time.monotonic()
    verdicts = run_client(client, server, scenarios)
    again = [name for name in scenarios if verdicts[name] is not None]
    if again:
        print(f"   once more: {' '.join(again)}", flush=True)
        first = {name: verdicts[name] for name in again}
        verdicts.update(run_client(client, server, again))
        SECOND.update((server.name, client.name, name, first[name]) for name in again if verdicts[name] is None)
    print(f"   took {time.monotonic() - start:.0f} s", flush=True)
    return [(server.name, client.name, name, verdicts[name]) for name in scenarios]


def run_server(server, clients, wanted):
    print(f"== starting {server.name}", flush=True)
    results = []
    server.start()
    try:
        for client in clients:
            results += run_pair(client, server, wanted)
    finally:
        wrong = server.stop()
    results.append((server.name, "-", "clean-stop", wrong))
    return results


def print_table(results):
    print()
    columns = []
    rows = []
    cells = {}
    for server, client, scenario, reason in results:
        if (server, client) not in columns:
            columns.append((server, client))
        if scenario not in rows:
            rows.append(scenario)
        cells[server, client, scenario] = "ok" if reason is None else "FAIL"
    width = max(map(len, rows), default=0)
    for server in dict.fromkeys(server for server, _ in columns):
        clients = [client for name, client in columns if name == server]
        print(f"server {server}")
        print("  ".join([" " * width, *(client.ljust(4) for client in clients)]).rstrip())
        for row in rows:
            texts = [cells.get((server, client, row), ".").ljust(max(4, len(client)))
                     for client in clients]
            if any(text.strip() != "." for text in texts):
                print("  ".join([row.ljust(width), *texts]).rstrip())
        print()
    for server, client, scenario, reason in results:
        if reason is not None:
            print(f"FAIL {client} against {server}, {scenario}: {reason}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", action="append", default=[])
    parser.add_argument("--client", action="append", default=[])
    parser.add_argument("--scenario", action="append", default=[])
    parser.add_argument("--tidings", default=str(ROOT / "build" / "release" / "tidings"))
    parser.add_argument("--c-client", default=str(ROOT / "build" / "release" / "tests" / "interop_client"))
    args = parser.parse_args()

    def client_of(name, server):
        if name.startswith("java-"):
            return JavaClient(name)
        if name.startswith("mixed-"):
            return MixedClient(name, args.c_client)
        if name.startswith("mqadmin-"):
            return AdminClient(name)
        if name == "go":
            return GoClient()
        if name == "c":
            return CClient(args.c_client, "4.9.8" if server == "rocketmq-4.9.7" else "5.3.3")
        parser.error(f"unknown client {name}")

    if args.server or args.client:
        plan = {server: args.client or OFFICIAL for server in args.server or ["tidings"]}
    else:
        plan = {"tidings": [*OFFICIAL, "c", "mixed-5.3.3", "mqadmin-4.9.7", "mqadmin-5.3.3"],
                "tidings-tls": ["java-4.9.8", "java-5.3.3", "c"],
                "tidings-acl": ["java-4.5.0", "java-4.9.8", "java-5.3.3", "c"],
                "rocketmq-4.9.7": ["c", "mixed-4.9.8"],
                "rocketmq-5.3.3": ["c", "mixed-5.3.3"]}

    results = []
    for name, clients in plan.items():
        if name not in OURS and not name.startswith("rocketmq-"):
            parser.error(f"unknown server {name}")
        server = OURS[name](name, args.tidings) if name in OURS else RealServer(name)
        try:
            results += run_server(server, [client_of(client, name) for client in clients],
                                  set(args.scenario))
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            results.append((name, "-", "server", str(error)))
    print_table(results)
    failed = sum(reason is not None for *_, reason in results)
    passed = len(results) - failed
    for server, client, scenario, reason in sorted(SECOND):
        print(f"SECOND TRY {client} against {server}, {scenario}: at first {reason}")
    print(f"{passed} passed ({len(SECOND)} at the second try), {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
