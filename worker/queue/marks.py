"""Marks: which notices of a batch may have left, should the worker that holds its lease be lost.

The life of a batch:

1. At the claim the worker asks for the `epoch` and writes it into the ledger with the lease.
2. Before each call or few calls it marks their notices with `leave`; no mark, no sending.
3. When the whole batch is settled it says `forget`.
4. If it dies instead, whoever finds the expired lease asks what `left`: those may have been sent, the others certainly
   were not. From then on the lease is closed, should that worker only have slept.

A mark that got lost would make "perhaps sent" look like "certainly not", and a person would hear the same thing twice.
So marks that cannot be complete must be known as such, and the epoch is what tells:

* Flushed: all marks of an epoch live in one key, and that key is the epoch. They cannot be lost, evicted or expire
  one without the other, and a new epoch is a new random word.
* Restarted: an append-only file that is flushed each second comes back with the epoch but without the marks of the
  last second. So the epoch's word holds the server's `run_id`, which is another one after each start (and on a replica
  that took over), and `left` compares it with the server's of now. `leave` need not compare: under an epoch from before
  a restart it still writes marks, but nobody relies on them, as `left` says None for that epoch from then on. New
  batches get a new epoch, since `epoch` compares too.
* Failed over: a replica lacks what its master did not send before it died. It has a `run_id` of its own; but where the
  first server takes over again without having been restarted, only its `master_replid` has changed, as it does with
  each promotion. So the word holds both. (It also changes when a first replica is attached: a false alarm, and cheap.)
* Kept too long: an epoch is current for a day and lasts for two, so that a batch ends under the epoch it began with.
  A lease that nobody looked at for longer is wholly "perhaps".
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Sequence
from typing import cast

from redis import Redis

from worker.queue.connection import PREFIX, door, lua_beside

_CURRENT_SECONDS = 86_400
_TRUSTED_SECONDS = 0.25
_LASTS_SECONDS = 2 * 86_400
_RUN_BYTES = 6  # two lives of a server that share them are not to be expected


class EpochLost(Exception):  # noqa: N818 (a state of the world; the batch goes back to the ledger)
    """Nothing more of this batch may be sent: Redis was flushed, or somebody took the lease for expired."""


class Marks:
    """The marks of all batches that are on their way."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._prefix = prefix
        self._trusted = "", 0.0  # an epoch, and until when (monotonic)
        self._marks = redis.register_script(lua_beside(__file__))
        self._begin = redis.register_script(lua_beside(str(__file__).replace("marks.py", "epochs.py")))

    def epoch(self) -> str:
        """The current epoch (letters, digits and a hyphen), to be noted at the claim. Raises `QueueDown`.

        Trusted for a moment, as a flood claims many times a second: under one that is over meanwhile nothing leaves
        (flushed), or all that leaves counts as perhaps sent (restarted).
        """
        epoch, until = self._trusted
        if time.monotonic() >= until:
            epoch = self._ask_epoch()
            self._trusted = epoch, time.monotonic() + _TRUSTED_SECONDS
        return epoch

    def _ask_epoch(self) -> str:
        with door("tell the epoch"):
            run, current = self._run(), str(self._redis.get(f"{self._prefix}epoch") or "")
            if current.endswith(f"-{run}"):
                return current
            fresh = f"{secrets.token_hex(6)}-{run}"
            keys = [f"{self._prefix}epoch", self._key(fresh)]
            return cast("str", self._begin(keys, [current, fresh, _CURRENT_SECONDS, _LASTS_SECONDS]))

    def leave(self, lease: str, epoch: str, notices: Sequence[int]) -> None:
        """Mark `notices` as about to leave; many in one call cost as much as one.

        Raises `EpochLost` or `QueueDown`: then none of them may be sent, nor any more of this batch.
        """
        ids = "".join(f"{notice}," for notice in notices)
        with door("mark what leaves"):
            answer = self._marks([self._key(epoch)], ["leave", lease, ids])
        if answer != "marked":
            self._trusted = "", 0.0
            raise EpochLost(f"nothing more may leave under lease {lease}: it is {answer}")

    def left(self, lease: str, epoch: str) -> frozenset[int] | None:
        """The notices marked under `lease`, or None if marks may be missing: then all of it may have been sent.

        From now on nothing more can leave under this lease. Raises `QueueDown`; it then waits for the next sweep.
        """
        with door("tell what left"):
            ids = cast("str | None", self._marks([self._key(epoch)], ["left", lease]))
            run = self._run()  # asked second: had the server been restarted in between, this would say so
        if ids is None or not epoch.endswith(f"-{run}"):
            return None
        return frozenset(int(notice) for notice in ids.split(",") if notice)

    def forget(self, lease: str, epoch: str) -> None:
        """The whole batch is settled: its marks have done their work. Raises `QueueDown`, which may be ignored."""
        with door("forget marks"):
            self._redis.hdel(self._key(epoch), lease)

    def _key(self, epoch: str) -> str:
        return f"{self._prefix}marks:{epoch}"

    def _run(self) -> str:
        """What tells this life of the server, as a master, from all others; one round trip."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.info("server")
            pipeline.info("replication")
            server, replication = pipeline.execute()
        life = f"{server['run_id']} {replication.get('master_replid', '')}"
        return hashlib.blake2b(life.encode(), digest_size=_RUN_BYTES).hexdigest()
