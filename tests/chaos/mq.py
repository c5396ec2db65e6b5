#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Load on the embedded MQ while it is killed (-9) at random moments; this program outlives it and judges.

Producers number their messages and note every acknowledgement with the place it named. Consumers note what they have
seen before they commit an offset, and give some messages back. Some kills come while the server is still starting.
At the end everything is drained and compared. Nothing of the program under test is used but its ports.
"""
import argparse
import collections
import concurrent.futures
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
import codec  # noqa: E402
from client import Client  # noqa: E402
from server import Server  # noqa: E402

TOPIC, QUEUES = "chaos", 4
GROUPS = ("chaos_reader", "chaos_climber")  # the second gives messages back
RUNGS_MS = (100, 300, 500)
LEVELS_MS = (50, 400)
FLAGS = ("--topic", f"{TOPIC}:{QUEUES}", "--retry-ladder", " ".join(f"{ms}ms" for ms in RUNGS_MS),
         "--message-delay-level", " ".join(f"{ms}ms" for ms in LEVELS_MS), "--segment-size", "8M",
         "--max-message-size", "1M", "--log-level", "warn")
LOST = (OSError, TimeoutError)  # the connection died with the server: the outcome is unknown


class Judge:
    """All that is known, and the complaints."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next_number = 0
        self.acked = {}  # number → (kind, queue, offset or None when delayed, due_ms)
        self.outcome_unknown, self.refused = set(), 0
        self.places = {}  # (topic, queue, offset) → (number, position): a place never changes what it holds
        self.deliveries = collections.Counter()  # (group, number)
        self.consumed = collections.defaultdict(int)  # (group, topic, queue) → one behind the last consumed
        self.backs_acked = collections.Counter()  # (group, number)
        self.backs_unknown = collections.Counter()
        self.highest_step = collections.Counter()  # (group, number) → highest reconsume count seen
        self.complaints = collections.defaultdict(list)

    def complain(self, check, text):
        self.complaints[check].append(text)

    def number(self, count=1):
        with self.lock:
            self.next_number += count
            return self.next_number - count

    def see(self, group, topic, queue, message, now_ms):
        number = int(message.body.split(b" ")[0])
        with self.lock:
            place = (topic, queue, message.offset)
            held = self.places.setdefault(place, (number, message.position))
            if held != (number, message.position):
                self.complain("places keep what they hold", f"{place}: {held} became {number, message.position}")
            kind, at, offset, due_ms = self.acked.get(number, (None, None, None, 0))
            if topic == TOPIC and offset is not None and (at, offset) != (queue, message.offset):
                self.complain("acknowledged places", f"{number} acknowledged at {at, offset}, found at {place}")
            if topic == TOPIC and due_ms and now_ms < due_ms - 2:
                self.complain("nothing comes early", f"{number} ({kind}) came {due_ms - now_ms:.0f} ms early")
            self.deliveries[group, number] += 1
            self.highest_step[group, number] = max(self.highest_step[group, number], message.reconsume)
        return number


# ---- producers ----

def ask_for(kind, judge, client, rng):
    """One request of this kind: (code, header, body, numbers, queue, due_ms)."""
    queue = rng.randrange(QUEUES)
    if kind == "batch":
        count = rng.randint(2, 20)
        first = judge.number(count)
        items = [(f"{first + i} batch".encode(), {"KEYS": f"key{first + i}"}) for i in range(count)]
        ext = client.send_ext(TOPIC, queue, m="true")
        return codec.SEND_BATCH, ext, codec.encode_batch(items), list(range(first, first + count)), queue, 0
    number, due_ms, props = judge.number(), 0, {}
    props["KEYS"] = f"key{number}"
    if kind == "timer":
        delay = rng.randint(1, 900)
        props["TIMER_DELAY_MS"], due_ms = str(delay), time.time() * 1000 + delay
    elif kind == "level":
        level = rng.randint(1, len(LEVELS_MS))
        props["DELAY"], due_ms = str(level), time.time() * 1000 + LEVELS_MS[level - 1]
    body = f"{number} {kind} ".encode() + b"x" * rng.choice((0, 10, 1000, 20_000))
    return codec.SEND_V2, client.send_ext(TOPIC, queue, props), body, [number], queue, due_ms


