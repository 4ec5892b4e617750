"""The rivals that ours is compared with: the same duty, built fairly after each library's own documentation.

One message is one notice. For each message, a rival claims the row (compare-and-set with a lease, committed), sends the
text to Zalo over a kept-alive connection with a time-out, and records the attempt and the new state (committed). Only
then is the queue's message acknowledged. The rivals omit the additional work of ours: their texts are ready (no
templates, nothing sealed); they have no shared rate limit, no breaker, no order per dossier, no history and no marks
for a crash; and their two tables have no index but the key. PostgreSQL, Valkey and the stand-in are the same as ours.

    plan.py             the messages and their recipients
    ledger.py           the two tables, the statements
    enqueue.py          the shared command line: enqueue many, or at a fixed rate
    plain_celery.py     Celery, SQLAlchemy's ORM, requests
    with_dramatiq.py    dramatiq, SQLAlchemy Core, requests
    with_taskiq.py      taskiq on Redis streams, asyncpg, aiohttp, uvloop
    raw_curl.py         the limit: libcurl alone

Nothing of the product is imported here. The environment contains the addresses (RIVAL_DATABASE, RIVAL_REDIS,
RIVAL_ZALO) and the number of concurrent sends per process (RIVAL_ROOM).
"""
