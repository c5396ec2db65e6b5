# SPDX-License-Identifier: Apache-2.0
"""TLS for the small client: Python's ssl on memory buffers, so that one thread may read while others write."""
import socket
import ssl
import threading

from client import Client


class TlsSocket:
    """What Client uses of a socket. `pace` is the largest piece that is written to the wire at once."""

    def __init__(self, plain, context, host, pace=None):
        self.plain, self.pace = plain, pace
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=host)
        self._lock = threading.Lock()
        self._until(self.tls.do_handshake)
        self.certificate, self.version = self.tls.getpeercert(), self.tls.version()

    def _push(self):
        data = self.outgoing.read()
        for at in range(0, len(data), self.pace or len(data) or 1):
            self.plain.sendall(data[at:at + (self.pace or len(data))])

    def _until(self, action):
        while True:
            with self._lock:
                try:
                    return action()
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLZeroReturnError:
                    return b""
                finally:
                    self._push()
            data = self.plain.recv(65536)
            if data:
                self.incoming.write(data)
            else:
                self.incoming.write_eof()

    def recv(self, count):
        return self._until(lambda: self.tls.read(count))

    def sendall(self, data):
        with self._lock:
            self.tls.write(data)
            self._push()

    def sealed(self, data):
        """The record that sendall would have sent."""
        with self._lock:
            self.tls.write(data)
            return bytearray(self.outgoing.read())

    def __getattr__(self, name):  # settimeout, setsockopt, shutdown, close
        return getattr(self.plain, name)


class TlsClient(Client):
    """Client over TLS; `context` says whom it trusts."""

    def __init__(self, address, context, pace=None, **more):
        self.context, self.pace = context, pace
        super().__init__(address, **more)

    def connected(self, host, port):
        plain = super().connected(host, port)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            return TlsSocket(plain, self.context, host, self.pace)
        except OSError:
            plain.close()
            raise


def trusting(file, **more):
    context = ssl.create_default_context(cafile=str(file))
    for name, value in more.items():
        setattr(context, name, value)
    return context
