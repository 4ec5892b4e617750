"""What every page stands on: the OAs, the ledger by the console's own role, and the answers on dossiers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from operators.explain import Explainer
from worker.services.deployment import Deployment

_OPEN: list[tuple[Deployment, Explainer]] = []


def use(made: Deployment) -> None:
    """Answer with this deployment from now on."""
    _OPEN[:] = [(made, Explainer(made))]


def deployment() -> Deployment:
    """The OAs that this console serves."""
    return _OPEN[0][0]


def explainer() -> Explainer:
    """Answers why a person did, or did not, get the message; it may be used by several threads."""
    return _OPEN[0][1]


@contextmanager
def reading() -> Iterator[Connection]:
    """A connection for a page's questions. Raises the errors of `ledger.base.away.AWAY`."""
    with deployment().shared.ledger.connect() as connection:
        yield connection


@contextmanager
def writing() -> Iterator[Connection]:
    """A transaction for a verb. Raises likewise."""
    with deployment().shared.ledger.begin() as tx:
        yield tx
