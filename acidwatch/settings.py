"""Typed settings, one group a server; each process's own class builds on these.

Precedence: flags > environment (`ACIDWATCH_...`) > `.env` > `.local/stack.env` (written by `make up`) > secret files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from acidwatch.errors import ConfigError

PREFIX = "ACIDWATCH_"
ENV_FILES = (".local/stack.env", ".env")  # the later one wins
_PROTOCOL = PREFIX + "KAFKA_SECURITY_PROTOCOL"
NO_ADDRESS = "it is no address like postgresql://user@host:port/database"
SECRETS_DIR = os.environ.get(PREFIX + "SECRETS_DIR", "/run/secrets")


class Settings(BaseSettings):
    """Base of every settings class: where values are looked for, and what is done with unknown ones."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILES,
        secrets_dir=SECRETS_DIR if Path(SECRETS_DIR).is_dir() else None,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )


class KafkaSettings(Settings):
    """How to reach Kafka, and the names of the topics."""

    kafka_bootstrap: str = Field(description="host:port[,host:port] of the brokers")
    topic_batches: str = Field("water-quality", description="topic of batches, 3 partitions")
    topic_outcomes: str = Field("water-quality.outcomes", description="topic of verdicts")
    topic_letters: str = Field("water-quality.dlq", description="topic of dead letters")
    topic_alerts: str = Field("water-quality.alerts", description="topic of alerts, written by the live job")
    group_prefix: str = Field(
        "acidwatch", min_length=1, description="consumer groups are called PREFIX-ingestor and so on"
    )
    topic_partitions: int = Field(3, ge=1, description="partitions of each topic when it is made")
    topic_replication: int = Field(1, ge=1, description="replicas of each partition when a topic is made")
    max_record_bytes: int = Field(
        8 * 1024**2, ge=1024, description="largest batch record; a dead letter may be 1 MiB larger"
    )
    kafka_timeout_seconds: float = Field(15.0, gt=0, description="how long a request or a confirmation may take")
    kafka_security_protocol: str = Field(
        "PLAINTEXT",
        pattern="^(PLAINTEXT|SSL|SASL_SSL)$",
        description="PLAINTEXT, SSL = encrypted, SASL_SSL = encrypted and with user and password",
    )
    kafka_ca_file: str = Field(
        "", description="PEM file of who signed the brokers' certificates; the system's when not given"
    )
    kafka_sasl_mechanism: str = Field(
        "SCRAM-SHA-512", pattern="^SCRAM-SHA-(256|512)$", description="SCRAM-SHA-512 or SCRAM-SHA-256"
    )
    kafka_user: str = Field("", validate_default=True, description="user of SASL_SSL")
    kafka_password: SecretStr = Field(SecretStr(""), validate_default=True, description="password of SASL_SSL")

    def group(self, service: str) -> str:
        """Name of a service's consumer group."""
        return f"{self.group_prefix}-{service}"

    @field_validator("kafka_bootstrap")
    @classmethod
    def _each_broker_has_a_port(cls, value: str) -> str:
        for address in value.split(","):
            if not re.fullmatch(r"\s*[^\s,]+:[0-9]{1,5}\s*", address):
                raise ValueError(f"{address.strip()!r} is no host:port, such as kafka:9092; several with commas")
        return value

    # Of one field each, so that they are said together with whatever else is wrong, and where it was looked for.
    @field_validator("kafka_ca_file")
    @classmethod
    def _certificates_are_used(cls, value: str, others: ValidationInfo) -> str:
        if value and others.data.get("kafka_security_protocol") == "PLAINTEXT":
            raise ValueError(f"{_PROTOCOL}=PLAINTEXT encrypts nothing: set SSL or SASL_SSL")
        return value

    @field_validator("kafka_user", "kafka_password")
    @classmethod
    def _a_login_is_whole_and_used(cls, value: str | SecretStr, others: ValidationInfo) -> str | SecretStr:
        protocol = others.data.get("kafka_security_protocol")
        given = bool(value if isinstance(value, str) else value.get_secret_value())
        if protocol == "SASL_SSL" and not given:
            raise ValueError(f"{_PROTOCOL}=SASL_SSL needs it")
        if protocol in ("PLAINTEXT", "SSL") and given:
            raise ValueError(f"it is used with {_PROTOCOL}=SASL_SSL only, not with {protocol}")
        return value


class HdfsSettings(Settings):
    """How to reach HDFS: WebHDFS for the services, RPC for Spark."""

    hdfs_url: str = Field(
        description="WebHDFS address, http://host:port; several NameNodes with ;", pattern=r"^https?://"
    )
    hdfs_rpc: str | None = Field(None, description="RPC address for Spark, hdfs://host:port", pattern=r"^hdfs://")
    hdfs_user: str = Field("acidwatch", description="user name sent to HDFS")
    hdfs_root: str = Field("/acidwatch", description="folder that holds every zone", pattern=r"^/.*[^/]$")
    hdfs_timeout_seconds: float = Field(20.0, gt=0, description="how long one WebHDFS request may take")


