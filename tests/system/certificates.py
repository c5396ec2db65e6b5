# SPDX-License-Identifier: Apache-2.0
"""Certificates of receivers and of us, made by the openssl command."""
import ssl
import subprocess
import time
from pathlib import Path


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def stamp(days):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400))


class Authority:
    """A certificate authority in a folder: `pem` is its own certificate's file."""

    def __init__(self, folder, name="authority"):
        self.folder = Path(folder) / name
        self.folder.mkdir(parents=True)
        self.pem, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                "-days", 2, "-keyout", self.key, "-out", self.pem)
        (self.folder / "index.txt").touch()
        (self.folder / "serial").write_text("1000\n", encoding="ascii")
        (self.folder / "ca.cnf").write_text(
            f"[ca]\ndefault_ca=x\n[x]\ndatabase={self.folder}/index.txt\nserial={self.folder}/serial\n"
            f"new_certs_dir={self.folder}\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n",
            encoding="ascii")

    @property
    def text(self):
        return self.pem.read_text(encoding="ascii")

    def make(self, name, names="IP:127.0.0.1", first_day=-1, last_day=2):
        """(file of the certificate, file of its key)"""
        certificate, key, request = (self.folder / f"{name}.{kind}" for kind in ("pem", "key", "csr"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n", encoding="ascii")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout",
                key, "-out", request)
        openssl("ca", "-batch", "-notext", "-config", self.folder / "ca.cnf", "-cert", self.pem, "-keyfile", self.key,
                "-in", request, "-out", certificate, "-startdate", stamp(first_day), "-enddate", stamp(last_day),
                "-extfile", extensions)
        return certificate, key


def self_signed(folder, name="alone"):
    certificate, key = Path(folder) / f"{name}.pem", Path(folder) / f"{name}.key"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-addext", "subjectAltName=IP:127.0.0.1", "-days", 2, "-keyout", key, "-out", certificate)
    return certificate, key


def context(files, client_ca=None):
    """For a Receiver. client_ca: clients must show a certificate of this authority."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*map(str, files))
    if client_ca is not None:
        made.load_verify_locations(str(client_ca))
        made.verify_mode = ssl.CERT_REQUIRED
    return made
