"""A stand-in for Zalo in benchmarks, fast enough never to be the bottleneck.

The sandbox's Zalo is faithful; this one is fast. It answers well-formed sends with the documented success after a fixed
time, with the same protocol as Zalo (HTTP/1.1, kept alive, TLS on request), and counts them. It is a separate process:

    python -m benchmarks.standin --latency-ms 50 --ready FILE

    tally.py    counts of accepted messages and duplicates, with times
    answers.py  the supported calls, and the documented answers
    server.py   a minimal HTTP server, and the desk that delays each answer
    control.py  counts, moments and a reset, under /bench
    trust.py    its own certificate authority, and how our processes trust it
    client.py   starts and queries the stand-in from Python
"""
