"""What servers refuse ends commands and services that start with 2, and the message names the setting and no secret."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from tests.security.conftest import Secured, flags
from tests.support.command import command
from tests.support.secured import MARKER, password_of

_NO_LOGIN = {"KAFKA_USER": "", "KAFKA_PASSWORD": ""}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"KAFKA_PASSWORD": MARKER}, "check ACIDWATCH_KAFKA_USER (operator) and ACIDWATCH_KAFKA_PASSWORD"),
        ({"KAFKA_USER": "nobody"}, "check ACIDWATCH_KAFKA_USER (nobody) and ACIDWATCH_KAFKA_PASSWORD"),
        ({"KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"}, "set ACIDWATCH_KAFKA_SASL_MECHANISM"),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL", **_NO_LOGIN}, "set ACIDWATCH_KAFKA_SECURITY_PROTOCOL=SASL_SSL"),
        ({"KAFKA_CA_FILE": "{stranger}"}, "check ACIDWATCH_KAFKA_CA_FILE"),
        ({"KAFKA_BOOTSTRAP": "localhost:{port}"}, "ACIDWATCH_KAFKA_BOOTSTRAP has the name in the certificate"),
        ({"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT", "KAFKA_CA_FILE": "", **_NO_LOGIN},
         "set ACIDWATCH_KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL"),
    ],
    ids=["password", "user", "mechanism", "no-login", "certificate", "name", "plain-text"],
)  # fmt: skip
def test_kafka_refuses_what_is_wrong_and_the_message_names_the_setting(
    secured: Secured, work: Path, wrong: dict[str, str], said: str
) -> None:
    done = command({**secured.env, **_filled(secured, wrong)}, "topics", "create")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("acidwatch: Kafka at ") and " refuses: " in done.err and said in done.err
    assert len(done.err.splitlines()) == 1 and MARKER not in done.err


def _filled(secured: Secured, wrong: dict[str, str]) -> dict[str, str]:
    stranger, port = secured.stack.certificates.stranger, secured.stack.kafka.port
    return {f"ACIDWATCH_{name}": value.format(stranger=stranger, port=port) for name, value in wrong.items()}


@pytest.mark.parametrize(
    ("user", "options", "password", "said"),
    [
        ("versioner", "", "wrong", "ACIDWATCH_DATABASE_PASSWORD"),
        ("nobody", "", "wrong", "check the user in ACIDWATCH_DATABASE_URL"),
        ("versioner", "", "", "ACIDWATCH_DATABASE_PASSWORD"),
        ("versioner", "sslmode=disable", MARKER, "set sslmode=verify-full in ACIDWATCH_DATABASE_URL"),
        ("versioner", "sslmode=verify-full&sslrootcert={stranger}", MARKER, "check sslrootcert"),
        ("versioner", "sslmode=verify-full&sslrootcert=/no/such/file", MARKER, "check sslrootcert"),
        ("stranger", "", "{its}", "lacks the role for it"),
        ("spark", "", "{its}", ""),
    ],
    ids=["password", "user", "no-password", "plain-text", "certificate", "no-certificate", "no-role", "right"],
)
def test_postgresql_refuses_what_is_wrong_and_the_message_names_the_setting(
    secured: Secured, work: Path, user: str, options: str, password: str, said: str
) -> None:
    options = options.format(stranger=secured.stack.certificates.stranger)
    env = {**secured.env, **secured.postgres(user, options)}
    env["ACIDWATCH_DATABASE_PASSWORD"] = password.replace("{its}", password_of(user))
    done = command(env, "versions", "list")
    if not said:
        assert done.code == 0, done.err
        return
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("acidwatch: PostgreSQL at ") and " refuses: " in done.err and said in done.err
    assert len(done.err.splitlines()) == 1 and MARKER not in done.err


def test_hdfs_refuses_a_user_without_permission_and_the_message_names_the_setting(secured: Secured, work: Path) -> None:
    made = secured.generate(10, seed=9)
    load_these = ("reference", "load", "--sites", made.sites, "--methods", made.methods)
    done = command({**secured.env, "ACIDWATCH_HDFS_USER": "stranger"}, *load_these)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("acidwatch: HDFS at http://") and "ACIDWATCH_HDFS_USER (stranger)" in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("service", "wrong", "said"),
    [
        ("producer", {"kafka_password": "wrong"}, "ACIDWATCH_KAFKA_PASSWORD"),
        ("ingestor", {"kafka_password": "wrong"}, "ACIDWATCH_KAFKA_PASSWORD"),
        ("ingestor", {"kafka_ca_file": "/no/such.pem"}, "ACIDWATCH_KAFKA_CA_FILE=/no/such.pem can't be used"),
        ("versioner", {"database_password": "wrong"}, "ACIDWATCH_DATABASE_PASSWORD"),
        ("versioner", {"database_url": "{spark}", "database_password": "{its}"}, "needs the role acidwatch_ledger"),
    ],
    ids=["producer", "ingestor", "no-certificates", "versioner", "versioner-with-the-jobs-user"],
)
def test_a_service_that_is_refused_at_the_start_ends_with_2(
    secured: Secured, service: str, wrong: dict[str, str], said: str
) -> None:
    spark = secured.postgres("spark")
    filled = {
        name: value.format(spark=spark["ACIDWATCH_DATABASE_URL"], its=spark["ACIDWATCH_DATABASE_PASSWORD"])
        for name, value in wrong.items()
    }
    folders = (
        {name: str(secured.folder / name) for name in ("drop_folder", "state_folder")} if service == "producer" else {}
    )
    process = secured.start(service, **filled, **folders)
    assert process.popen.wait(60) == 2, process.output
    event = process.events[-1]
    assert event["event"] == "stopped: a setting is refused" and said in event["reason"]
    assert MARKER not in process.output and "Traceback" not in process.output


_PAST = {
    "versioner": [
        "ALTER TABLE ledger.versions ADD COLUMN more text",
        "CREATE TABLE ledger.mine (x int)",
        "CREATE TABLE public.mine (x int)",
        "UPDATE ledger.versions SET message = ''",
        "UPDATE ledger.attempts SET verdict = 'accepted'",
        "UPDATE ledger.memberships SET attempt = 1",
        "UPDATE ledger.audit SET message = ''",
        "DELETE FROM ledger.memberships",
        "DELETE FROM ledger.versions",
        "TRUNCATE ledger.audit",
        "UPDATE metrics.runs SET as_of_newest = false",
        "INSERT INTO metrics.unit_break DEFAULT VALUES",
        "SELECT * FROM metrics.site",
    ],
    "spark": [
        "INSERT INTO ledger.tags (tag, version, author, message) VALUES ('x', 1, '', '')",
        "UPDATE ledger.datasets SET rows = 0",
        "DELETE FROM ledger.memberships",
        "SELECT * FROM ledger.audit",
        "SELECT * FROM ledger.dead_letters",
        "CREATE TABLE metrics.mine (x int)",
        "ALTER TABLE metrics.runs ADD COLUMN more text",
        "TRUNCATE metrics.site",
    ],
    "stranger": ["SELECT * FROM ledger.versions", "SELECT * FROM metrics.runs"],
}


@pytest.mark.parametrize(("user", "statement"), [(user, text) for user, texts in _PAST.items() for text in texts])
def test_a_role_that_reaches_past_its_rights_is_refused(secured: Secured, user: str, statement: str) -> None:
    env = secured.postgres(user)
    with (
        psycopg.connect(env["ACIDWATCH_DATABASE_URL"], password=env["ACIDWATCH_DATABASE_PASSWORD"]) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


def test_the_migrator_needs_no_right_to_make_roles_and_says_when_it_is_not_the_owner(
    secured: Secured, work: Path
) -> None:
    with secured.as_superuser() as connection:
        connection.execute("ALTER ROLE acidwatch NOSUPERUSER NOCREATEROLE")
    try:
        assert command({**secured.env, **secured.postgres("acidwatch")}, "ledger", "migrate").code == 0
    finally:
        with secured.as_superuser() as connection:
            connection.execute("ALTER ROLE acidwatch CREATEROLE")
    done = command({**secured.env, **secured.postgres("versioner")}, "ledger", "migrate")
    assert done.code == 2 and "PostgreSQL at " in done.err and "lacks the role for it" in done.err


def test_java_clients_get_in_with_the_options_that_spark_is_given(secured: Secured, work: Path) -> None:
    options = secured.java_options()
    said = secured.stack.kafka.configure(options, "--describe", "--entity-type", "users", "--entity-name", "ingestor")
    assert "SCRAM credential configs for user-principal 'ingestor' are SCRAM-SHA-512" in said


def test_who_may_make_no_topics_is_told_so(secured: Secured, work: Path) -> None:
    done = command({**secured.env, **secured.kafka("producer")}, "topics", "create")
    assert (done.code, done.out) == (2, "")
    assert "Create on topic secured." in done.err and "grant it to the user producer in Kafka's ACLs" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_service_that_may_not_look_at_its_topic_ends_with_2(secured: Secured) -> None:
    process = secured.start("versioner", **flags(secured.kafka("producer")))
    assert process.popen.wait(60) == 2, process.output
    event = process.events[-1]
    assert event["event"] == "stopped: a setting is refused"
    assert "Describe on topic secured.outcomes; grant it to the user producer in Kafka's ACLs" in event["reason"]


def test_a_service_that_may_not_use_its_consumer_group_ends_with_2(secured: Secured) -> None:
    process = secured.start("ingestor", group_prefix="closed", **flags(secured.kafka("ingestor")))
    assert process.popen.wait(60) == 2, process.output
    event = process.events[-1]
    assert event["event"] == "stopped: a setting is refused"
    assert "grant it to the user ingestor in Kafka's ACLs" in event["reason"]


def test_a_service_that_may_look_at_its_consumer_group_and_not_join_it_does_not_stand_still_for_ever(
    secured: Secured,
) -> None:
    secured.kafka_as_admin(
        "kafka-acls.sh --bootstrap-server $BROKERS --command-config admin.properties --add"
        " --allow-principal User:ingestor --operation Describe --group ajar-ingestor"
    )
    process = secured.start("ingestor", group_prefix="ajar", stall_seconds="2", **flags(secured.kafka("ingestor")))
    assert process.popen.wait(90) == 70, process.output
    assert "the consumer group was given up" in process.output
    assert "GroupAuthorizationFailed" in process.output
