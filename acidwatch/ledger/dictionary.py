"""The data dictionary: every view of schema olap and every column of it, as the database's own comments describe them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from acidwatch.ledger.connection import Connection

_COLUMNS = """
SELECT c.relname AS view, obj_description(c.oid, 'pg_class') AS view_meaning, a.attname AS name,
       format_type(a.atttypid, a.atttypmod) AS type, col_description(c.oid, a.attnum) AS meaning
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE n.nspname = 'olap' AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('v', 'm', 'r')
ORDER BY c.relname, a.attnum
"""


@dataclass(frozen=True, slots=True)
class Described:
    """A column of a view; a meaning is empty where nobody wrote a comment."""

    view: str
    view_meaning: str
    name: str
    type: str
    meaning: str


def described(connection: Connection) -> list[Described]:
    """Every column of every view of schema olap, views by name, columns in their order."""
    rows = connection.execute(_COLUMNS)
    return [Described(**{name: text or "" for name, text in row.items()}) for row in rows]


def page(columns: list[Described]) -> str:
    """The whole page, Markdown."""
    return "\n\n".join(_parts(columns)) + "\n"


def _parts(columns: list[Described]) -> Iterator[str]:
    yield "# The data dictionary"
    yield (
        "Every view of schema `olap` and every column of it. Made by `make docs` from the comments in the database, which "
        "`\\d+ olap.trends` shows too; do not edit it by hand. Who may read the views, and questions that they answer: "
        "[analyst.md](analyst.md)."
    )
    for view, group in groupby(columns, key=lambda column: column.view):
        of_view = list(group)
        yield f"## olap.{view}"
        yield of_view[0].view_meaning
        lines = ["| column | type | meaning |", "| --- | --- | --- |"]
        lines += [f"| `{column.name}` | {column.type} | {_cell(column.meaning)} |" for column in of_view]
        yield "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
