"""What every Dockerfile of the project keeps to, as far as reading tells; tests/engine builds them."""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.support.deployment import PROJECT

OURS = {
    "producer": "services/producer",
    "ingestor": "services/ingestor",
    "versioner": "services/versioner",
    "spark": "jobs/spark",
    "cli": "acidwatch/cli",
}
FOLDERS = [*OURS.values(), "deploy/hdfs"]
PROJECT_TABLE = tomllib.loads((PROJECT / "pyproject.toml").read_text())


def instructions(folder: str) -> list[str]:
    """Without comments, continued lines joined."""
    text = (PROJECT / folder / "Dockerfile").read_text()
    return re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()


def of(folder: str, word: str) -> list[str]:
    return [line[len(word) + 1 :] for line in instructions(folder) if line.startswith(word + " ")]


def test_every_dockerfile_is_looked_at() -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "*Dockerfile"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    ours = {path for path in tracked.stdout.split() if not path.startswith("deploy/testimages/")}
    assert {str(Path(path).parent) for path in ours} == set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_image_runs_as_a_numbered_user_without_a_shell(folder: str) -> None:
    assert re.fullmatch(r"1\d{4}:1\d{4}", of(folder, "USER")[-1])
    assert all(isinstance(json.loads(entry), list) for entry in of(folder, "ENTRYPOINT") + of(folder, "CMD"))
    assert len(of(folder, "ENTRYPOINT")) == 1
    health = of(folder, "HEALTHCHECK")
    assert folder == "acidwatch/cli" or isinstance(json.loads(health[0].split("CMD", 1)[1]), list)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_dockerfile_can_be_built_by_engine_20_10_with_other_base_images(folder: str) -> None:
    text = (PROJECT / folder / "Dockerfile").read_text()
    assert "# syntax" not in text and "<<" not in text and "--link" not in text
    assert all(re.match(r"\$\{\w+_IMAGE\}", base) for base in of(folder, "FROM"))
    assert len(of(folder, "FROM")) >= 2, "what builds it is not in it"
    assert all(not tag.endswith(":latest") and ":" in tag for tag in of(folder, "ARG") if "_IMAGE=" in tag)


@pytest.mark.parametrize("process", OURS)
def test_packages_of_an_image_are_checked_by_their_hashes(process: str) -> None:
    installs = re.findall(r"pip install (.*?)(?= &&|$)", "\n".join(of(OURS[process], "RUN")), re.MULTILINE)
    assert len(installs) == 3
    for options in installs:
        assert "--require-hashes" in options or "--no-build-isolation --no-deps ." in options
    assert f"-r requirements/{process}.txt" in installs[1] and "--no-build-isolation" in installs[1]


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_copied_is_there_and_the_build_sees_it(folder: str) -> None:
    seen = [line[1:] for line in (PROJECT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for line in of(folder, "COPY"):
        if "--from=" in line:
            continue
        for source in [word for word in line.split() if not word.startswith("--")][:-1]:
            assert (PROJECT / source).exists(), source
            assert any(fnmatch.fnmatch(source, rule) or source.startswith(f"{rule}/") for rule in seen), source


def test_installing_brings_every_file_that_is_not_python() -> None:
    rules = PROJECT_TABLE["tool"]["setuptools"]["package-data"]
    tracked = subprocess.run(
        ["git", "ls-files", "acidwatch", "services", "jobs"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.split()
    report = [f"acidwatch/report/{rule}" for rule in rules["acidwatch.report"]]
    forgotten = [
        path
        for path in tracked
        if not path.endswith((".py", "/Dockerfile"))
        and not any(fnmatch.fnmatch(Path(path).name, rule) for rule in rules["*"])
        and not any(fnmatch.fnmatch(path, rule) for rule in report)
    ]
    assert forgotten == []


def test_the_version_is_the_same_everywhere() -> None:
    version = PROJECT_TABLE["project"]["version"]
    for process, folder in OURS.items():
        assert f'org.opencontainers.image.version="{version}"' in " ".join(of(folder, "LABEL"))
        assert f"acidwatch/{process}:{version} ." in (PROJECT / folder / "Dockerfile").read_text()
