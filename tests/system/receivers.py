# SPDX-License-Identifier: Apache-2.0
"""A receiver that does as its script says, well or badly, and records every request exactly.

    with Receiver() as sink:
        sink.on("/paid", status(500), ok())        # first a 500, then 200 for ever: the last one repeats
        ... tell the server about sink.url("/paid") ...
        first, second = sink.wait(2, "/paid")

An action is a function of (call, request): it writes to `call` and returns True when the connection may be used again.
Actions marked with `step` run earlier: "accept" before anything is read (before TLS too), "headers" before the body is.
"""
import dataclasses
import json
import random
import socket
import ssl
import struct
import threading
import time

BIG_CHUNK = b"x" * 65536
LATEST_S = 600  # what hangs is let go then, whatever became of the test


@dataclasses.dataclass
class Request:
    wall_ms: float
    method: str
    target: str
    fields: list  # (name, value) as they came
    body: bytes
    connection: int
    certificate: dict  # of the client, over TLS

    @property
    def path(self):
        return self.target.split("?")[0]

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def header(self, name):
        """Its value; None when it is not there. It must not be there twice."""
        found = self.all(name)
        assert len(found) <= 1, f"{name} came {len(found)} times: {found}"
        return found[0] if found else None

    id = property(lambda self: self.header("webhook-id"))
    attempt = property(lambda self: int(self.header("tidings-attempt")))


class Call:
    """A connection, from the receiver's side."""

    def __init__(self, receiver, sock, number):
        self.receiver, self.socket, self.number = receiver, sock, number
        self.rest = b""

    def send(self, data):
        self.socket.sendall(data)

    def reset(self):
        """Closes with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def hold(self, seconds=LATEST_S):
        """Until the other side closes, the receiver ends or the time is up; True when the other side closed."""
        end = time.monotonic() + seconds
        self.socket.settimeout(0.1)
        while time.monotonic() < end and not self.receiver.ended.is_set():
            try:
                if not self.socket.recv(65536):
                    return True
            except TimeoutError:
                pass
            except OSError:
                return True
        return False

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise EOFError
        self.rest += data

    def _until(self, mark):
        while mark not in self.rest:
            self._more()
        head, self.rest = self.rest.split(mark, 1)
        return head

    def _exactly(self, count):
        while len(self.rest) < count:
            self._more()
        piece, self.rest = self.rest[:count], self.rest[count:]
        return piece

    def head(self):
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        fields = [(name, value.strip(" \t")) for name, value in (line.split(":", 1) for line in lines)]
        certificate = self.socket.getpeercert() if isinstance(self.socket, ssl.SSLSocket) else None
        return Request(time.time() * 1000, method, target, fields, b"", self.number, certificate or {})

    def body(self, request):
        if (request.header("expect") or "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if request.header("transfer-encoding"):
            whole = b""
            while size := int(self._until(b"\r\n").split(b";")[0], 16):
                whole += self._exactly(size)
                self._exactly(2)
            self._until(b"\r\n")
            return whole
        return self._exactly(int(request.header("content-length") or 0))


class Receiver:
    def __init__(self, host="127.0.0.1", port=0, tls=None, action=None):
        """tls: an ssl.SSLContext. action: for paths without a script; plain 200 unless told."""
        self.host, self.tls = host, tls
        self.default = action or ok()
        self.scripts, self.counts = {}, {}
        self.changed = threading.Condition()
        self.requests, self.connections, self.handshake_errors = [], 0, []
        self.ended = threading.Event()
        self.open = set()
        self.listener = self._listening(port)
        self.port = self.listener.getsockname()[1]
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def _listening(self, port):
        """Below the ports that the system hands out by itself, so that nobody has it when it is opened again."""
        for chosen in [port] if port else random.sample(range(21000, 32000), 200):
            sock = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((self.host, chosen))
                sock.listen(1024)
                return sock
            except OSError:
                sock.close()
        raise RuntimeError("no free port")

    # ---- what a test says and asks ----
    def on(self, path, *actions):
        """What comes in on this path: the actions in order, the last one again and again."""
        with self.changed:
            self.scripts[path], self.counts[path] = list(actions), 0
        return self

    def url(self, path="/", host=None, scheme=None):
        name = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{scheme or ('https' if self.tls else 'http')}://{name}:{self.port}{path}"

    def got(self, path=None, id=None):
        with self.changed:
            return [one for one in self.requests
                    if (path is None or one.path == path) and (id is None or one.id == id)]

    def wait(self, count, path=None, id=None, within_s=60):
        """The first `count` requests; fails when they do not come."""
        looked, fit = 0, 0

        def enough():
            nonlocal looked, fit
            fit += sum(1 for one in self.requests[looked:] if (path is None or one.path == path) and (id is None or one.id == id))
            looked = len(self.requests)
            return fit >= count
        with self.changed:
            there = self.changed.wait_for(enough, within_s)
        found = self.got(path, id)
        assert there, f"{len(found)} of {count} requests came to {path or self.url()} in {within_s} s"
        return found[:count]

    def wait_connections(self, count, within_s=60):
        with self.changed:
            assert self.changed.wait_for(lambda: self.connections >= count, within_s), f"{self.connections} of {count}"

    def close(self):
        self.ended.set()
        # Closed while it is waited on it would take one more connection, or, by its number, that of another receiver.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()
        self.listener.close()
        with self.changed:
            left = list(self.open)
        for sock in left:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- connections ----
    def _accept(self):
        while not self.ended.is_set():
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.changed:
                self.connections += 1
                number = self.connections
                self.open.add(sock)
                self.changed.notify_all()
            threading.Thread(target=self._serve, args=(sock, number), daemon=True).start()

    def _serve(self, sock, number):
        call = Call(self, sock, number)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if getattr(self.default, "step", "") == "accept":
                self.default(call, None)
                return
            if self.tls is not None:
                sock.settimeout(60)
                try:
                    call.socket = self.tls.wrap_socket(sock, server_side=True)
                except (OSError, ValueError) as error:
                    with self.changed:
                        self.handshake_errors.append(error)
                        self.changed.notify_all()
                    return
            call.socket.settimeout(LATEST_S)
            while self._one(call):
                pass
        except (OSError, EOFError, ValueError):
            pass  # the other side has had enough, or the test has
        finally:
            with self.changed:
                self.open.discard(sock)
            call.socket.close()

    def _one(self, call):
        request = call.head()
        with self.changed:
            script = self.scripts.get(request.path)
            place = self.counts.get(request.path, 0)
            self.counts[request.path] = place + 1
        action = script[min(place, len(script) - 1)] if script else self.default
        early = getattr(action, "step", "") == "headers"
        if not early:
            request.body = call.body(request)
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
        return action(call, request)


def early(step, action):
    def run(call, request):
        return action(call, request)
    run.step = step
    return run


# ---- answers ----
def answer(code=200, body=b"", fields=(), reason="Said"):
    """The bytes of a whole answer."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {code} {reason}", *(f"{name}: {value}" for name, value in fields)]
    if code not in (204, 304):
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def status(code, body=b"", fields=()):
    def run(call, _):
        call.send(answer(code, body, fields))
        return True
    return run


