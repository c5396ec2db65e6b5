# SPDX-License-Identifier: Apache-2.0
"""Where notifications may be sent: inner addresses are refused when they are connected to, however they are written."""
import pytest
from client import wait_until
from namespaces import Inside, command
from notifier import ALLOW, INVALID, Notifier, check_climb
from receivers import answer, says
from server import Server, run

pytestmark = pytest.mark.ours
FLAGS = ()  # the policy as it is unless told otherwise
HERE = ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://ip6-localhost:{port}/", "http://LOCALHOST.:{port}/", "http://[::1]:{port}/",
        "http://127.8.9.10:{port}/", "http://0.0.0.0:{port}/", "http://[::]:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
        "http://[::ffff:7f00:1]:{port}/"]
ELSEWHERE = ["http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://[::127.0.0.1]/", "http://169.254.169.254/latest/meta-data/",
             "http://[fd00:ec2::254]/latest/", "http://[fe80::1]/", "http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/",
             "http://192.168.1.1/", "http://100.64.0.1/", "http://198.18.0.1/", "http://192.0.2.1/", "http://224.0.0.1/", "http://240.0.0.1/",
             "http://255.255.255.255/", "http://192.0.0.1/", "http://[fc00::1]/", "http://[ff02::1]/", "http://[2001:db8::1]/",
             "http://[::ffff:10.0.0.1]/", "http://[64:ff9b:1::1]/", "http://[2001:0:7f00:1::]/", "http://[2002:a00:1::]/", "http://198.51.100.1/",
             "http://203.0.113.1/", "http://[fec0::1]/", "http://[100::1]/", "http://[5f00::1]/", "http://[3fff::1]/"]
REFUSED = ["http://127.1/", "http://0x7f.1/", "http://0x7f000001/", "http://2130706433/", "http://017700000001/", "http://0177.0.0.1/", "http://127.0.1/",
           "http://127.0.0.1.:80:80/", "http://[::1/", "http://[127.0.0.1]/", "ftp://127.0.0.1/", "file:///etc/passwd", "gopher://x/", "javascript:x",
           "//x/", "/x", "x", "", "http://", "http:///x", "http://user@example.com/", "http://user:pw@example.com/", "http://example.com/#f",
           "http://example.com/a b", "http://example.com/\r\nX: y", "http://example.com/\x00", "http://example.com:99999/", "http://example.com:x/",
           "http://exa mple.com/", "http://" + "x" * 2100 + "/", "unix:///run/x", "http://127.0.0.1:0/", "http://[fe80::1%25eth0]/", "http://１２７.0.0.1/",
           "http://①②⑦.0.0.1/", "http://127。0。0。1/", "http://example.com\\@127.0.0.1/", "http+unix://x/"]


def check_blocked(api, url, place, port=0):
    """As a setting it may be refused at once; if not, then each attempt is, before anything is connected to."""
    name = f"blocked-{place}"
    answer = api.call("PUT", f"/v1/receivers/{name}", {"url": url.format(port=port), "ladder": "10ms 1h", "breaker": {"failures": 0}})
    if answer.status in INVALID:
        assert "url" in (answer.json.get("field") or "") + answer.json["detail"]
        return
    assert answer.status == 201, answer
    attempts = api.wait_attempts(api.submit(name), 2)
    for attempt in attempts:
        assert attempt["errorClass"] in ("address", "dns") and attempt["error"], attempt
        if "ip6-" not in url and "LOCALHOST" not in url:  # which not every machine knows
            assert attempt["errorClass"] == "address" and "address" in attempt["error"]
    check_climb(attempts, [10, 3_600_000])


@pytest.mark.parametrize("url", HERE)
def test_this_machine(notifier, sink, url):
    check_blocked(notifier, url, HERE.index(url), sink.port)
    assert sink.connections == 0


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory):
    """A server whose network has no way out: what it should refuse would reach nobody."""
    folder = tmp_path_factory.mktemp("cut_off")
    server = Server(folder / "data", (), command=command(folder)[0])
    yield Inside(server.start())
    server.stop()


@pytest.mark.parametrize("url", ELSEWHERE)
def test_elsewhere(cut_off, url):
    check_blocked(cut_off, url, 100 + ELSEWHERE.index(url))


@pytest.mark.parametrize("url", REFUSED, ids=range(len(REFUSED)))
def test_refused_urls(notifier, url):
    notifier.invalid("PUT", "/v1/receivers/wrong", {"url": url}, field=None if "\x00" in url else "url")


@pytest.mark.parametrize("url", [7, None, [], {}])
def test_no_text(notifier, url):
    notifier.invalid("PUT", "/v1/receivers/wrong", {"url": url}, field="url")


def test_a_test_send_is_judged_too(notifier, sink):
    name = notifier.receiver(sink.url("/"), name="tested")
    made = notifier.good("POST", f"/v1/receivers/{name}/test")
    assert made["taken"] is False and made["errorClass"] == "address" and sink.connections == 0


def test_allowed_again(own_server, receiver):
    """Ranges that are named are allowed, and only they."""
    api = Notifier(own_server("--notify-allow=127.0.0.1 ::1"))
    first, second, third = receiver(), receiver(host="127.0.0.2"), receiver(host="::1")
    api.wait(api.submit(api.receiver(first.url("/"))), "delivered")
    api.wait(api.submit(api.receiver(third.url("/"))), "delivered")
    [attempt] = api.wait_attempts(api.submit(api.receiver(second.url("/"))), 1)
    assert attempt["errorClass"] == "address" and second.connections == 0


def test_an_allowed_one_that_is_mapped(own_server, sink):
    """127.0.0.1 allowed does not allow every way of writing it."""
    api = Notifier(own_server(ALLOW))
    name = api.receiver(f"http://[::ffff:127.0.0.1]:{sink.port}/", ladder="1h")
    [attempt] = api.wait_attempts(api.submit(name), 1)
    assert attempt["errorClass"] in ("address", "none")


@pytest.mark.parametrize("text", ["127.0.0.1/7", "x", "127.0.0.0/33", "127.0.0", "::1/129", "127.0.0.0/8;10.0.0.0/8", "0.0.0.0/-1"])
def test_wrong_ranges(text, tmp_path):
    done = run("serve", "--data", tmp_path / "d", "--check-config", f"--notify-allow={text}")
    assert done.returncode != 0 and text.split(";")[0] in done.stderr, done.stderr


@pytest.mark.slow
def test_a_rebinding_name(own_server, sink, receiver, tmp_path):
    """A name that pointed at an allowed address and then points at another one is judged anew by each attempt.

    The server has an /etc/hosts of its own, that the test rewrites between the attempts.
    """
    words, hosts = command(tmp_path, network=False, hosts="127.0.0.1 localhost\n127.0.0.1 merchant.example\n")
    server = own_server("--notify-allow=127.0.0.1", command=words)
    api = Notifier(server)
    inner = receiver(host="127.0.0.2", port=sink.port)
    sink.on("/rebind", says(answer(500)))  # and the end of the connection, so that the next attempt needs another
    id = api.submit(api.receiver(sink.url("/rebind", host="merchant.example"), ladder="2s*", breaker={"failures": 0}))
    api.wait_attempts(id, 1)
    hosts.write_text("127.0.0.1 localhost\n127.0.0.2 merchant.example\n", encoding="ascii")
    classes = wait_until(lambda: (lambda found: found if "address" in found else None)([one["errorClass"] for one in api.attempts(id)]), 120)
    assert set(classes) == {"http_5xx", "address"}, classes  # what was known of the name may be used for a while
    assert inner.connections == 0 and len(sink.got("/rebind")) == classes.index("address")
