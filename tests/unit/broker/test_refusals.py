"""What Kafka refuses is told from a Kafka that is away, without a server."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
)

from acidwatch.broker.connection import asking_kafka, client_options
from acidwatch.errors import ConfigError, DependencyAwayError, RefusedError
from acidwatch.settings import KafkaSettings, load
from jobs.spark.kafka import kafka_options

PLAIN = {"kafka_bootstrap": "127.0.0.1:1"}
SECURED = {
    **PLAIN,
    "kafka_security_protocol": "SASL_SSL",
    "kafka_user": "versioner",
    "kafka_password": 'qu"ote\\',
}


def raised(error: Exception) -> DependencyAwayError:
    async def ask() -> None:
        async with asking_kafka(load(KafkaSettings, **SECURED)):
            raise error

    with pytest.raises(DependencyAwayError) as caught:
        asyncio.run(ask())
    return caught.value


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TopicAuthorizationFailedError("water-quality"), "grant it to the user versioner in Kafka's ACLs"),
        (GroupAuthorizationFailedError("acidwatch-versioner"), "grant it to the user versioner in Kafka's ACLs"),
        (SaslAuthenticationFailed("invalid credentials"), "check ACIDWATCH_KAFKA_USER (versioner) and ACIDWATCH_KAFKA_PASSWORD"),
    ],
)  # fmt: skip
def test_a_refusal_ends_commands_with_2_and_names_user_and_setting(error: KafkaError, said: str) -> None:
    refused = raised(error)
    assert isinstance(refused, RefusedError) and refused.exit_code == 2
    assert said in str(refused) and str(refused).startswith("Kafka at 127.0.0.1:1 refuses: ")


def test_a_broker_that_is_not_there_is_away() -> None:
    away = raised(OSError("connection refused"))
    assert not isinstance(away, RefusedError) and away.exit_code == 3


def test_a_file_of_certificates_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigError, match="ACIDWATCH_KAFKA_CA_FILE=/no/such.pem can't be used"):
        client_options(load(KafkaSettings, **SECURED, kafka_ca_file="/no/such.pem"))


def test_spark_gets_the_same_settings_with_the_password_quoted() -> None:
    assert kafka_options(load(KafkaSettings, **PLAIN)) == {"kafka.bootstrap.servers": "127.0.0.1:1"}
    options = kafka_options(load(KafkaSettings, **SECURED, kafka_ca_file="/etc/ca.pem"))
    assert options["kafka.ssl.truststore.location"] == "/etc/ca.pem"
    assert options["kafka.sasl.jaas.config"].endswith('required username="versioner" password="qu\\"ote\\\\";')
