"""Which code made a result: the release, and a hash of what decides the numbers."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import acidwatch

HERE = Path(__file__).parent
CONTRACT = Path(acidwatch.__file__).parent

_DECIDING = (
    "collected",
    "counting",
    "incremental",
    "local",
    "metrics",
    "of_sites",
    "publish",
    "schemas",
    "site_rows",
    "sources",
    "tables",
    "trends",
    "unit_breaks",
)

OF_CONTRACT = ("columns.py", "flags.py", "form.py", "parameters.py", "regions.py", "remarks.py", "rules.py")


@cache
def code_version() -> str:
    """Such as `0.1.0+3f9a61c2`; changes with the release, transforms, what they read, statistics, the contract's tables, Spark, numpy."""
    try:
        release = version("acidwatch")
    except PackageNotFoundError:
        release = "0.0.0"
    deciding = [
        *sorted((HERE / "transforms").glob("*.py")),
        *(HERE / f"{name}.py" for name in _DECIDING),
        *(CONTRACT / "contract" / name for name in OF_CONTRACT),
        *sorted((CONTRACT / "chemistry").glob("*.py")),
        *sorted((CONTRACT / "statistics").glob("*.py")),
        *sorted((CONTRACT / "trends").glob("*.py")),
    ]
    digest = hashlib.sha256(f"pyspark {version('pyspark')}, numpy {version('numpy')}".encode())
    for path in deciding:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{release}+{digest.hexdigest()[:8]}"
