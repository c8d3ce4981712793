"""What a person reads when the machine lacks something, before any server is started."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from deploy.local import jars, prometheus
from deploy.local.__main__ import main
from deploy.local.errors import PrerequisiteError


def _program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


@pytest.fixture(autouse=True)
def _empty_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)


def test_up_without_java_names_the_debian_package_and_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", "--root", str(tmp_path / "root")]) == 2
    assert "openjdk-17-jre-headless" in capsys.readouterr().err
    assert not (tmp_path / "root").exists()


def test_a_java_that_is_too_old_is_named_with_its_version(tmp_path: Path) -> None:
    _program(tmp_path / "bin", "java", "echo 'openjdk version \"11.0.2\" 2019-01-15' >&2")
    with pytest.raises(PrerequisiteError, match=r'version "11\.0\.2".*Java 17 or newer'):
        jars.find_java()


def test_java_home_wins_over_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path / "bin", "java", "echo 'java version \"1.8.0_292\"' >&2")
    (tmp_path / "home").mkdir()
    _program(tmp_path / "home" / "bin", "java", "echo 'openjdk version \"21\" 2023-09-19' >&2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    assert jars.find_java() == str(tmp_path / "home" / "bin" / "java")


def test_fetching_the_jars_without_maven_names_the_debian_package(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match="apt-get install maven"):
        jars.fetch(tmp_path / "jars")


def test_a_failing_maven_shows_its_errors_and_its_log_and_leaves_no_marker(tmp_path: Path) -> None:
    _program(tmp_path / "bin", "mvn", "echo '[ERROR] no route to the repository'; exit 1")
    with pytest.raises(jars.MavenFailedError, match="no route to the repository") as caught:
        jars.fetch(tmp_path / "jars")
    assert caught.value.exit_code == 3
    assert str(caught.value.log) in str(caught.value)
    assert caught.value.log.exists()
    assert not (tmp_path / "jars" / "pom.sha256").exists()


def test_jars_are_fetched_once_and_again_when_the_pom_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    calls = tmp_path / "calls"
    script = f'echo >> {calls}; for a; do case $a in -DoutputDirectory=*) d=${{a#*=}}; mkdir -p "$d"; touch "$d/a.jar"; esac; done'
    _program(tmp_path / "bin", "mvn", script)
    for _ in range(2):
        jars.fetch(tmp_path / "jars")
    assert calls.read_text().count("\n") == 3  # one call a class path
    pom = tmp_path / "pom.xml"
    pom.write_text("another")
    monkeypatch.setattr(jars, "POM", pom)
    jars.fetch(tmp_path / "jars")
    assert calls.read_text().count("\n") == 6


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where Debian's package is unpacked; nothing was yet."""
    folder = tmp_path / "debian"
    monkeypatch.setattr(prometheus, "UNPACKED", folder)
    return folder


def test_a_machine_without_prometheus_and_without_apt_names_the_package(tmp_path: Path, unpacked: Path) -> None:
    with pytest.raises(PrerequisiteError, match=r"^Prometheus was not found; on Debian: apt-get install prometheus$"):
        prometheus.find_prometheus()


def test_debians_package_that_cannot_be_fetched_says_why_and_leaves_nothing(tmp_path: Path, unpacked: Path) -> None:
    _program(tmp_path / "bin", "apt-get", "echo 'E: Unable to locate package prometheus' >&2; exit 100")
    _program(tmp_path / "bin", "dpkg-deb", "exit 0")
    with pytest.raises(
        PrerequisiteError, match=r"apt-get install prometheus \(Debian's package could not be had: E: Unable to locate"
    ):
        prometheus.find_prometheus()
    assert [path.name for path in unpacked.iterdir()] == ["lock"]


def test_debians_package_is_fetched_once_and_unpacked_and_not_installed(tmp_path: Path, unpacked: Path) -> None:
    _program(tmp_path / "bin", "apt-get", 'test "$2" = download && : >> prometheus_2.42_amd64.deb')
    _program(tmp_path / "bin", "dpkg-deb", '/bin/mkdir -p "$3/usr/bin" && : > "$3/usr/bin/prometheus"')
    found = prometheus.find_prometheus()
    assert found == unpacked / "prometheus" / "usr" / "bin" / "prometheus"
    assert sorted(path.name for path in unpacked.iterdir()) == ["lock", "prometheus"]
    (tmp_path / "bin" / "apt-get").unlink()
    assert prometheus.find_prometheus() == found


def test_an_installed_prometheus_comes_first(tmp_path: Path, unpacked: Path) -> None:
    for name in ("prometheus", "promtool"):
        _program(tmp_path / "bin", name, "exit 0")
    assert prometheus.find_prometheus() == tmp_path / "bin" / "prometheus"
