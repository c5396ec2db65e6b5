#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Notifications under load while the server is killed (-9) at random moments; this program outlives it and judges.

It hands over, receives with scripts of its own (some fail so often, some at once, some are slow, some drop the
connection), and writes down what it was told and what arrived. At the end it reads the whole record, and compares:
nothing that was accepted may be missing, no byte may differ, no attempt may stand outside of the ladder, neither by the
record nor by the receiver's own clock. What was in hand at a kill stands on record as interrupted and is made again:
that costs no rung, and it must be a kill's. Nothing else comes twice: such duplicates are told, and there are none.
"""
import argparse
import collections
import concurrent.futures
import hashlib
import http.client
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from notifier import ALLOW, Notifier  # noqa: E402
from receivers import Receiver, answer  # noqa: E402
from server import Server  # noqa: E402

RUNGS_MS = (100, 200, 400, 700, 1000, 1500)
LADDER = " ".join(f"{rung}ms" for rung in RUNGS_MS)
TIMEOUT_MS = 2000
# An attempt's length is added to its rung; a reply may wait for a busy loop, a record for a slow disk.
LATE_MS = 20_000
FLAGS = (ALLOW, "--segment-size=8M", "--max-message-size=1M", "--log-level=warn")
LOST = (OSError, http.client.HTTPException, ValueError)
# What a receiver does by attempt number; the last repeats. "never" ones die with their ladder.
SCRIPTS = {"fine": ["ok"], "once": ["500", "ok"], "thrice": ["500", "reset", "close", "ok"], "slow": ["slow"],
           "never": ["500"], "busy": ["429", "ok"]}


class Judge:
    def __init__(self):
        self.lock = threading.Lock()
        self.accepted = {}  # id → (kind, hash of the payload, clock when it was sent off)
        self.unknown = {}  # tx_no → hash: no answer came
        self.refused = collections.Counter()
        self.complaints = collections.defaultdict(list)

    def complain(self, check, text):
        with self.lock:
            self.complaints[check].append(text)


# ---- the receiver ----
def act(sink):
    def run(call, request):
        kind = request.path[1:]
        script = SCRIPTS[kind]
        what = script[min(request.attempt, len(script)) - 1]
        if what == "reset":
            call.reset()
            return False
        if what == "close":
            return False
        if what == "slow":
            sink.ended.wait(0.05)
        code = 200 if what in ("ok", "slow") else int(what)
        call.send(answer(code, b"", [("Retry-After", "1")] if code == 429 else []))
        return True
    return run


# ---- load ----
def produce(server, judge, stop, seed):
    rng, number = random.Random(seed), 0
    while not stop.is_set():
        api = Notifier(server)
        kind = rng.choices(list(SCRIPTS), [50, 18, 12, 13, 5, 2])[0]
        count = rng.choice((1, 1, 1, 20))
        bodies = [rng.randbytes(rng.randrange(0, 2000)) for _ in range(count)]
        names = [f"{seed}-{number + place}" for place in range(count)]
        number += count
        sent_ms = time.time() * 1000
        try:
            results = submit(api, kind, names, bodies)
        except LOST:
            with judge.lock:
                judge.unknown.update({name: hashlib.sha256(body).hexdigest() for name, body in zip(names, bodies)})
            stop.wait(0.02)
            continue
        except AssertionError as error:
            judge.complain("every answer keeps the rules", str(error)[:300])
            continue
        with judge.lock:
            for name, body, result in zip(names, bodies, results):
                if isinstance(result, int):
                    judge.refused[result] += 1
                    judge.unknown[name] = hashlib.sha256(body).hexdigest()
                else:
                    judge.accepted[result] = kind, hashlib.sha256(body).hexdigest(), sent_ms


def submit(api, kind, names, bodies):
    """The id of each, or the status with which it was refused."""
    import base64
    if len(names) == 1:
        made = api.call("POST", "/v1/notifications", bodies[0], content_type="application/octet-stream", timeout_s=20, headers={
            "Tidings-Tx-No": names[0], "Tidings-Source": "chaos", "Tidings-Type": kind, "Tidings-Receivers": kind})
        return [made.json["notifications"][0]["id"] if made.status == 202 else made.status]
    items = [{"source": "chaos", "type": kind, "txNo": name, "receivers": [kind], "payloadBase64": base64.b64encode(body).decode()}
             for name, body in zip(names, bodies)]
    made = api.call("POST", "/v1/notifications", {"notifications": items}, timeout_s=20)
    if made.status not in (202, 207):
        return [made.status] * len(names)
    return [one["notifications"][0]["id"] if one["status"] == 202 else one["status"] for one in made.json["results"]]


def kill_while_starting(server, rng):
    with open(server.stderr_path, "ab") as errors:
        process = subprocess.Popen(server.arguments(), stdout=subprocess.DEVNULL, stderr=errors)
    time.sleep(rng.uniform(0, 0.05))
    process.kill()
    process.wait()


def storm(server, judge, options, rng):
    stop, slowest = threading.Event(), 0.0
    with concurrent.futures.ThreadPoolExecutor(options.producers) as pool:
        running = [pool.submit(produce, server, judge, stop, rng.getrandbits(40)) for _ in range(options.producers)]
        try:
            for cycle in range(options.cycles):
                time.sleep(rng.uniform(0.02, 0.7))
                server.kill9()
                if rng.random() < 0.2:
                    kill_while_starting(server, rng)
                begun = time.monotonic()
                server.start()
                slowest = max(slowest, time.monotonic() - begun)
                if (cycle + 1) % 10 == 0:
                    print(f"  {cycle + 1:4} kills, {len(judge.accepted)} accepted", flush=True)
            time.sleep(0.5)
        finally:
            stop.set()
        for one in running:
            one.result()
    return slowest


def drain(api, within_s=300):
    """Until nothing waits: every ladder has ended."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        left = sum(api.show(kind).get("waiting", 0) for kind in SCRIPTS)
        if left == 0:
            return 0
        time.sleep(0.5)
    return left


