# SPDX-License-Identifier: Apache-2.0
"""Whatever call fails under a request: it is answered with an error, or its connection ends, and nothing is lost.

For each request that the program serves, with a row in fault_rows*.py, the n-th allocation (of the loop and of the
index, its libraries jansson and SQLite included), log write, sync, log read, database step and commit, and write to
the socket fails, for n = 1, 2, … until the request meets no fault any more. Then also all allocations from the n-th
on fail until the answer has come or cannot come. After each the same request must succeed without the fault; at the
end, and after a kill -9 and restarts, all that was acknowledged must be there. With ASan the exit finds leaks.
"""
import contextlib
import inspect
import json
import re
import shutil
import time
import urllib.error
import urllib.request

import codec
import pytest
import server as servers
from client import Client, Closed, wait_until
from fault_rows_admin import ROWS
from faults import NEVER, Attempt, FaultyServer, rounds

pytestmark = pytest.mark.ours
FLAGS = ("--message-delay-level", "20ms 1h", "--retry-ladder", "1h", "--transaction-checks", "1h")
POINTS = ("alloc.loop", "alloc.other", "log.write", "log.sync", "log.read", "net.write")
INDEX_POINTS = ("alloc.index", "db.step", "db.commit")  # only of requests that the index hears of


def served():
    """The codes of the program's own table."""
    page = servers.run("docs", "requests").stdout
    return [int(code) for code in re.findall(r"^\| (\d+) \| \w+ \| \w+ \|$", page, re.M)]


class World:
    """What the rows need, and what was acknowledged to them."""

    def __init__(self, server):
        self.server = server
        self.row_name = ""
        self.clients, self.count = {}, 0
        self.stored, self.committed, self.topics, self.groups, self.given_back = {}, {}, {}, {}, 0
        self.topic, self.group = self.made_topic(), self.name("group")
        self.bodies = [f"body {i}".encode() for i in range(4)]
        for i, body in enumerate(self.bodies):
            sent = self.prepare.sent(self.topic, body, props={"KEYS": f"k{i}", "TAGS": "A"})
            self.position = sent[2]
        self.stored[self.topic] = dict(enumerate(self.bodies))
        self.ok(self.prepare.update_group(self.group))
        self.ok(self.prepare.commit(self.group, self.topic, 1))

    def client(self, role):
        """The connection for this role, a new one where the old one is closed."""
        if role not in self.clients or self.clients[role].is_closed:
            self.close(role)
            self.clients[role] = Client(self.server.namesrv if role == "namesrv" else self.server.broker,
                                        "binary" if role == "binary" else "json")
        return self.clients[role]

    def close(self, *roles):
        for role in roles or tuple(self.clients):
            if role in self.clients:
                self.clients.pop(role).close()

    prepare = property(lambda self: self.client("prepare"))

    @staticmethod
    def ok(answer):
        assert answer.code == codec.OK, answer
        return answer

    def name(self, kind):
        self.count += 1
        return f"{kind}_{self.count}"

    def made_topic(self):
        return self.prepare.made_topic(self.name("topic"), queues=1)

    def asker(self):
        self.ok(self.client("asker").beat("asker@1", producers=["asking"]))
        return "asker@1"

    def members_are_there(self):
        self.ok(self.client("member").beat("c1", self.group, [self.topic], producers=["p_of_" + self.group]))

    def metric(self, name):
        with urllib.request.urlopen(f"http://{self.server.http}/metrics", timeout=60) as page:
            return int(re.search(rf"^{name} (\d+)$", page.read().decode(), re.M)[1])

    def check_kept(self):
        """All that was acknowledged is there."""
        for topic, bodies in self.stored.items():
            found = {m.offset: m.body for m in self.prepare.read(topic, count=len(bodies))}
            assert {offset: found.get(offset) for offset in bodies} == bodies, topic
            assert self.stored[topic] or not found, f"{topic} was rolled back"
        topics = json.loads(self.ok(self.prepare.call(21, {})).body)["topicConfigTable"]
        groups = json.loads(self.ok(self.prepare.call(201, {})).body)["subscriptionGroupTable"]
        assert {name: name in topics for name in self.topics} == self.topics
        assert {name: name in groups for name in self.groups} == self.groups
        assert self.metric("tidings_delayed_messages") >= self.given_back

    def check_offsets(self):
        assert {group: self.prepare.committed(group, self.topic) for group in self.committed} == self.committed


