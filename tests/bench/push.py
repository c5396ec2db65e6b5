#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Figures of the notifier in one run, beside what the machine can do (wrk against the same nginx) and beside dtm v1 with
MariaDB. Prints a table and what falls short; these machines are noisy, so read the ratios. Needs nginx and wrk, and Go
for dtm, which is built from its module the first time."""
import argparse
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import cpu_seconds, rss_mib
from push_common import PROGRAMS, SIZE, Dtm, Nginx, Ours, Receiver, drain, steady, wait_for

CONNECTIONS = 64


class Bench:
    """The run: folder, endpoints, the table."""

    def __init__(self, options, folder):
        self.options, self.folder, self.seconds = options, folder, options.seconds
        self.nginx, self.receiver = Nginx(folder), Receiver(folder)
        self.rows, self.short, self.figures, self.servers = [], [], {}, []

    def server(self, *flags):
        self.servers.append(Ours(f"{self.folder}/server{len(self.servers)}", *flags))
        return self.servers[-1].start()

    def rate(self, name, what, rate, cpu=None, rss=None, aim=None):
        """A row of so many per second; `aim` is the least that it should be."""
        self.figures[name] = rate
        raw = self.figures.get("raw")
        self.add(what, f"{rate:.0f}/s", f"{rate / raw:.3f}" if raw else "", cpu, rss, f"≥ {aim}" if aim else "",
                 aim and rate < aim)

    def add(self, what, figure, ratio="", cpu=None, rss=None, aim="", falls_short=False):
        self.rows.append((what, figure, ratio, "" if cpu is None else f"{cpu:.1f}", "" if rss is None else f"{rss:.0f}", aim))
        if falls_short:
            self.short.append(f"{what}: {figure}, wanted {aim}")
        print("  ".join(cell for cell in self.rows[-1] if cell), file=sys.stderr, flush=True)

    def table(self):
        print()
        for cells in [("what", "figure", "of raw", "server CPU µs each", "RSS MiB", "aim"), ("---",) * 6, *self.rows]:
            print("| " + " | ".join(cells) + " |")
        print("\nFalls short:\n  " + "\n  ".join(self.short) if self.short else "\nNothing falls short.")

    def stop(self):
        for server in self.servers:
            if server.is_running:  # a measurement failed
                server.kill9()
        self.receiver.stop()
        self.nginx.stop()


def raw(bench):
    script = Path(bench.folder) / "post.lua"
    script.write_text(f'wrk.method = "POST"\nwrk.body = string.rep("x", {SIZE})\n', encoding="ascii")
    done = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(2, bench.seconds // 2)}s", "-s", str(script),
                           bench.nginx.url], check=True, capture_output=True, text=True)
    bench.rate("raw", "raw: wrk POSTs to the same nginx", float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1]))


def settled(bench, server, accepted, came):
    """All that was accepted has come, once each, and is on record as delivered."""
    wait_for(f"{accepted} delivered", lambda: server.delivered() >= accepted, 600)
    delivered = server.delivered()
    if delivered != accepted or came() != accepted:
        bench.short.append(f"accepted {accepted}, delivered on record {delivered}, arrived {came()}")


def through(bench, name, what, batch, connections, aim):
    """Accepted, POSTed, on record; the steady rate of arrival, while load never pauses."""
    server = bench.server()
    server.receiver("fast", bench.nginx.url, inFlight=256)
    at_start = bench.nginx.count()
    load = server.load("fast", batch, connections=connections, seconds=bench.seconds)
    before, begun = server.metrics(), time.monotonic()
    rate, cpu = steady(server.pid, bench.nginx.count, bench.seconds)
    after, took = server.metrics(), time.monotonic() - begun
    commits, tasks = (after[name] - before[name] for name in ("tidings_notify_store_commits_total",
                                                              "tidings_notify_store_tasks_total"))
    done = load.result(may_fail=True)
    if done["refused"] or done["unanswered"]:
        bench.short.append(f"{what}: {done['refused']} refused, {done['unanswered']} unanswered")
    peak = rss_mib(server.pid, "VmHWM")
    settled(bench, server, done["accepted"], lambda: bench.nginx.count() - at_start)
    bench.rate(name, f"{what}: delivered ({commits / took:.0f} commits/s of {tasks / max(1, commits):.0f} changes)", rate, cpu,
               peak, aim)
    bench.rate(f"{name}-accepted", f"{what}: accepted (202 after {done['p50_us'] / 1000:.1f} ms p50, "
               f"{done['p99_us'] / 1000:.1f} ms p99)", done["rate"])
    server.stop()


def single(bench):
    """Each connection waits for its commit: few of them are bound by that time, not by the machine."""
    through(bench, "single-few", f"single POSTs, {CONNECTIONS} connections", 1, CONNECTIONS, None)
    through(bench, "single", f"single POSTs, {2 * CONNECTIONS} connections", 1, 2 * CONNECTIONS, 25000)
    through(bench, "single-many", f"single POSTs, {4 * CONNECTIONS} connections", 1, 4 * CONNECTIONS, 25000)


def batch100(bench):
    through(bench, "batch100", "batches of 100, 8 connections", 100, 8, 40000)


def batch1000(bench):
    through(bench, "batch1000", "batches of 1,000, 2 connections", 1000, 2, 40000)


def mq(bench):
    """From messages that wait in the embedded MQ, through a binding."""
    total = 25000 * bench.seconds
    server = bench.server("--topic", "bench:4")
    server.receiver("fast", bench.nginx.url, inFlight=256)
    subprocess.run([str(PROGRAMS / "bench_mq"), "send", server.namesrv, "bench", str(total), str(SIZE), "1024"], check=True,
                   capture_output=True, timeout=600)
    at_start = bench.nginx.count()
    server.api("PUT", "/v1/bindings/bench", {"topic": "bench", "group": "bench_binding", "receivers": ["fast"],
                                             "type": "bench.push", "txNo": "id", "settings": {"from": "first"}})
    rate, cpu = drain(server.pid, lambda: bench.nginx.count() - at_start, total)
    bench.rate("mq", "from the MQ through a binding: delivered", rate, cpu, rss_mib(server.pid, "VmHWM"), 40000)
    settled(bench, server, total, lambda: bench.nginx.count() - at_start)
    server.stop()


def latency(bench):
    server = bench.server()
    server.receiver("ok", f"{bench.receiver.url}/ok")
    server.load("ok", rate=1000, connections=32, seconds=2).result()
    time.sleep(1)
    bench.receiver.stats()
    used = cpu_seconds(server.pid)
    done = server.load("ok", rate=1000, connections=32, seconds=bench.seconds).result()
    wait_for("the last", lambda: server.metrics()["tidings_notify_waiting"] == 0)
    used = (cpu_seconds(server.pid) - used) * 1e6 / done["accepted"]
    came = bench.receiver.stats()["ok"]
    bench.add("sent to arrived at 1,000/s", f"p50 {came['p50_us'] / 1000:.1f}, p99 {came['p99_us'] / 1000:.1f}, "
              f"max {came['max_us'] / 1000:.1f} ms", "", used, rss_mib(server.pid), "p50 ≤ 3, p99 ≤ 15 ms", came["p99_us"] > 15000 or came["p50_us"] > 3000)
    server.stop()


def late(bench):
    """Behind the due time: of first attempts that were to come later, and of retries."""
    server = bench.server()
    total = 1000 * bench.seconds
    server.receiver("ok", f"{bench.receiver.url}/ok")
    bench.receiver.stats()
    server.load("ok", 100, count=total, due="3000,1000", connections=2).result()
    wait_for("all that was due", lambda: server.metrics()["tidings_notify_waiting"] == 0, bench.seconds + 30)
    came = bench.receiver.stats()["ok"]
    bench.add("lateness at 1,000 due/s: dueAt", f"p50 {came['p50_us'] / 1000:.1f}, p99 {came['p99_us'] / 1000:.1f}, "
              f"max {came['max_us'] / 1000:.1f} ms, {came['early']} early", aim="p99 ≤ 20 ms",
              falls_short=came["p99_us"] > 20000 or came["early"] > 0 or came["count"] != total)
    server.receiver("later", f"{bench.receiver.url}/later/3000", ladder="3s", breaker={"failures": 0})
    server.load("later", rate=1000, seconds=bench.seconds, connections=32).result()
    wait_for("all retries", lambda: server.metrics()["tidings_notify_waiting"] == 0, 60)
    came = bench.receiver.stats()["later"]
    bench.add("lateness at 1,000 due/s: retries", f"p50 {came['p50_us'] / 1000:.1f}, p99 {came['p99_us'] / 1000:.1f}, "
              f"max {came['max_us'] / 1000:.1f} ms", "", None, rss_mib(server.pid), "p99 ≤ 20 ms", came["p99_us"] > 20000)
    server.stop()


def fill(server, receiver, total, **options):
    """A backlog, and how fast it was accepted."""
    return server.load(receiver, 1000, count=total, connections=2, **options).result()["rate"]


def backlog(bench):
    total = bench.options.backlog
    server = bench.server()
    server.receiver("fast", bench.nginx.url, inFlight=256)
    server.api("POST", "/v1/receivers/fast/pause")
    accepted = fill(server, "fast", total)
    waiting = rss_mib(server.pid)
    at_start = bench.nginx.count()
    server.api("POST", "/v1/receivers/fast/resume")
    rate, cpu = drain(server.pid, lambda: bench.nginx.count() - at_start, total, 1200)
    settled(bench, server, total, lambda: bench.nginx.count() - at_start)
    bench.rate("backlog", f"backlog of {total} due: delivered", rate, cpu, rss_mib(server.pid, "VmHWM"), 20000)
    bench.rate("fill", f"backlog of {total}: accepted, batches of 1,000", accepted, None, waiting)
    server.stop()


def pair(bench, hanging):
    """A fresh server, receiver `good`, and `other`, which answers or hangs."""
    server = bench.server()
    server.receiver("good", f"{bench.receiver.url}/ok")
    server.receiver("other", f"{bench.receiver.url}/{'hang' if hanging else 'other'}", timeoutMs=5000,
                    breaker={"failures": 0})
    return server


def one_hangs(bench):
    drained, latencies, total = {}, {}, 10000 * bench.seconds
    for hanging in (False, True):
        server = pair(bench, hanging)
        other = server.load("other", rate=1000, connections=32, seconds=bench.seconds)
        time.sleep(1)
        bench.receiver.stats()
        server.load("good", rate=1000, connections=32, seconds=bench.seconds - 1).result()
        other.result()
        time.sleep(1)
        latencies[hanging] = bench.receiver.stats()["ok"]
        for name in ("good", "other"):
            server.api("POST", f"/v1/receivers/{name}/pause")
        fill(server, "good", total)
        fill(server, "other", total)
        if hanging:  # else `other` waits, so that `good` is alone
            server.api("POST", "/v1/receivers/other/resume")
        before = server.delivered()
        server.api("POST", "/v1/receivers/good/resume")
        drained[hanging], _ = drain(server.pid, lambda: server.delivered() - before, total)
        server.kill9()
    bench.rate("calm", f"backlog of {total}, alone", drained[False])
    bench.rate("beside", "the same beside a receiver that hangs", drained[True], aim=round(drained[False] * 0.9))
    calm, beside = (latencies[hanging]["p99_us"] / 1000 for hanging in (False, True))
    bench.add("p99 at 1,000/s beside a receiver that hangs", f"{beside:.1f} ms, beside one that answers {calm:.1f} ms",
              aim="≤ 2 x", falls_short=beside > 2 * calm)


def cost(bench, server):
    """(server CPU µs for each delivered, p99 ms of its arrival) at 2,000/s."""
    bench.receiver.stats()
    used, before = cpu_seconds(server.pid), server.delivered()
    server.load("ok", rate=2000, connections=32, seconds=bench.seconds).result()
    time.sleep(1)
    done = server.delivered() - before
    return (cpu_seconds(server.pid) - used) * 1e6 / done, bench.receiver.stats()["ok"]["p99_us"] / 1000


def large(bench):
    """Millions that wait for a far day; what they cost, and a restart."""
    server, costs = bench.server(), {}
    server.receiver("ok", f"{bench.receiver.url}/ok")
    server.receiver("far", f"{bench.receiver.url}/other")
    for name, total in (("10k", 10000), ("all", bench.options.pending - 10000)):
        accepted = fill(server, "far", total, size=128, due="864000000,100")
        costs[name] = cost(bench, server)
    waiting = rss_mib(server.pid)
    bench.rate("pending", f"{bench.options.pending} pending: accepted", accepted, None, waiting)
    bench.add(f"CPU µs per delivery beside {bench.options.pending} pending",
              f"{costs['all'][0]:.1f}, beside 10,000 {costs['10k'][0]:.1f}; p99 {costs['all'][1]:.1f}, {costs['10k'][1]:.1f} ms",
              aim="≤ 1.3 x", falls_short=costs["all"][0] > 1.3 * costs["10k"][0])
    server.load("ok", count=1, due="1000,1").result()
    server.kill9()
    time.sleep(1.5)
    bench.receiver.stats()
    begun = time.time()
    server.start()
    ready = time.time() - begun
    wait_for("the first delivery after a restart", lambda: server.delivered() > 0, 600)
    first = bench.receiver.stats()["ok"]["first_us"] / 1e6 - begun
    bench.add(f"restart after kill -9 with {bench.options.pending} pending",
              f"ready after {ready * 1000:.0f} ms, first delivery after {first * 1000:.0f} ms", "", None,
              rss_mib(server.pid), "≤ 2 s", first > 2)
    server.stop()


def dtm(bench):
    """The same receiver, one step a message; the best of three numbers of connections."""
    server, best = Dtm(bench.folder), (0, 0, 0)
    try:
        for connections in (20, CONNECTIONS, 2 * CONNECTIONS):
            load = server.load(bench.nginx.url, connections=connections, seconds=bench.seconds)
            rate, cpu = steady(server.pid, bench.nginx.count, bench.seconds)
            load.result(may_fail=True)
            best = max(best, (rate, cpu, connections))
            time.sleep(1)
        bench.rate("dtm", f"dtm, MariaDB, {best[2]} connections: delivered (CPU without the database's)", best[0], best[1],
                   rss_mib(server.pid, "VmHWM"))
        if "single" in bench.figures:
            ratio = bench.figures["single"] / best[0]
            bench.add("ours, single POSTs, to dtm", f"{ratio:.1f} x", aim="≥ 5 x", falls_short=ratio < 5)
    finally:
        server.stop()


def profile(bench):
    """Where the server's time goes under single POSTs (needs perf)."""
    server = bench.server()
    server.receiver("fast", bench.nginx.url, inFlight=256)
    load = server.load("fast", connections=CONNECTIONS, seconds=bench.seconds)
    time.sleep(2)
    samples = f"{bench.folder}/perf.data"
    perf = subprocess.Popen(["perf", "record", "-q", "-g", "-F", "999", "-p", str(server.pid), "-o", samples],
                            stderr=subprocess.DEVNULL)
    rate, cpu = steady(server.pid, bench.nginx.count, bench.seconds - 3, 0.5)
    perf.send_signal(signal.SIGINT)
    perf.wait(60)
    load.result(may_fail=True)
    print(f"\n{rate:.0f} delivered/s under perf, {cpu:.1f} µs of server CPU each\n", flush=True)
    report = subprocess.run(["perf", "report", "-i", samples, "--stdio", "--no-children", "-g", "none", "--sort",
                             "comm,symbol", "--percent-limit", "0.7"], capture_output=True, text=True, check=True)
    print("\n".join(line.rstrip() for line in report.stdout.splitlines() if line and not line.startswith("#")))
    server.kill9()


SECTIONS = {"single": single, "batch100": batch100, "batch1000": batch1000, "mq": mq, "latency": latency, "late": late,
            "backlog": backlog, "hang": one_hangs, "dtm": dtm}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="of each measurement")
    parser.add_argument("--quick", action="store_true", help="10 s each, a backlog of 200,000")
    parser.add_argument("--only", action="append", choices=[*SECTIONS, "large", "profile"], default=[])
    parser.add_argument("--backlog", type=int, default=1000000)
    parser.add_argument("--pending", type=int, default=10000000, help="of --large")
    parser.add_argument("--large", action="store_true", help="also with so many pending (needs 10 GB of disk and time)")
    parser.add_argument("--profile", action="store_true", help="only where the time goes (needs perf)")
    options = parser.parse_args()
    if options.quick:
        options.seconds, options.backlog = 10, 200000
    chosen = options.only or [*SECTIONS, *(["large"] if options.large else [])]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    folder = tempfile.mkdtemp(prefix="tidings-bench-")
    bench = Bench(options, folder)
    try:
        if options.profile:
            profile(bench)
            return
        raw(bench)
        for name in chosen:
            {**SECTIONS, "large": large}[name](bench)
        bench.table()
    finally:
        bench.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
