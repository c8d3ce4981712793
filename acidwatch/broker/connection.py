"""Settings of every Kafka client, and its errors as ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.errors import InvalidTimestampError, KafkaConnectionError, KafkaError

from acidwatch.broker.probe import knock
from acidwatch.broker.security import MAY_NOT, NOT_LET_IN, refused, security_options
from acidwatch.errors import AcidwatchError, DependencyAwayError, PermanentError, RefusedError
from acidwatch.settings import KafkaSettings


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments that producers, consumers and admin clients of aiokafka share."""
    return {
        "bootstrap_servers": settings.kafka_bootstrap,
        "client_id": "acidwatch",
        "request_timeout_ms": int(settings.kafka_timeout_seconds * 1000),
        **security_options(settings),
    }


@asynccontextmanager
async def asking_kafka(settings: KafkaSettings) -> AsyncIterator[None]:
    """Turn what aiokafka raises into acidwatch's errors: away when it may work later, refused when a setting is wrong, else permanent."""
    try:
        yield
    except AcidwatchError:
        raise
    except InvalidTimestampError as error:
        reason = (
            "it takes no record stamped more than an hour ahead of its clock or a week behind: which clock is wrong?"
        )
        raise DependencyAwayError("Kafka", settings.kafka_bootstrap, reason) from error
    except (*NOT_LET_IN, *MAY_NOT) as error:
        raise refused(settings, settings.kafka_bootstrap, error) from error
    except (KafkaError, OSError, TimeoutError) as error:
        if isinstance(error, KafkaError) and not isinstance(error, KafkaConnectionError) and not error.retriable:
            raise PermanentError(f"Kafka refused at {settings.kafka_bootstrap}: {error!r}") from error
        # A client that can't log in says no more than that it found no broker.
        why = await asyncio.to_thread(_refusal, settings)
        raise why or DependencyAwayError("Kafka", settings.kafka_bootstrap, error) from error


def _refusal(settings: KafkaSettings) -> RefusedError | None:
    try:
        knock(settings)
    except RefusedError as error:
        return error
    except DependencyAwayError:
        pass
    return None


def missing_topic(settings: KafkaSettings, topic: str) -> DependencyAwayError:
    """A topic that is not there counts as a dependency that is away: it can be made."""
    reason = f"topic {topic} does not exist; make it with: acidwatch topics create"
    return DependencyAwayError("Kafka", settings.kafka_bootstrap, reason)
