"""Marks record which notices of a batch may have left, in case their worker is lost or the ledger goes back.

The life of a batch:

1. At the claim the worker reads the `epoch`, registers its lease with `begin`, and writes both into the ledger.
2. Before each call, or a few calls, it marks their notices with `leave`. Nothing is sent without a mark.
3. When the whole batch is completed, it calls `forget`.
4. If it dies instead, the process that finds the expired lease calls `left`. The returned notices may have been sent,
   the others certainly were not. From then on the lease is closed, in case the worker was only suspended.

An unregistered lease is one whose marks were lost or forgotten, never one without marks. Nothing more leaves under it,
and all its notices count as perhaps sent.

A lost mark would turn "perhaps sent" into "certainly not sent", and a person would get the same message twice. So
incomplete marks must be detectable. The epoch detects them:

* Flush: all marks of an epoch are in one key, and that key is the epoch. They can be lost, evicted or expire only
  together, and a new epoch is a new random word.
* Restart: an append-only file that is flushed each second restores the epoch without the marks of the last second. So
  the epoch's word depends on the server's `run_id`, which differs after each start (and on a replica that took over).
  `left` compares it with the current one. `leave` need not compare: under an epoch from before a restart it still
  writes marks, but nobody relies on them, since `left` returns None for that epoch from then on. New batches get a new
  epoch, since `epoch` compares too.
* Failover: a replica lacks what its master had not sent before it died. It has its own `run_id`. If the first server
  takes over again without a restart, only its `master_replid` has changed, as with each promotion. So the word depends
  on both. (`master_replid` also changes when a first replica is attached: a cheap false alarm.)
* Split brain: two servers both act as master. Marks written on one are missing on the other, where the epoch is still
  valid. So an epoch keeps the `master_replid` under which it began, and a server with another one refuses `leave`.
* Age: an epoch is current for one day and lasts for two, so that a batch ends under the epoch it began with. If a lease
  is inspected later than that, all its notices are "perhaps sent".

The ledger may go back as well: a standby takes over without the last second of commits, or a backup is restored. Then
claims and results are lost, and notices already sent are due again, perhaps under other ids. So each mark writes a
*witness*: a map entry from a keyed hash of OA and event key to the lease's tag and the time. If a notice's witness has
a tag unknown to the ledger, the notice was marked under a forgotten lease: it may have been sent, and must not leave.
The ledger keeps the tag of the last lease under which each notice was tried, so an ordinary retry agrees with its
witness. Witnesses are kept for 12 to 24 hours, at most two million of them. Each takes 75 bytes: 150 MB at most, and
2 MB for the 20,000 notices of a province's day. After a flush there are none, and nothing to compare with.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from redis import Redis

from coordination.connection import PREFIX, lua_beside, redis_errors
from coordination.sound import soundly
from domain.tries import tag_of

_CURRENT_SECONDS = 86_400
_TRUSTED_SECONDS = 0.25
_LASTS_SECONDS = 2 * 86_400
_RUN_BYTES = 6  # enough to make collisions between two lives of a server improbable
_WITNESS_SECONDS = 43_200  # minimum life of a witness; the maximum is twice this
_WITNESSES = 1_000_000  # in the current generation; the previous one holds as many again


class EpochLost(Exception):  # noqa: N818 (a state of the world; the batch is returned to the ledger)
    """Nothing more of this batch may be sent: Redis was flushed, or another process treated the lease as expired."""


def departure(notice: int, hash_: str, known: str | None) -> str:
    """Encode a notice about to leave: its id, the name of its witness, and the tags that the ledger knows for it.

    The result is in the script's own format, since each mark in a flood passes hundreds of them.
    """
    return f"{notice} {hash_} {known or ''};"


@dataclass(frozen=True, slots=True)
class Witness:
    """The tag of the lease under which a notice was last marked, and how long ago by Redis' clock."""

    tag: str
    seconds_ago: float


