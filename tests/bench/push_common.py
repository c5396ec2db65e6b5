# SPDX-License-Identifier: Apache-2.0
"""What stands around the notifier when it is measured: nginx and our own receiver as endpoints, load, dtm with MariaDB."""
import json
import os
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from common import ROOT, Server, cpu_seconds

PROGRAMS = Path(os.environ.get("TIDINGS_BENCH_FOLDER", ROOT / "build" / "release" / "tests"))
SIZE = 1024  # bytes of a payload
DTM = "v1.19.0"


def free_port():
    """Below the range that connections get theirs from."""
    while True:
        port = random.randrange(21000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def wait_for(what, condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A program in the background, its output in a file, ended by its own process id."""

    def __init__(self, log, *command, env=None):
        with open(log, "ab") as output:
            self.process = subprocess.Popen(list(map(str, command)), stdout=output, stderr=output,
                                            env={**os.environ, **(env or {})})
        self.pid = self.process.pid

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Nginx(Process):
    """Answers `success` to all, counts requests; keeps connections, writes no log."""

    def __init__(self, folder):
        self.port, self.asked = free_port(), 0
        work = Path(folder) / "nginx"
        work.mkdir()
        temporary = "".join(f"{kind}_temp_path {work}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi",
                                                                            "scgi"))
        (work / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {work}/pid; error_log {work}/error.log;
events {{ worker_connections 8192; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; {temporary}
    server {{
        listen 127.0.0.1:{self.port} backlog=4096;
        location = /status {{ stub_status; }}
        location / {{ return 200 "success"; }}
    }}
}}
""", encoding="ascii")
        super().__init__(work / "out", "nginx", "-p", work, "-c", work / "nginx.conf")
        wait_for("nginx listens", lambda: answers(self.port))
        self.url = f"http://127.0.0.1:{self.port}/ok"
        self.before = 0
        self.before = self.count()

    def count(self):
        """Requests since the start, those for the counter itself apart."""
        self.asked += 1
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/status", timeout=10) as answer:
            numbers = answer.read().decode().splitlines()[2].split()
        return int(numbers[2]) - self.asked - self.before


class Receiver(Process):
    """bench_receive: says when what was sent came."""

    def __init__(self, folder):
        self.port = free_port()
        super().__init__(f"{folder}/receive.log", PROGRAMS / "bench_receive", self.port)
        wait_for("bench_receive listens", lambda: answers(self.port))
        self.url = f"http://127.0.0.1:{self.port}"

    def stats(self):
        """Since the last time that it was asked."""
        with urllib.request.urlopen(f"{self.url}/stats", timeout=10) as answer:
            return json.load(answer)


class Load:
    """bench_push in the background."""

    def __init__(self, address, path, *headers, **options):
        command = [str(PROGRAMS / "bench_push"), address, path, *(f"header={header}" for header in headers),
                   *(f"{name}={value}" for name, value in options.items())]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def result(self, may_fail=False):
        output, errors = self.process.communicate(timeout=3600)
        if not output or (self.process.returncode != 0 and not may_fail):
            raise RuntimeError(f"bench_push: {errors} {output}")
        print(errors, end="", file=sys.stderr)
        return json.loads(output)


class Ours(Server):
    """The server with receivers on this machine."""

    def __init__(self, data, *flags):
        super().__init__(data, ("--notify-allow", "127.0.0.0/8", "--log-level", "error", *flags))
        self.runs = 0

    def api(self, method, path, body=None):
        request = urllib.request.Request(f"http://{self.http}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def receiver(self, name, url, **settings):
        self.api("POST", "/v1/receivers", {"name": name, "url": url, **settings})

    def load(self, receiver, batch=1, **options):
        """Notifications for a receiver: raw POSTs, or batches."""
        self.runs += 1
        key = f"run{self.runs}-{{n}}"
        if batch == 1 and "due" not in options:
            return Load(self.http, "/v1/notifications", f"Tidings-Tx-No: {key}", "Tidings-Source: bench",
                        "Tidings-Type: bench.push", f"Tidings-Receivers: {receiver}",
                        "Content-Type: application/octet-stream", **options)
        due = '"dueAt":{d},' if "due" in options else ""
        item = (f'{{"source":"bench","type":"bench.push","txNo":"{key}","receivers":["{receiver}"],{due}'
                '"payloadText":"{p}"}')
        return Load(self.http, "/v1/notifications", "Content-Type: application/json", batch=batch, item=item,
                    open='{"notifications":[', close="]}", **options)

    def metrics(self):
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=30) as answer:
            pairs = (line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))
            return {name: float(value) for name, value in pairs}

    def delivered(self):
        return int(self.metrics()["tidings_notify_delivered_total"])


