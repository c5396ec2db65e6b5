# SPDX-License-Identifier: Apache-2.0
"""SOAP 1.1 and 1.2: an envelope around the payload, a Fault is a refusal."""
import xml.etree.ElementTree as tree

import pytest
from notifier import ALLOW
from receivers import ok, xml_body

pytestmark = pytest.mark.ours
FLAGS = (ALLOW,)
SPACES = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}
FAULTS = {"1.1": "<s:Fault><faultcode>s:Server</faultcode><faultstring>not now</faultstring></s:Fault>",
          "1.2": '<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang="en">not now</s:Text></s:Reason></s:Fault>'}


def envelope(version, inner):
    return f'<s:Envelope xmlns:s="{SPACES[version]}"><s:Body>{inner}</s:Body></s:Envelope>'


def test_1_1(notifier, sink):
    sink.on("/a", xml_body(envelope("1.1", "<done/>")))
    name = notifier.receiver(sink.url("/a"), soap={"version": "1.1", "action": "urn:recharge"})
    id = notifier.raw(name, b"<recharge><amount>1.10</amount></recharge>", content_type="text/xml")
    [request] = sink.wait(1, "/a")
    assert request.header("content-type").lower().replace(" ", "") == "text/xml;charset=utf-8"
    assert request.header("soapaction") == '"urn:recharge"'
    body = tree.fromstring(request.body).find(f"{{{SPACES['1.1']}}}Body")
    assert body is not None and "1.10" in "".join(body.itertext())
    notifier.wait(id, "delivered")


def test_1_2(notifier, sink):
    sink.on("/b", xml_body(envelope("1.2", "<done/>")))
    name = notifier.receiver(sink.url("/b"), soap={"version": "1.2", "action": "urn:recharge"})
    id = notifier.raw(name, b"<recharge><amount>1.10</amount></recharge>", content_type="text/xml")
    [request] = sink.wait(1, "/b")
    content_type = request.header("content-type").lower().replace(" ", "")
    assert content_type.startswith("application/soap+xml") and 'action="urn:recharge"' in content_type
    assert request.header("soapaction") is None
    assert tree.fromstring(request.body).tag == f"{{{SPACES['1.2']}}}Envelope"
    notifier.wait(id, "delivered")


def test_template(notifier, sink):
    sink.on("/c", xml_body(envelope("1.1", "<done/>"), 500), xml_body(envelope("1.1", "<done/>")))
    template = (f'<e:Envelope xmlns:e="{SPACES["1.1"]}"><e:Body><n id="${{id}}" a="${{attempt}}"><s>${{source}}</s><t>${{type}}</t>'
                '<x>${txNo}</x><p>${payload}</p></n></e:Body></e:Envelope>')
    name = notifier.receiver(sink.url("/c"), soap={"version": "1.1", "action": "a", "template": template}, ladder="10ms")
    awkward = "<&>\"' ]]> ${id} é"
    id = notifier.submit(name, payloadText=awkward, source="s & <t>", tx_no='"7"')
    requests = sink.wait(2, "/c")
    for number, request in enumerate(requests, 1):
        found = tree.fromstring(request.body).find(".//n")
        assert found.attrib == {"id": id, "a": str(number)}
        assert [found.find(part).text for part in "stxp"] == ["s & <t>", "recharge.done", '"7"', awkward]
    notifier.wait(id, "delivered")


@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("code", [200, 500])
def test_fault(notifier, sink, version, code):
    path = f"/fault{version}{code}"
    sink.on(path, xml_body(envelope(version, FAULTS[version]), code), xml_body(envelope(version, "<done/>")))
    name = notifier.receiver(sink.url(path), soap={"version": version, "action": "a"}, ladder="10ms")
    id = notifier.raw(name, b"<a/>", content_type="text/xml")
    notifier.wait(id, "delivered")
    first, _ = notifier.attempts(id)
    assert first["status"] == code and "not now" in first["reply"] and first["error"]


def test_other_replies(notifier, sink):
    """What is no envelope is no Fault either: only noFault was asked for... but what cannot be read is not taken."""
    for number, (body, taken) in enumerate([(envelope("1.1", "<x>Fault</x>"), True), ("<s:Envelope", False), ("not XML", False)]):
        sink.on(f"/other{number}", xml_body(body))
        id = notifier.raw(notifier.receiver(sink.url(f"/other{number}"), soap={"version": "1.1", "action": "a"}, ladder="1h"), b"<a/>")
        if taken:
            notifier.wait(id, "delivered")
        else:
            notifier.wait_attempts(id, 1)
            assert notifier.get(id)["state"] == "waiting", body


def test_faults_may_be_looked_for_without_soap(notifier, sink):
    sink.on("/nofault", xml_body(envelope("1.1", FAULTS["1.1"])),
            ok("<fine/>"), xml_body(envelope("1.1", "<fine/>")))
    id = notifier.submit(notifier.receiver(sink.url("/nofault"), ack={"noFault": True}, ladder="10ms 10ms"))
    notifier.wait(id, "delivered")
    assert len(notifier.attempts(id)) == 3  # what is no envelope is no answer either


@pytest.mark.parametrize("soap,field", [
    ({"version": "1.3", "action": "a"}, "version"), ({"version": 1.1, "action": "a"}, "version"), ({"version": "1.1", "action": 7}, "action"),
    ({"version": "1.1", "action": "a\r\nb"}, "action"), ({"version": "1.1", "action": "a", "template": "<x>${nothing}</x>"}, "template"),
    ({"version": "1.1", "action": "a", "template": "x" * 70_000}, "template"), ({"version": "1.1", "colour": "red"}, "colour"), ("1.1", "soap")])
def test_wrong_settings(notifier, soap, field):
    notifier.invalid("PUT", "/v1/receivers/wrong", {"url": "http://127.0.0.1:9/", "soap": soap}, field=field)
