# SPDX-License-Identifier: Apache-2.0
"""Who gets it: the receivers that are named, or all whose patterns fit the type."""
import pytest
from notifier import ALLOW, INVALID

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)


def submit(notifier, type, **more):
    return notifier.call("POST", "/v1/notifications", {"source": "pay", "type": type, "txNo": f"fan {type}",
                                                       "payload": 1, **more})


def test_by_pattern(notifier, sink):
    patterns = {"all-of-it": ["*"], "recharge": ["recharge.*"], "done": ["*.done"], "exact": ["recharge.done"],
                "middle": ["re*.d*e"], "two": ["nothing", "recharge.d*"], "other": ["refund.*"], "none": [],
                "case": ["Recharge.*"], "dot": ["rechargeXdone"], "longer": ["recharge.done.*"]}
    names = {kind: notifier.receiver(sink.url("/a"), name=f"fan-{kind}", types=types) for kind, types in patterns.items()}
    answer = submit(notifier, "recharge.done")
    assert answer.status == 202, answer
    wanted = {names[kind] for kind in ("all-of-it", "recharge", "done", "exact", "middle", "two")}
    assert {one["receiver"] for one in answer.json["notifications"]} == wanted
    assert len({one["id"] for one in answer.json["notifications"]}) == len(wanted)
    assert {one.id for one in sink.wait(len(wanted), "/a")} == {one["id"] for one in answer.json["notifications"]}
    notifier.good("DELETE", "/v1/receivers/fan-all-of-it")
    assert names["all-of-it"] not in {one["receiver"] for one in submit(notifier, "recharge.double").json["notifications"]}
    assert submit(notifier, "strange").status in (404, 422)  # nobody subscribes to it any more


def test_named_ones_need_no_subscription(notifier, sink):
    names = [notifier.receiver(sink.url("/b"), name=f"named-{number}", types=["other"]) for number in range(3)]
    ids = notifier.submit(names)
    assert len(set(ids)) == 3
    assert {one.id for one in sink.wait(3, "/b")} == set(ids)


def test_256_receivers(notifier, sink):
    names = [notifier.receiver(sink.url("/c"), name=f"many-{number}") for number in range(257)]
    assert len(set(notifier.submit(names[:256]))) == 256
    sink.wait(256, "/c")
    assert notifier.call("POST", "/v1/notifications", {"source": "s", "type": "t", "txNo": "257", "receivers": names,
                                                       "payload": 1}).status in (400, 413, 422)


def test_all_or_nothing(notifier, sink):
    """One receiver that is not there: nothing is accepted, and the answer names it."""
    name = notifier.receiver(sink.url("/d"))
    answer = notifier.call("POST", "/v1/notifications", {"source": "s", "type": "t", "txNo": "n", "payload": 1,
                                                         "receivers": [name, "no-such-receiver"]})
    assert answer.status in (404, 422) and "no-such-receiver" in answer.json["detail"]
    assert notifier.list(receiver=name) == []


def test_the_same_receiver_twice(notifier, sink):
    name = notifier.receiver(sink.url("/e"))
    answer = notifier.call("POST", "/v1/notifications", {"source": "s", "type": "t", "txNo": "n", "payload": 1,
                                                         "receivers": [name, name]})
    assert answer.status in (202, *INVALID), answer
    if answer.status == 202:
        assert len({one["id"] for one in answer.json["notifications"]}) == 1
        assert len(notifier.list(receiver=name)) == 1


@pytest.mark.parametrize("types", ["recharge.*", [7], [""], ["x" * 256], [f"t{n}" for n in range(65)]])
def test_wrong_patterns(notifier, types):
    notifier.invalid("PUT", "/v1/receivers/wrong", {"url": "http://127.0.0.1:9/", "types": types}, field="types")
