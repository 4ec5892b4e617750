"""The measured claims, one command each; results go to docs/benchmarks.

    python -m benchmarks.poll     what a poll costs at 10 k, 1 M and 10 M dossiers
    python -m benchmarks.start    the first start on a million old dossiers
    python -m benchmarks.rivalry  ours against Celery, dramatiq, taskiq and the limit, in one run
    python -m benchmarks.profile  where a worker's CPU goes, room by room
    python -m benchmarks.ledger   layouts of the ledger at 0 to 20 M finished notices
    python -m benchmarks.delay    from the commit in the dossier database to Zalo, at several rates, beside backlogs
    python -m benchmarks.growth   backlog 1 k to 1 M, workers 1 to 4, ledger 0 to 20 M; a flushed Redis
    python -m benchmarks.idle     what a system costs when nothing happens
    python -m benchmarks.hooks    500 of Zalo's events a second, recorded before they are answered
    python -m benchmarks.tuning   how the rivals' settings were found (not a part of `make bench`)

`make bench` runs them all. Servers, filled databases and logs live under var/bench: what was filled once is used
again, and the folder may be deleted at any time (BENCH_SIZES=10k,1M and BENCH_LEDGERS=0,1M spare the longest fills).
One at a time: they share the servers. The extras `bench` and `rivals` are needed; `make bench` installs them.

    standin/         a Zalo that is fast enough never to be what is measured
    rivals/          the same duty on other libraries, and libcurl alone
    contest.py       one round of one contestant, and what the operating system counted meanwhile
    contestants.py   the rivals' command lines and settings
    product.py       ours, as the Procfile starts it
    clerks.py        dossiers accepted at a pace
    filling.py       people, due notices, finished ones
    world.py         servers, filled dossier databases, ledgers, the product's settings
    measure.py       medians, percentiles, CPU time and memory of processes
    report.py        tables on the screen and in docs/benchmarks · plots.py
"""
