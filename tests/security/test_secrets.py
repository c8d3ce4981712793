"""Every password holds one marker; it is looked for in whatever the processes say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

import psutil
import typer

from acidwatch.cli.__main__ import app
from tests.security.conftest import Secured, flags
from tests.support.command import command
from tests.support.deployment import PROJECT, until
from tests.support.secured import MARKER

_SHAPES = {MARKER, quote(MARKER), quote(MARKER, safe=""), quote_plus(MARKER), json.dumps(MARKER)[1:-1]}


def hidden(text: str) -> bool:
    """Whether no shape of the marker is in it."""
    return not any(shape in text for shape in _SHAPES)


def _commands() -> Iterator[list[str]]:
    """Every command and group of commands."""

    def below(node: object, words: list[str]) -> Iterator[list[str]]:
        yield words
        for name, child in getattr(node, "commands", {}).items():
            yield from below(child, [*words, name])

    yield from below(typer.main.get_command(app), [])


def test_no_password_is_in_a_help_text_message_log_page_traceback_or_command_line(secured: Secured, work: Path) -> None:
    said: dict[str, str] = {}
    encoded = quote(MARKER, safe="")
    in_address = secured.postgres("versioner")["ACIDWATCH_DATABASE_URL"].replace("versioner@", f"versioner:{encoded}@")
    env = {**secured.env, "ACIDWATCH_DATABASE_URL": in_address}
    for words in _commands():
        done = command(env, *words, "--help")
        assert done.code == 0, words
        said[" ".join([*words, "--help"])] = done.out + done.err
    for words in (["status", "--output", "json"], ["topics", "create"], ["ledger", "migrate"], ["versions", "list"]):
        for name, changed in {
            "as it is": {},
            "wrong passwords": {"ACIDWATCH_KAFKA_PASSWORD": MARKER, "ACIDWATCH_DATABASE_PASSWORD": MARKER},
            "wrong settings": {"ACIDWATCH_KAFKA_TIMEOUT_SECONDS": MARKER, "ACIDWATCH_DATABASE_TIMEOUT_SECONDS": "x"},
            "no address": {
                "ACIDWATCH_DATABASE_URL": f"versioner:{MARKER} at db",
                "ACIDWATCH_KAFKA_SECURITY_PROTOCOL": "SSL",
            },
        }.items():
            done = command({**env, **changed}, *words)
            said[f"{' '.join(words)}, {name}"] = done.out + done.err
            assert "Traceback" not in done.err
    for log_format in ("json", "console"):
        settings = flags(secured.kafka("versioner")) | {"database_url": in_address}
        process = secured.start(
            "versioner", log_level="DEBUG", log_format=log_format, starter="service_that_fails", **settings
        )
        health = until(lambda p=process: _port_of(p.output), "the versioner to start")  # type: ignore[misc]
        for page in ("/metrics", "/readyz", "/healthz"):
            said[f"{log_format} {page}"] = _get(f"{health}{page}")
        until(lambda p=process: "Traceback" in p.output and "unforeseen" in p.output, "a traceback")  # type: ignore[misc]
        process.stop()
        said[f"log as {log_format}"] = process.output
    said |= _command_lines_of_the_job(secured, env)
    assert not [where for where, text in said.items() if not hidden(text)]
    assert not hidden(json.dumps(env)) and len(said) > 60


def _port_of(output: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+", output)
    return found[0] if found else ""


def _get(url: str) -> str:
    try:
        return urllib.request.urlopen(url, timeout=20).read().decode()  # type: ignore[no-any-return]
    except urllib.error.HTTPError as error:
        return error.read().decode()


def _command_lines_of_the_job(secured: Secured, env: dict[str, str]) -> dict[str, str]:
    """What `ps` shows of the Spark job while its JVM runs, and what it logged."""
    log = secured.folder / "job.log"
    with log.open("wb") as output:
        job = subprocess.Popen(
            [sys.executable, "-m", "jobs.spark", "metrics"],
            env={**os.environ, "PYTHONPATH": str(PROJECT), **env, **secured.postgres("spark")},
            cwd=secured.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    tree = psutil.Process(job.pid)
    try:
        jvm = until(
            lambda: job.poll() is None and any(map(_is_the_jvm, tree.children(recursive=True))), "the job's JVM"
        )
        lines = [_command_line(process) for process in [tree, *tree.children(recursive=True)]]
    finally:
        for process in [*tree.children(recursive=True), tree]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        job.wait(30)
    assert jvm and any("SparkSubmit" in line for line in lines), log.read_text()
    return {"command lines of the job": "\n".join(lines), "log of the job": log.read_text()}


def _is_the_jvm(process: psutil.Process) -> bool:
    """Not the shell that starts it, nor the JVM that only makes its command line."""
    line = _command_line(process)
    return "java" in line.split(" ")[0] and "SparkSubmit" in line and "launcher.Main" not in line


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has ended meanwhile
        return ""
