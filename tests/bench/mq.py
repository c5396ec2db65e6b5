#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures of the MQ beside RocketMQ's, in one run: RocketMQ's own benchmark Producer against ours and against a real
4.9.7 with SYNC_FLUSH and ASYNC_FLUSH, our own light generator, a backlog, lateness, memory, start. Prints a table; these
machines are noisy, so read the ratios. Needs what scripts/interop fetches (Maven)."""
import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

from common import REAL, ROOT, Real, Server, Steady, cpu_seconds, lines_until, rocketmq_load, row, rss_mib

LOAD = os.environ.get("TIDINGS_BENCH", str(ROOT / "build" / "release" / "tests" / "bench_mq"))


def load(*arguments):
    done = subprocess.run([LOAD, *map(str, arguments)], capture_output=True, text=True, timeout=900)
    if done.returncode != 0:
        raise RuntimeError(f"bench_mq {arguments}: {done.stderr}")
    return json.loads(done.stdout)


def java_producer(name_server, size, seconds, pid):
    """RocketMQ's benchmark Producer, 64 threads; (messages per second, server CPU µs per message) at its steady end."""
    steady = Steady(pid)
    load = rocketmq_load("4.5.2", "Producer", "-n", name_server, "-w", 64, "-s", size, "-t", "BenchmarkTest")
    for line in lines_until(load, seconds):
        found = re.search(r"Send TPS: (\d+)", line)
        if found:
            steady.take(int(found.group(1)))
    return steady.result()


def java_row(name, server, name_server, pid, size, seconds):
    result = java_producer(name_server, size, seconds, pid)
    row(name, size, f"{result[0]:.0f}", f"{result[1]:.1f}", f"{rss_mib(pid, 'VmHWM'):.0f}")
    server.stop()
    return result


def against_rocketmq(folder, seconds, only, sizes):
    print("\nRocketMQ's benchmark Producer, 64 threads\n", flush=True)
    row("server", "body", "messages/s", "server CPU µs/message", "peak RSS MiB")
    row("---", "---", "---", "---", "---")
    results = {}
    for size in sizes:
        if only in (None, "ours"):
            server = Server(f"{folder}/java{size}", ("--topic", "BenchmarkTest:8", "--log-level", "error")).start()
            results["ours", size] = java_row("tidings, fsync", server, server.namesrv, server.process.pid, size, seconds)
        for flush in ("sync", "async"):
            if only in (None, flush):
                real = Real(flush)
                name = f"RocketMQ 4.9.7 {flush.upper()}_FLUSH"
                results[flush, size] = java_row(name, real, REAL, real.pid, size, seconds)
    for size in sizes if only is None else ():
        ours = results["ours", size]
        print(f"\n{size} B: {ours[0] / results['sync', size][0]:.2f} x SYNC (aim 2), "
              f"{ours[0] / results['async', size][0]:.2f} x ASYNC (aim 1.3), "
              f"CPU per message {ours[1] / results['async', size][1]:.2f} of RocketMQ's ASYNC (aim 0.2)")


def fsync_us(folder):
    """What one 16 KiB write and fdatasync costs here and now."""
    path = f"{folder}/probe"
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    os.write(fd, b"\0" * (1 << 20))
    os.fsync(fd)
    begun = time.monotonic()
    for i in range(200):
        os.pwrite(fd, b"x" * 16384, i % 64 * 16384)
        os.fdatasync(fd)
    os.close(fd)
    os.remove(path)
    return (time.monotonic() - begun) / 200 * 1e6


