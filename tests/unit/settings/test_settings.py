"""Settings: where they are read from, and what is said of those that are missing or wrong."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, SecretStr

from acidwatch import settings
from acidwatch.errors import ConfigError, DependencyAwayError
from acidwatch.settings import (
    SECRETS_DIR,
    HdfsSettings,
    KafkaSettings,
    PostgresSettings,
    ServiceSettings,
    Settings,
    load,
)
from acidwatch.streaming.settings import StreamSettings
from services.ingestor.settings import IngestorSettings
from services.producer.settings import ProducerSettings
from services.versioner.settings import VersionerSettings
from tests.support.deployment import PROJECT

CLASSES = [
    KafkaSettings,
    HdfsSettings,
    PostgresSettings,
    ServiceSettings,
    StreamSettings,
    IngestorSettings,
    ProducerSettings,
    VersionerSettings,
]
SECRET = "postgresql://me:pa55word@db:5432/acidwatch"


@pytest.fixture(autouse=True)
def clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without settings files, and no settings in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("ACIDWATCH_"):
            monkeypatch.delenv(name)
    return tmp_path


def problems_of(settings_class: type[Settings], **flags: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(settings_class, **flags)
    assert caught.value.exit_code == 2
    return str(caught.value).splitlines()


def test_all_problems_are_said_at_once_each_with_where_it_was_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACIDWATCH_HEALTH_PORT", "99999")
    lines = problems_of(VersionerSettings, hdfs_url="ftp://x")
    names = [line.split(" ")[0] for line in lines]
    assert sorted(names) == [
        "ACIDWATCH_DATABASE_URL",
        "ACIDWATCH_HDFS_URL",
        "ACIDWATCH_HEALTH_PORT",
        "ACIDWATCH_KAFKA_BOOTSTRAP",
    ]
    for line, name in zip(lines, names, strict=True):
        assert f"looked in the environment, .env, .local/stack.env and {SECRETS_DIR}/{name.lower()}" in line
    port = next(line for line in lines if "HEALTH_PORT" in line)
    assert port.startswith(
        "ACIDWATCH_HEALTH_PORT is wrong in the environment: Input should be less than or equal to 65535"
    )
    assert any(
        line.startswith("ACIDWATCH_KAFKA_BOOTSTRAP is not set (host:port[,host:port] of the brokers)") for line in lines
    )


@pytest.mark.parametrize("file", [".env", ".local/stack.env"])
def test_a_wrong_setting_names_the_file_it_is_in(clean_place: Path, file: str) -> None:
    (clean_place / file).parent.mkdir(exist_ok=True)
    (clean_place / file).write_text("ACIDWATCH_KAFKA_BOOTSTRAP=b:1\nACIDWATCH_TOPIC_PARTITIONS=none\n")
    (line,) = problems_of(KafkaSettings)
    assert line.startswith(f"ACIDWATCH_TOPIC_PARTITIONS is wrong in {file}: ")


def test_flags_win_over_environment_over_env_file_over_stack_file(
    clean_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clean_place / ".local").mkdir()
    (clean_place / ".local/stack.env").write_text(
        "\n".join(f"ACIDWATCH_TOPIC_{name}=stack" for name in ("BATCHES", "OUTCOMES", "LETTERS"))
        + "\nACIDWATCH_KAFKA_BOOTSTRAP=stack:1\n"
    )
    (clean_place / ".env").write_text(
        "ACIDWATCH_TOPIC_BATCHES=env-file\nACIDWATCH_TOPIC_OUTCOMES=env-file\nACIDWATCH_UNKNOWN=x\n"
    )
    monkeypatch.setenv("ACIDWATCH_TOPIC_BATCHES", "environment")
    found = load(KafkaSettings, topic_letters=None)
    assert (found.topic_batches, found.topic_outcomes, found.topic_letters, found.kafka_bootstrap) == (
        "environment", "env-file", "stack", "stack:1",
    )  # fmt: skip
    assert load(KafkaSettings, topic_batches="flag").topic_batches == "flag"


def test_a_secret_file_is_read_and_the_environment_wins_over_it(clean_place: Path) -> None:
    (clean_place / "acidwatch_database_url").write_text(SECRET + "\n")
    code = (
        "from acidwatch.settings import PostgresSettings, load; s = load(PostgresSettings);"
        "print(s.database_url.get_secret_value(), s.database_timeout_seconds)"
    )
    (clean_place / "acidwatch_database_timeout_seconds").write_text("3")
    environment = os.environ | {"ACIDWATCH_SECRETS_DIR": str(clean_place), "ACIDWATCH_DATABASE_TIMEOUT_SECONDS": "4"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == [SECRET, "4.0"]


def test_a_secret_is_not_in_what_is_printed_or_said(monkeypatch: pytest.MonkeyPatch) -> None:
    found = load(PostgresSettings, database_url=SECRET)
    assert found.database_url.get_secret_value() == SECRET
    monkeypatch.setenv("ACIDWATCH_DATABASE_URL", SECRET)
    said = [
        repr(found),
        str(found),
        str(found.model_dump()),
        found.model_dump_json(),
        *problems_of(PostgresSettings, database_timeout_seconds=-1),
    ]
    assert not any("pa55word" in text for text in said)


@pytest.mark.parametrize("settings_class", CLASSES, ids=lambda settings_class: settings_class.__name__)
def test_every_setting_says_what_it_is_and_passwords_are_secret(settings_class: type[Settings]) -> None:
    for name, field in settings_class.model_fields.items():
        assert field.description, name
        if "password" in name or name == "database_url":
            assert field.annotation is SecretStr


def test_settings_cannot_be_changed_afterwards() -> None:
    found = load(ServiceSettings)
    with pytest.raises(ValueError, match="frozen"):
        found.health_port = 1


@pytest.mark.parametrize(
    ("settings_class", "name", "wrong", "right"),
    [
        (HdfsSettings, "hdfs_url", "host:9870", "http://host:9870;http://other:9870"),
        (HdfsSettings, "hdfs_root", "/", "/acidwatch"),
        (HdfsSettings, "hdfs_rpc", "http://host", "hdfs://host:9000"),
        (ServiceSettings, "log_level", "info", "DEBUG"),
        (ServiceSettings, "log_format", "xml", "console"),
        (StreamSettings, "group_records", 0, 1),
        (StreamSettings, "group_seconds", 0, 0.1),
        (KafkaSettings, "max_record_bytes", 1023, 1024),
    ],
)
def test_a_value_that_cannot_work_is_refused_at_the_start(
    settings_class: type[Settings], name: str, wrong: Any, right: Any
) -> None:
    needed = {"kafka_bootstrap": "b:1", "hdfs_url": "http://h:1"}
    given = {key: value for key, value in needed.items() if key in settings_class.model_fields}
    (line,) = problems_of(settings_class, **given | {name: wrong})
    assert line.startswith(f"ACIDWATCH_{name.upper()} is wrong")
    assert getattr(load(settings_class, **given | {name: right}), name) == right


def test_a_class_of_ones_own_is_explained_as_well() -> None:
    class Mine(Settings):
        """Settings of a test."""

        depth: int = Field(description="how deep")

    assert problems_of(Mine)[0].startswith("ACIDWATCH_DEPTH is not set (how deep); looked in")


def test_an_outage_says_who_is_away_where_and_why_on_one_line() -> None:
    error = DependencyAwayError("HDFS", "http://host:9870", ValueError("one\n  two"))
    assert (error.dependency, error.address, error.reason, error.exit_code) == (
        "HDFS",
        "http://host:9870",
        "one two",
        3,
    )
    assert str(error) == "HDFS is away at http://host:9870: one two"
    assert DependencyAwayError("HDFS", "h", TimeoutError()).reason == "TimeoutError"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kafka_security_protocol": "SASL_SSL", "kafka_user": "me"},
         ["ACIDWATCH_KAFKA_PASSWORD is wrong: ACIDWATCH_KAFKA_SECURITY_PROTOCOL=SASL_SSL needs it"]),
        ({"kafka_security_protocol": "SASL_SSL"},
         ["ACIDWATCH_KAFKA_USER is wrong: ACIDWATCH_KAFKA_SECURITY_PROTOCOL=SASL_SSL needs it",
          "ACIDWATCH_KAFKA_PASSWORD is wrong: ACIDWATCH_KAFKA_SECURITY_PROTOCOL=SASL_SSL needs it"]),
        ({"kafka_security_protocol": "SSL", "kafka_password": "pa55word"},
         ["ACIDWATCH_KAFKA_PASSWORD is wrong: it is used with ACIDWATCH_KAFKA_SECURITY_PROTOCOL=SASL_SSL only, not with SSL"]),
        ({"kafka_user": "me", "kafka_password": "pa55word"},
         ["ACIDWATCH_KAFKA_USER is wrong: it is used with ACIDWATCH_KAFKA_SECURITY_PROTOCOL=SASL_SSL only, not with PLAINTEXT",
          "ACIDWATCH_KAFKA_PASSWORD is wrong: it is used with ACIDWATCH_KAFKA_SECURITY_PROTOCOL=SASL_SSL only, not with PLAINTEXT"]),
        ({"kafka_ca_file": "ca.pem"},
         ["ACIDWATCH_KAFKA_CA_FILE is wrong: ACIDWATCH_KAFKA_SECURITY_PROTOCOL=PLAINTEXT encrypts nothing: set SSL or SASL_SSL"]),
    ],
)  # fmt: skip
def test_a_user_a_password_or_a_certificate_that_would_not_be_used_is_refused(
    given: dict[str, str], said: list[str]
) -> None:
    lines = problems_of(KafkaSettings, kafka_bootstrap="b:1", **given)
    assert [line.split(" (")[0] for line in lines] == said
    assert all("looked in the environment" in line and "pa55word" not in line for line in lines)


def test_settings_that_contradict_each_other_are_said_beside_those_that_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACIDWATCH_KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("ACIDWATCH_KAFKA_PASSWORD", "pa55word")
    names = [line.split(" ")[0] for line in problems_of(VersionerSettings, database_url="postgresql//me:pa55word@db/x")]
    assert sorted(names) == [
        "ACIDWATCH_DATABASE_URL",
        "ACIDWATCH_HDFS_URL",
        "ACIDWATCH_KAFKA_BOOTSTRAP",
        "ACIDWATCH_KAFKA_USER",
    ]


def test_a_protocol_that_is_none_is_the_only_one_to_blame() -> None:
    (line,) = problems_of(KafkaSettings, kafka_bootstrap="b:1", kafka_security_protocol="TLS", kafka_user="me")
    assert line.startswith("ACIDWATCH_KAFKA_SECURITY_PROTOCOL is wrong")


@pytest.mark.parametrize("url", ["postgresql//me:pa55word@db/x", "db:5432"])
def test_an_address_of_the_database_that_is_none_is_said_without_what_is_in_it(url: str) -> None:
    (line,) = problems_of(PostgresSettings, database_url=url)
    assert line.startswith(
        "ACIDWATCH_DATABASE_URL is wrong: it is no address like postgresql://user@host:port/database"
    )
    assert "pa55word" not in line


@pytest.mark.parametrize("file", [".env", ".local/stack.env"])
def test_a_settings_file_that_is_not_utf_8_is_named(clean_place: Path, file: str) -> None:
    (clean_place / file).parent.mkdir(exist_ok=True)
    (clean_place / file).write_bytes("ACIDWATCH_KAFKA_USER=Andr\u00e9\n".encode("latin-1"))
    assert problems_of(KafkaSettings) == [f"{file} can't be read: it is not UTF-8"]


@pytest.mark.parametrize("file", [".env", ".local/stack.env"])
def test_a_settings_file_that_cannot_be_read_is_named(clean_place: Path, file: str) -> None:
    (clean_place / file).parent.mkdir(exist_ok=True)
    (clean_place / file).symlink_to("/proc/self/mem")  # no one may read its beginning, not even root
    (line,) = problems_of(KafkaSettings)
    assert line == f"{file} can't be read: Input/output error"


@pytest.mark.parametrize(("content", "said"), [(b"pa55w\xf6rd", "it is not UTF-8"), (None, "Permission denied")])
def test_a_secret_file_that_cannot_be_read_is_named(
    clean_place: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, said: str
) -> None:
    file = clean_place / "ACIDWATCH_database_password"
    file.write_bytes(content or b"")
    if content is None:
        monkeypatch.setattr(Path, "read_text", refuse)
    monkeypatch.setattr(settings, "SECRETS_DIR", str(clean_place))
    monkeypatch.setitem(Settings.model_config, "secrets_dir", str(clean_place))
    monkeypatch.setitem(PostgresSettings.model_config, "secrets_dir", str(clean_place))
    assert problems_of(PostgresSettings, database_url=SECRET) == [f"{file} can't be read: {said}"]


def test_a_folder_of_secrets_that_cannot_be_listed_is_named(clean_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_to_list(path: Path) -> Iterator[Path]:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(settings, "SECRETS_DIR", str(clean_place))
    monkeypatch.setitem(KafkaSettings.model_config, "secrets_dir", str(clean_place))
    monkeypatch.setattr(Path, "iterdir", refuse_to_list)
    assert problems_of(KafkaSettings) == [f"{clean_place} can't be read: Permission denied"]


@pytest.mark.parametrize("bootstrap", ["kafka", "kafka:9092,other", "kafka:", ":9092", "kafka:http", ""])
def test_a_broker_without_a_port_is_refused_and_not_waited_for(bootstrap: str) -> None:
    (line,) = problems_of(KafkaSettings, kafka_bootstrap=bootstrap)
    assert "is no host:port, such as kafka:9092" in line and "Value error" not in line


@pytest.mark.parametrize("bootstrap", ["kafka:9092", "kafka-1:9092, kafka-2:9092", "[::1]:9092"])
def test_brokers_with_ports_are_taken(bootstrap: str) -> None:
    assert load(KafkaSettings, kafka_bootstrap=bootstrap).kafka_bootstrap == bootstrap


@pytest.mark.parametrize("service", ["ingestor", "versioner", "producer"])
def test_a_health_port_that_is_taken_ends_a_service_with_one_line(service: str, clean_place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = {
            "ACIDWATCH_HEALTH_PORT": str(taken.getsockname()[1]),
            "ACIDWATCH_HEALTH_HOST": "127.0.0.1",
            "ACIDWATCH_KAFKA_BOOTSTRAP": "127.0.0.1:1",
            "ACIDWATCH_HDFS_URL": "http://127.0.0.1:1",
            "ACIDWATCH_DATABASE_URL": "postgresql://127.0.0.1:1/none",
            "ACIDWATCH_DROP_FOLDER": str(clean_place),
            "ACIDWATCH_STATE_FOLDER": str(clean_place),
        }
        done = subprocess.run(
            [sys.executable, "-m", f"services.{service}"],
            env={**os.environ, **given, "PYTHONPATH": str(PROJECT)}, cwd=clean_place, timeout=60, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
    assert done.returncode == 2
    said = done.stdout + done.stderr
    assert "stopped: a setting is refused" in said and given["ACIDWATCH_HEALTH_PORT"] in said
    assert "Traceback" not in said


def refuse(path: Path, **_: Any) -> str:
    raise PermissionError(13, "Permission denied", str(path))
