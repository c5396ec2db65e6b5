#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Transactions while server and producers are killed (-9) at random moments; this program outlives them and judges.

Each producer is a process of its own with a database: it sends a half, does its local transaction (the business row
and the barrier row together), says how that ended, or leaves it to the check. A check inserts the rollback marker on
the same key: it either decides against a transaction that never came, or finds how it ended. At the end what the
database committed and what the topic delivers must be the same, each once.
"""
import argparse
import collections
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
import codec  # noqa: E402
import transactions  # noqa: E402
from client import Client  # noqa: E402
from server import Server  # noqa: E402

TOPIC, GROUP, QUEUES = "chaos_tx", "chaos_tx_group", 4
FLAGS = ("--topic", f"{TOPIC}:{QUEUES}", "--transaction-checks", "300ms 500ms 1s", "--transaction-check-max", "100000",
         "--segment-size", "8M", "--max-message-size", "1M", "--log-level", "warn")
LOST = (OSError, TimeoutError)
COMMIT, ROLLBACK, UNKNOWN = 8, 12, 0


# ---- a producer: a process that is killed ----

def open_database(path):
    database = sqlite3.connect(path, timeout=30, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")  # the process dies here, not the machine
    database.execute("CREATE TABLE IF NOT EXISTS barrier (id TEXT PRIMARY KEY, reason TEXT NOT NULL)")
    database.execute("CREATE TABLE IF NOT EXISTS business (id TEXT PRIMARY KEY)")
    return database


def local_transaction(database, key, wants_commit):
    """True when it was committed; False when it was rolled back, by itself or because a check came first."""
    database.execute("BEGIN IMMEDIATE")
    first = database.execute("INSERT OR IGNORE INTO barrier VALUES (?, 'commit')", (key,)).rowcount == 1
    if first:
        database.execute("INSERT INTO business VALUES (?)", (key,))
    if first and wants_commit:
        database.execute("COMMIT")
        return True
    database.execute("ROLLBACK")
    return False


def check(database, key):
    database.execute("BEGIN IMMEDIATE")
    database.execute("INSERT OR IGNORE INTO barrier VALUES (?, 'rollback')", (key,))
    [reason] = database.execute("SELECT reason FROM barrier WHERE id = ?", (key,)).fetchone()
    database.execute("COMMIT")
    return COMMIT if reason == "commit" else ROLLBACK


def answer_checks(client, path, rng, stop):
    database = open_database(path)
    while not stop.is_set():
        try:
            push = client.wait_pushed(transactions.CHECK, 0.2)
        except TimeoutError:
            continue
        except OSError:
            return
        message = codec.decode_messages(push.body)[0]
        half = transactions.Half(GROUP, TOPIC, push.ext["msgId"], push.ext["offsetMsgId"],
                                 int(push.ext["commitLogOffset"]), int(push.ext["tranStateTableOffset"]))
        unknown = rng.random() < 0.2
        decision = UNKNOWN if unknown else check(database, message.body.decode())
        try:
            client.post(transactions.END, half.ext(decision, from_check=True))
        except OSError:
            return


def produce(broker, path, seed, only_checks):
    rng = random.Random(seed)
    database = open_database(path)
    while True:
        try:
            with Client(broker, timeout_s=5) as client:
                stop = threading.Event()
                client.beat(f"producer {os.getpid()}", producers=[GROUP])
                checker = threading.Thread(target=answer_checks, args=(client, path, rng, stop), daemon=True)
                checker.start()
                try:
                    while only_checks and not client.is_closed:
                        time.sleep(0.1)
                    while not client.is_closed:
                        one_transaction(client, database, rng)
                finally:
                    stop.set()
                    checker.join()
        except (*LOST, AssertionError):  # a refused half is one that never was
            time.sleep(0.02)


def one_transaction(client, database, rng):
    key = f"{os.getpid()}-{time.time_ns()}-{rng.getrandbits(32)}"
    waiting = transactions.half(client, TOPIC, key.encode(), rng.randrange(QUEUES), GROUP)
    wants_commit = rng.random() < 0.75
    if rng.random() < 0.05:
        time.sleep(rng.uniform(0.2, 0.9))  # long enough for a check to come between
    committed = local_transaction(database, key, wants_commit)
    if rng.random() < 0.85:
        client.post(transactions.END, waiting.ext(COMMIT if committed else ROLLBACK))
        if rng.random() < 0.1:  # said twice
            client.post(transactions.END, waiting.ext(COMMIT if committed else ROLLBACK))


# ---- the judge ----

def start_producer(server, path, only_checks=False):
    words = [sys.executable, __file__, "--produce", server.broker, "--database", str(path), "--seed",
             str(random.getrandbits(32))]
    return subprocess.Popen(words + (["--only-checks"] if only_checks else []), stderr=subprocess.DEVNULL)


def storm(server, path, options, rng):
    producers = [start_producer(server, path) for _ in range(options.producers)]
    kills = collections.Counter()
    try:
        while sum(kills.values()) < options.cycles:
            time.sleep(rng.uniform(0.02, 0.5))
            if rng.random() < 0.5:
                server.kill9()
                server.start()
                kills["server"] += 1
            else:
                place = rng.randrange(len(producers))
                producers[place].send_signal(signal.SIGKILL)
                producers[place].wait()
                producers[place] = start_producer(server, path)
                kills["producer"] += 1
            if sum(kills.values()) % 20 == 0:
                print(f"  {kills['server']} kills of the server, {kills['producer']} of a producer", flush=True)
        time.sleep(0.5)
    finally:
        for producer in producers:
            producer.kill()
            producer.wait()
    return kills


def wait_decided(server, path, within_s=300):
    helper = start_producer(server, path, only_checks=True)
    until = time.monotonic() + within_s
    try:
        with Client(server.broker) as client:
            while time.monotonic() < until:
                left = transactions.transactions(client)["undecided"]
                if left == 0:
                    return 0
                time.sleep(0.2)
            return left
    finally:
        helper.kill()
        helper.wait()


def judge(server, path, undecided):
    database = open_database(path)
    committed = {key for (key,) in database.execute("SELECT id FROM business")}
    delivered = collections.Counter()
    with Client(server.broker) as client:
        for queue in range(QUEUES):
            delivered.update(message.body.decode() for message in client.read(TOPIC, queue=queue))
    checks = {
        "committed and never delivered": committed - set(delivered),
        "delivered and never committed": set(delivered) - committed,
        "delivered more than once": {key for key, count in delivered.items() if count > 1},
        "undecided at the end": range(undecided),
        "load was real": [] if len(committed) > 50 else ["too few transactions"],
    }
    print(f"\n  committed and delivered {len(committed)}, barriers {database.execute('SELECT COUNT(*), SUM(reason = ?) FROM barrier', ('rollback',)).fetchone()} (all, by a check)\n")
    for name, found in checks.items():
        print(f"  {'FAILED' if found else 'ok    '} {name:34} {len(found)}  {', '.join(map(str, list(found)[:3]))}")
    failed = sum(1 for found in checks.values() if found)
    print(f"{len(checks) - failed} passed, {failed} failed")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=200)
    parser.add_argument("--producers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.getrandbits(32))
    parser.add_argument("--produce", metavar="BROKER", help=argparse.SUPPRESS)
    parser.add_argument("--database", help=argparse.SUPPRESS)
    parser.add_argument("--only-checks", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.produce:
        produce(options.produce, options.database, options.seed, options.only_checks)
        return 0
    print(f"{options.cycles} kills, {options.producers} producers, seed {options.seed}", flush=True)
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="tidings-chaos-tx-") as folder:
        path = Path(folder) / "business.db"
        open_database(path).close()
        server = Server(Path(folder) / "data", FLAGS)
        server.start()
        kills = storm(server, path, options, rng)
        print(f"  {kills['server']} kills of the server, {kills['producer']} of a producer; waiting for the checks")
        failed = judge(server, path, wait_decided(server, path))
        server.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
