#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The notifier against what others wrote: the official libraries of Standard Webhooks (Python, JavaScript, Go) verify what
we sign, also while a secret is being changed; schemathesis reads our own OpenAPI document and asks the server everything
that it allows and a lot that it does not.

    push.py [signatures] [openapi] [--max-examples 60] [--seed N]

scripts/interop push fetches what it takes below build/interop and then calls this.
"""
import argparse
import base64
import json
import os
import queue
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "interop"
sys.path.insert(0, str(ROOT / "tests" / "system"))
from keyfile import KeyFile  # noqa: E402
from notifier import ALLOW, Notifier  # noqa: E402
from receivers import Receiver, by_attempt, ok, status  # noqa: E402
from server import Server  # noqa: E402

HERE = ROOT / "tests" / "interop" / "webhooks"
LIBRARIES = {
    "python": [str(BUILD / "python" / "bin" / "python"), str(HERE / "verify.py")],
    "javascript": ["node", str(HERE / "verify.js")],
    "go": [str(BUILD / "go-webhooks")],
}
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
BODIES = [b"{}", b'{"amount":1.10, "\xe9\x87\x91":"\xf0\x9f\x92\xb0"}', b'"' + b"x" * 200_000 + b'"', b"[1,\n\t2 ]", b"0"]
ANSWER_S = 60
# All checks of schemathesis but: a batch tells in its 207 what was wrong; a header that means something for another kind of body is passed over; YAML is text.
SETTINGS = """
[checks]
positive_data_acceptance.enabled = false  # what is well-formed may yet name a receiver that is not there
negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "405", "409", "413", "415", "422", "429"]

[[operations]]
include-operation-id = "submit"
checks.negative_data_rejection.enabled = false

[[operations]]
include-path = "/openapi.yaml"
checks.response_schema_conformance.enabled = false
"""


# ---- signatures ----
class Library:
    def __init__(self, name, command):
        environment = {**os.environ, "NODE_PATH": str(BUILD / "node" / "node_modules")}
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def verdict(self, request, secret, body=None):
        case = {"secret": secret, "body": base64.b64encode(request.body if body is None else body).decode(),
                "headers": {name: request.header(name) or "" for name in HEADERS}}
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        try:
            return self.lines.get(timeout=ANSWER_S)
        except queue.Empty:
            return "no verdict"

    def close(self):
        self.process.stdin.close()
        self.process.wait(ANSWER_S)


def new_secret():
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


def next_request(api, sink, name, path):
    before = len(sink.got(path))
    api.submit(name, {"n": 1}, tx_no=f"{path} {before} {time.time_ns()}")
    return sink.wait(before + 1, path)[-1]


def signed_requests(api, sink):
    """(what it is, request, secrets that must verify, secrets that must not)"""
    cases, old, other = [], new_secret(), new_secret()
    name = api.receiver(sink.url("/plain"), secrets=[{"secret": old}])
    for number, body in enumerate(BODIES):
        api.raw(name, body, tx_no=f"body {number}", content_type="application/json")
    cases += [(f"body of {len(one.body)} bytes", one, [old], [other]) for one in sink.wait(len(BODIES), "/plain")]
    sink.on("/again", by_attempt(status(500), ok()))
    name = api.receiver(sink.url("/again"), secrets=[{"secret": old}], ladder="1100ms")
    api.submit(name)
    cases += [(f"attempt {one.attempt}", one, [old], [other]) for one in sink.wait(2, "/again")]
    name = api.receiver(sink.url("/rotated"), secrets=[{"secret": old}])
    cases.append(("before the change", next_request(api, sink, name, "/rotated"), [old], [other]))
    new = api.good("POST", f"/v1/receivers/{name}/secrets", {"overlapMs": 3_600_000})["secret"]
    cases.append(("while it is being changed", next_request(api, sink, name, "/rotated"), [old, new], [other]))
    newest = api.good("POST", f"/v1/receivers/{name}/secrets", {"overlapMs": 0})["secret"]
    cases.append(("after the change", next_request(api, sink, name, "/rotated"), [newest], [old, new, other]))
    return cases


def check_signatures(libraries):
    results = []
    with tempfile.TemporaryDirectory(prefix="tidings-interop-push-") as folder, Receiver() as sink:
        server = Server(Path(folder) / "data", (ALLOW, "--log-level=warn"))
        server.start()
        try:
            cases = signed_requests(Notifier(server), sink)
            for library in libraries:
                for what, request, good, bad in cases:
                    wrong = [f"{library.verdict(request, one)} with a right secret" for one in good
                             if library.verdict(request, one) != "good"]
                    wrong += ["a wrong secret verifies" for one in bad if not library.verdict(request, one).startswith("bad")]
                    changed = library.verdict(request, good[0], b" " + request.body)
                    wrong += [] if changed.startswith("bad") else ["changed bytes verify"]
                    results.append((f"{library.name}: {what}", "; ".join(wrong) or None))
            server.stop()
        finally:
            if server.is_running:
                server.kill9()
    return results


# ---- the programs of docs/notifier.md ----
MAINS = {
    "python": ("verify.py", """
