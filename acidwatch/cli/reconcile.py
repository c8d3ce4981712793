"""`acidwatch reconcile`: was everything that was sent recorded?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from acidwatch.cli.changing import Author, Message, Yes, author_or_you, confirm
from acidwatch.cli.durations import seconds_option
from acidwatch.cli.output import Output, OutputFormat, emit, emit_json, say

if TYPE_CHECKING:
    from acidwatch.proof.reconcile import Reconciled

Patience = Annotated[
    float, seconds_option("--timeout", "wait so long until the versioner has recorded what raw/ shows to be judged")
]
_COLUMNS = ["source", "sent", "archived", "accepted", "rejected", "duplicate", "rerun", "in_flight"]


def reconcile(
    repair: Annotated[
        bool, typer.Option("--repair", help="send lost outcomes again, from the manifests in raw/")
    ] = False,
    timeout: Patience = "1m",  # type: ignore[assignment]  # parsed by typer
    message: Message = "outcomes were lost",
    author: Author = None,
    yes: Yes = False,
    output: Output = OutputFormat.table,
) -> None:
    """Prove for every source that sent = accepted + rejected + duplicates + reruns + in flight.

    Compares three places that know of every record: the topic, raw/ on HDFS and the ledger. Exit code 1 when they differ, with what
    differs, and when the versioner is so late that lost can't be told from in flight; 0 after --repair when only outcomes were lost and
    all of them were sent again.
    """
    import asyncio
    from dataclasses import asdict

    from acidwatch.archive.hdfs import HdfsStore
    from acidwatch.ledger.connection import Ledger
    from acidwatch.proof.places import look
    from acidwatch.proof.reconcile import reconcile as compare
    from acidwatch.proof.repair import send_again
    from acidwatch.settings import RecoverySettings, load

    settings = load(RecoverySettings)
    ledger, store = Ledger(settings), HdfsStore(settings)
    found = compare(asyncio.run(look(settings, store, ledger, timeout)), store)
    sent_again = 0
    if repair and found.lost:
        from acidwatch.cli.journal import flush

        confirm(f"send {len(found.lost)} outcomes again", yes)
        sent = asyncio.run(send_again(settings, store, ledger, found.lost, author_or_you(author), message))
        flush(ledger, store)
        sent_again = len(sent)
        say(f"sent {sent_again} outcomes again; the versioner records them: acidwatch wait, then acidwatch reconcile")
    ledger.close()
    if output is OutputFormat.json:
        sources = [asdict(source) for source in found.sources]
        differences = [asdict(fault) for fault in found.differences]
        emit_json({"sources": sources, "differences": differences, "sent_again": sent_again})
    else:
        emit([asdict(source) for source in found.sources], _COLUMNS, output)
        if found.differences:
            columns = ["subject", "kind", "message"]
            emit([asdict(fault) for fault in found.differences], columns, output, "Differences")
        typer.echo(f"{len(found.differences)} differences")
    if not _all_well(found, sent_again):
        raise typer.Exit(1)


def _all_well(found: Reconciled, sent_again: int) -> bool:
    """Whether nothing differs, or only by outcomes that were sent again now."""
    from acidwatch.proof.reconcile import LOST

    others = [fault for fault in found.differences if fault.kind not in {LOST, "sum"}]
    return not others and sent_again == len(found.lost) and (bool(sent_again) or not found.differences)