@pytest.fixture(name="world", scope="module")
def fixture_world(tmp_path_factory):
    server = FaultyServer(tmp_path_factory.mktemp("faults") / "data", FLAGS)
    server.start()
    world = World(server)
    yield world
    world.close()
    server.stop()


def test_every_served_code_has_a_row():
    codes = served()
    assert len(codes) > 40
    assert {code for code, _ in ROWS} == set(codes)


def make(world, code, variant):
    world.row_name = f"{code} {variant}".strip()
    function = ROWS[code, variant]
    for chance in reversed(range(5)):
        try:
            world.members_are_there()
            ask = function(world, code) if "code" in inspect.signature(function).parameters else function(world)
            break
        except (Closed, OSError):  # the fault before ended a connection that a push was for, and nobody knew yet
            assert chance and world.server.is_running
    ask.code = code
    wait_until(world.server.control.is_indexed, what="the index caught up")
    return ask


def tried(world, key, point, first, count=1):
    """Whether the fault was met."""
    attempt = Attempt(world, make(world, *key), point, first, count)
    attempt.check()
    attempt.finish()
    return attempt.failed


def reached(world, key):
    """How often the request meets each point of the index, without any fault."""
    control = world.server.control
    ask = make(world, *key)
    for point in INDEX_POINTS:
        control.arm(point, NEVER)
    try:
        client = world.client(ask.port)
        place = client.begin(ask.code, ask.ext, ask.body)
        if ask.meanwhile is not None:
            ask.meanwhile()
        answer = client.finish(place)
        assert answer.code in ask.good, (key, answer)
        wait_until(lambda: control.is_indexed(), what="the index caught up")
        if ask.linger_s:
            time.sleep(ask.linger_s)
            wait_until(control.is_indexed, what="the index caught up")
        return [point for point in INDEX_POINTS if control.calls(point)]
    finally:
        control.disarm()


@pytest.mark.parametrize("key", list(ROWS), ids=lambda key: " ".join(map(str, key)).strip())
def test_each_call_fails(world, key):
    met = {}
    for point in (*POINTS, *reached(world, key)):
        for first in rounds():
            if not tried(world, key, point, first):
                break
            met[point] = first  # the last one that it met
    for first in (1, 2, 3, 5, 8, 13, 21, 34, 55):
        if not tried(world, key, "alloc.loop", first, NEVER):
            break
    print(world.row_name, met)
    assert met["alloc.loop"] and met["net.write"]


def first_beat(world):
    """Of a new connection: the answer's code, None when the connection was closed."""
    with contextlib.suppress(Closed, OSError), Client(world.server.broker) as client:
        return client.beat("newcomer", producers=["newcomers"]).code
    return None


@pytest.mark.parametrize("point", ["alloc.loop", "net.accept", "net.write"])
def test_new_connections(world, point):
    control = world.server.control
    for first in rounds():
        control.arm(point, first)
        code = first_beat(world)
        failed = control.failed(point)
        control.disarm()
        assert code is None or code >= 0, first
        assert first_beat(world) == codec.OK
        if not failed:
            break
    assert first > 1


def page(world, path):
    try:
        with urllib.request.urlopen(f"http://{world.server.http}{path}", timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_http_pages(world, path):
    control = world.server.control
    for point in ("alloc.other", "alloc.loop"):
        for first in rounds():
            control.arm(point, first)
            status = page(world, path)
            failed = control.failed(point)
            control.disarm()
            assert status in (200, 500, 503, None), first
            assert page(world, path) == 200
            if not failed:
                break


def test_nothing_acknowledged_is_lost(world, tmp_path):
    """By the server that met the faults, by one that finds its files as a kill -9 leaves them, and by their next."""
    world.check_kept()
    world.check_offsets()
    wait_until(world.server.control.is_indexed, what="the index caught up")
    met, copy = world.server, tmp_path / "data"
    shutil.copytree(met.data, copy)
    world.close()
    world.server = FaultyServer(copy, FLAGS).start()
    try:
        world.check_kept()
        world.check_offsets()
        world.close()
        world.server.restart()
        world.check_kept()
        world.check_offsets()
        world.close()
        world.server.stop()
    finally:
        world.server = met
