#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Transactional messages beside RocketMQ, in one run: RocketMQ's own benchmark TransactionProducer, first committing all,
against ours and a real 4.9.7 with SYNC_FLUSH; then against ours with messages that are rolled back, and such as neither
the producer nor its first checks decide, which shows checks that must not come. Needs what scripts/interop fetches."""
import argparse
import re
import shutil
import sys
import tempfile

from common import REAL, Real, Server, Steady, lines_until, rocketmq_load, row, rss_mib

THREADS, SIZE = 64, 128
MIXED = {"-sr": 0.1, "-su": 0.1, "-cr": 0.2, "-cu": 0.3}
REPORT = re.compile(r"Send TPS:\s*(\d+).*Send Failed: (\d+) check: (\d+) unexpectedCheck: (\d+) duplicatedCheck: (\d+)")
FLAGS = ("--topic", "BenchmarkTest:8", "--log-level", "error")


def run(name_server, seconds, pid, rates):
    """(sends/s, server CPU µs each, what was counted)"""
    steady = Steady(pid)
    counted = {"failed": 0, "checks": 0, "unexpected": 0, "duplicated": 0, "unexpected lines": 0}
    flags = [part for name, rate in rates.items() for part in (name, rate)]
    load = rocketmq_load("4.7.0", "TransactionProducer", "-n", name_server, "-w", THREADS, "-s", SIZE, "-t",
                         "BenchmarkTest", *flags)
    for line in lines_until(load, seconds):
        found = REPORT.search(line)
        if found:
            steady.take(int(found[1]))
            for name, number in zip(counted, found.groups()[1:]):
                counted[name] += int(number)
        elif "unexpected check" in line:
            counted["unexpected lines"] += 1
    return *steady.result(), counted


def show(name, pid, rate, cpu, counted):
    row(name, f"{rate:.0f}", f"{cpu:.1f}", counted["failed"], counted["checks"],
        max(counted["unexpected"], counted["unexpected lines"]), counted["duplicated"], f"{rss_mib(pid, 'VmHWM'):.0f}")


def head(what):
    print(f"\n{what}\n", flush=True)
    row("server", "sends/s", "server CPU µs/send", "failed", "checks", "unexpected", "duplicated", "peak RSS MiB")
    row(*["---"] * 8)


def compare(folder, seconds):
    head(f"RocketMQ's benchmark TransactionProducer, {THREADS} threads, {SIZE} B, every transaction committed")
    server = Server(f"{folder}/commits", FLAGS).start()
    ours = run(server.namesrv, seconds, server.pid, {})
    show("tidings, fsync", server.pid, *ours)
    server.stop()
    real = Real("sync")
    try:
        theirs = run(REAL, seconds, real.pid, {})
        show("RocketMQ 4.9.7 SYNC_FLUSH", real.pid, *theirs)
    finally:
        real.stop()
    print(f"\n{ours[0] / theirs[0]:.2f} x SYNC (aim 1.5), CPU per send {ours[1] / theirs[1]:.2f} of RocketMQ's (aim 0.2)")


def mixed(folder, seconds):
    """True when no check came that must not."""
    head(f"the same, {seconds} s, 10 % rolled back, 10 % left to the checks, which know nothing of 30 %")
    server = Server(f"{folder}/mixed", FLAGS).start()
    rate, cpu, counted = run(server.namesrv, seconds, server.pid, MIXED)
    show("tidings, fsync", server.pid, rate, cpu, counted)
    server.stop()
    good = counted["checks"] > 0 and not any(counted[name] for name in ("unexpected", "unexpected lines", "duplicated"))
    print(f"\n{counted['checks']} checks, {counted['unexpected']} unexpected, {counted['duplicated']} duplicated (aim 0, 0): "
          f"{'right' if good else 'WRONG'}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=42, help="per run")
    parser.add_argument("--minutes", type=int, default=0, help="of the run with checks, instead of --seconds")
    parser.add_argument("--checks", action="store_true", help="only the run with checks")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="tidings-bench-")
    try:
        if not options.checks:
            compare(folder, options.seconds)
        return 0 if mixed(folder, options.minutes * 60 or options.seconds) else 1
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