def note_answer(judge, kind, numbers, answer, due_ms):
    with judge.lock:
        if answer.code != codec.OK:
            judge.refused += len(numbers)
            return
        offset = None if due_ms else int(answer.ext["queueOffset"])
        for place, number in enumerate(numbers):
            where = None if offset is None else offset + place
            judge.acked[number] = (kind, int(answer.ext["queueId"]), where, due_ms)


def produce(server, judge, stop, seed):
    """Keeps up to 16 requests in flight; reconnects when the server is back."""
    rng = random.Random(seed)
    while not stop.is_set():
        flying = collections.deque()
        try:
            with Client(server.broker, timeout_s=5) as client:
                while not stop.is_set() or flying:
                    while len(flying) < 16 and not stop.is_set():
                        kind = rng.choices(("plain", "batch", "timer", "level"), (80, 5, 10, 5))[0]
                        code, ext, body, numbers, _, due_ms = ask_for(kind, judge, client, rng)
                        opaque = client.frame(0).opaque
                        flying.append((opaque, kind, numbers, due_ms))
                        client.begin(code, ext, body, opaque=opaque)
                    opaque, kind, numbers, due_ms = flying[0]
                    note_answer(judge, kind, numbers, client.finish(opaque), due_ms)
                    flying.popleft()
        except LOST:
            with judge.lock:
                judge.outcome_unknown.update(number for _, _, numbers, _ in flying for number in numbers)
            stop.wait(0.01)


# ---- consumers ----

def start_offset(judge, client, group, topic, queue):
    """The stored offset, which must never be ahead of what this group has consumed."""
    stored = client.committed(group, topic, queue) or 0
    with judge.lock:
        if stored > judge.consumed[group, topic, queue]:
            judge.complain("offsets never ahead", f"{group} {topic} {queue}: stored {stored}, consumed "
                                                  f"{judge.consumed[group, topic, queue]}")
    return stored


def give_back(judge, client, group, message, number):
    try:
        answer = client.send_back(message, group)
    except LOST:
        with judge.lock:
            judge.backs_unknown[group, number] += 1
        raise
    if answer.code == codec.OK:
        with judge.lock:
            judge.backs_acked[group, number] += 1


def consume_once(judge, client, group, topic, queue, offset, rng, share_back, hold_ms):
    """One pull: sees, gives back, notes, commits. Returns where to go on."""
    answer = client.pull(topic, offset, queue, group=group, hold_ms=hold_ms)
    now_ms = time.time() * 1000
    if answer.code in (codec.PULL_NOTHING, codec.NO_TOPIC):
        return offset
    if answer.code != codec.OK:
        judge.complain("pulls are answered", f"{group} {topic} {queue} offset {offset}: {answer}")
        return int(answer.ext["nextBeginOffset"]) if "nextBeginOffset" in (answer.ext or {}) else offset
    for place, message in enumerate(codec.decode_messages(answer.body)):
        if message.offset != offset + place:
            judge.complain("no gaps", f"{topic} {queue}: {message.offset} where {offset + place} was due")
        number = judge.see(group, topic, queue, message, now_ms)
        if rng.random() < share_back:
            give_back(judge, client, group, message, number)
    end = int(answer.ext["nextBeginOffset"])
    with judge.lock:
        judge.consumed[group, topic, queue] = max(judge.consumed[group, topic, queue], end)
    if rng.random() < 0.7:
        client.commit(group, topic, end, queue)
    return end


