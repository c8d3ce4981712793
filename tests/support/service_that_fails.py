"""`python -m tests.support.service_that_fails SERVICE`: a service that can ask its database once and then meets something unforeseen."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from acidwatch.ledger.connection import Ledger


def main(service: str) -> None:
    """Break what asks the database, then run the service's own main."""
    asks = Ledger.transaction
    asked = []

    def transaction(self: Ledger) -> Any:
        asked.append(self)
        if len(asked) > 1:
            raise RuntimeError("unforeseen")
        return asks(self)

    Ledger.transaction = transaction  # type: ignore[method-assign]
    import_module(f"services.{service}.__main__").main()


if __name__ == "__main__":
    main(*sys.argv[1:])
