# SPDX-License-Identifier: Apache-2.0
"""Damages the log of a stopped server from outside, knowing no more than that it is made of files in `log`."""
import shutil
from pathlib import Path


def files(data):
    found = sorted(path for path in (Path(data) / "log").rglob("*") if path.is_file())
    assert found, f"no files in {data}/log"
    return found


def contents(data):
    return {path.name: path.read_bytes() for path in files(data)}


def flip(data, needle, count=1):
    """Changes one bit in each of `count` bytes inside the only place where `needle` stands."""
    hits = [(path, path.read_bytes().find(needle)) for path in files(data) if needle in path.read_bytes()]
    assert len(hits) == 1, f"{needle!r} stands in {len(hits)} files"
    path, at = hits[0]
    with open(path, "r+b") as file:
        for place in range(at, at + count):
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 0x40]))


def changed_range(before, after):
    """(file name, first changed byte, one behind the last) between two contents(); one file must have changed."""
    changed = [name for name in after if before.get(name) != after[name]]
    assert len(changed) == 1, f"{len(changed)} files changed"
    old, new = before[changed[0]], after[changed[0]]
    old += b"\0" * (len(new) - len(old))
    places = [at for at in range(len(new)) if old[at] != new[at]]
    return changed[0], places[0], places[-1] + 1


def copy(data, target):
    shutil.copytree(data, target)
