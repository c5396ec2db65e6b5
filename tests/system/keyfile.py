# SPDX-License-Identifier: Apache-2.0
"""API keys files of tests: lines of src/api/api.h, with the keys' texts at hand."""
import hashlib
import secrets


class KeyFile:
    def __init__(self, path):
        self.path, self.lines, self.keys = path, ["# roles of this test"], {}

    def add(self, role, name, **more):
        """A key of this role; more: sources=…, receivers=…, rate=…"""
        key = f"test-{name}-{secrets.token_hex(16)}"
        words = [role, name, "sha256:" + hashlib.sha256(key.encode()).hexdigest(), *(f"{k}={v}" for k, v in more.items())]
        self.lines.append(" ".join(words))
        self.keys[name] = key
        self.write()
        return key

    def drop(self, name):
        self.lines = [line for line in self.lines if line.split()[1:2] != [name]]
        self.write()

    def write(self):
        self.path.write_text("\n".join(self.lines) + "\n", encoding="utf-8")
        self.path.chmod(0o600)

    @property
    def flag(self):
        return f"--api-keys={self.path}"
