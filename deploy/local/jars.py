"""The jars of Kafka, Hadoop and Spark's Kafka source: fetched once by Maven, again only when the pom changes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from acidwatch.errors import RetryableError
from deploy.local.errors import PrerequisiteError
from deploy.local.layout import JARS, write_atomically

POM = Path(__file__).with_name("pom.xml")
PROFILES = ("kafka", "hadoop", "spark")
JAVA_MIN = 17


class MavenFailedError(RetryableError):
    """Maven could not fetch the jars.

    Attributes:
        log: Where Maven's output is.
    """

    exit_code = 3

    def __init__(self, profile: str, log: Path) -> None:
        self.profile, self.log = profile, log
        errors = [line for line in log.read_text(errors="replace").splitlines() if "[ERROR]" in line][:5]
        shown = "\n".join(f"  | {line[:300]}" for line in errors)
        super().__init__(f"Maven could not fetch the jars of {profile}; its log is {log}\n{shown}".rstrip())


def find_java() -> str:
    """The `java` to run, 17 or newer.

    Raises:
        PrerequisiteError: There is none, or it's too old.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(f"{home}/bin/java") if home else None
    java = java or shutil.which("java")
    advice = f"Java {JAVA_MIN} or newer is needed; on Debian: apt-get install openjdk-17-jre-headless"
    if java is None:
        raise PrerequisiteError(f"java was not found on PATH. {advice}")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is None or int(version[1]) < JAVA_MIN:
        raise PrerequisiteError(f"{java} is {said.splitlines()[0] if said else 'unusable'}. {advice}")
    return java


def fetch(jars: Path = JARS) -> Path:
    """Have the jars of this pom in `jars/kafka`, `jars/hadoop` and `jars/spark`.

    Raises:
        PrerequisiteError: They have to be fetched and there is no Maven.
        MavenFailedError: Maven failed.
    """
    marker = jars / "pom.sha256"
    wanted = hashlib.sha256(POM.read_bytes()).hexdigest()
    if _is(marker, wanted):
        return jars
    jars.mkdir(parents=True, exist_ok=True)
    with (jars / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two starts at once fetch once
        if not _is(marker, wanted):
            maven = shutil.which("mvn")
            if maven is None:
                raise PrerequisiteError(
                    "mvn was not found on PATH. Maven fetches the jars of Kafka and HDFS once; "
                    "on Debian: apt-get install maven"
                )
            print(
                "fetching the jars of Kafka, HDFS and Spark's Kafka source once (122 MB) ...",
                file=sys.stderr,
                flush=True,
            )
            for profile in PROFILES:
                _copy_dependencies(maven, profile, jars)
            write_atomically(marker, wanted + "\n")
    return jars


def _is(marker: Path, wanted: str) -> bool:
    return marker.exists() and marker.read_text().strip() == wanted


def _copy_dependencies(maven: str, profile: str, jars: Path) -> None:
    part, log = jars / f"{profile}.part", jars / f"maven-{profile}.log"
    shutil.rmtree(part, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(POM), "-P", profile, "dependency:copy-dependencies"]
    with log.open("wb") as output:
        done = subprocess.run(
            [*command, "-DincludeScope=runtime", f"-DoutputDirectory={part}"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0 or not any(part.glob("*.jar")):
        raise MavenFailedError(profile, log)
    shutil.rmtree(jars / profile, ignore_errors=True)
    part.rename(jars / profile)


def java_command(java: str, heap_mib: int, tmp: Path, class_path: str, *arguments: str) -> list[str]:
    """A JVM for a small server: quick to start, modest in memory, IPv4 only."""
    return [
        java,
        f"-Xmx{heap_mib}m",
        "-Xshare:auto",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "-Djava.net.preferIPv4Stack=true",
        "-Djava.awt.headless=true",
        f"-Djava.io.tmpdir={tmp}",
        "-cp",
        class_path,
        *arguments,
    ]
