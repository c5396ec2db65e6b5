# SPDX-License-Identifier: Apache-2.0
"""Servers in namespaces of their own, as root: a network without a way out, an /etc/hosts that a test writes.

Whatever a server under test believes about addresses, nothing of it leaves this machine: its network has a loopback and
nothing else. The test speaks to it from a thread that has entered that network (the system's call works by thread).
"""
import ctypes
import os
import subprocess
import threading

import pytest
from notifier import Notifier
from server import PROGRAM

NEW_NETWORK = 0x40000000  # CLONE_NEWNET of <sched.h>
LIBC = ctypes.CDLL(None, use_errno=True)


def command(folder, network=True, hosts=None):
    """The words that start the program so. hosts: text of its /etc/hosts, in a file that is returned too."""
    kinds = ("-n " if network else "") + ("-m " if hosts is not None else "")
    if os.geteuid() != 0 or subprocess.run(["unshare", *kinds.split(), "true"], check=False).returncode != 0:
        pytest.fail("this test wants to be run as root, with namespaces")
    steps, file = [], folder / "hosts"
    if hosts is not None:
        file.write_text(hosts, encoding="ascii")
        steps.append(f'mount --bind "{file}" /etc/hosts')
    if network:
        steps.append("ip link set lo up")
    steps.append(f'exec "{PROGRAM}" "$@"')
    script = folder / "in-namespaces"
    script.write_text(f"#!/bin/sh\nexec unshare {kinds} sh -c '{' && '.join(steps)}' sh \"$@\"\n", encoding="ascii")
    script.chmod(0o755)
    return (str(script),), file


class Inside(Notifier):
    """The API of a server in a network of its own."""

    def call(self, *words, **more):
        result = []

        def work():
            try:
                with open(f"/proc/{self.server.pid}/ns/net", "rb") as network:
                    if LIBC.setns(network.fileno(), NEW_NETWORK) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                result.append(super(Inside, self).call(*words, **more))
            except BaseException as error:  # pylint: disable=broad-except
                result.append(error)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if isinstance(result[0], BaseException):
            raise result[0]
        return result[0]
