# SPDX-License-Identifier: Apache-2.0
"""API keys: nothing without one, nothing with a wrong one, and each role may do what is its own and no more."""
import re
import signal

import pytest
from client import wait_until
from keyfile import KeyFile
from notifier import ALLOW, Notifier
from server import run

pytestmark = pytest.mark.ours
URL = "http://127.0.0.1:9/"
ID = "ntf_0000000000000"
EVERYTHING = [("GET", "/v1/notifications"), ("POST", "/v1/notifications"), ("GET", f"/v1/notifications/{ID}"),
              ("GET", f"/v1/notifications/{ID}/payload"), ("GET", f"/v1/notifications/{ID}/attempts"),
              ("POST", f"/v1/notifications/{ID}/redeliver"), ("POST", f"/v1/notifications/{ID}/cancel"), ("POST", "/v1/redeliveries"),
              ("GET", "/v1/redeliveries"), ("GET", "/v1/redeliveries/1"), ("POST", "/v1/redeliveries/1/cancel"), ("GET", "/v1/receivers"),
              ("POST", "/v1/receivers"), ("GET", "/v1/receivers/bank1"), ("PUT", "/v1/receivers/bank1"), ("PATCH", "/v1/receivers/bank1"),
              ("DELETE", "/v1/receivers/bank1"), ("POST", "/v1/receivers/bank1/pause"), ("POST", "/v1/receivers/bank1/resume"),
              ("POST", "/v1/receivers/bank1/secrets"), ("POST", "/v1/receivers/bank1/test"), ("GET", "/v1/bindings"), ("GET", "/v1/bindings/x"),
              ("PUT", "/v1/bindings/x"), ("DELETE", "/v1/bindings/x"), ("GET", "/v1/whoami")]
OPERATORS = [one for one in EVERYTHING if one[0] != "GET" and one[1] != "/v1/notifications"
             or one[1].startswith(("/v1/redeliveries", "/v1/bindings"))]


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    made = KeyFile(tmp_path_factory.mktemp("keys") / "keys")
    made.add("operator", "ops")
    made.add("initiator", "pay", sources="pay,shop-*")
    made.add("receiver", "bank", receivers="bank1,bank2*")
    return made


@pytest.fixture(scope="module")
def guarded(keys, tmp_path_factory):
    from server import Server
    server = Server(tmp_path_factory.mktemp("guarded") / "data", (ALLOW, keys.flag))
    server.start()
    ops = Notifier(server, keys.keys["ops"])
    for name in ("bank1", "bank22", "other"):
        ops.receiver(URL, name=name, types=[f"{name}.*"])
        ops.good("POST", f"/v1/receivers/{name}/pause")
    yield server
    server.stop()


@pytest.fixture
def ops(guarded, keys):
    return Notifier(guarded, keys.keys["ops"])


@pytest.fixture
def pay(guarded, keys):
    return Notifier(guarded, keys.keys["pay"])


@pytest.fixture
def bank(guarded, keys):
    return Notifier(guarded, keys.keys["bank"])


def body_of(method, path):
    if method not in ("POST", "PUT", "PATCH"):
        return None
    if path == "/v1/notifications":
        return {"source": "pay", "type": "t", "txNo": "1", "receivers": ["bank1"], "payload": 1}
    return {"topic": "t", "group": "g"} if "bindings" in path else {"url": URL, **({"name": "x"} if path == "/v1/receivers" else {})}


@pytest.mark.parametrize("method,path", EVERYTHING)
def test_without_a_key(guarded, keys, method, path):
    key = keys.keys["ops"]
    answer = Notifier(guarded).call(method, path, body_of(method, path))
    assert answer.status == 401 and answer.header("WWW-Authenticate").startswith("Bearer"), answer
    # Wrong ones are counted by address: who sends many is told to wait, and still gets nothing else.
    answer = Notifier(guarded).call(method, path, body_of(method, path), headers={"Authorization": f"Bearer {key}x"})
    assert answer.status in (401, 429) and key not in answer.body.decode(), answer


def test_nearly_a_key(own_server, keys):
    server, key = own_server(ALLOW, keys.flag), keys.keys["ops"]
    for header in ("Bearer wrong", "Bearer ", "Bearer", f"Basic {key}", key, f"bearer  {key} x", f"Bearer {key}x", f"Bearer {key[:-1]}",
                   f"Bearer {key.upper()}", "Bearer " + "x" * 5000):
        answer = Notifier(server).call("GET", "/v1/whoami", headers={"Authorization": header})
        assert answer.status in (400, 401, 431), (header, answer)
        assert answer.status != 401 or answer.header("WWW-Authenticate").startswith("Bearer")
        assert key not in answer.body.decode()