def ok(body=b"", fields=()):
    return status(200, body, fields)


def json_body(value, code=200):
    return status(code, json.dumps(value), [("Content-Type", "application/json")])


def xml_body(text, code=200):
    return status(code, text, [("Content-Type", "text/xml; charset=utf-8")])


def redirect(location, code=302):
    return status(code, b"", [("Location", location)])


def busy(retry_after, code=429):
    return status(code, b"", [("Retry-After", retry_after)] if retry_after is not None else [])


def slow(seconds, then=None):
    def run(call, request):
        call.receiver.ended.wait(seconds)
        return (then or ok())(call, request)
    return run


def gated(gate, then=None):
    """Answers when the event `gate` is set."""
    def run(call, request):
        end = time.monotonic() + LATEST_S
        while not gate.wait(0.05) and not call.receiver.ended.is_set() and time.monotonic() < end:
            pass
        return (then or ok())(call, request)
    return run


def by_attempt(*actions):
    """By the attempt's number of each notification, whatever came in between: the last one repeats."""
    def run(call, request):
        return actions[min(request.attempt, len(actions)) - 1](call, request)
    return run


# ---- bad ones ----
def hang():
    """No answer at all."""
    def run(call, _):
        call.hold()
    return run


def hang_at_accept():
    return early("accept", hang())


def hang_body(code=200, said=1000, sent=b"beginning"):
    """Headers at once, the body never whole."""
    def run(call, _):
        call.send(f"HTTP/1.1 {code} Said\r\nContent-Length: {said}\r\n\r\n".encode() + sent)
        call.hold()
    return run


def half_body(code=200):
    """Half of the body, then the end of the connection."""
    def run(call, _):
        call.send(f"HTTP/1.1 {code} Said\r\nContent-Length: 1000\r\n\r\n".encode() + b"x" * 500)
    return run


def big(size, code=200, head=b""):
    """A body of `size` bytes, made while it is sent. What could be sent is noted in run.sent."""
    def run(call, _):
        call.send(f"HTTP/1.1 {code} Said\r\nContent-Length: {size}\r\n\r\n".encode() + head)
        left = size - len(head)
        while left > 0:
            piece = BIG_CHUNK[:left]
            call.send(piece)
            left -= len(piece)
            run.sent += len(piece)
        return True
    run.sent = 0
    return run


def endless(code=200):
    """Chunks without end."""
    def run(call, _):
        call.send(f"HTTP/1.1 {code} Said\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        while not call.receiver.ended.is_set():
            call.send(b"10000\r\n" + BIG_CHUNK + b"\r\n")
            run.sent += len(BIG_CHUNK)
    run.sent = 0
    return run


def drip(data, pause_s=0.2):
    """These bytes one by one."""
    def run(call, _):
        for byte in data:
            call.send(bytes([byte]))
            if call.receiver.ended.wait(pause_s):
                return False
        return True
    return run


def says(data, then_hang=False):
    """Exactly these bytes, then the end of the connection."""
    def run(call, _):
        call.send(data)
        if then_hang:
            call.hold()
    return run


def header_bomb(size=64 << 20):
    """Header fields without end, up to `size` bytes of them."""
    def run(call, _):
        call.send(b"HTTP/1.1 200 Said\r\n")
        line = b"X-Bomb: " + b"x" * 1000 + b"\r\n"
        for _ in range(size // len(line)):
            call.send(line)
            run.sent += len(line)
    run.sent = 0
    return run


def close():
    """The end of the connection in place of an answer."""
    def run(_call, _request):
        return False
    return run


def reset():
    """RST in place of an answer."""
    def run(call, _):
        call.reset()
    return run


def reset_at_accept():
    return early("accept", reset())


def reset_at_headers():
    """RST when the headers were read, before the body was."""
    return early("headers", reset())


def reset_after(data):
    """RST behind these bytes of an answer."""
    def run(call, _):
        call.send(data)
        time.sleep(0.05)  # that they are not thrown away with the connection
        call.reset()
    return run
