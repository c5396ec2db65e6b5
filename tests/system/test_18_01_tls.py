# SPDX-License-Identifier: Apache-2.0
"""TLS on every remoting port, beside plain connections, as RocketMQ's permissive mode."""
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import urllib.request

import codec
import pytest
from client import Client, Closed, wait_until
from server import run
from tls import TlsClient, trusting

pytestmark = pytest.mark.ours


def own_certificate(server):
    return server.data / "tls" / "server.pem"


def metric(server, name):
    with urllib.request.urlopen(f"http://{server.http}/metrics", timeout=60) as answer:
        return float(re.search(rf"^{name} (\S+)$", answer.read().decode(), re.MULTILINE)[1])


def wait_metric(server, name, value):
    wait_until(lambda: metric(server, name) == value, what=f"{name} {value}")


def wait_log(server, text, times=1):
    wait_until(lambda: server.stderr().count(text) >= times, what=f"a line with {text!r}")


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture
def authority(tmp_path):
    """A certificate authority: make(name) gives the files of a certificate and a key signed by it."""
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=authority", "-days", 2,
            "-keyout", tmp_path / "ca.key", "-out", tmp_path / "ca.pem")

    def make(name):
        files = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        extensions = tmp_path / f"{name}.ext"
        extensions.write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", files[1], "-out",
                tmp_path / f"{name}.csr")
        openssl("x509", "-req", "-in", tmp_path / f"{name}.csr", "-CA", tmp_path / "ca.pem", "-CAkey",
                tmp_path / "ca.key", "-CAcreateserial", "-days", 2, "-extfile", extensions, "-out", files[0])
        return files

    make.ca = tmp_path / "ca.pem"
    return make


def test_own_certificate_on_every_port(own_server):
    server = own_server()
    file = own_certificate(server)
    assert file.stat().st_mode & 0o777 == 0o600
    assert str(file) in server.stderr()
    fingerprint = re.search(r"fingerprint=([0-9a-f]{64})", server.stderr())[1]
    for address in (server.namesrv, server.broker, server.vip):
        with TlsClient(address, trusting(file)) as client:
            assert client.socket.version == "TLSv1.3"
            assert client.route("TBW102").code == codec.OK
    server.restart()  # the same certificate
    assert set(re.findall(r"fingerprint=([0-9a-f]{64})", server.stderr())) == {fingerprint}


def test_own_certificate_is_kept_as_it_was_read(own_server):
    """It is looked at with the first handshake only: what becomes of the file until then does not matter."""
    server = own_server()
    context = trusting(own_certificate(server))
    good = own_certificate(server).read_bytes()
    own_certificate(server).write_bytes(good[:100])
    server.process.send_signal(signal.SIGHUP)
    wait_log(server, "what was in force stays")
    own_certificate(server).unlink()
    with TlsClient(server.broker, context) as client:
        client.sent("t")
    own_certificate(server).write_bytes(good)
    server.process.send_signal(signal.SIGHUP)
    wait_log(server, "certificate in use", 2)
    with TlsClient(server.broker, context) as client:
        client.sent("t")


def test_own_certificate_is_read_at_the_start(own_server):
    server = own_server()
    server.stop()
    own_certificate(server).write_bytes(b"not PEM")
    with pytest.raises(RuntimeError, match="no certificate.*a PEM file is needed"):
        server.start()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_messages_of_all_sizes_and_plain_clients_beside(own_server, version):
    server = own_server()
    context = trusting(own_certificate(server), maximum_version=version)
    with TlsClient(server.broker, context) as client, Client(server.broker) as plain:
        client.made_topic("t", queues=1)
        bodies = [os.urandom(size) for size in (1, 100, 16383, 16384, 16385, 70000, 300000, 3 << 20)]
        for body in bodies:
            client.sent("t", body)
        for reader in (client, plain):
            found = []
            while len(found) < len(bodies):
                found += [message.body for message in reader.read("t", offset=len(found))]
            assert found == bodies
    wait_metric(server, "tidings_tls_handshakes_total", 1)


def test_many_in_flight(own_server):
    server = own_server()
    with TlsClient(server.broker, trusting(own_certificate(server))) as client:
        client.made_topic("t", queues=1)
        opaques = [client.begin(codec.SEND_V2, client.send_ext("t"), b"x" * 500) for _ in range(2000)]
        assert {client.finish(opaque).code for opaque in opaques} == {codec.OK}


def test_long_poll_is_woken(own_server):
    server = own_server()
    with TlsClient(server.broker, trusting(own_certificate(server))) as client, Client(server.broker) as plain:
        plain.made_topic("t", queues=1)
        found = []
        reader = threading.Thread(target=lambda: found.append(client.next("t")))
        reader.start()
        plain.sent("t", b"late")
        reader.join(90)
        assert found[0].body == b"late"


def test_a_byte_at_a_time(own_server):
    """The handshake and a request in the smallest pieces."""
    server = own_server()
    with TlsClient(server.broker, trusting(own_certificate(server)), pace=1) as client:
        client.sent("t", b"in pieces")


