# SPDX-License-Identifier: Apache-2.0
"""The notifier's HTTP API as a test uses it, and what every answer of it must be like."""
import base64
import dataclasses
import http.client
import itertools
import json
import time
import urllib.parse

from client import wait_until

ALLOW = "--notify-allow=127.0.0.0/8"
FINISHED = ("delivered", "dead", "cancelled")
INVALID = (400, 422)
LATE_MS = 20_000  # an attempt's clock and the record's may be so far apart on a busy machine, and no further
numbers = itertools.count(1)


@dataclasses.dataclass
class Answer:
    status: int
    fields: list
    body: bytes

    def header(self, name):
        return next((value for key, value in self.fields if key.lower() == name.lower()), None)

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:2000]!r}"


def check_problem(answer):
    """RFC 9457: every error is one, and says what is wrong."""
    assert (answer.header("Content-Type") or "").split(";")[0] == "application/problem+json", answer
    problem = answer.json
    assert isinstance(problem["type"], str) and isinstance(problem["title"], str) and problem["title"], answer
    assert problem["status"] == answer.status, answer
    return problem


class Notifier:
    """A client of the API of a server: `server` is what conftest.py makes."""

    def __init__(self, server, key=None):
        self.server, self.key = server, key

    # ---- one request ----
    def call(self, method, path, body=None, headers=(), content_type=None, timeout_s=60):
        """Any answer, but never one that breaks the rules: errors are problems, nothing is a 5xx but 503 and 507."""
        fields = dict(headers)
        if body is not None and not isinstance(body, (bytes, str)):
            body, content_type = json.dumps(body), content_type or "application/json"
        if content_type:
            fields["Content-Type"] = content_type
        if self.key:
            fields.setdefault("Authorization", f"Bearer {self.key}")
        connection = http.client.HTTPConnection(self.server.http, timeout=timeout_s)
        try:
            connection.request(method, path, body.encode() if isinstance(body, str) else body, fields)
            response = connection.getresponse()
            answer = Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()
        if answer.status >= 400:
            check_problem(answer)
        assert answer.status < 500 or answer.status in (503, 507), answer
        return answer

    def good(self, method, path, body=None, **more):
        answer = self.call(method, path, body, **more)
        assert 200 <= answer.status < 300, f"{method} {path}: {answer}"
        return answer.json if answer.body else None

    def refused(self, status, method, path, body=None, field=None, **more):
        """It is refused so; the problem. `field` must be named, in its member or in the text."""
        answer = self.call(method, path, body, **more)
        assert answer.status in (status if isinstance(status, tuple) else (status,)), f"{method} {path}: {answer}, not {status}"
        problem = answer.json
        if field is not None:
            assert field in (problem.get("field") or "") or field in problem.get("detail", ""), problem
        return problem

    def invalid(self, method, path, body=None, field=None, **more):
        """Malformed (400) or not to be processed (422): the contract leaves that to the server."""
        return self.refused(INVALID, method, path, body, field, **more)

    # ---- receivers ----
    def receiver(self, url, name=None, **settings):
        """Makes one, or gives it other settings; returns its name."""
        name = name or f"receiver-{next(numbers)}"
        self.good("PUT", f"/v1/receivers/{name}", {"url": url, **settings})
        return name

    def show(self, name):
        return self.good("GET", f"/v1/receivers/{name}")

    def wait_receiver(self, name, check, within_s=60):
        return wait_until(lambda: (lambda view: check(view) and view)(self.show(name)), within_s, f"receiver {name}")

    # ---- notifications ----
    def submit(self, receiver, payload=None, tx_no=None, source="pay", type="recharge.done", **more):
        """Hands one over for one receiver (or a list); the ids by receiver's order, one id for one."""
        document = {"source": source, "type": type, "txNo": tx_no or f"tx-{next(numbers)}", **more}
        if receiver is not None:
            document["receivers"] = [receiver] if isinstance(receiver, str) else list(receiver)
        if not {"payloadText", "payloadBase64"} & set(document):
            document["payload"] = {"n": 1} if payload is None else payload
        answer = self.call("POST", "/v1/notifications", document)
        assert answer.status == 202, answer
        ids = [one["id"] for one in answer.json["notifications"]]
        return ids[0] if isinstance(receiver, str) else ids

    def raw(self, receiver, payload, tx_no=None, content_type="application/octet-stream", **headers):
        fields = {"Tidings-Tx-No": tx_no or f"tx-{next(numbers)}", "Tidings-Source": "pay", "Tidings-Type": "recharge.done",
                  "Tidings-Receivers": receiver, **{name.replace("_", "-"): value for name, value in headers.items()}}
        answer = self.call("POST", "/v1/notifications", payload, headers=fields, content_type=content_type)
        assert answer.status == 202, answer
        return answer.json["notifications"][0]["id"]

    def get(self, id):
        return self.good("GET", f"/v1/notifications/{id}")

    def payload(self, id):
        answer = self.call("GET", f"/v1/notifications/{id}/payload")
        assert answer.status == 200, answer
        return answer

    def wait(self, id, state, within_s=60):
        """The notification once it is in this state; fails at once when it has ended in another."""
        def look():
            found = self.get(id)
            assert found["state"] == state or found["state"] not in FINISHED, found
            return found if found["state"] == state else None
        return wait_until(look, within_s, f"{id} {state}")

    def wait_attempts(self, id, count, within_s=60):
        """The attempts on record, as soon as there are so many."""
        def look():
            found = self.attempts(id)
            return found if len(found) >= count else None
        return wait_until(look, within_s, f"{count} attempts of {id}")

    def pages(self, path, limit=None, **query):
        """All items of a list, page by page."""
        items, cursor, seen = [], None, set()
        while True:
            words = {name: value for name, value in {**query, "limit": limit, "cursor": cursor}.items() if value is not None}
            page = self.good("GET", f"{path}?{urllib.parse.urlencode(words)}")
            assert limit is None or len(page["items"]) <= limit
            items += page["items"]
            cursor = page.get("nextCursor")
            if cursor is None:
                return items
            assert cursor not in seen, "a cursor comes again"
            seen.add(cursor)

    def list(self, limit=None, **query):
        return self.pages("/v1/notifications", limit, **query)

    def attempts(self, id, limit=None):
        return self.pages(f"/v1/notifications/{id}/attempts", limit)

    def metrics(self):
        connection = http.client.HTTPConnection(self.server.http, timeout=60)
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {self.key}"} if self.key else {})
        text = connection.getresponse().read().decode()
        connection.close()
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in lines}


def b64(data):
    return base64.b64encode(data).decode()


def now_ms():
    return int(time.time() * 1000)


# ---- the record against the ladder ----
def check_climb(attempts, rungs_ms):
    """Each attempt's next due time is its end and the ladder's delay; no attempt begins before it was due.

    The end is not on record, but begin and length are: what is added to them may be a busy machine's, so rungs that a
    test tells apart must be further apart than LATE_MS.
    """
    for place, rung_ms in enumerate(rungs_ms):
        made = attempts[place]
        least = made["begunAt"] + rung_ms
        assert least <= made["nextDueAt"] <= least + made["phases"]["total"] / 1000 + LATE_MS, (place, made, rung_ms)
    for before, after in zip(attempts, attempts[1:]):
        assert after["begunAt"] >= before["nextDueAt"], (before, after)
    assert [made["number"] for made in attempts] == list(range(1, len(attempts) + 1))


def check_dead(notification, reason):
    assert notification["state"] == "dead" and notification["reason"] == reason, notification
    assert notification["finishedAt"] >= notification["acceptedAt"]
    last = notification["lastAttempts"][-1] if notification.get("lastAttempts") else None
    assert last is None or "nextDueAt" not in last, last
