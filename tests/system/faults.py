# SPDX-License-Identifier: Apache-2.0
"""The program with faults that a test switches on while it runs, see tests/fault/server/faults.c."""
import contextlib
import mmap
import struct
import time
from pathlib import Path

import server
from client import ANSWER_S, Closed, wait_until

PROGRAM = str(Path(server.PROGRAM).resolve().parent / "tests" / "tidings_faults")
SIZE, NAMES_AT, COLD, SUBMITTED, RETIRED, POINTS = 8192, 4096, 0, 1, 2, 3
FIRST, COUNT, CALLS, FAILED = range(4)
NEVER = 1 << 62


class Control:
    """The page that both sides map: arm(point, n) makes the n-th call from now on fail, and the next count - 1.

    Cold: buffers that are kept between requests are let go, so that each request allocates its own.
    """

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(SIZE))
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), SIZE)
        self.armed = []

    def names(self):
        return self.page[NAMES_AT:].split(b"\0", 1)[0].decode().split()

    def _place(self, point, member):
        return POINTS + self.names().index(point) * 4 + member

    def _get(self, place):
        return struct.unpack_from("=Q", self.page, place * 8)[0]

    def _set(self, place, value):
        struct.pack_into("=Q", self.page, place * 8, value)

    def arm(self, point, first, count=1, cold=True):
        self._set(self._place(point, FIRST), 0)
        for member, value in ((CALLS, 0), (FAILED, 0), (COUNT, count), (FIRST, first)):
            self._set(self._place(point, member), value)
        self._set(COLD, int(cold))
        self.armed.append(point)

    def disarm(self):
        for point in self.armed:
            self._set(self._place(point, FIRST), 0)
        self._set(COLD, 0)
        self.armed.clear()

    def calls(self, point):
        return self._get(self._place(point, CALLS))

    def failed(self, point):
        return self._get(self._place(point, FAILED))

    def is_indexed(self):
        return self._get(SUBMITTED) == self._get(RETIRED)


class FaultyServer(server.Server):
    """Started with its control page; a restart begins with a page without faults."""

    def __init__(self, data, flags=()):
        super().__init__(data, flags, command=(PROGRAM,))
        self.control = None

    def start(self):
        self.control = Control(self.data.parent / (self.data.name + ".faults"))
        self.env = {"TIDINGS_FAULT_CONTROL": str(self.control.path)}
        return super().start()


def rounds():
    """Which call fails: each of the first forty, then at growing distances."""
    number = 1
    while number < 100_000:
        yield number
        number += 1 if number < 40 else number // 4


class Attempt:
    """One request while one point is armed."""

    def __init__(self, world, ask, point, first, count=1):
        self.world, self.ask, self.point = world, ask, point
        self.where = f"{point} {first}+{count} of {world.row_name}"
        self.control = world.server.control
        self.control.arm(point, first, count)
        self.many = count > 1
        self.answer = None
        try:
            self._run()
        finally:
            self.failed = self.control.failed(point)
            self.control.disarm()

    def _run(self):
        """The answer, or None when the connection was closed instead."""
        client = self.world.client(self.ask.port)
        with contextlib.suppress(Closed, OSError):
            opaque = client.begin(self.ask.code, self.ask.ext, self.ask.body)
            if self.ask.meanwhile is not None:
                self.ask.meanwhile()
            try:
                # As long as nothing can be allocated an answer may have to wait.
                self.answer = client.finish(opaque, 0.3 if self.many else ANSWER_S)
            except TimeoutError:
                assert self.many, f"no answer: {self.where}"
                self.control.disarm()
                self.answer = client.finish(opaque)
        if self.ask.linger_s:
            time.sleep(self.ask.linger_s)
        if self.point.startswith("db.") or self.point == "alloc.index":
            wait_until(lambda: self.control.failed(self.point) or self.control.is_indexed(), what=self.where)

    def check(self):
        assert self.world.server.is_running, f"{self.where}: {self.world.server.stderr()[-4000:]}"
        if self.answer is not None and self.answer.code not in self.ask.good:
            assert self.answer.code > 0 and self.answer.remark, f"{self.where}: {self.answer}"

    def finish(self):
        """Where it was not acknowledged: without the fault the same request succeeds."""
        if self.answer is None or self.answer.code not in self.ask.good:
            wait_until(self._again, what=f"success after {self.where}, last {self.answer}")
        if self.ask.kept is not None:
            self.ask.kept(self.answer)

    def _again(self):
        try:
            if self.ask.again is not None:
                self.ask.again()
            self.answer = self.world.client(self.ask.port).call(self.ask.code, self.ask.ext, self.ask.body)
        except (Closed, OSError):
            return False
        return self.answer.code in self.ask.good
