"""The local stack with a broker and a database that want encryption, users and passwords."""

from __future__ import annotations

import io
import os
import platform
import shutil
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from acidwatch.broker.probe import why_away
from acidwatch.settings import KafkaSettings
from deploy.local.errors import PrerequisiteError
from deploy.local.kafka import Kafka
from deploy.local.layout import JARS, Layout
from deploy.local.ports import Ports
from deploy.local.postgres import SUPERUSER, Postgres
from deploy.local.stack import Stack
from tests.support.artefacts import fetch
from tests.support.brokers import make_kafka_tools
from tests.support.certificates import Certificates

MARKER = "mark/er:5%&"
"""Is in every password, and changes when it is percent-encoded."""
BROKER_USER = "broker"
KAFKA_USERS = (BROKER_USER, "admin", "producer", "ingestor", "versioner", "live", "topics", "operator")


def password_of(user: str) -> str:
    """The password of a user of Kafka or PostgreSQL."""
    return f"{MARKER}-{user}"


class SecuredKafka(Kafka):
    """Its only listener for clients is SASL_SSL with SCRAM-SHA-512. Nobody may do anything until somebody says so."""

    format_options = tuple(
        word
        for user in KAFKA_USERS
        for word in ("--add-scram", f"SCRAM-SHA-512=[name={user},password={password_of(user)}]")
    )

    def __init__(
        self, layout: Layout, ports: Ports, abort: threading.Event, certificates: Certificates, *, java: str, jars: Path
    ) -> None:
        self._certificates = certificates
        super().__init__(layout, ports, abort, java=java, jars=jars)

    def probe(self) -> bool:
        """Whether it lets the first user in."""
        return not why_away(
            KafkaSettings(
                kafka_bootstrap=self.address,
                kafka_security_protocol="SASL_SSL",
                kafka_ca_file=str(self._certificates.authority),
                kafka_user="admin",
                kafka_password=SecretStr(password_of("admin")),
            )
        )

    def configure(self, options: Mapping[str, str], *arguments: str) -> str:
        """Run Kafka's own command for configurations with Spark's options for its Kafka source; its output."""
        client = self._client_properties(options)
        reach = ("--bootstrap-server", self.address, "--command-config", str(client))
        command = self._run("kafka.admin.ConfigCommand", *reach, *arguments, heap_mib=128)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run_commands(self, commands: str, as_admin: Mapping[str, str]) -> None:
        """Run Kafka's own commands as a shell does: `$BROKERS` is its address, and `admin.properties` lets them in."""
        tools = self._properties.with_name("tools")
        if not tools.exists():
            make_kafka_tools(tools, self._java, self._jars)
        client = self._client_properties(as_admin)
        done = subprocess.run(
            ["bash", "-euc", commands],
            env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "BROKERS": self.address},
            cwd=client.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _client_properties(self, options: Mapping[str, str]) -> Path:
        client = self._properties.with_name("admin.properties")
        client.write_text("".join(f"{name.removeprefix('kafka.')}={value}\n" for name, value in options.items()))
        return client

    def _configuration(self) -> str:
        store = self._properties.with_name("server.pem")
        store.write_text(self._certificates.key.read_text() + self._certificates.certificate.read_text())
        module = "org.apache.kafka.common.security.scram.ScramLoginModule"
        login = f'{module} required username="{BROKER_USER}" password="{password_of(BROKER_USER)}";'
        plain, secured = f"PLAINTEXT://{self.address}", f"SASL_SSL://{self.address}"
        more = {
            "listener.security.protocol.map": "SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "SASL_SSL",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": login,
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": store,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self._certificates.authority,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": f"User:ANONYMOUS;User:{BROKER_USER};User:admin",
        }
        return super()._configuration().replace(plain, secured) + "".join(
            f"{key}={value}\n" for key, value in more.items()
        )


class SecuredPostgres(Postgres):
    """Takes encrypted connections only, from users with passwords."""

    def __init__(self, layout: Layout, ports: Ports, abort: threading.Event, certificates: Certificates) -> None:
        super().__init__(layout, ports, abort)
        self._bin = binaries_with_tls()
        self._certificates = certificates

    def command(self) -> list[str]:
        """With TLS, and without plain text."""
        rules = self.layout.conf / "pg_hba.conf"
        rules.write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
        certificate, key = self._certificates.certificate, self._certificates.key
        options = {"ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key, "hba_file": rules}
        return [*super().command(), *(f"--{name}={value}" for name, value in options.items())]

    @property
    def superuser_url(self) -> str:
        """For tests to look from outside."""
        return f"postgresql://{SUPERUSER}:{self._passwords[SUPERUSER]}@{self.address}/postgres"


class SecuredStack(Stack):
    """As `Stack`, with those two; HDFS knows its users by name."""

    postgres: SecuredPostgres

    def __init__(self, root: Path, certificates: Certificates) -> None:
        super().__init__(root)
        self.certificates = certificates

    def _build(self, java: str, jars: Path) -> None:
        super()._build(java, jars)
        ports = Ports(self.layout.root / "ports.json")
        self.kafka = SecuredKafka(self.layout, ports, self._abort, self.certificates, java=java, jars=jars)
        self.postgres = SecuredPostgres(self.layout, ports, self._abort, self.certificates)
        self.servers = [self.namenode, self.datanode, self.kafka, self.postgres]


def binaries_with_tls() -> Path:
    """PostgreSQL's programs with TLS, which those of the development requirements lack; fetched once by Maven (15 MB).

    Raises:
        PrerequisiteError: They can't be had here.
    """
    kind = {"x86_64": "amd64", "aarch64": "arm64v8"}.get(platform.machine())
    artefact = f"embedded-postgres-binaries-linux-{kind}"
    version = "18.1.0"
    folder = JARS / f"{artefact}-{version}"
    if not folder.is_dir():
        if kind is None:
            raise PrerequisiteError("PostgreSQL with TLS is to be had for x86_64 and aarch64 only")
        fetch(f"io.zonky.test.postgres:{artefact}:{version}", "PostgreSQL with TLS")
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        with zipfile.ZipFile(f"{folder}.jar") as jar:
            packed = next(name for name in jar.namelist() if name.endswith(".txz"))
            with tarfile.open(fileobj=io.BytesIO(jar.read(packed))) as archive:
                archive.extractall(part, filter="data")
        part.rename(folder)
        Path(f"{folder}.jar").unlink()
    return folder / "bin"
