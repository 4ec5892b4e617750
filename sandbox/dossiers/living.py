"""Dossiers in the reference schema, changed as the provincial system changes them."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, Engine, create_engine, inspect

from sandbox.dossiers.writer import Writer

_SCHEMA = Path(__file__).with_name("schema.sql")


def create_schema(url: str) -> None:
    """Create the tables in an empty database; a database that has them is not changed."""
    engine = create_engine(url)
    with engine.begin() as tx:
        if not inspect(tx).has_table("ho_so"):
            tx.exec_driver_sql(_SCHEMA.read_text(encoding="utf-8"))
    engine.dispose()


class LivingDossiers(Writer):
    """A writer to the dossier database at a URL that commits each step at once."""

    def __init__(self, url: str) -> None:
        create_schema(url)
        self.engine: Engine = create_engine(url)
        super().__init__(self.engine.begin)

    def slow(self) -> SlowWriter:
        """A writer on its own connection, whose steps are invisible to others before its `commit`."""
        return SlowWriter(self.engine)

    def close(self) -> None:
        self.engine.dispose()


class SlowWriter(Writer):
    """A writer with one open transaction: its ids and change times become visible later than younger ones."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.connect()
        super().__init__(self._held)

    def commit(self) -> None:
        """Commit: make the steps visible."""
        self._connection.commit()
        self._connection.close()

    def rollback(self) -> None:
        """Roll back; the ids that it took remain gaps."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.commit()
        else:
            self.rollback()

    def _held(self) -> AbstractContextManager[Connection]:
        return nullcontext(self._connection)
