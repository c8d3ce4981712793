"""Options of Spark's Kafka source, from the same settings as every other client's."""

from __future__ import annotations

from pathlib import Path

from acidwatch.settings import KafkaSettings


def kafka_options(settings: KafkaSettings) -> dict[str, str]:
    """`kafka.*` options of `spark.read.format("kafka")` or `readStream`: where the brokers are, and how to get in.

    The password is among them; Spark hides it in its logs and pages, because the option's text has the word password in it.
    """
    options = {"kafka.bootstrap.servers": settings.kafka_bootstrap}
    if settings.kafka_security_protocol == "PLAINTEXT":
        return options
    options["kafka.security.protocol"] = settings.kafka_security_protocol
    if settings.kafka_ca_file:
        options["kafka.ssl.truststore.type"] = "PEM"
        options["kafka.ssl.truststore.location"] = str(Path(settings.kafka_ca_file).resolve())
    if settings.kafka_security_protocol == "SASL_SSL":
        user, password = _quoted(settings.kafka_user), _quoted(settings.kafka_password.get_secret_value())
        module = "org.apache.kafka.common.security.scram.ScramLoginModule"
        options["kafka.sasl.mechanism"] = settings.kafka_sasl_mechanism
        options["kafka.sasl.jaas.config"] = f"{module} required username={user} password={password};"
    return options


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
