"""A Zalo for benchmarks: fast enough that what is measured is never the stand-in.

The sandbox's Zalo is faithful; this one is quick. It answers well-formed sends with the documented success after a
fixed time, on the wire as Zalo does (HTTP/1.1, kept alive, TLS where asked for), and counts. A process of its own:

    python -m benchmarks.standin --latency-ms 50 --ready FILE

    tally.py    what was accepted: how many, how many twice, when
    answers.py  the calls that it understands, and the documented answers
    server.py   HTTP by hand, and the desk where each call waits for its time
    control.py  counts, moments and a fresh start, under /bench
    trust.py    a certificate authority of its own, and how our processes come to trust it
    client.py   the stand-in as a thing in Python
"""
