"""Measures the project's performance claims, one command each; results go to docs/benchmarks.

    python -m benchmarks.poll     cost of a poll at 10 k, 1 M and 10 M dossiers
    python -m benchmarks.start    the first start on a million old dossiers
    python -m benchmarks.rivalry  ours against Celery, dramatiq, taskiq and the limit, in one run
    python -m benchmarks.profile  CPU time of a worker, room by room
    python -m benchmarks.ledger   layouts of the ledger at 0 to 20 M finished notices
    python -m benchmarks.delay    from the commit in the dossier database to Zalo, at several rates, with backlogs
    python -m benchmarks.growth   backlog 1 k to 1 M, workers 1 to 4, ledger 0 to 20 M; a flushed Redis
    python -m benchmarks.idle     cost of an idle system
    python -m benchmarks.hooks    500 Zalo events per second, recorded before they are answered
    python -m benchmarks.console  the console's pages on a full ledger, and what clicking costs Zalo's events
    python -m benchmarks.tuning   the search for the rivals' best settings (not part of `make bench`)

`make bench` runs them all. Servers, filled databases and logs are kept under var/bench. Filled databases are reused,
and the folder may be deleted at any time. BENCH_SIZES=10k,1M and BENCH_LEDGERS=0,1M avoid the longest fills. Run one
benchmark at a time: they share the servers. They need the extras `bench` and `rivals`; `make bench` installs them.

    standin/         a Zalo stand-in, fast enough never to be the bottleneck
    rivals/          the same duty on other libraries, and libcurl alone
    contest.py       one round of one contestant, with the operating system's counters
    contestants.py   the rivals' command lines and settings
    product.py       ours, as the Procfile starts it
    clerks.py        accepts dossiers at a fixed rate
    clicks.py        people who click pages of the console
    waiting.py       a ledger as the console meets it
    filling.py       people, due notices, finished notices
    world.py         servers, filled dossier databases, ledgers, the product's settings
    measure.py       medians, percentiles, CPU time and memory of processes
    report.py        tables on the screen and in docs/benchmarks · plots.py
"""
