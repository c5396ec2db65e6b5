# SPDX-License-Identifier: Apache-2.0
"""Large libraries that not everybody needs are opened when they are first needed, and one that is missing is named."""
import json
import os
import re
import subprocess
import urllib.error
import urllib.request

import certificates
import pytest
from notifier import ALLOW, Notifier
from receivers import ok
from server import PROGRAM

pytestmark = pytest.mark.ours
LATER = {"libpq", "libxml2", "libcurl"}
FILES = ("libpq.so.5", "libxml2.so.2", "libcurl.so.4")


def mapped(server):
    """Those of the libraries that the process has."""
    with open(f"/proc/{server.pid}/maps", encoding="utf-8") as maps:
        return LATER & set(re.findall(r"/(lib[\w-]+)\.so", maps.read()))


@pytest.fixture
def broken(tmp_path):
    """The environment of a machine on which none of them can be opened."""
    for name in FILES:
        (tmp_path / name).write_text("this is no library")
    return {"LD_LIBRARY_PATH": os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("LD_LIBRARY_PATH"))))}


def test_none_at_first(own_server, connect):
    server = own_server(ALLOW)
    client = connect(server.broker)
    client.made_topic("plain")
    client.sent("plain", b"a message of the MQ")
    assert Notifier(server).list() == [] and mapped(server) == set()


@pytest.mark.parametrize("settings", [{"soap": {"version": "1.1", "action": "a"}}, {"ack": {"noFault": True}},
                                      {"ack": {"xpath": {"path": "/a", "equals": "b"}}}])
def test_xml(own_server, settings):
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver("https://127.0.0.1:1/")
    assert "libxml2" not in mapped(server)
    api.receiver("https://127.0.0.1:1/", name, **settings)
    assert "libxml2" in mapped(server)


def test_plain_http(own_server, sink):
    server = own_server(ALLOW)
    api = Notifier(server)
    api.wait(api.submit(api.receiver(sink.url("/"))), "delivered")
    assert mapped(server) == set()


def test_https(own_server, receiver, tmp_path):
    authority = certificates.Authority(tmp_path)
    sink = receiver(tls=certificates.context(authority.make("good")))
    sink.on("/", ok())
    server = own_server(ALLOW)
    api = Notifier(server)
    name = api.receiver(sink.url("/"), tls={"ca": authority.text})
    assert mapped(server) == set()
    api.wait(api.submit(name), "delivered")
    assert mapped(server) == {"libcurl"}


def test_missing_libpq(broken, tmp_path):
    command = [PROGRAM, "serve", "--data", str(tmp_path / "data"), "--broker-port=0", "--namesrv-port=0", "--http-port=0",
               "--notify-database=postgresql://127.0.0.1:1/tidings"]
    ended = subprocess.run(command, env={**os.environ, **broken}, capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0 and "install the package libpq5" in ended.stderr, ended


def test_missing_libxml2(broken, own_server):
    server = own_server(ALLOW, env=broken)
    body = json.dumps({"url": "http://127.0.0.1:1/", "soap": {"version": "1.1", "action": "a"}}).encode()
    request = urllib.request.Request(f"http://{server.http}/v1/receivers/xml", body, {"Content-Type": "application/json"},
                                     method="PUT")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert "install the package libxml2" in json.load(refused.value)["detail"]
    assert Notifier(server).pages("/v1/receivers") == []


def test_missing_libcurl(broken, own_server, tmp_path):
    server = own_server(ALLOW, env=broken)
    api = Notifier(server)
    name = api.receiver("https://127.0.0.1:1/", ladder="1h")
    [attempt] = api.wait_attempts(api.submit(name), 1)
    assert "install the package libcurl4" in attempt["error"]
    listed = subprocess.run([PROGRAM, "receiver", "list", "--server", f"https://{server.http}"], env={**os.environ, **broken},
                            capture_output=True, text=True, timeout=60)
    assert listed.returncode != 0 and "install the package libcurl4" in listed.stderr, listed
