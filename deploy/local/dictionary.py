"""Write docs/data-dictionary.md from a database that has just been made: `python -m deploy.local.dictionary FILE` (`make docs`)."""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path

from pydantic import SecretStr

from acidwatch.errors import AcidwatchError
from acidwatch.ledger.connection import Ledger
from acidwatch.ledger.dictionary import described, page
from acidwatch.ledger.migrate import migrate
from acidwatch.settings import PostgresSettings, load
from deploy.local.layout import Layout
from deploy.local.ports import Ports
from deploy.local.postgres import Postgres


def text_of_a_new_database() -> str:
    """The page as of the migrations that lie here, whatever stack is up."""
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder))
        layout.make()
        postgres = Postgres(layout, Ports(layout.root / "ports.json"), threading.Event())
        postgres.start()
        try:
            postgres.make_database()
            settings = load(PostgresSettings, database_url=SecretStr(postgres.database_url))
            migrate(settings)
            ledger = Ledger(settings)
            with ledger.transaction() as connection:
                columns = described(connection)
            ledger.close()
        finally:
            postgres.stop()
    return page(columns)


def main(path: Path) -> int:
    """Write the page.

    Returns:
        0 done, 2 a program is missing, 3 PostgreSQL did not start.
    """
    try:
        path.write_text(text_of_a_new_database())
    except AcidwatchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
