"""One secured stack for the folder: docs/operator.md says who may do what in Kafka, and makes the roles in the database."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from acidwatch.settings import KafkaSettings, load
from deploy.local.errors import PrerequisiteError
from deploy.local.layout import PROJECT
from jobs.spark.kafka import kafka_options
from tests.support.certificates import Certificates
from tests.support.deployment import Deployment
from tests.support.secured import SecuredStack, binaries_with_tls, password_of

LOGINS = {
    "versioner": ("acidwatch_ledger",),
    "spark": ("acidwatch_metrics",),
    "operator": ("acidwatch_ledger", "acidwatch_metrics"),
}


class Secured(Deployment):
    """A deployment whose every process has a user of its own."""

    stack: SecuredStack

    def kafka(self, user: str) -> dict[str, str]:
        """Settings of a user of Kafka."""
        return {
            "ACIDWATCH_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "ACIDWATCH_KAFKA_CA_FILE": str(self.stack.certificates.authority),
            "ACIDWATCH_KAFKA_USER": user,
            "ACIDWATCH_KAFKA_PASSWORD": password_of(user),
        }

    def postgres(self, user: str, options: str = "") -> dict[str, str]:
        """Settings of a user of PostgreSQL; the address has no password."""
        options = options or f"sslmode=verify-full&sslrootcert={self.stack.certificates.authority}"
        address = f"postgresql://{user}@{self.stack.postgres.address}/{self.name}?{options}"
        return {"ACIDWATCH_DATABASE_URL": address, "ACIDWATCH_DATABASE_PASSWORD": password_of(user)}

    def as_superuser(self) -> psycopg.Connection[tuple[object, ...]]:
        """To look, and to make roles."""
        return psycopg.connect(self.stack.postgres.superuser_url, dbname=self.name, autocommit=True)

    def kafka_as_admin(self, commands: str) -> None:
        """Run Kafka's own commands, which find `$BROKERS` and `admin.properties`."""
        self.stack.kafka.run_commands(commands, self.java_options())

    def java_options(self) -> dict[str, str]:
        """How a Java client gets in as Kafka's administrator."""
        return kafka_options(
            load(KafkaSettings, **flags(self.kafka("admin")), kafka_bootstrap=self.stack.kafka_bootstrap)
        )


def flags(env: dict[str, str]) -> dict[str, str]:
    """The same settings as keyword arguments."""
    return {name.removeprefix("ACIDWATCH_").lower(): value for name, value in env.items()}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredStack]:
    """Kafka and PostgreSQL that want encryption and passwords, and HDFS."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is missing, which makes the certificates; on Debian: apt-get install openssl")
    try:
        binaries_with_tls()
    except PrerequisiteError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("certificates")
    with SecuredStack(tmp_path_factory.mktemp("secured"), Certificates.make(folder)) as running:
        yield running


@pytest.fixture(scope="session")
def secured(stack: SecuredStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Rights and roles as in the documentation and no others, tables and topics; no service runs yet."""
    made = Secured(stack, "secured", tmp_path_factory.mktemp("deployment"))
    page = (PROJECT / "docs" / "operator.md").read_text()
    roles = re.search(r"```sql\n(.*?)```", page, re.DOTALL)
    rights = re.search(r"```sh\n(may\(\).*?)```", page, re.DOTALL)
    assert roles and rights
    made.kafka_as_admin(rights[1].replace("water-quality", made.name).replace("acidwatch-", f"{made.name}-"))
    with made.as_superuser() as connection:
        connection.execute(roles[1])
        for user, roles_of_user in LOGINS.items():
            its = sql.SQL(", ").join(map(sql.Identifier, roles_of_user))
            login = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE {}")
            connection.execute(login.format(sql.Identifier(user), sql.Literal(password_of(user)), its))
        connection.execute(
            sql.SQL("CREATE ROLE stranger LOGIN PASSWORD {}").format(sql.Literal(password_of("stranger")))
        )
        connection.execute(sql.SQL("ALTER ROLE acidwatch PASSWORD {}").format(sql.Literal(password_of("acidwatch"))))
    made.cli("ledger", "migrate", env=made.postgres("acidwatch"))
    made.env |= made.kafka("operator") | made.postgres("versioner")
    made.cli("topics", "create", env=made.kafka("topics"))
    yield made
    made.stop_all()


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without settings files."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
