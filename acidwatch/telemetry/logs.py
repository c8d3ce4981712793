"""Structured logs: one JSON object a line (or coloured text), on stderr; the Kafka client's repeated complaints are thinned out."""

from __future__ import annotations

import logging
import sys
import time

import structlog

from acidwatch.settings import ServiceSettings

_NOISY = ("abc", "aiokafka", "faust", "mode", "kafka", "urllib3", "hdfs", "asyncio", "py4j")


class RateLimit(logging.Filter):
    """Let through one record of a message template in `seconds`, and say how many were held back.

    A broker that is away for 90 s made 365,000 lines (38 MB) without it.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._last: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """See logging.Filter."""
        key = (record.name, str(record.msg)[:80])
        now = time.monotonic()
        last, held = self._last.get(key, (-self._seconds, 0))
        if now - last < self._seconds:
            self._last[key] = (last, held + 1)
            return False
        self._last[key] = (now, 0)
        if held:
            record.msg = f"{record.msg} (and {held} more like it in the last {now - last:.0f} s)"
        return True


def configure(settings: ServiceSettings, service: str) -> None:
    """Set up logging for a long-running process."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if settings.log_format == "json" else structlog.dev.ConsoleRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    limit = RateLimit(seconds=10.0)

    class _ForeignLimit(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            return not record.name.startswith(_NOISY) or limit.filter(record)

    handler.addFilter(_ForeignLimit())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; give facts as keyword arguments, such as `batch_id=...`."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
