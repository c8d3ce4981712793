"""Who we are to Kafka, how brokers are recognised, and what is said when they don't let us in."""

from __future__ import annotations

import ssl
from typing import Any

from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedSaslMechanismError,
)

from acidwatch.errors import ConfigError, RefusedError
from acidwatch.settings import KafkaSettings

NOT_LET_IN = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
MAY_NOT = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)


def security_options(settings: KafkaSettings) -> dict[str, Any]:
    """Of these, what says how to encrypt and who we are; empty for plain text.

    Raises:
        ConfigError: The file of certificates can't be read.
    """
    options: dict[str, Any] = {}
    if settings.kafka_security_protocol != "PLAINTEXT":
        options = {"security_protocol": settings.kafka_security_protocol, "ssl_context": tls(settings)}
    if settings.kafka_security_protocol == "SASL_SSL":
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_user,
            "sasl_plain_password": settings.kafka_password.get_secret_value(),
        }
    return options


def tls(settings: KafkaSettings) -> ssl.SSLContext:
    """How brokers are recognised: by a certificate for the name that they are reached by.

    Raises:
        ConfigError: The file of certificates can't be read.
    """
    try:
        return ssl.create_default_context(cafile=settings.kafka_ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"ACIDWATCH_KAFKA_CA_FILE={settings.kafka_ca_file} can't be used: {error}") from None


def refused(settings: KafkaSettings, address: str, error: KafkaError) -> RefusedError:
    """What a broker said to who we are, with the settings that say it."""
    if isinstance(error, UnsupportedSaslMechanismError):
        advice = "set ACIDWATCH_KAFKA_SASL_MECHANISM"
    elif isinstance(error, MAY_NOT):
        advice = f"grant it to the user {settings.kafka_user or '(none)'} in Kafka's ACLs, or set another ACIDWATCH_KAFKA_USER"
    else:
        advice = f"check ACIDWATCH_KAFKA_USER ({settings.kafka_user or 'not set'}) and ACIDWATCH_KAFKA_PASSWORD"
    return RefusedError("Kafka", address, error, advice)
