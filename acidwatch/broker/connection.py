"""Settings of every Kafka client, and its errors as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiokafka.errors import InvalidTimestampError, KafkaConnectionError, KafkaError

from acidwatch.errors import AcidwatchError, DependencyAwayError, PermanentError
from acidwatch.settings import KafkaSettings


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments that producers, consumers and admin clients of aiokafka share."""
    return {
        "bootstrap_servers": settings.kafka_bootstrap,
        "client_id": "acidwatch",
        "request_timeout_ms": int(settings.kafka_timeout_seconds * 1000),
    }


@contextmanager
def asking_kafka(settings: KafkaSettings) -> Iterator[None]:
    """Turn what aiokafka raises into acidwatch's errors: away when it may work later, permanent otherwise."""
    try:
        yield
    except AcidwatchError:
        raise
    except InvalidTimestampError as error:
        reason = (
            "it takes no record stamped more than an hour ahead of its clock or a week behind: which clock is wrong?"
        )
        raise DependencyAwayError("Kafka", settings.kafka_bootstrap, reason) from error
    except (KafkaError, OSError, TimeoutError) as error:
        if isinstance(error, KafkaError) and not isinstance(error, KafkaConnectionError) and not error.retriable:
            raise PermanentError(f"Kafka refused at {settings.kafka_bootstrap}: {error!r}") from error
        raise DependencyAwayError("Kafka", settings.kafka_bootstrap, error) from error


def missing_topic(settings: KafkaSettings, topic: str) -> DependencyAwayError:
    """A topic that is not there counts as a dependency that is away: it can be made."""
    reason = f"topic {topic} does not exist; make it with: acidwatch topics create"
    return DependencyAwayError("Kafka", settings.kafka_bootstrap, reason)