import sys
print("good" if verify(*sys.argv[1:5], open(sys.argv[5], "rb").read()) else "bad")
"""),
    "javascript": ("verify.js", """
const [secret, id, timestamp, signatures, file] = process.argv.slice(2);
console.log(verify(secret, id, timestamp, signatures, require("fs").readFileSync(file)) ? "good" : "bad");
"""),
    "go": ("main.go", """package main

import (
	"fmt"
	"os"
)

func main() {
	body, err := os.ReadFile(os.Args[5])
	if err == nil && Verify(os.Args[1], os.Args[2], os.Args[3], os.Args[4], body) {
		fmt.Println("good")
	} else {
		fmt.Println("bad")
	}
}
"""),
    "java": ("Main.java", """
class Main {
    public static void main(String[] words) throws Exception {
        byte[] body = java.nio.file.Files.readAllBytes(java.nio.file.Path.of(words[4]));
        System.out.println(Verify.verify(words[0], words[1], words[2], words[3], body) ? "good" : "bad");
    }
}
"""),
}
GO = {"GOMODCACHE": str(BUILD / "go" / "mod"), "GOCACHE": str(BUILD / "go" / "cache"), "GOTOOLCHAIN": "local", "GO111MODULE": "off"}


def guide_program(language, folder):
    """The command that runs the guide's program of a language."""
    guide = (ROOT / "docs" / "notifier.md").read_text(encoding="utf-8")
    program = re.search(rf"^```{language} verify\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)[1]
    name, main = MAINS[language]
    if language in ("python", "javascript"):
        (folder / name).write_text(program + main, encoding="utf-8")
        return [sys.executable if language == "python" else "node", str(folder / name)]
    (folder / name).write_text(main, encoding="utf-8")
    (folder / ("verify.go" if language == "go" else "Verify.java")).write_text(program, encoding="utf-8")
    if language == "go":
        subprocess.run(["go", "build", "-o", "verify", "main.go", "verify.go"], cwd=folder, env={**os.environ, **GO}, check=True,
                       timeout=300)
        return [str(folder / "verify")]
    subprocess.run(["javac", "Main.java", "Verify.java"], cwd=folder, check=True, timeout=300)
    return ["java", "-cp", str(folder), "Main"]


def check_guide():
    results = []
    with tempfile.TemporaryDirectory(prefix="tidings-interop-push-") as folder, Receiver() as sink:
        server = Server(Path(folder) / "data", (ALLOW, "--log-level=warn"))
        server.start()
        try:
            api, old, other = Notifier(server), new_secret(), new_secret()
            name = api.receiver(sink.url("/guide"), secrets=[{"secret": old}])
            new = api.good("POST", f"/v1/receivers/{name}/secrets", {"overlapMs": 3_600_000})["secret"]
            request = next_request(api, sink, name, "/guide")
            server.stop()
        finally:
            if server.is_running:
                server.kill9()
        words = [request.header(name) for name in HEADERS]
        late = [words[0], str(int(words[1]) - 3600), words[2]]
        right, changed = Path(folder) / "right", Path(folder) / "changed"
        right.write_bytes(request.body)
        changed.write_bytes(request.body + b" ")
        for language in MAINS:
            place = Path(folder) / language
            place.mkdir()
            command, wrong = guide_program(language, place), []
            for verdict, case in [("good", [new, *words, right]), ("good", [old, *words, right]), ("bad", [other, *words, right]),
                                  ("bad", [new, *words, changed]), ("bad", [new, *late, right]), ("bad", [new, *words[:2], "", right])]:
                said = subprocess.run([*command, *map(str, case)], stdout=subprocess.PIPE, text=True, check=False, timeout=ANSWER_S).stdout
                wrong += [] if said.strip() == verdict else [f"{said!r}, not {verdict}"]
            results.append((f"docs/notifier.md, {language}", "; ".join(wrong) or None))
    return results


# ---- schemathesis ----
def in_its_own_network(options):
    """This program again, for the part "openapi", in a network without a way out: receivers get URLs that were made up."""
    again = [sys.executable, __file__, "openapi", "--inside", "--max-examples", str(options.max_examples), "--seed", str(options.seed)]
    script = 'ip link set lo up && exec "$@"'
    for unshare in (["unshare", "-n"], ["unshare", "-rn"]):
        if subprocess.run([*unshare, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return subprocess.run([*unshare, "sh", "-c", script, "sh", *again], check=False).returncode
    raise SystemExit("unshare -n does not work here: the part \"openapi\" is not run in the open network")


def prepare(server, key):
    """Something of each kind, so that what is found by a guessed name is found at times."""
    api = Notifier(server, key)
    for name in ("a", "b"):
        api.receiver("http://127.0.0.1:9/", name=name, types=["*"], ladder="1h")
    api.good("PUT", "/v1/bindings/a", {"topic": "a", "group": "a", "receivers": ["a"]})
    api.submit(["a", "b"])
    api.good("POST", "/v1/redeliveries", {"receiver": "a"})


def document_of(server, key, folder):
    request = urllib.request.Request(f"http://{server.http}/openapi.yaml", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
        served = answer.read()
    path = Path(folder) / "openapi.yaml"
    path.write_bytes(served)
    same = served == (ROOT / "docs" / "openapi.yaml").read_bytes()
    return path, None if same else "what is served is not docs/openapi.yaml"


def check_openapi(options):
    with tempfile.TemporaryDirectory(prefix="tidings-interop-push-") as folder:
        keys = KeyFile(Path(folder) / "keys")
        key = keys.add("operator", "schemathesis")
        server = Server(Path(folder) / "data", (keys.flag, "--log-level=warn"))
        server.start()
        try:
            prepare(server, key)
            path, different = document_of(server, key, folder)
            (Path(folder) / "schemathesis.toml").write_text(SETTINGS, encoding="ascii")
            done = subprocess.run([str(BUILD / "python" / "bin" / "schemathesis"), "run", str(path), "--url", f"http://{server.http}",
                                   "--header", f"Authorization: Bearer {key}", "--max-examples",
                                   str(options.max_examples), "--seed", str(options.seed), "--request-timeout", "30", "--workers", "1",
                                   "--continue-on-failure", "--no-color", "--suppress-health-check", "all", "--warnings", "off",
                                   "--report", "ndjson", "--report-ndjson-path", str(BUILD / "run" / "push-schemathesis.ndjson")],
                                  cwd=folder, check=False, timeout=3600)
            left = server.is_running
            if left:
                server.stop()
        finally:
            if server.is_running:
                server.kill9()
    return [("openapi: the document that is served", different),
            ("openapi: schemathesis", None if done.returncode == 0 else f"exit code {done.returncode}, see above"),
            ("openapi: the server is well at the end", None if left else "it has ended")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=["signatures", "openapi", []])
    parser.add_argument("--max-examples", type=int, default=60)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=random.getrandbits(31))
    options = parser.parse_args()
    parts = options.parts or ["signatures", "openapi"]
    results = []
    if "signatures" in parts:
        libraries = [Library(name, command) for name, command in LIBRARIES.items()]
        results += check_signatures(libraries)
        for one in libraries:
            one.close()
    if "signatures" in parts:
        results += check_guide()
    if "openapi" in parts and options.inside:
        print(f"schemathesis with seed {options.seed}", flush=True)
        results += check_openapi(options)
    elif "openapi" in parts:
        code = in_its_own_network(options)
        results.append(("openapi, in a network of its own", None if code == 0 else f"exit code {code}, see above"))
    for name, reason in results:
        print(f"  {'ok    ' if reason is None else 'FAILED'} {name}{'' if reason is None else ': ' + reason}")
    failed = sum(1 for _, reason in results if reason is not None)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
