"""Marks: which notices of a batch may have left, should the worker that holds its lease be lost, or the ledger forget.

The life of a batch:

1. At the claim the worker asks for the `epoch`, registers its lease with `begin`, and writes both into the ledger.
2. Before each call or few calls it marks their notices with `leave`; no mark, no sending.
3. When the whole batch is settled it says `forget`.
4. If it dies instead, whoever finds the expired lease asks what `left`: those may have been sent, the others certainly
   were not. From then on the lease is closed, should that worker only have slept.

A lease that is not registered is one whose marks were lost or forgotten, never one without marks: nothing more leaves
under it, and all of it counts as perhaps sent.

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
* Split brain: two servers take themselves for the master. The marks that a worker writes on one are lacking on the
  other, where the epoch is still valid. So an epoch keeps the `master_replid` under which it began, and `leave` is
  refused on a server that has another one.
* Kept too long: an epoch is current for a day and lasts for two, so that a batch ends under the epoch it began with.
  A lease that nobody looked at for longer is wholly "perhaps".

The ledger may go back as well: a standby that takes over without the last second of commits, a backup that is restored.
Then claims and results are gone, and what was sent is due again, perhaps under another number. So each mark leaves a
*witness*: from a keyed hash of OA and event key to the tag of the lease and the time. A notice whose witness bears a
tag that the ledger does not know of was marked under a lease that is forgotten: it may have been sent, and must not
leave. The ledger keeps the tag of the last lease under which each notice was tried, so an ordinary retry agrees with
its witness. Witnesses are kept for 12 to 24 hours, and not more than two million of them: 75 bytes each, so 150 MB at
most, and 2 MB for the 20,000 notices of a province's day. After a flush there are none, and nothing to compare with.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from redis import Redis

from worker.domain.tries import tag_of
from worker.queue.connection import PREFIX, door, lua_beside
from worker.queue.sound import soundly

_CURRENT_SECONDS = 86_400
_TRUSTED_SECONDS = 0.25
_LASTS_SECONDS = 2 * 86_400
_RUN_BYTES = 6  # two lives of a server that share them are not to be expected
_WITNESS_SECONDS = 43_200  # a witness is kept for as long at least, and twice as long at most
_WITNESSES = 1_000_000  # of now; as many again of before


class EpochLost(Exception):  # noqa: N818 (a state of the world; the batch goes back to the ledger)
    """Nothing more of this batch may be sent: Redis was flushed, or somebody took the lease for expired."""


def departure(notice: int, hash_: str, known: str | None) -> str:
    """A notice about to leave: the name of its witness, and the tags that the ledger knows of it.

    Ready to be told to the script, since each mark of a flood does so hundreds of times.
    """
    return f"{notice} {hash_} {known or ''};"


@dataclass(frozen=True, slots=True)
class Witness:
    """The lease (its tag) under which a notice was marked last, and how long ago by Redis' own clock."""

    tag: str
    seconds_ago: float


class Marks:
    """The marks of all batches that are on their way, and the witnesses of those that have been."""

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
            key = f"{self._prefix}epoch"
            noted = soundly(self._redis, lambda: self._redis.get(key), {key: "string"})
            run, current = self._run(), str(noted or "")
            if current.endswith(f"-{run}"):
                return current
            fresh = f"{secrets.token_hex(6)}-{run}"
            keys = [f"{self._prefix}epoch", self._key(fresh)]
            return cast("str", self._begin(keys, [current, fresh, _CURRENT_SECONDS, _LASTS_SECONDS]))

    def begin(self, lease: str, epoch: str) -> None:
        """Register a lease before the claim: from now on marks that are missing are known to be missing.

        Raises `EpochLost` (ask for another epoch) or `QueueDown`; then nothing may be claimed.
        """
        with door("register a lease"):
            begun = self._run_marks(epoch, ["begin", lease, epoch, _CURRENT_SECONDS, _LASTS_SECONDS])
        if begun != "begun":
            self._trusted = "", 0.0
            raise EpochLost(f"no lease can begin: its epoch is {begun}")

    def leave(self, lease: str, epoch: str, departures: Iterable[str]) -> dict[int, Witness]:
        """Mark notices, each as `departure` writes it, as about to leave; many in one call cost as much as one.

        Returns those that were marked before under a lease that the ledger does not know: these must not leave. Raises
        `EpochLost` or `QueueDown`: then none of them may be sent, nor any more of this batch.
        """
        told = "".join(departures)
        with door("mark what leaves"):
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
        """The witness of each notice; None where there is none (never marked, flushed, too old). Raises `QueueDown`."""
        if not hashes:
            return []
        with door("ask the witnesses"):
            found = cast("list[str]", self._run_marks("", ["seen", *hashes]))
        split = [entry.partition(":") for entry in found]
        return [Witness(tag, float(ago)) if tag else None for tag, _, ago in split]

    def left(self, lease: str, epoch: str) -> frozenset[int] | None:
        """The notices marked under `lease`, or None if marks may be missing: then all of it may have been sent.

        From now on nothing more can leave under this lease. Raises `QueueDown`; it then waits for the next sweep.
        """
        with door("tell what left"):
            ids = cast("str | None", self._run_marks(epoch, ["left", lease]))
            run = self._run()  # asked second: had the server been restarted in between, this would say so
        if ids is None or not epoch.endswith(f"-{run}"):
            return None
        return frozenset(int(notice) for notice in ids.split(",") if notice)

    def forget(self, lease: str, epoch: str) -> None:
        """The whole batch is settled: its marks have done their work. Raises `QueueDown`, which may be ignored."""
        with door("forget marks"):
            self._redis.hdel(self._key(epoch), lease)

    def _run_marks(self, epoch: str, arguments: Sequence[str | int]) -> object:
        names = (f"marks:{epoch}", "witness:now", "witness:before", "epoch")
        keys = [self._prefix + name for name in names]
        kinds = {**dict.fromkeys(keys[:3], "hash"), keys[3]: "string"}
        return soundly(self._redis, lambda: self._marks(keys, arguments), kinds)

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