def consume(server, judge, stop, seed, group):
    rng = random.Random(seed)
    retry = f"%RETRY%{group}"
    share_back = 0.05 if group == GROUPS[1] else 0
    while not stop.is_set():
        try:
            with Client(server.broker, timeout_s=5) as client:
                client.beat(f"client of {group}", group, [TOPIC])
                client.route(retry)
                places = [(TOPIC, queue) for queue in range(QUEUES)] + [(retry, 0)]
                offsets = {place: start_offset(judge, client, group, *place) for place in places}
                while not stop.is_set():
                    for topic, queue in places:
                        share = share_back * (6 if topic == retry else 1)
                        offsets[topic, queue] = consume_once(judge, client, group, topic, queue,
                                                             offsets[topic, queue], rng, share, 5)
        except LOST:
            stop.wait(0.01)


def drain(server, judge, group):
    """Reads on to the end of everything, until nothing waits for its time and nothing has come for two seconds."""
    rng = random.Random(0)
    retry, dead = f"%RETRY%{group}", f"%DLQ%{group}"
    places = [(TOPIC, queue) for queue in range(QUEUES)] + [(retry, 0), (dead, 0)]
    with Client(server.broker) as client:
        offsets = {place: start_offset(judge, client, group, *place) if place[0] != dead else 0 for place in places}
        quiet_since, until = time.monotonic(), time.monotonic() + 300
        while time.monotonic() - quiet_since < 2 and time.monotonic() < until:
            if server.metric("tidings_delayed_messages") > 0:
                quiet_since = time.monotonic()
            for topic, queue in places:
                end = consume_once(judge, client, group, topic, queue, offsets[topic, queue], rng, 0, 5)
                if end != offsets[topic, queue]:
                    offsets[topic, queue], quiet_since = end, time.monotonic()


# ---- the end ----

def whole_queues(server, judge):
    """Reads every queue from its first message; returns number → places in the topic itself."""
    found = collections.defaultdict(list)
    with Client(server.broker) as client:
        for queue in range(QUEUES):
            if client.min_offset(TOPIC, queue) != 0:
                judge.complain("no gaps", f"queue {queue} begins at {client.min_offset(TOPIC, queue)}")
            messages = client.read(TOPIC, queue=queue)
            if [message.offset for message in messages] != list(range(client.max_offset(TOPIC, queue))):
                judge.complain("no gaps", f"queue {queue} has holes or doubles")
            for message in messages:
                found[judge.see("the judge", TOPIC, queue, message, 1 << 62)].append((queue, message.offset))
    return found


def look_up_keys(server, judge, rng):
    numbers = [number for number, (kind, *_) in judge.acked.items() if kind in ("plain", "batch")]
    with Client(server.broker) as client:
        for number in rng.sample(numbers, min(300, len(numbers))):
            answer = client.query(TOPIC, f"key{number}")
            bodies = codec.decode_messages(answer.body) if answer.code == codec.OK else []
            if not any(int(message.body.split(b" ")[0]) == number for message in bodies):
                judge.complain("found by key", f"key{number}: {answer}")


def verdict(judge, found):
    for number, (kind, queue, offset, _) in judge.acked.items():
        if not found[number]:
            judge.complain("acknowledged and lost", f"{number} ({kind})")
        elif len(found[number]) > 1:
            judge.complain("stored once", f"{number} ({kind}) at {found[number]}")
        elif offset is not None and found[number] != [(queue, offset)]:
            judge.complain("acknowledged places", f"{number}: {queue, offset} said, {found[number]} true")
        for group in GROUPS:
            if not judge.deliveries[group, number]:
                judge.complain("consumed by every group", f"{number} ({kind}) never reached {group}")
    stored = collections.Counter((topic.split("%")[-1], held) for (topic, _, _), (held, _) in judge.places.items())
    for (group, number), count in judge.backs_acked.items():
        copies = stored[group, number]  # in %RETRY%group and %DLQ%group
        if copies < count:
            judge.complain("given back and lost", f"{number} by {group}: {count} times, {copies} copies")
        if copies > count + judge.backs_unknown[group, number]:
            judge.complain("copies of a give-back", f"{number} by {group}: {count} times, {copies} copies")
    unknown_found = sum(1 for number in judge.outcome_unknown if found[number])
    for number in judge.outcome_unknown:
        if len(found[number]) > 1:
            judge.complain("stored once", f"{number} (outcome unknown) at {found[number]}")
    return unknown_found


