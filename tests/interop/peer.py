#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""RocketMQ's own black-box tests (its module `test`, release 4.9.7, from Maven Central) against our server: the classes are
those of the release, only what starts a broker in their process is replaced (tests/interop/peer). Each class runs in a
program of its own. What is left out, and why, stands in LEFT_OUT and is told at the end."""
import argparse
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "bench"))
from common import CACHE, JAVA, maven_jar  # noqa: E402
from run import TidingsServer  # noqa: E402

RELEASE = "4.9.7"
PREFIX = "org.apache.rocketmq.test."
CLASSES = CACHE / f"peer-{RELEASE}"
LIMIT_S = 400
# Not black box, or of two brokers, or of settings that another run has. Class: reason, or Class.method: reason.
LEFT_OUT = {
    "base.dledger.DLedgerProduceAndConsumeIT": "starts brokers of its own: a replicated log",
    "lmq.TestBenchLmqStore": "a unit test of RocketMQ's store",
    "tls.TLS_IT": "needs its broker's own certificate; run.py has TLS",
    "tls.TLS_Mix_IT": "as TLS_IT",
    "tls.TLS_Mix2_IT": "as TLS_IT",
}
# A few minutes: what no other test of ours has in the same way.
QUICK = ["smoke.NormalMessageSendAndRecvIT", "client.producer.transaction.TransactionalMsgIT",
         "client.producer.batch.BatchSendIT", "client.consumer.filter.SqlFilterIT", "client.producer.order.OrderMsgIT",
         "client.producer.querymsg.QueryMsgByIdIT", "client.consumer.tag.MulTagSubIT",
         "client.producer.exception.msg.MessageUserPropIT", "delay.NormalMsgDelayIT"]


class PlainServer(TidingsServer):
    """As RocketMQ's tests expect a broker: its table of delays, its first check of transactions."""

    flags = ("--message-delay-level", "1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h")


def test_classes(jar):
    with zipfile.ZipFile(jar) as file:
        names = [name[:-6].replace("/", ".") for name in file.namelist() if name.endswith("IT.class") or
                 name.endswith("LmqStore.class")]
    return sorted(name[len(PREFIX):] for name in names if "$" not in name and not name.endswith("BaseBroadCastIT"))


def class_path():
    server = subprocess.run([ROOT / "scripts" / "rocketmq", "fetch", "server", RELEASE], check=True, text=True,
                            capture_output=True, timeout=1200).stdout.strip()
    main = maven_jar("org.apache.rocketmq", "rocketmq-test", RELEASE)
    tests = maven_jar("org.apache.rocketmq", "rocketmq-test", RELEASE, "tests")
    others = [maven_jar(*names) for names in (
        ("junit", "junit", "4.13.2"), ("org.hamcrest", "hamcrest-core", "1.3"), ("com.google.truth", "truth", "0.30"),
        ("com.google.guava", "guava", "19.0"), ("log4j", "log4j", "1.2.17"))]
    return tests, ":".join(map(str, [CLASSES, tests, main, f"{server}/*", *others]))


def compile_ours(path):
    CLASSES.mkdir(parents=True, exist_ok=True)
    sources = [str(source) for source in (ROOT / "tests" / "interop" / "peer").rglob("*.java")]
    subprocess.run(["javac", "-nowarn", "-cp", path, "-d", str(CLASSES), *sources], check=True, timeout=300)


def run_class(path, server, name):
    """{test: None or the reason of its failure}"""
    skipped = ",".join(test for test in LEFT_OUT if test.count(".") == 1)
    command = [*JAVA, f"-Duser.home={CACHE}/home", f"-Dns={server.name_server}", f"-Dexcept={skipped}", "-cp", path, "Peer",
               name]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=LIMIT_S,
                              check=False)
        out, end = done.stdout, f"ended with {done.returncode}"
    except subprocess.TimeoutExpired as late:
        out, end = (late.stdout or b"").decode(errors="replace"), f"not finished after {LIMIT_S} s"
    found = re.findall(r"^(PASS|FAIL) ([^\s:]+)(.*)$", out, re.M)
    verdicts = {test: None if verdict == "PASS" else why.lstrip(": ")[:300] for verdict, test, why in found}
    return verdicts or {name.rsplit(".", 1)[1]: f"no verdict: {end}"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few classes only")
    parser.add_argument("--tidings", default=str(ROOT / "build" / "release" / "tidings"))
    parser.add_argument("classes", nargs="*", help="without org.apache.rocketmq.test.")
    args = parser.parse_args()
    tests, path = class_path()
    compile_ours(path)
    wanted = args.classes or (QUICK if args.quick else [name for name in test_classes(tests) if name not in LEFT_OUT])
    server = PlainServer("tidings-peer", args.tidings)
    server.start()
    passed, failed, begun = 0, [], time.monotonic()
    try:
        for name in wanted:
            verdicts = run_class(path, server, name)
            again = [test for test, why in verdicts.items() if why is not None]
            if again:  # their waits are fixed; told, as in run.py
                print(f"  {name}, once more: {again}", flush=True)
                verdicts = run_class(path, server, name)
            for test, why in verdicts.items():
                print(f"  {'PASS' if why is None else 'FAIL'} {test}{'' if why is None else ': ' + why}", flush=True)
                passed += why is None
                failed += [test] if why is not None else []
    finally:
        wrong = server.stop()
    if not args.classes and not args.quick:
        for name, reason in LEFT_OUT.items():
            print(f"  left out {name}: {reason}")
    if wrong:
        failed.append(f"clean-stop ({wrong})")
    print(f"RocketMQ {RELEASE}'s own tests: {passed} passed, {len(failed)} failed in {time.monotonic() - begun:.0f} s"
          + "".join(f"\n  FAILED {test}" for test in failed))
    return 0 if passed > 0 and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
