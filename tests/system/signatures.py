# SPDX-License-Identifier: Apache-2.0
"""How receivers check what they get, written from the specifications alone; keys and RSA by the openssl command."""
import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import tempfile
import time
import urllib.parse
import xml.etree.ElementTree
from pathlib import Path

ED25519_HEAD = bytes.fromhex("302a300506032b6570032100")  # SubjectPublicKeyInfo of RFC 8410
ED25519_PRIVATE_HEAD = bytes.fromhex("302e020100300506032b657004220420")


def secret():
    """A secret of Standard Webhooks."""
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


def signed(request):
    """What Standard Webhooks signs."""
    stamp = request.header("webhook-timestamp")
    assert re.fullmatch(r"[1-9][0-9]{9}", stamp), stamp
    assert abs(int(stamp) - time.time()) < 300, stamp
    return f"{request.header('webhook-id')}.{stamp}.".encode() + request.body


def signatures(request):
    """(version, signature) in their order."""
    return [tuple(piece.split(",", 1)) for piece in request.header("webhook-signature").split(" ")]


def v1(request, text):
    """The signature that this secret makes."""
    key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    return "v1", base64.b64encode(hmac.new(key, signed(request), hashlib.sha256).digest()).decode()


def ed25519_pair():
    """(whsk_ with seed and public key, public key)"""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "key.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", file], check=True, capture_output=True)
        whole = subprocess.run(["openssl", "pkey", "-in", file, "-outform", "DER"], check=True, capture_output=True).stdout
        public = subprocess.run(["openssl", "pkey", "-in", file, "-pubout", "-outform", "DER"], check=True,
                                capture_output=True).stdout
    assert whole.startswith(ED25519_PRIVATE_HEAD) and public.startswith(ED25519_HEAD)
    seed, public = whole[len(ED25519_PRIVATE_HEAD):], public[len(ED25519_HEAD):]
    return "whsk_" + base64.b64encode(seed + public).decode(), public


def is_v1a(request, public):
    """Whether a signature of the list is this key's."""
    found = [text for version, text in signatures(request) if version == "v1a"]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "key.der").write_bytes(ED25519_HEAD + public)
        Path(folder, "data").write_bytes(signed(request))
        for text in found:
            Path(folder, "sig").write_bytes(base64.b64decode(text, validate=True))
            done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key.der",
                                   "-rawin", "-in", "data", "-sigfile", "sig"], cwd=folder, capture_output=True, check=False)
            if done.returncode == 0:
                return True
    return False


# ---- signed parameters ----
def form_params(body):
    return dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))


def json_params(body):
    """Values as their text stands in the document."""
    return {name: value if isinstance(value, str) else str(value)
            for name, value in json.loads(body, parse_float=str, parse_int=str).items()}


def xml_params(body):
    return {child.tag: child.text or "" for child in xml.etree.ElementTree.fromstring(body)}


def signed_params(params, without=("sign",)):
    names = sorted(name for name, value in params.items() if value and name not in without)
    return "&".join(f"{name}={params[name]}" for name in names)


def params_md5(params, text):
    return hashlib.md5(f"{signed_params(params)}&key={text}".encode()).hexdigest().upper()


def params_hmac(params, text):
    content = f"{signed_params(params)}&key={text}".encode()
    return hmac.new(text.encode(), content, hashlib.sha256).hexdigest().upper()


def rsa_pair(folder):
    """(text of the private key, file of the public key)"""
    private, public = Path(folder) / "rsa.key", Path(folder) / "rsa.pub"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", private],
                   check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return private.read_text(encoding="ascii"), public


def is_rsa2(params, public, folder):
    assert params["sign_type"] == "RSA2"
    data, sig = Path(folder) / "rsa.data", Path(folder) / "rsa.sig"
    data.write_text(signed_params(params, ("sign", "sign_type")), encoding="utf-8")
    sig.write_bytes(base64.b64decode(params["sign"], validate=True))
    done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", public, "-signature", sig, data],
                          capture_output=True, check=False)
    return done.returncode == 0