def own_load(folder, scale):
    print("\nOur own generator (libtidings), 128 B\n", flush=True)
    row("what", "figure", "aim")
    row("---", "---", "---")
    row("one 16 KiB write + fdatasync on this disk, µs", f"{fsync_us(folder):.0f}", "")
    server = Server(f"{folder}/own", ("--topic", "bench:4", "--topic", "wait:4", "--log-level", "error")).start()
    pid = server.process.pid
    row("RSS idle, MiB", f"{rss_mib(pid):.1f}", "≤ 15")
    for in_flight, aim in ((64, "≥ 100000"), (256, ""), (1024, "")):
        before = cpu_seconds(pid)
        done = load("send", server.namesrv, "bench", scale // 2, 128, in_flight)
        used = (cpu_seconds(pid) - before) * 1e6 / done["count"]
        row(f"sends/s, {in_flight} in flight", f"{done['rate']:.0f} (server CPU {used:.1f} µs each)", aim)
    row("RSS peak under that load, MiB", f"{rss_mib(pid, 'VmHWM'):.1f}", "≤ 64")
    done = load("consume", server.namesrv, "bench", scale * 3 // 2, "bench_backlog", 2)
    row("backlog consumed/s", f"{done['rate']:.0f}", "≥ 150000")
    load("send", server.namesrv, "wait", scale, 128, 1024, 86400000)
    row(f"RSS with {scale} messages waiting, MiB", f"{rss_mib(pid):.1f} (peak {rss_mib(pid, 'VmHWM'):.1f})", "≤ 64")
    done = load("late", server.namesrv, "late", 10000, 10)
    row("lateness at 1,000 due/s, ms", f"p50 {done['p50_ms']}, p99 {done['p99_ms']}, max {done['max_ms']}", "p99 ≤ 20")
    server.kill9()
    begun = time.monotonic()
    server.start()
    stored = scale * 5 // 2 + 10000
    row(f"ready after kill -9 with {stored} messages stored, ms", f"{(time.monotonic() - begun) * 1000:.0f}", "≤ 50")
    server.stop()


def metrics(server):
    with urllib.request.urlopen(f"http://{server.http}/metrics", timeout=10) as answer:
        pairs = (line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}


def profile(folder, scale):
    """Where the server's time goes with 64 sends in flight: syncs, context switches, and perf's samples."""
    server = Server(f"{folder}/profile", ("--topic", "bench:4", "--log-level", "error")).start()
    load("send", server.namesrv, "bench", scale // 10, 128, 64)
    before, cpu = metrics(server), cpu_seconds(server.pid)
    samples = f"{folder}/perf.data"
    perf = subprocess.Popen(["perf", "record", "-q", "-g", "-F", "999", "-p", str(server.pid), "-o", samples],
                            stderr=subprocess.DEVNULL)
    done = load("send", server.namesrv, "bench", scale // 2, 128, 64)
    perf.send_signal(signal.SIGINT)
    perf.wait(60)
    after, used = metrics(server), cpu_seconds(server.pid) - cpu
    seconds = done["count"] / done["rate"]
    syncs = after["tidings_log_syncs_total"] - before["tidings_log_syncs_total"]
    sync_us = after["tidings_log_sync_microseconds_total"] - before["tidings_log_sync_microseconds_total"]
    print(f"\n64 in flight: {done['rate']:.0f} sends/s, {syncs / seconds:.0f} syncs/s of {sync_us / syncs:.0f} µs, "
          f"{done['count'] / syncs:.1f} messages each; a sync runs {sync_us / seconds / 1e4:.0f} % of the time; "
          f"server CPU {used / seconds * 100:.0f} % of one core\n", flush=True)
    report = subprocess.run(["perf", "report", "-i", samples, "--stdio", "--no-children", "-g", "none", "--sort",
                             "comm,symbol", "--percent-limit", "1"], capture_output=True, text=True, check=True)
    print("\n".join(line.rstrip() for line in report.stdout.splitlines() if line and not line.startswith("#")))
    server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=62, help="per run of the Java producer")
    parser.add_argument("--messages", type=int, default=1000000)
    parser.add_argument("--profile", action="store_true", help="only where the time goes (needs perf)")
    parser.add_argument("--own", action="store_true", help="only our own generator")
    parser.add_argument("--only", choices=("ours", "sync", "async"),
                        help="only RocketMQ's Producer, against one server: ours, or RocketMQ with that flush mode")
    parser.add_argument("--size", type=int, choices=(128, 1024), help="only bodies of that many bytes")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="tidings-bench-")
    try:
        if options.profile:
            profile(folder, options.messages)
            return
        if options.only is None:
            own_load(folder, options.messages)
        if not options.own:
            against_rocketmq(folder, options.seconds, options.only, (options.size,) if options.size else (128, 1024))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
