"""A version of the dataset as files of this machine, which is kinder to the peers than HDFS is to the job."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from acidwatch.archive.hdfs import HdfsStore
from acidwatch.settings import HdfsSettings, PostgresSettings, load
from jobs.spark.postgres import connected
from jobs.spark.reference import newest_reference
from jobs.spark.schemas import MEMBERS
from jobs.spark.sources import read_version
from tests.support.deployment import Deployment


def fetch(deployment: Deployment, folder: Path) -> None:
    """Copy the files of the newest version, its list of members and the reference tables out of HDFS and PostgreSQL."""
    store = HdfsStore(load(HdfsSettings, **deployment.settings()))
    with connected(load(PostgresSettings, **deployment.settings())) as connection:
        version = read_version(connection, None)
    clean = folder / "clean"
    clean.mkdir(parents=True)
    places = {path: str(clean / f"{number}.parquet") for number, path in enumerate(version.paths)}
    for path, place in places.items():
        Path(place).write_bytes(store.read(path))
    members = [{name: getattr(member, name) for name in MEMBERS.names} for member in version.members]
    pq.write_table(
        pa.Table.from_pylist([{**one, "path": places[one["path"]]} for one in members]), folder / "members.parquet"
    )
    reference = newest_reference(store)
    (folder / "methods.parquet").write_bytes(store.read(reference.methods_path))
    (folder / "sites.parquet").write_bytes(store.read(reference.sites_path))
