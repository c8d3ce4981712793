"""`python -m services.producer`: builds what the producer needs and runs it. The only place that makes clients."""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime

from acidwatch.broker.probe import knock
from acidwatch.broker.send import ConfirmedSender
from acidwatch.errors import AcidwatchError, ConfigError, DependencyAwayError, RefusedError
from acidwatch.settings import load
from acidwatch.telemetry import health as health_server
from acidwatch.telemetry import logs
from acidwatch.telemetry.health import Health
from services.producer.folder import DropFolder
from services.producer.memory import Memory
from services.producer.settings import ProducerSettings


def main() -> None:
    """Watch the drop folder until SIGTERM or SIGINT."""
    try:
        settings = load(ProducerSettings)
    except AcidwatchError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    logs.configure(settings, "producer")
    health = Health("producer")
    log = logs.get_logger(__name__)
    try:
        port = health_server.serve(health, settings.health_host, settings.health_port)
        log.info("started", health=f"http://{settings.health_host}:{port}", drop_folder=str(settings.drop_folder))
        knock(settings)
    except (ConfigError, RefusedError) as error:  # waiting would not help
        log.error("stopped: a setting is refused", reason=str(error))
        sys.exit(error.exit_code)
    except DependencyAwayError:
        pass  # waited for once there is something to send
    asyncio.run(_watch(settings, health))
    log.info("stopped")


async def _watch(settings: ProducerSettings, health: Health) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    settings.drop_folder.mkdir(parents=True, exist_ok=True)
    sender = ConfirmedSender(settings)
    try:
        await DropFolder(
            settings, sender, Memory(settings.state_folder), health, lambda: datetime.now(UTC), stop
        ).watch()
    finally:
        await sender.close()


if __name__ == "__main__":
    main()
