"""The command line that all rivals share, for the side that enqueues:

    python -m benchmarks.rivals.<name> enqueue FIRST NUMBER        messages for notices that are in the ledger
    python -m benchmarks.rivals.<name> pace FIRST NUMBER RATE      notices and their messages, so many a second

`pace` prints as JSON when each notice was committed, just before its message left (seconds since 1970), by dossier.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence

import psycopg2

from benchmarks.rivals.ledger import DATABASE
from benchmarks.rivals.plan import code_of, user_of, words_of

_PAGE = 500
_INSERT = "INSERT INTO rival_notices (id, user_id, words) VALUES (%s, %s, %s)"
Enqueue = Callable[[Sequence[int]], None]


def main(enqueue: Enqueue, verb: str, first: str, number: str, rate: str = "0") -> None:
    """Run the command line; `enqueue` sends one message for each notice number."""
    numbers = range(int(first), int(first) + int(number))
    if verb == "enqueue":
        for at in range(0, len(numbers), _PAGE):
            enqueue(numbers[at : at + _PAGE])
    elif verb == "pace":
        print(json.dumps(_pace(enqueue, numbers, float(rate))))
    else:
        sys.exit(__doc__)


def _pace(enqueue: Enqueue, numbers: Sequence[int], rate: float) -> dict[str, float]:
    connection = psycopg2.connect(DATABASE)
    connection.autocommit = True
    committed = {}
    began = time.monotonic()
    with connection.cursor() as cursor:
        for place, number in enumerate(numbers):
            time.sleep(max(0.0, began + place / rate - time.monotonic()))
            cursor.execute(_INSERT, (number, user_of(number), words_of(number)))
            committed[code_of(number)] = time.time()
            enqueue([number])
    connection.close()
    return committed
