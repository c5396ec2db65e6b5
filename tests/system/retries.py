# SPDX-License-Identifier: Apache-2.0
"""Walks a message up a retry ladder, as a consumer does that never succeeds."""
import dataclasses
import time

import codec

LATE_S = 60  # generous: the tests check that nothing comes early, not how punctual a loaded machine is


@dataclasses.dataclass
class Climb:
    delays_s: list  # from each give-back to the delivery that followed
    deliveries: list
    dead: codec.Message | None


def dead_letters(client, group):
    """Messages in the dead letter topic, which need not exist yet."""
    topic = f"%DLQ%{group}"
    if client.pull(topic).code == codec.NO_TOPIC:
        return []
    return client.read(topic)


def climb(client, topic, group, first=None, steps=40, **back):
    """Gives a message back until it is dead; back: arguments of send_back."""
    message = first or client.next(topic)
    retry, done = f"%RETRY%{group}", Climb([], [], None)
    start = client.max_offset(retry) if client.pull(retry).code != codec.NO_TOPIC else 0
    for step in range(steps):
        begun = time.time()
        answer = client.send_back(message, group, **back)
        assert answer.code == codec.OK, answer
        message = _next_or_dead(client, retry, start + step, group, done)
        if done.dead is not None:
            return done
        done.delays_s.append(time.time() - begun)
        done.deliveries.append(message)
    return done


def _next_or_dead(client, retry, offset, group, done):
    end = time.monotonic() + LATE_S + 10
    while time.monotonic() < end:
        letters = dead_letters(client, group)
        if letters:
            done.dead = letters[-1]
            return None
        if client.pull(retry).code == codec.NO_TOPIC:
            continue
        answer = client.pull(retry, offset, hold_ms=100, most=1)
        if answer.code == codec.OK:
            return codec.decode_messages(answer.body)[0]
    raise TimeoutError(f"neither offset {offset} of {retry} nor a dead letter came")


def check_delays(delays_s, rungs_s):
    """Each delay is at least its rung (clocks may differ by two milliseconds), and not hopelessly late."""
    assert len(delays_s) == len(rungs_s), delays_s
    for delay, rung in zip(delays_s, rungs_s):
        assert rung - 0.002 <= delay <= rung + LATE_S, f"{delays_s} for the rungs {rungs_s}"
