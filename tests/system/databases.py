# SPDX-License-Identifier: Apache-2.0
"""Databases of PostgreSQL for tests: those of scripts/databases, which the tests start when they do not run beside them."""
import os
import secrets
import subprocess
import urllib.parse
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "databases"
READY_S = 120


class Postgres:
    """A server of PostgreSQL, as libpq is told of it."""

    def __init__(self):
        self.process, self.conninfo = None, os.environ.get("TIDINGS_POSTGRES")
        if self.conninfo is None:
            self._start()

    def _start(self):
        self.process = subprocess.Popen([str(SCRIPT), "sh", "-c", 'echo "$TIDINGS_POSTGRES"; read end'], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.conninfo = self.process.stdout.readline().strip()  # the script gives up by itself
        assert self.conninfo, "scripts/databases did not start"

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait(READY_S)
            self.process.stdout.close()

    def sql(self, text, database=None):
        """What it answers, a line for each row."""
        conninfo = self.conninfo + (f" dbname={database}" if database else "")
        done = subprocess.run(["psql", conninfo, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text], capture_output=True, text=True, timeout=60,
                              check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def new(self):
        """A new database of a server; drop() it."""
        name = f"tidings_{secrets.token_hex(6)}"
        self.sql(f"CREATE DATABASE {name}")
        return Database(self, name)


class Database:
    def __init__(self, postgres, name):
        self.postgres, self.name = postgres, name
        words = dict(word.split("=", 1) for word in postgres.conninfo.split())
        words.pop("dbname", None)
        self.url = f"postgresql:///{name}?{urllib.parse.urlencode(words, safe='/')}"

    def sql(self, text):
        return self.postgres.sql(text, self.name)

    def drop(self):
        self.postgres.sql(f"DROP DATABASE {self.name} WITH (FORCE)")
