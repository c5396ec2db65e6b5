#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Load on the MQ while it is killed (-9) at random moments, again and again; this program outlives it and counts.

Producers number their messages and note each acknowledgement; some messages are delayed, some are given back and climb
the ladder. A consumer reads on from the offset that it has stored, and notes what it has seen before it stores an
offset. At the end everything is read: acknowledged and lost must be 0, offsets without gap, no offset ahead of what
was consumed."""
import argparse
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "broker"))
from remoting import Client, messages  # noqa: E402
from server import Server  # noqa: E402

TOPIC, GROUP, QUEUES, PRODUCERS = "chaos", "chaos_group", 4, 3
RETRY = f"%RETRY%{GROUP}"


class Book:
    """What the judge knows."""

    def __init__(self):
        self.lock = threading.Lock()
        self.acked = {}  # number -> kind
        self.given_back = {}  # number -> how often that was acknowledged
        self.seen = {}  # number -> deliveries
        self.consumed = {}  # (topic, queue) -> offset behind what was consumed
        self.unknown = 0
        self.refused = 0
        self.next = 0
        self.wrong = []


def produce(server, book, stop, seed):
    rng = random.Random(seed)
    client = None
    while not stop.is_set():
        try:
            client = client or Client(server.broker, timeout=5)
            with book.lock:
                number = book.next
                book.next += 1
            delayed = rng.random() < 0.1
            props = {"KEYS": str(number), **({"TIMER_DELAY_MS": str(rng.randrange(1, 800))} if delayed else {})}
            answer = client.send(TOPIC, str(number).encode(), queue=rng.randrange(QUEUES), props=props)
            with book.lock:
                if answer.code == 0:
                    book.acked[number] = "delayed" if delayed else "plain"
                else:
                    book.refused += 1
        except (OSError, TimeoutError):
            book.unknown += 1
            client = None
            time.sleep(0.02)


def take(client, book, topic, queue, rng, final):
    """Reads on one queue from the stored offset; returns how many messages."""
    stored = client.query_offset(GROUP, topic, queue)
    offset = int(stored.ext["offset"]) if stored.code == 0 else 0
    with book.lock:
        if offset > book.consumed.get((topic, queue), 0):
            book.wrong.append(f"offset {offset} of {topic} queue {queue} is ahead of what was consumed")
    answer = client.pull(topic, offset=offset, queue=queue, group=GROUP, suspend=0)
    if answer.code != 0:
        return 0
    found = messages(answer.body)
    for place, message in enumerate(found):
        if message.offset != offset + place:
            book.wrong.append(f"{topic} queue {queue}: offset {message.offset} where {offset + place} was expected")
        number = int(message.body)
        if not final and message.reconsume < 2 and rng.random() < 0.05:
            if client.send_back(message, GROUP).code == 0:
                with book.lock:
                    book.given_back[number] = book.given_back.get(number, 0) + 1
        with book.lock:
            book.seen[number] = book.seen.get(number, 0) + 1
    end = int(answer.ext["nextBeginOffset"])
    with book.lock:
        book.consumed[(topic, queue)] = max(end, book.consumed.get((topic, queue), 0))
    client.update_offset(GROUP, topic, end, queue)
    return len(found)


def consume(server, book, stop, seed):
    rng = random.Random(seed)
    client = None
    while not stop.is_set():
        try:
            client = client or Client(server.broker, timeout=5)
            got = sum(take(client, book, TOPIC, queue, rng, False) for queue in range(QUEUES))
            client.call(105, {"topic": RETRY})
            got += take(client, book, RETRY, 0, rng, False)
            if got == 0:
                time.sleep(0.01)
        except (OSError, TimeoutError):
            client = None
            time.sleep(0.02)


def drain(server, book):
    """Everything to the end, delayed and given back included: until nothing came for three seconds."""
    client = Client(server.broker)
    rng = random.Random(0)
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 3:
        got = sum(take(client, book, TOPIC, queue, rng, True) for queue in range(QUEUES))
        got += take(client, book, RETRY, 0, rng, True)
        if got:
            quiet_since = time.monotonic()
        else:
            time.sleep(0.05)
    client.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    rng = random.Random(options.seed)
    print(f"chaos mq: {options.cycles} cycles, seed {options.seed}", flush=True)
    folder = tempfile.mkdtemp(prefix="tidings-chaos-")
    server = Server(f"{folder}/data", "--retry-ladder", "100ms 300ms 500ms", "--topic", f"{TOPIC}:{QUEUES}",
                    "--segment-size", "8M", "--max-message-size", "1M")
    server.keep_ports()
    book, stop = Book(), threading.Event()
    threads = [threading.Thread(target=produce, args=(server, book, stop, rng.random())) for _ in range(PRODUCERS)]
    threads.append(threading.Thread(target=consume, args=(server, book, stop, rng.random())))
    for thread in threads:
        thread.start()
    slowest = 0.0
    for cycle in range(options.cycles):
        time.sleep(rng.uniform(0.05, 0.6))
        server.kill()
        begun = time.monotonic()
        server.start()
        slowest = max(slowest, time.monotonic() - begun)
        if (cycle + 1) % 20 == 0:
            print(f"  {cycle + 1} kills, {len(book.acked)} acknowledged", flush=True)
    stop.set()
    for thread in threads:
        thread.join()
    drain(server, book)
    lost = [number for number in book.acked if number not in book.seen]
    retries_lost = [number for number, times in book.given_back.items() if book.seen.get(number, 0) < times + 1]
    server.stop()
    rows = [("kills (-9)", options.cycles), ("sends acknowledged", len(book.acked)),
            ("  of them delayed", sum(kind == "delayed" for kind in book.acked.values())),
            ("sends with unknown outcome", book.unknown), ("sends refused", book.refused),
            ("given back and acknowledged", sum(book.given_back.values())),
            ("deliveries", sum(book.seen.values())), ("slowest start (s)", f"{slowest:.2f}"),
            ("acknowledged and lost", len(lost)), ("given back and lost", len(retries_lost)),
            ("offsets ahead or with gaps", len(book.wrong))]
    for name, value in rows:
        print(f"  {name:<30} {value:>10}")
    for text in book.wrong[:10]:
        print("  ", text)
    checks = [not lost, not retries_lost, not book.wrong, len(book.acked) > options.cycles]
    print(f"{sum(checks)} passed, {len(checks) - sum(checks)} failed")
    return 0 if all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