def test_enforcing(own_server):
    server = own_server("--tls-mode", "enforcing")
    with TlsClient(server.broker, trusting(own_certificate(server))) as client:
        client.sent("t")
    with Client(server.broker) as plain:
        plain.post(codec.ROUTE, {"topic": "t"})
        plain.wait_closed()
    wait_metric(server, "tidings_tls_refused_total", 1)


def test_disabled(own_server):
    server = own_server("--tls-mode", "disabled")
    assert not own_certificate(server).exists()
    host, port = server.broker.split(":")
    with pytest.raises(OSError), socket.create_connection((host, int(port)), timeout=60) as plain:
        ssl._create_unverified_context().wrap_socket(plain)
    with Client(server.broker) as client:
        client.sent("t")


def test_client_certificates(own_server, authority):
    certificate, key = authority("server")
    flags = ("--tls-certificate", certificate, "--tls-key", key, "--tls-client-ca", authority.ca)
    server = own_server(*map(str, flags), "--tls-client-required")
    known, stranger = trusting(authority.ca), trusting(authority.ca)
    known.load_cert_chain(*authority("client"))
    with TlsClient(server.broker, known) as client:
        client.sent("t")
    with pytest.raises((OSError, Closed)), TlsClient(server.broker, stranger) as client:
        client.sent("t")
    wait_metric(server, "tidings_tls_refused_total", 1)
    optional = own_server(*map(str, flags), name="optional")
    for context in (known, stranger):
        with TlsClient(optional.broker, context) as client:
            client.sent("t")


def test_reload(own_server, authority, tmp_path):
    first, second = authority("first"), authority("second")
    certificate, key = tmp_path / "use.pem", tmp_path / "use.key"

    def use(files):
        certificate.write_bytes(files[0].read_bytes())
        key.write_bytes(files[1].read_bytes())

    def name(client):
        return dict(part[0] for part in client.socket.certificate["subject"])["commonName"]

    use(first)
    server = own_server("--tls-certificate", str(certificate), "--tls-key", str(key))
    with TlsClient(server.broker, trusting(authority.ca)) as before:
        assert name(before) == "first"
        use(second)
        server.process.send_signal(signal.SIGHUP)
        wait_log(server, 'msg="reloaded"')
        with TlsClient(server.broker, trusting(authority.ca)) as after:
            assert name(after) == "second"
        before.sent("t")  # goes on with what it began with
        key.write_bytes(first[1].read_bytes())  # the wrong one: what is in force stays
        server.process.send_signal(signal.SIGHUP)
        wait_log(server, "what=tls")
        with TlsClient(server.broker, trusting(authority.ca)) as after:
            assert name(after) == "second"


@pytest.mark.parametrize("flags, says", [
    (("--tls-mode", "maybe"), "must be permissive, enforcing or disabled"),
    (("--tls-key", "/k.pem"), "tls.key needs tls.certificate"),
    (("--tls-client-required",), "tls.client_required needs tls.client_ca"),
    (("--tls-certificate", "/nowhere.pem"), "/nowhere.pem: no certificate"),
    (("--tls-certificate", "CERT"), "no key for the certificate"),
    (("--tls-certificate", "CERT", "--tls-key", "OTHER"), "no key for the certificate"),
    (("--tls-certificate", "CERT", "--tls-key", "KEY", "--tls-client-ca", "EMPTY"), "no certificates of client"),
    (("--tls-client-ca", "EMPTY"), "no certificates of client"),
])
def test_wrong_settings(tmp_path, authority, flags, says):
    certificate, key = authority("server")
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    files = {"CERT": certificate, "KEY": key, "OTHER": authority("other")[1], "EMPTY": empty}
    done = run("serve", "--data", tmp_path / "data", *[files.get(flag, flag) for flag in flags], "--check-config")
    assert done.returncode == 2 and says in done.stderr
    assert "PRIVATE KEY" not in done.stderr


@pytest.mark.parametrize("first", [b"\x16", b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x03\xff\xff" + b"\0" * 70000,
                                   b"\x16" * 5000],
                         ids=["one_byte", "no_hello", "long_record", "the_same_byte"])
def test_broken_handshakes(own_server, first):
    server = own_server()
    host, port = server.broker.split(":")
    with socket.create_connection((host, int(port)), timeout=60) as plain:
        try:
            plain.sendall(first)
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(65536):
                pass
        except TimeoutError:
            raise
        except OSError:
            pass  # reset, or no longer connected when it is to be shut down
    with TlsClient(server.broker, trusting(own_certificate(server))) as client:
        client.sent("t")


def test_damaged_records(own_server):
    """Every connection that sends a damaged record is closed, and nothing of it is taken."""
    server = own_server()
    context = trusting(own_certificate(server))
    places = range(0, 200, 7)
    for place in places:
        with TlsClient(server.broker, context) as client:
            record = client.socket.sealed(codec.encode(client.frame(codec.CREATE_TOPIC, {"topic": "damaged"})))
            record[place % len(record)] ^= 0x80
            client.socket.plain.sendall(record)
            if place not in (3, 4):  # a greater length only waits for more
                assert client.wait_closed()
    # A record that comes with the last message of the handshake fails with it.
    wait_until(lambda: sum(metric(server, f"tidings_tls_{name}_total") for name in ("handshakes", "refused")) == len(places))
    with TlsClient(server.broker, context) as client:
        assert client.route("damaged").code == codec.NO_TOPIC
