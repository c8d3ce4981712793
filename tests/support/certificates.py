"""Certificates for one test run, made by openssl: an authority, a server on this machine, and an authority that nobody knows."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_CONFIG = """\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = IP:127.0.0.1
"""


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files. The server's certificate is for 127.0.0.1 and not for `localhost`."""

    authority: Path
    certificate: Path
    key: Path
    stranger: Path

    @classmethod
    def make(cls, folder: Path) -> Certificates:
        """Make them, valid for two days."""
        (folder / "openssl.cnf").write_text(_CONFIG)
        for name in ("authority", "stranger"):
            _openssl(folder, name, "authority", "-subj", f"/CN=acidwatch {name}")
        signed = ("-CA", "authority.pem", "-CAkey", "authority.key", "-subj", "/CN=acidwatch server")
        _openssl(folder, "server", "server", *signed)
        return cls(*(folder / name for name in ("authority.pem", "server.pem", "server.key", "stranger.pem")))


def _openssl(folder: Path, name: str, extensions: str, *more: str) -> None:
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key")
    settings = ("-config", "openssl.cnf", "-extensions", extensions, "-days", "2", "-out", f"{name}.pem")
    subprocess.run(["openssl", "req", "-x509", *key, *settings, *more], cwd=folder, check=True, capture_output=True)
