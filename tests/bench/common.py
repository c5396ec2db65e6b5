# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: RocketMQ's own load generators, a real RocketMQ beside ours, what a process used."""
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "system"))
from server import Server  # noqa: E402, F401

CACHE = ROOT / "build" / "interop"
REAL = "127.0.0.1:19876"
JAVA = ["java", "-Xms512m", "-Xmx512m", *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in
        ("java.nio", "sun.nio.ch", "java.lang", "jdk.internal.misc"))]


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid, what="VmRSS"):
    for line in open(f"/proc/{pid}/status", encoding="ascii"):
        if line.startswith(what + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def maven_jar(group, name, version, classifier=""):
    file = f"{name}-{version}{'-' + classifier if classifier else ''}.jar"
    jar = CACHE / file
    if not jar.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        artifact = f"{group}:{name}:{version}" + (f":jar:{classifier}" if classifier else "")
        subprocess.run(["mvn", "-q", "-B", "-ntp", f"-Dmaven.repo.local={CACHE}/m2",
                        "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:get", f"-Dartifact={artifact}",
                        "-Dtransitive=false"], check=True, timeout=600, stdout=subprocess.DEVNULL)
        shutil.copy(CACHE / "m2" / group.replace(".", "/") / name / version / file, jar)
    return jar


def rocketmq_load(example_version, name, *arguments):
    """Starts one of RocketMQ's own load generators, with the client of 4.9.7; its output is a pipe of text."""
    jars = subprocess.run([str(ROOT / "scripts" / "rocketmq"), "fetch", "server", "4.9.7"], check=True, text=True,
                          capture_output=True).stdout.strip()
    path = ":".join([str(maven_jar("org.apache.rocketmq", "rocketmq-example", example_version)), f"{jars}/*",
                     str(maven_jar("commons-cli", "commons-cli", "1.2"))])
    return subprocess.Popen([*JAVA, f"-Duser.home={CACHE}/home", "-cp", path,
                             f"org.apache.rocketmq.example.benchmark.{name}", *map(str, arguments)],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def lines_until(process, seconds):
    """The lines that a load prints, and its end after the time."""
    begun = time.monotonic()
    try:
        for line in process.stdout:
            yield line
            if time.monotonic() - begun > seconds:
                break
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Steady:
    """Rate and server CPU per message of the last three reports of a load."""

    def __init__(self, pid):
        self.pid, self.rates, self.before = pid, [], None

    def take(self, rate):
        now, used = time.monotonic(), cpu_seconds(self.pid)
        if self.before is not None:
            seconds = now - self.before[0]
            self.rates.append((rate, (used - self.before[1]) * 1e6 / max(1, rate * seconds)))
        self.before = (now, used)

    def result(self):
        if not self.rates:
            raise RuntimeError("the load printed no rate")
        last = self.rates[-3:]
        return sum(rate for rate, _ in last) / len(last), sum(cpu for _, cpu in last) / len(last)


class Real:
    def __init__(self, flush):
        self.command = [str(ROOT / "scripts" / "rocketmq")]
        subprocess.run([*self.command, "start", "4.9.7", "--flush", flush], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        found = subprocess.run(["pgrep", "-f", "BrokerStartup.*rocketmq-4.9.7|rocketmq-4.9.7.*BrokerStartup"],
                               capture_output=True, text=True).stdout.split()
        self.pid = int(found[0])

    def stop(self):
        subprocess.run([*self.command, "stop", "4.9.7"], check=True, stdout=subprocess.DEVNULL)


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)
