"""`acidwatch topics`: the topics that the pipeline runs on."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="The topics that the pipeline runs on.")


@app.callback()
def _group() -> None:
    pass


@app.command()
def create() -> None:
    """Make the topics that are not there; safe to repeat."""
    import asyncio

    from acidwatch.broker.topics import create_topics
    from acidwatch.settings import KafkaSettings, load

    made = asyncio.run(create_topics(load(KafkaSettings)))
    typer.echo(f"made {', '.join(made)}" if made else "all topics are there")
