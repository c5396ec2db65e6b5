# SPDX-License-Identifier: Apache-2.0
"""Which reply means "taken": statuses, text, JSON, XML; everything else climbs the ladder with what was wrong on record."""
import pytest
from notifier import ALLOW
from receivers import answer, ok, says, status

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
WECHAT = "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg>OK</return_msg></xml>"
CODE = {"xpath": {"path": "//return_code", "equals": "SUCCESS"}}
BILLION = ('<!DOCTYPE x [<!ENTITY a "SUCCESS"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;'
           '&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]><xml><return_code>&d;</return_code></xml>')
EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]><xml><return_code>SUCCESS</return_code>&a;</xml>'
RULES = [  # ack, taken replies, others
    ({"status": "200-299,304"}, [(200, ""), (299, ""), (304, "")], [(300, ""), (199 + 400, ""), (404, "")]),
    ({"status": "200"}, [(200, "anything")], [(201, ""), (204, "")]),
    ({"status": "409,200"}, [(409, "known already"), (200, "")], [(500, "")]),
    ({"body": "success"}, [(200, "success"), (200, " success\r\n")], [(200, "SUCCESS"), (200, "success!"), (200, ""), (500, "success"),
                                                                      (200, "fail"), (200, "success success")]),
    ({"body": "success", "status": "200,500"}, [(500, "success")], [(500, "x")]),
    ({"json": {"pointer": "/code", "equals": "OK"}}, [(200, '{"code":"OK"}'), (200, ' {"x":1, "code" : "\\u004fK"} ')],
     [(200, '{"code":"ok"}'), (200, '{"Code":"OK"}'), (200, '{"code":["OK"]}'), (200, "OK"), (200, ""), (200, '{"code":"OK"'),
      (200, "<code>OK</code>"), (500, '{"code":"OK"}')]),
    ({"json": {"pointer": "/code", "equals": 0}}, [(200, '{"code":0}')], [(200, '{"code":"0"}'), (200, '{"code":1}'),
                                                                       (200, '{"code":false}'), (200, '{"code":null}')]),
    ({"json": {"pointer": "/data/0/ok", "equals": True}}, [(200, '{"data":[{"ok":true}]}')], [(200, '{"data":[]}'),
                                                                                           (200, '{"data":[{"ok":"true"}]}')]),
    ({"json": {"pointer": "/a~1b~0c", "equals": None}}, [(200, '{"a/b~c":null}')], [(200, '{"a/b~c":0}'), (200, "{}")]),
    ({"json": {"pointer": "", "equals": "OK"}}, [(200, '"OK"')], [(200, "OK")]),
    (CODE, [(200, WECHAT), (200, "<?xml version='1.0' encoding='UTF-8'?>\n<a><b><return_code>SUCCESS</return_code></b></a>")],
     [(200, WECHAT.replace("SUCCESS", "FAIL")), (200, "<xml/>"), (200, "SUCCESS"), (200, "<xml><return_code>SUCCESS"), (200, BILLION),
      (200, EXTERNAL), (200, "<a>" * 100_000), (500, WECHAT)]),
    ({"xpath": {"path": "/p:a/p:b/@c", "equals": "1", "namespaces": {"p": "uri:x"}}}, [(200, '<a xmlns="uri:x"><b c="1"/></a>')],
     [(200, '<a xmlns="uri:y"><b c="1"/></a>'), (200, '<a><b c="1"/></a>')]),
    ({"xpath": {"path": "count(//ok)", "equals": "2"}}, [(200, "<a><ok/><ok/></a>")], [(200, "<a><ok/></a>")]),
]
CASES = [(rule, reply, taken) for rule, good, bad in RULES for replies, taken in ((good, True), (bad, False)) for reply in replies]


@pytest.mark.parametrize("rule,reply,taken", CASES, ids=range(len(CASES)))
def test_rule(notifier, sink, rule, reply, taken):
    path = f"/{id(reply)}"
    sink.on(path, status(*reply))
    found = notifier.submit(notifier.receiver(sink.url(path), ack=rule, ladder="1h"))
    if taken:
        notifier.wait(found, "delivered")
    else:
        [attempt] = notifier.wait_attempts(found, 1)
        assert notifier.get(found)["state"] == "waiting"
        assert attempt["status"] == reply[0] and attempt.get("error"), attempt
    view = notifier.show(notifier.get(found)["receiver"])
    assert view["settings"]["ack"] is not None


def test_several_parts_must_all_fit(notifier, sink):
    both = {"status": "200", "json": {"pointer": "/code", "equals": "OK"}}
    for code, body, taken in ((200, '{"code":"OK"}', True), (201, '{"code":"OK"}', False), (200, '{"code":"NO"}', False)):
        path = f"/parts{code}{taken}"
        sink.on(path, status(code, body))
        found = notifier.submit(notifier.receiver(sink.url(path), ack=both, ladder="1h"))
        notifier.wait(found, "delivered") if taken else notifier.wait_attempts(found, 1)
        assert notifier.get(found)["state"] == ("delivered" if taken else "waiting")


def test_a_reply_longer_than_what_is_looked_at(notifier, sink):
    """The beginning fits, but it is not the whole: not taken."""
    sink.on("/long", ok("success" + " " * 70_000 + "x"))
    found = notifier.submit(notifier.receiver(sink.url("/long"), ack={"body": "success"}, ladder="1h"))
    notifier.wait_attempts(found, 1)
    assert notifier.get(found)["state"] == "waiting"


@pytest.mark.parametrize("reply", [b"\x00" * 100, b"\xff\xfe\x00", b'{"code":"\xff"}', b'{"code":' + b"[" * 60_000, b"<x>\xff</x>",
                                   b"<?xml version='1.0' encoding='UTF-16'?><a/>"], ids=range(6))
def test_garbage_bodies(notifier, sink, reply):
    for number, rule in enumerate(({"body": "OK"}, {"json": {"pointer": "/code", "equals": "OK"}}, CODE)):
        path = f"/garbage{number}{hash(reply)}"
        sink.on(path, says(answer(200, reply)))
        found = notifier.submit(notifier.receiver(sink.url(path), ack=rule, ladder="1h"))
        notifier.wait_attempts(found, 1)
        assert notifier.get(found)["state"] == "waiting"


@pytest.mark.parametrize("rule,field", [
    ({"status": "20x"}, "status"), ({"status": "299-200"}, "status"), ({"status": ""}, "status"), ({"status": "99"}, "status"),
    ({"status": 200}, "status"), ({"status": "200," * 40}, "status"), ({"body": 7}, "body"), ({"json": {"pointer": "code", "equals": 1}}, "pointer"),
    ({"json": {"pointer": "/a~2", "equals": 1}}, "pointer"), ({"json": {"pointer": "/a"}}, "equals"), ({"json": {"pointer": "/a", "equals": []}}, "equals"),
    ({"xpath": {"path": "//[", "equals": "x"}}, "path"), ({"xpath": {"path": "//p:x", "equals": "x"}}, "path"), ({"xpath": {"path": "//x"}}, "equals"),
    ({"noFault": "yes"}, "noFault"), ({"colour": "red"}, "colour"), ("200", "ack"), ([], "ack")])
def test_wrong_rules(notifier, rule, field):
    notifier.invalid("PUT", "/v1/receivers/wrong", {"url": "http://127.0.0.1:9/", "ack": rule}, field=field)