# ---- the verdict ----
def judge_rows(api, judge, rows):
    for id, (kind, _, _) in judge.accepted.items():
        row = rows.get(id)
        if row is None:
            judge.complain("accepted and not on record", f"{id} ({kind})")
        elif row["receiver"] != kind or row["state"] not in ("delivered", "dead"):
            judge.complain("accepted and neither delivered nor dead", f"{row}")
        elif row["state"] == "dead" and kind != "never" and row["attempts"] <= len(RUNGS_MS):
            judge.complain("dead before the end of its ladder", f"{row}")
        elif row["state"] == "delivered" and kind == "never":
            judge.complain("delivered where nothing was taken", f"{row}")
    keys = collections.Counter((row["receiver"], row["txNo"]) for row in rows.values())
    for key, count in keys.items():
        if count > 1:
            judge.complain("one notification for a key", f"{key}: {count}")
    return sum(1 for row in rows.values() if row["txNo"] in judge.unknown)


def judge_bytes(judge, rows, by_id):
    hashes = {id: hash for id, (_, hash, _) in judge.accepted.items()}
    for id, requests in by_id.items():
        wanted = hashes.get(id) or judge.unknown.get(rows[id]["txNo"] if id in rows else None)
        if wanted is None:
            judge.complain("sent and never handed over", id)
        elif any(hashlib.sha256(one.body).hexdigest() != wanted for one in requests):
            judge.complain("payload bytes differ", id)
    for id in judge.accepted:
        if rows.get(id, {}).get("state") == "delivered" and id not in by_id:
            judge.complain("said delivered and never arrived", id)


def judge_climb(judge, id, attempts, requests):
    """The record against the ladder, and the receiver's clock against the record."""
    if [one["number"] for one in attempts] != list(range(1, len(attempts) + 1)):
        judge.complain("attempts are numbered in order", f"{id}: {[one['number'] for one in attempts]}")
        return
    made = [one for one in attempts if one["errorClass"] != "interrupted"]
    if len(made) > len(RUNGS_MS) + 1:
        judge.complain("attempts outside of the ladder (record)", f"{id}: {len(made)}")
        return
    for place, one in enumerate(made[:-1]):
        least = one["begunAt"] + RUNGS_MS[place]
        asked = 1000 if one.get("status") == 429 else 0
        most = one["begunAt"] + max(RUNGS_MS[place], asked) + one["phases"]["total"] / 1000 + LATE_MS
        if not least <= one.get("nextDueAt", 0) <= most or made[place + 1]["begunAt"] < one["nextDueAt"]:
            judge.complain("attempts outside of the ladder (record)", f"{id} {place + 1}: {one} then {made[place + 1]}")
    due = {1: 0, **{one["number"] + 1: one.get("nextDueAt", 1 << 60) for one in attempts}}
    for request in requests:
        if request.attempt not in due or request.wall_ms < due[request.attempt] - 2:
            judge.complain("attempts outside of the ladder (receiver)", f"{id} {request.attempt} at {request.wall_ms}, due {due.get(request.attempt)}")


