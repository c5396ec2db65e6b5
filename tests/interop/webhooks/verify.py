# SPDX-License-Identifier: Apache-2.0
"""Verifies with the official Python library: a case a line, as JSON, on stdin; its verdict a line on stdout."""
import base64
import json
import sys

from standardwebhooks import Webhook

for line in sys.stdin:
    case = json.loads(line)
    try:
        Webhook(case["secret"]).verify(base64.b64decode(case["body"]), case["headers"])
        print("good", flush=True)
    except Exception as error:  # whatever it throws, it did not verify
        print(f"bad {type(error).__name__}: {error}".replace("\n", " "), flush=True)
