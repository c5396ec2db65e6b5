# SPDX-License-Identifier: Apache-2.0
"""Ports of a server that restarts: nobody else may come to have them while it is down.

The system hands out ports of its ephemeral range to every connection that is opened, so these are below it; and other
test programs choose theirs at the same time, so each block is locked, by a file, as long as its Block lives.
"""
import fcntl
import random
import socket
import tempfile
from pathlib import Path

FIRST, LAST, SIZE = 10000, 20990, 8
FOLDER = Path(tempfile.gettempdir()) / "tidings-test-ports"


def is_free(port):
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Block:
    """SIZE ports in a row, `first` and the next."""

    def __init__(self):
        FOLDER.mkdir(exist_ok=True)
        bases = list(range(FIRST, LAST - SIZE, SIZE))
        start = random.randrange(len(bases))
        for base in bases[start:] + bases[:start]:
            lock = open(FOLDER / f"{base}.lock", "wb")  # pylint: disable=consider-using-with
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if all(is_free(port) for port in range(base, base + SIZE)):
                    self.first, self.lock = base, lock
                    return
            except OSError:
                pass
            lock.close()
        raise RuntimeError(f"no {SIZE} free ports in a row between {FIRST} and {LAST}")
