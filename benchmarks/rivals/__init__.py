"""What ours is measured against: the same duty, built fairly by each library's own documentation.

One message is one notice. For each the row is claimed (compare-and-set with a lease, committed), the text goes to Zalo
over a kept-alive connection with a timeout, the attempt is recorded and the state settled (committed); the queue's
message is acknowledged only then. They are spared what ours does beside it: texts are ready (no templates, nothing
sealed), no rate limit is shared, no breaker, no order per dossier, no history, no marks for a crash, and their two
tables have no index but the key. PostgreSQL, Valkey and the stand-in are the same as ours.

    plan.py             what is sent, to whom
    ledger.py           the two tables, the statements
    enqueue.py          the command line that all share: enqueue many, or at a pace
    plain_celery.py     Celery, SQLAlchemy's ORM, requests
    with_dramatiq.py    dramatiq, SQLAlchemy Core, requests
    with_taskiq.py      taskiq on Redis streams, asyncpg, aiohttp, uvloop
    raw_curl.py         the limit: libcurl alone

Nothing of the product is imported here. Where things are comes from the environment: RIVAL_DATABASE, RIVAL_REDIS,
RIVAL_ZALO, and RIVAL_ROOM, how many sends a process has under way at once.
"""