def test_guessing(own_server, keys):
    """Wrong keys from one address are soon told to wait; who has a right one is not, from the same address neither."""
    server = own_server(ALLOW, keys.flag)
    answers = [Notifier(server, f"guess {number}").call("GET", "/v1/whoami") for number in range(300)]
    assert {one.status for one in answers} == {401, 429}
    assert int(next(one for one in answers if one.status == 429).header("Retry-After")) >= 1
    assert Notifier(server, keys.keys["ops"]).call("GET", "/v1/whoami").status == 200


def test_before_anything_is_looked_at(guarded):
    """Who has no key learns nothing: there or not there, right or wrong, are one and the same answer."""
    api = Notifier(guarded)
    answers = {api.call(method, path).body for method, path in [("GET", "/v1/receivers/bank1"), ("GET", "/v1/receivers/nobody")]}
    assert len(answers) == 1


def test_whoami(ops, pay, bank):
    assert ops.good("GET", "/v1/whoami") == {**ops.good("GET", "/v1/whoami"), "name": "ops", "role": "operator"}
    assert {**pay.good("GET", "/v1/whoami"), "role": "initiator", "sources": ["pay", "shop-*"]} == pay.good("GET", "/v1/whoami")
    assert {**bank.good("GET", "/v1/whoami"), "role": "receiver", "receivers": ["bank1", "bank2*"]} == bank.good("GET", "/v1/whoami")


@pytest.mark.parametrize("method,path", OPERATORS)
def test_operators_only(pay, bank, method, path):
    for api in (pay, bank):
        answer = api.call(method, path, body_of(method, path))
        assert answer.status in (403, 404), answer
        if answer.status == 403:
            assert answer.json["permission"]


def test_nothing_of_it_was_done(ops):
    view = ops.show("bank1")
    assert view["version"] <= 2 and view["state"] == "paused" and ops.good("GET", "/v1/bindings")["items"] == []


def test_initiator(ops, pay):
    own = pay.submit("bank1", source="pay", tx_no="own")
    shop = pay.submit("bank1", source="shop-7", tx_no="shop")
    foreign = ops.submit("bank1", source="payroll", tx_no="foreign")
    for source in ("payroll", "Pay", "shop", "pa", "xshop-1"):
        problem = pay.refused(403, "POST", "/v1/notifications", {"source": source, "type": "t", "txNo": "1", "receivers": ["bank1"], "payload": 1})
        assert problem["permission"] and problem["field"] == "source"
    assert pay.get(own)["source"] == "pay" and pay.get(shop)["source"] == "shop-7" and pay.payload(own).body
    for path in ("", "/payload", "/attempts"):
        assert pay.call("GET", f"/v1/notifications/{foreign}{path}").status in (403, 404)
    listed = {one["id"] for one in pay.list()}
    assert {own, shop} <= listed and foreign not in listed
    assert pay.call("GET", "/v1/notifications?source=payroll").status in (200, 403)
    assert all(one["source"] != "payroll" for one in pay.list(receiver="bank1"))


def test_initiator_in_a_batch(pay):
    """The foreign one among them is refused, the others are not."""
    items = [{"source": source, "type": "t", "txNo": f"batch {source}", "receivers": ["bank1"], "payload": 1} for source in ("pay", "payroll")]
    answer = pay.call("POST", "/v1/notifications", {"notifications": items})
    assert answer.status == 403 or [one["status"] for one in answer.json["results"]] == [202, 403], answer


def test_initiator_cloudevents_and_raw(pay):
    event = {"specversion": "1.0", "id": "1", "source": "payroll", "type": "t"}
    for body, content_type, fields in [(event, "application/cloudevents+json", {}), (b"x", "text/plain", {"ce-specversion": "1.0", "ce-id": "1",
                                       "ce-source": "payroll", "ce-type": "t"}), (b"x", "text/plain", {"Tidings-Tx-No": "1",
                                       "Tidings-Source": "payroll", "Tidings-Type": "t"})]:
        answer = pay.call("POST", "/v1/notifications", body, content_type=content_type, headers={"Tidings-Receivers": "bank1", **fields})
        assert answer.status == 403, answer


def test_receiver(ops, bank):
    own = [ops.submit("bank1", tx_no="for bank1"), ops.submit("bank22", tx_no="for bank22")]
    foreign = ops.submit("other", tx_no="for other")
    for id in own:
        assert bank.get(id)["id"] == id and bank.payload(id).body and bank.attempts(id) == []
    for path in ("", "/payload", "/attempts"):
        assert bank.call("GET", f"/v1/notifications/{foreign}{path}").status in (403, 404)
    listed = bank.list()
    assert set(own) <= {one["id"] for one in listed} and {one["receiver"] for one in listed} <= {"bank1", "bank22"}
    assert bank.call("GET", "/v1/notifications?receiver=other").status in (200, 403, 404)
    assert all(one["receiver"] != "other" for one in bank.list(txNo="for other"))
    problem = bank.refused(403, "POST", "/v1/notifications", {"source": "pay", "type": "t", "txNo": "1", "receivers": ["bank1"], "payload": 1})
    assert problem["permission"]