class Marks:
    """The marks of all batches in progress, and the witnesses of all recent batches."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._prefix = prefix
        self._trusted = "", 0.0  # cached epoch, valid until (monotonic)
        self._marks = redis.register_script(lua_beside(__file__))
        self._begin = redis.register_script(lua_beside(str(__file__).replace("marks.py", "epochs.py")))

    def epoch(self) -> str:
        """The current epoch (letters, digits and a hyphen), to be recorded at the claim. Raises `QueueDown`.

        It is cached briefly, since a flood claims many times a second. If the epoch has ended meanwhile, nothing leaves
        under it (after a flush), or everything that leaves counts as perhaps sent (after a restart).
        """
        epoch, until = self._trusted
        if time.monotonic() >= until:
            epoch = self._ask_epoch()
            self._trusted = epoch, time.monotonic() + _TRUSTED_SECONDS
        return epoch

    def _ask_epoch(self) -> str:
        with redis_errors("tell the epoch"):
            key = f"{self._prefix}epoch"
            noted = soundly(self._redis, lambda: self._redis.get(key), {key: "string"})
            run, current = self._run(), str(noted or "")
            if current.endswith(f"-{run}"):
                return current
            fresh = f"{secrets.token_hex(6)}-{run}"
            keys = [f"{self._prefix}epoch", self._key(fresh)]
            return cast("str", self._begin(keys, [current, fresh, _CURRENT_SECONDS, _LASTS_SECONDS]))

    def begin(self, lease: str, epoch: str) -> None:
        """Register a lease before the claim: from now on, lost marks can be detected.

        Raises `EpochLost` (read the epoch again) or `QueueDown`; then nothing may be claimed.
        """
        with redis_errors("register a lease"):
            begun = self._run_marks(epoch, ["begin", lease, epoch, _CURRENT_SECONDS, _LASTS_SECONDS])
        if begun != "begun":
            self._trusted = "", 0.0
            raise EpochLost(f"no lease can begin: its epoch is {begun}")

    def leave(self, lease: str, epoch: str, departures: Iterable[str]) -> dict[int, Witness]:
        """Mark notices, encoded by `departure`, as about to leave; many in one call cost as much as one.

        Returns the notices marked earlier under a lease that the ledger does not know: these must not leave. Raises
        `EpochLost` or `QueueDown`: then none of them may be sent, and nothing more of this batch.
        """
        told = "".join(departures)
        with redis_errors("mark what leaves"):
            verdict, *forgotten = cast(
                "list[str]",
                self._run_marks(epoch, ["leave", lease, tag_of(lease), _WITNESS_SECONDS, _WITNESSES, told]),
            )
        if verdict != "marked":
            self._trusted = "", 0.0
            raise EpochLost(f"nothing more may leave under lease {lease}: it is {verdict}")
        thrice = iter(forgotten)
        return {int(id_): Witness(tag, float(ago)) for id_, tag, ago in zip(thrice, thrice, thrice, strict=True)}

    def witnesses(self, hashes: Sequence[str]) -> list[Witness | None]:
        """The witness of each notice; None if it was never marked, flushed, or is too old. Raises `QueueDown`."""
        if not hashes:
            return []
        with redis_errors("ask the witnesses"):
            found = cast("list[str]", self._run_marks("", ["seen", *hashes]))
        split = [entry.partition(":") for entry in found]
        return [Witness(tag, float(ago)) if tag else None for tag, _, ago in split]

    def left(self, lease: str, epoch: str) -> frozenset[int] | None:
        """The notices marked under `lease`; None if marks may be missing: then all its notices may have been sent.

        Closes the lease: nothing more can leave under it. Raises `QueueDown`; the lease then waits for the next sweep.
        """
        with redis_errors("tell what left"):
            ids = cast("str | None", self._run_marks(epoch, ["left", lease]))
            run = self._run()  # read second, to detect a restart in between
        if ids is None or not epoch.endswith(f"-{run}"):
            return None
        return frozenset(int(notice) for notice in ids.split(",") if notice)

    def forget(self, lease: str, epoch: str) -> None:
        """Delete the marks of a completed batch. Raises `QueueDown`, which may be ignored."""
        with redis_errors("forget marks"):
            self._redis.hdel(self._key(epoch), lease)

    def _run_marks(self, epoch: str, arguments: Sequence[str | int]) -> object:
        names = (f"marks:{epoch}", "witness:now", "witness:before", "epoch")
        keys = [self._prefix + name for name in names]
        kinds = {**dict.fromkeys(keys[:3], "hash"), keys[3]: "string"}
        return soundly(self._redis, lambda: self._marks(keys, arguments), kinds)

    def _key(self, epoch: str) -> str:
        return f"{self._prefix}marks:{epoch}"

    def _run(self) -> str:
        """A digest that identifies this life of the server as a master; one round trip."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.info("server")
            pipeline.info("replication")
            server, replication = pipeline.execute()
        life = f"{server['run_id']} {replication.get('master_replid', '')}"
        return hashlib.blake2b(life.encode(), digest_size=_RUN_BYTES).hexdigest()
