#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""RocketMQ's mqadmin against a server: each command is run as its users run it, and what it printed is checked.

    mqadmin.py --jars FOLDER --ns HOST:PORT --home FOLDER [--list] [SCENARIO...]

Prints "PASS name" or "FAIL name: reason" for each.
"""
import argparse
import contextlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))

from client import Client, wait_until  # pylint: disable=wrong-import-position

JAVA = ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"] + [
    f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in ("java.nio", "sun.nio.ch", "java.lang")]
LIMIT_S = 60
CLUSTER, BROKER = "DefaultCluster", "broker-a"


class Admin:
    def __init__(self, jars, name_server, home):
        self.jars, self.name_server, self.home = jars, name_server, Path(home)
        host, port = name_server.split(":")
        self.broker = f"{host}:{int(port) + 4}"
        stamp = format(int(time.time() * 1000), "x")
        self.topic, self.group = f"admin-{stamp}", f"admins-{stamp}"
        (self.home / "conf").mkdir(parents=True, exist_ok=True)
        self.logback = self.home / "conf" / "logback_tools.xml"
        self.logback.write_text("<configuration></configuration>\n")
        self.client = Client(self.broker)

    def close(self):
        self.client.close()

    def run(self, *arguments):
        """Standard output of a command that succeeded."""
        command = [*JAVA, f"-Duser.home={self.home}", f"-Drocketmq.home.dir={self.home}",
                   f"-Drmq.logback.configurationFile={self.logback}", "-cp", f"{self.jars}/*",
                   "org.apache.rocketmq.tools.command.MQAdminStartup", *map(str, arguments), "-n", self.name_server]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False,
                              env={**os.environ, "ROCKETMQ_HOME": str(self.home)})
        said = done.stdout + done.stderr
        if re.search(r"Exception|not support", said):
            lines = [line for line in said.splitlines() if re.search(r"Exception|not support|CODE", line)]
            raise AssertionError(f"mqadmin {arguments[0]}: {' / '.join(lines[:3])}")
        return "\n".join(line for line in done.stdout.splitlines() if "|-" not in line)

    def demand(self, pattern, *arguments, times=None):
        said = self.run(*arguments)
        found = len(re.findall(pattern, said, re.MULTILINE))
        assert found == times if times is not None else found > 0, \
            f"mqadmin {' '.join(map(str, arguments))}: no {pattern!r} in {said!r}"
        return said

    def with_topic(self, queues=2):
        self.client.made_topic(self.topic, queues=queues)
        return self.topic

    def with_group(self):
        self.with_topic()
        self.client.update_group(self.group)
        return self.group


def topics(admin):
    on_broker = ("-b", admin.broker)
    admin.demand("create topic to .* success", "updateTopic", *on_broker, "-t", admin.topic, "-r", 3, "-w", 3)
    admin.demand(rf"^{admin.topic}\s*$", "topicList")
    admin.demand(rf"{CLUSTER}\s+{admin.topic}", "topicList", "-c")
    admin.demand(r'"writeQueueNums":3', "topicRoute", "-t", admin.topic)
    admin.demand(rf"^{BROKER}\s+\d+\s+0\s+0", "topicStatus", "-t", admin.topic, times=3)
    admin.demand("create topic to .* success", "updateTopic", "-c", CLUSTER, "-t", admin.topic + "2", "-r", 1, "-w", 1)
    admin.demand("success", "deleteTopic", "-c", CLUSTER, "-t", admin.topic)
    assert admin.topic + "\n" not in admin.run("topicList") + "\n"


def cluster(admin):
    admin.demand(rf"^{CLUSTER}\s+{BROKER}\s+0\s+{re.escape(admin.broker)}\s+\S+", "clusterList")
    admin.demand(rf"^{CLUSTER}\s+{BROKER}\s+\d+\s+\d+", "clusterList", "-m")
    said = admin.demand(r"^brokerVersionDesc\s*:", "brokerStatus", "-b", admin.broker)
    for name in ("putTps", "getTransferedTps", "msgPutTotalTodayNow", "runtime", "commitLogMaxOffset",
                 "bootTimestamp"):
        assert re.search(rf"^{name}\s*:", said, re.MULTILINE), f"brokerStatus tells no {name}"
    said = admin.demand(rf"^brokerName\s+=\s+{BROKER}", "getBrokerConfig", "-b", admin.broker)
    assert re.search(r"^flushDiskType\s+=\s+SYNC_FLUSH", said, re.MULTILINE), said


def messages(admin):
    topic = admin.with_topic(1)
    said = admin.demand(rf"^{BROKER}\s+\d+\s+SEND_OK\s+\S+", "sendMessage", "-t", topic, "-p", "hello", "-k", "key1",
                        "-c", "tagA")
    unique, queue = re.search(r"SEND_OK\s+(\S+)", said)[1], re.search(rf"^{BROKER}\s+(\d+)", said, re.MULTILINE)[1]
    admin.demand(r"hello|MSGID", "consumeMessage", "-t", topic, "-g", admin.group, "-c", 1)
    admin.demand("hello", "printMsg", "-t", topic, "-d", "true")
    admin.demand(unique, "queryMsgByKey", "-t", topic, "-k", "key1")
    admin.demand(r"Message Body Path|OffsetID|Topic:", "queryMsgByUniqueKey", "-t", topic, "-i", unique)
    said = admin.demand(r"Topic:\s+" + topic, "queryMsgByOffset", "-t", topic, "-b", BROKER, "-i", queue, "-o", 0)
    offset_id = re.search(r"OffsetID:\s+(\S+)", said)[1]
    with_topic = ("-t", topic) if "server-5" in admin.jars else ()  # version 4 does not know it here
    admin.demand(r"Topic:\s+" + topic, "queryMsgById", "-i", offset_id, *with_topic)


def groups(admin):
    on_broker = ("-b", admin.broker)
    topic = admin.with_topic()
    admin.demand("create subscription group to .* success", "updateSubGroup", *on_broker, "-g", admin.group)
    admin.client.sent(topic)
    admin.client.sent(topic)
    admin.client.commit(admin.group, topic, 1)
    admin.demand(rf"^{topic}\s+{BROKER}\s+0\s+2\s+1\s.*\s1\s", "consumerProgress", "-g", admin.group)
    admin.demand(rf"^{admin.group}\s", "consumerProgress")
    admin.demand("success", "deleteSubGroup", "-c", CLUSTER, "-g", admin.group)
    assert admin.group + " " not in admin.run("consumerProgress")


def connections(admin):
    group = admin.with_group()
    with Client(admin.broker) as client:
        client.beat("someone@1", group, [admin.topic], producers=["makers"])
        wait_until(lambda: client.members(group) == ["someone@1"])
        said = admin.demand("someone@1", "consumerConnection", "-g", group)
        assert re.search(rf"^{admin.topic}\s+\*", said, re.MULTILINE) and "CLUSTERING" in said, said
        admin.demand("someone@1", "producerConnection", "-g", "makers", "-t", admin.topic)


def reset(admin):
    topic, group = admin.with_topic(1), admin.with_group()
    for _ in range(3):
        admin.client.sent(topic)
    admin.client.commit(group, topic, 3)
    admin.demand(rf"{BROKER}\s+0\s+", "resetOffsetByTime", "-g", group, "-t", topic, "-s", 0)
    committed = admin.client.committed(group, topic)
    assert committed == 0, f"the offset is {committed}"
    admin.run("resetOffsetByTime", "-g", group, "-t", topic, "-s", "now")


SCENARIOS = {"admin-topics": topics, "admin-cluster": cluster, "admin-messages": messages, "admin-groups": groups,
             "admin-connections": connections, "admin-reset": reset}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jars")
    parser.add_argument("--ns")
    parser.add_argument("--home")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("scenarios", nargs="*")
    args = parser.parse_args()
    if args.list:
        print(" ".join(SCENARIOS))
        return 0
    good = True
    for name in args.scenarios:
        try:
            print(f"  {name}", flush=True)
            with contextlib.closing(Admin(args.jars, args.ns, args.home)) as admin:
                SCENARIOS[name](admin)
            print(f"PASS {name}", flush=True)
        except (AssertionError, OSError, subprocess.SubprocessError, TypeError) as error:
            text = str(error).replace("\n", " ")[:1500]
            print(f"FAIL {name}: {text}", flush=True)
            good = False
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