class PostgresSettings(Settings):
    """How to reach PostgreSQL."""

    database_url: SecretStr = Field(description="postgresql://user:password@host:port/database?sslmode=verify-full")
    database_password: SecretStr = Field(
        SecretStr(""),
        description="the password, so that the address need not hold it; wins over the one in the address",
    )
    database_timeout_seconds: float = Field(10.0, gt=0, description="how long connecting may take")

    @field_validator("database_url")
    @classmethod
    def _is_an_address(cls, value: SecretStr) -> SecretStr:
        if not re.match(r"postgres(ql)?://|\s*\w+\s*=", value.get_secret_value()):
            raise ValueError(NO_ADDRESS)
        return value


class OperatorSettings(KafkaSettings, PostgresSettings):
    """What commands need that look at the topics and at the ledger."""


class ArchiveSettings(HdfsSettings, PostgresSettings):
    """What commands need that read the dataset, or change it and tell the journal."""


class RecoverySettings(KafkaSettings, PostgresSettings, HdfsSettings):
    """What commands need that send records again from raw/."""


class StatusSettings(OperatorSettings):
    """What `acidwatch status` needs, and where the services can be asked; without an address one is not asked."""

    producer_health: str | None = Field(None, description="http://host:port of the producer's /readyz")
    ingestor_health: str | None = Field(None, description="http://host:port of the ingestor's /readyz")
    versioner_health: str | None = Field(None, description="http://host:port of the versioner's /readyz")


class ServiceSettings(Settings):
    """What every long-running process has."""

    health_host: str = Field("127.0.0.1", description="address that /metrics, /healthz and /readyz listen on")
    health_port: int = Field(
        0, ge=0, le=65535, description="port of /metrics, /healthz and /readyz; 0 = any free one, logged"
    )
    log_format: str = Field("json", pattern="^(json|console)$", description="json or console")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="least level that is logged")


S = TypeVar("S", bound=BaseSettings)


def load(settings_class: type[S], **flags: Any) -> S:
    """Read one settings class; flags that are None count as not given.

    Raises:
        ConfigError: One line for each missing or wrong setting, with every place looked in, or for each file that can't be read.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return settings_class(**given)
    except ValidationError as error:
        raise ConfigError(_explain(settings_class, error)) from None
    except (OSError, UnicodeDecodeError, SettingsError) as error:
        raise ConfigError("\n".join(_unreadable(settings_class)) or f"settings can't be read: {error}") from error


def _unreadable(settings_class: type[BaseSettings]) -> Iterator[str]:
    """The files that settings are read from and that can't be read: what fails on one does not say on which."""
    names = {(PREFIX + name).lower() for name in settings_class.model_fields}
    try:
        secrets = [path for path in Path(SECRETS_DIR).iterdir() if path.name.lower() in names]
    except FileNotFoundError:
        secrets = []
    except OSError as error:
        yield f"{SECRETS_DIR} can't be read: {error.strerror or error}"
        secrets = []
    for path in (*map(Path, ENV_FILES), *secrets):
        try:
            if path.is_file():
                path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            yield f"{path} can't be read: it is not UTF-8"
        except OSError as error:
            yield f"{path} can't be read: {error.strerror or error}"


def _explain(settings_class: type[BaseSettings], error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        name = str(problem["loc"][0])
        variable = PREFIX + name.upper()
        if problem["type"] == "missing":
            lines.append(f"{variable} is not set ({_meaning(settings_class, name)}); {_places(name)}")
        else:
            found, why = _found_in(name), problem["msg"].removeprefix("Value error, ")
            lines.append(f"{variable} is wrong{found}: {why} ({_meaning(settings_class, name)}); {_places(name)}")
    return "\n".join(lines)


def _meaning(settings_class: type[BaseSettings], name: str) -> str:
    field = settings_class.model_fields.get(name)
    return field.description or name if field else name


def _places(name: str) -> str:
    files = ", ".join(reversed(ENV_FILES))
    return f"looked in the environment, {files} and {SECRETS_DIR}/{(PREFIX + name).lower()}"


def _found_in(name: str) -> str:
    variable = PREFIX + name.upper()
    if variable in os.environ:
        return " in the environment"
    for path in reversed(ENV_FILES):
        if Path(path).is_file() and any(
            line.strip().upper().startswith(variable + "=") for line in Path(path).read_text().splitlines()
        ):
            return f" in {path}"
    return ""