def test_receivers_see_their_own_settings_at_most(bank, pay):
    assert bank.call("GET", "/v1/receivers/other").status in (403, 404)
    answer = bank.call("GET", "/v1/receivers")
    assert answer.status in (200, 403)
    if answer.status == 200:
        assert {one["name"] for one in answer.json["items"]} <= {"bank1", "bank22"}
    assert pay.call("GET", "/v1/receivers/other").status in (403, 404)


def test_idempotency_keys_are_each_ones_own(ops, pay):
    """The same Idempotency-Key of two callers is two keys: nobody gets the other's answer."""
    document = {"source": "pay", "type": "t", "receivers": ["bank1"], "payload": 1}
    fields = {"Idempotency-Key": "shared"}
    first = ops.call("POST", "/v1/notifications", {**document, "txNo": "idem ops"}, headers=fields)
    second = pay.call("POST", "/v1/notifications", {**document, "txNo": "idem pay"}, headers=fields)
    assert first.status == second.status == 202
    assert first.json["notifications"][0]["id"] != second.json["notifications"][0]["id"]


def test_what_needs_no_key(guarded):
    """Probes of a machine that looks whether we live."""
    import http.client
    for path in ("/healthz", "/readyz"):
        connection = http.client.HTTPConnection(guarded.http, timeout=60)
        connection.request("GET", path)
        assert connection.getresponse().status == 200


def test_reload(own_server, tmp_path):
    """SIGHUP: new keys are taken, dropped ones refused; with a mistake in the file the old ones stay."""
    keys = KeyFile(tmp_path / "keys")
    first = keys.add("operator", "first")
    server = own_server(ALLOW, keys.flag)
    second = keys.add("operator", "second")
    assert Notifier(server, second).call("GET", "/v1/whoami").status == 401
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: Notifier(server, second).call("GET", "/v1/whoami").status == 200)
    keys.drop("first")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: Notifier(server, first).call("GET", "/v1/whoami").status == 401)
    keys.path.write_text("operator broken\n", encoding="ascii")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: str(keys.path) in server.stderr() or "keys" in server.stderr())
    assert Notifier(server, second).call("GET", "/v1/whoami").status == 200


def test_rate(own_server, tmp_path):
    """429 with Retry-After for who asks too often; others are not touched."""
    keys = KeyFile(tmp_path / "keys")
    eager, calm = keys.add("operator", "eager", rate=1), keys.add("operator", "calm")
    server = own_server(ALLOW, keys.flag)
    answers = [Notifier(server, eager).call("GET", "/v1/whoami") for _ in range(60)]
    refused = [one for one in answers if one.status == 429]
    assert refused and {one.status for one in answers} == {200, 429}
    assert int(refused[0].header("Retry-After")) >= 1
    assert all(Notifier(server, calm).call("GET", "/v1/whoami").status == 200 for _ in range(60))
    wait_until(lambda: Notifier(server, eager).call("GET", "/v1/whoami").status == 200)


GOOD = "operator ops sha256:" + "0" * 64


@pytest.mark.parametrize("lines,wrong", [
    (["nobody x sha256:" + "0" * 64], 1), (["operator x sha256:00"], 1), (["# fine", GOOD, "operator x"], 3), ([GOOD, "operator x sha1:" + "0" * 64], 2),
    (["operator x sha256:" + "g" * 64], 1), ([GOOD + " colour=red"], 1), ([GOOD + " rate=-1"], 1), ([GOOD + " rate=x"], 1), (["operator"], 1),
    ([GOOD.replace("operator", "initiator")], None), (["receiver r sha256:" + "1" * 64 + " sources=x"], 1), ([GOOD, GOOD], 2),
    (["operator bad\x01name sha256:" + "0" * 64], 1)])
def test_mistakes_in_the_file(tmp_path, lines, wrong):
    path = tmp_path / "keys"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = run("serve", "--data", tmp_path / "d", f"--api-keys={path}", "--check-config")
    if wrong is None:
        return  # either way: whether an initiator needs sources= is the server's to say
    assert done.returncode != 0
    assert re.search(rf"\b{wrong}\b", done.stderr), done.stderr
    assert "0" * 64 not in done.stderr


def test_no_file(tmp_path):
    assert run("serve", "--data", tmp_path / "d", f"--api-keys={tmp_path / 'none'}", "--check-config").returncode != 0


def test_an_empty_file(own_server, tmp_path):
    """A file without keys is not "no file": nobody may anything."""
    path = tmp_path / "keys"
    path.write_text("# nobody\n", encoding="ascii")
    done = run("serve", "--data", tmp_path / "d", f"--api-keys={path}", "--check-config")
    if done.returncode == 0:
        assert Notifier(own_server(ALLOW, f"--api-keys={path}")).call("GET", "/v1/notifications").status == 401