def verdict(api, judge, sink):
    rows = {one["id"]: one for one in api.list(limit=1000)}
    by_id = collections.defaultdict(list)
    for request in sink.got():
        by_id[request.id].append(request)
    unknown_found = judge_rows(api, judge, rows)
    judge_bytes(judge, rows, by_id)
    duplicates, interrupted = 0, 0
    for id, row in rows.items():
        attempts = api.attempts(id)
        if row["attempts"] != len(attempts):
            judge.complain("attempts are counted", f"{row}, {len(attempts)}")
        judge_climb(judge, id, attempts, by_id[id])
        interrupted += sum(one["errorClass"] == "interrupted" for one in attempts)
        numbers = collections.Counter(one.attempt for one in by_id[id])
        duplicates += sum(count - 1 for count in numbers.values())
    return unknown_found, duplicates, interrupted, len(rows)


CHECKS = ("accepted and not on record", "accepted and neither delivered nor dead", "dead before the end of its ladder",
          "delivered where nothing was taken", "said delivered and never arrived", "sent and never handed over", "payload bytes differ",
          "attempts outside of the ladder (record)", "attempts outside of the ladder (receiver)", "attempts are numbered in order",
          "attempts are counted", "one notification for a key", "every answer keeps the rules", "everything ended", "load was real",
          "orderly stop at the end")


def report(judge, figures):
    for name, value in figures:
        print(f"  {name:<44}{value:>10}")
    print()
    for check in CHECKS:
        found = judge.complaints[check]
        print(f"  {'ok    ' if not found else 'FAILED'} {check:<44}{len(found):>8}")
        for text in found[:5]:
            print(f"           {text[:400]}")
    failed = sum(1 for check in CHECKS if judge.complaints[check])
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return failed


def run(server, sink, judge, options, rng):
    server.start()
    api = Notifier(server)
    for kind in SCRIPTS:
        api.receiver(sink.url(f"/{kind}"), name=kind, ladder=LADDER, timeoutMs=TIMEOUT_MS, inFlight=32, breaker={"failures": 0})
    slowest = storm(server, judge, options, rng)
    print("  waiting for every ladder to end", flush=True)
    left = drain(api)
    if left:
        judge.complain("everything ended", f"{left} still wait")
    unknown_found, duplicates, interrupted, rows = verdict(api, judge, sink)
    if len(judge.accepted) < 10 * options.cycles:
        judge.complain("load was real", f"only {len(judge.accepted)} accepted")
    try:
        server.stop()
    except AssertionError as error:
        judge.complain("orderly stop at the end", str(error))
    return report(judge, [("kills (-9)", options.cycles), ("accepted (202)", len(judge.accepted)), ("on record", rows),
                          ("no answer came", len(judge.unknown)), ("  of them on record", unknown_found),
                          ("refused", sum(judge.refused.values())), ("requests that arrived", len(sink.got())),
                          ("attempts in hand at a kill, made again", interrupted),
                          ("duplicates (the same attempt twice)", duplicates), ("slowest start (s)", f"{slowest:.2f}")])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--producers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", action="store_true", help="leave the data folder behind")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tidings-chaos-push-"))
    print(f"chaos push: {options.cycles} cycles, seed {options.seed}, data in {folder}, process {os.getpid()}", flush=True)
    judge, server = Judge(), Server(folder / "data", FLAGS)
    failed = 1
    with Receiver() as sink:
        sink.default = act(sink)
        try:
            failed = run(server, sink, judge, options, random.Random(options.seed))
        except RuntimeError as error:  # it did not start again
            print(f"  FAILED {error}\n0 passed, 1 failed")
        finally:
            if server.is_running:
                server.kill9()
    if not failed and not options.keep:
        shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