CHECKS = ("acknowledged and lost", "acknowledged places", "stored once", "no gaps", "places keep what they hold",
          "offsets never ahead", "nothing comes early", "consumed by every group", "given back and lost",
          "copies of a give-back", "found by key", "pulls are answered", "load was real", "orderly stop at the end")


def kill_while_starting(server, rng):
    """Starts it once and kills it before or about when it is ready."""
    with open(server.stderr_path, "ab") as errors:
        process = subprocess.Popen(server.arguments(), stdout=subprocess.DEVNULL, stderr=errors)
    time.sleep(rng.uniform(0, 0.05))
    process.kill()
    process.wait()


def storm(server, judge, options, rng):
    stop, slowest = threading.Event(), 0.0
    work = [(produce, (server, judge, stop, rng.random())) for _ in range(options.producers)]
    work += [(consume, (server, judge, stop, rng.random(), group)) for group in GROUPS]
    with concurrent.futures.ThreadPoolExecutor(len(work)) as pool:
        running = [pool.submit(function, *arguments) for function, arguments in work]
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
                    print(f"  {cycle + 1:4} kills, {len(judge.acked)} acknowledged", flush=True)
            time.sleep(0.5)
        finally:
            stop.set()
        for one in running:
            one.result()  # an error in a worker is an error of the run
    return slowest


def report(judge, options, slowest, unknown_found):
    kinds = collections.Counter(kind for kind, *_ in judge.acked.values())
    rows = [("kills (-9)", options.cycles), ("messages acknowledged", len(judge.acked)),
            *((f"  {kind}", kinds[kind]) for kind in ("plain", "batch", "timer", "level")),
            ("outcome unknown (connection lost)", len(judge.outcome_unknown)), ("  of them stored", unknown_found),
            ("refused", judge.refused), ("given back, acknowledged", sum(judge.backs_acked.values())),
            ("deliveries", sum(judge.deliveries.values())), ("slowest start (s)", f"{slowest:.2f}")]
    for name, value in rows:
        print(f"  {name:<36}{value:>10}")
    print()
    for check in CHECKS:
        count = len(judge.complaints[check])
        print(f"  {'ok    ' if not count else 'FAILED'} {check:<32}{count:>8}")
        for text in judge.complaints[check][:5]:
            print(f"           {text[:300]}")
    failed = sum(1 for check in CHECKS if judge.complaints[check])
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--producers", type=int, default=3)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", action="store_true", help="leave the data folder behind")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    folder = Path(tempfile.mkdtemp(prefix="tidings-chaos-"))
    print(f"chaos mq: {options.cycles} cycles, seed {options.seed}, data in {folder}", flush=True)
    judge, server = Judge(), Server(folder / "data", FLAGS)
    server.start()
    try:
        slowest = storm(server, judge, options, rng)
        with concurrent.futures.ThreadPoolExecutor(len(GROUPS)) as pool:
            for one in [pool.submit(drain, server, judge, group) for group in GROUPS]:
                one.result()
        unknown_found = verdict(judge, whole_queues(server, judge))
        look_up_keys(server, judge, rng)
        if len(judge.acked) < 20 * options.cycles:
            judge.complain("load was real", f"only {len(judge.acked)} acknowledged")
        try:
            server.stop()
        except AssertionError as error:
            judge.complain("orderly stop at the end", str(error))
        failed = report(judge, options, slowest, unknown_found)
    except RuntimeError as error:  # it did not start again
        print(f"  FAILED {error}\n0 passed, 1 failed")
        return 1
    finally:
        if server.is_running:
            server.kill9()
    if not failed and not options.keep:
        shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
