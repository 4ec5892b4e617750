"""The measured claims, one command each; results go to docs/benchmarks.

    python -m benchmarks.poll     what a poll costs at 10 k, 1 M and 10 M dossiers
    python -m benchmarks.start    the first start on a million old dossiers
    python -m benchmarks.delay    from the commit in the dossier database to Zalo, 50 a second
    python -m benchmarks.hooks    500 of Zalo's events a second, recorded before they are answered

`make bench` runs them all. Servers, filled databases and logs live under var/bench: what was filled once is used
again, and the folder may be deleted at any time.

    world.py     servers, filled dossier databases, ledgers, the product's settings
    measure.py   medians, percentiles, the CPU time of processes
    report.py    tables on the screen and in docs/benchmarks
"""