def steady(pid, count, seconds, warm=2.0):
    """(per second, CPU µs of the process each) over the time after a warm-up."""
    time.sleep(warm)
    begun, before, used = time.monotonic(), count(), cpu_seconds(pid)
    time.sleep(max(1.0, seconds - warm - 0.5))
    done, used, took = count() - before, cpu_seconds(pid) - used, time.monotonic() - begun
    return done / took, used * 1e6 / max(1, done)


def drain(pid, count, total, seconds=600):
    """(per second, CPU µs each) between 5 % and 95 % of a backlog whose deliveries `count` counts."""
    points, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        points.append((time.monotonic(), count(), cpu_seconds(pid)))
        if points[-1][1] >= total:
            break
        time.sleep(0.05)
    else:
        raise RuntimeError(f"only {points[-1][1]} of {total} came within {seconds} s")
    inner = [point for point in points if total * 0.05 <= point[1] <= total * 0.95]
    first, last = (inner[0], inner[-1]) if len(inner) > 2 else (points[0], points[-1])
    done = last[1] - first[1]
    return done / (last[0] - first[0]), (last[2] - first[2]) * 1e6 / done


def dtm_program():
    """dtm's server, built from its Go module; (program, its table definitions)."""
    work = ROOT / "build" / "bench" / "dtm-module"
    work.mkdir(parents=True, exist_ok=True)
    (work / "go.mod").write_text(f"module bench\n\ngo 1.23\n\nrequire github.com/dtm-labs/dtm {DTM}\n", encoding="ascii")
    program = work / "dtm"
    if not program.exists():
        subprocess.run(["go", "build", "-mod=mod", "-o", str(program), "github.com/dtm-labs/dtm"], cwd=work, check=True,
                       timeout=1800)
    where = subprocess.run(["go", "list", "-mod=mod", "-m", "-f", "{{.Dir}}", "github.com/dtm-labs/dtm"], cwd=work,
                           check=True, capture_output=True, text=True).stdout.strip()
    return program, Path(where) / "sqls" / "dtmsvr.storage.mysql.sql"


class Dtm:
    """dtm with a MariaDB of its own, which syncs each commit and writes no binary log."""

    def __init__(self, folder):
        program, tables = dtm_program()
        work = Path(folder) / "dtm"
        work.mkdir()
        database_port, self.port = free_port(), free_port()
        user = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout.strip()
        options = ["--no-defaults", f"--datadir={work}/data", f"--user={user}"]
        path = {"PATH": os.environ["PATH"] + ":/usr/sbin"}
        subprocess.run(["mariadb-install-db", *options, "--auth-root-authentication-method=normal", "--skip-test-db"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **path})
        self.database = Process(work / "mariadb.log", "mariadbd", *options, "--bind-address=127.0.0.1",
                                f"--port={database_port}", f"--socket={work}/sock", f"--pid-file={work}/pid",
                                "--max-connections=1000", "--innodb-buffer-pool-size=512M", env=path)
        sql = ["mariadb", "--no-defaults", f"--socket={work}/sock", "-uroot"]
        wait_for("MariaDB answers", lambda: subprocess.run([*sql, "-e", "SELECT 1"], capture_output=True,
                                                           check=False).returncode == 0)
        subprocess.run(sql, input=tables.read_bytes(), check=True)
        settings = {"STORE_DRIVER": "mysql", "STORE_HOST": "127.0.0.1", "STORE_PORT": database_port, "STORE_USER": "root",
                    "HTTP_PORT": self.port, "GRPC_PORT": free_port(), "JSON_RPC_PORT": free_port(), "LOG_LEVEL": "error"}
        self.server = Process(work / "dtm.log", program, env={name: str(value) for name, value in settings.items()})
        wait_for("dtm listens", lambda: answers(self.port))
        self.pid, self.runs = self.server.pid, 0

    def load(self, url, **options):
        self.runs += 1
        item = f'{{"gid":"bench{self.runs}-{{n}}","trans_type":"msg","steps":[{{"action":"{url}"}}],"payloads":["{{p}}"]}}'
        return Load(f"127.0.0.1:{self.port}", "/api/dtmsvr/submit", "Content-Type: application/json", item=item, want=200,
                    **options)

    def stop(self):
        self.server.stop()
        self.database.stop()
