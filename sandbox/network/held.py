"""What a kernel does with bytes that nobody acknowledges, as TCP of Linux does it on a fast line (RFC 6298).

It sends them again after 0.2 s, and after twice as long each time. The process that wrote them need not be there any
more: a connection that was closed in order (FIN) is kept by the kernel until its bytes are through, or given up after
eight times (`net.ipv4.tcp_orphan_retries` at its default). One that was closed with RST takes its bytes with it.
"""

FIRST_SECONDS = 0.2
LONGEST_SECONDS = 120.0
TRIES_OF_AN_ORPHAN = 8


def next_try(first: float, now: float) -> tuple[float, int]:
    """When bytes that left at `first` are sent again, not before `now`, and for which time; seconds of one clock."""
    moment, wait, tries = first + FIRST_SECONDS, FIRST_SECONDS, 1
    while moment < now:
        wait = min(2 * wait, LONGEST_SECONDS)
        moment, tries = moment + wait, tries + 1
    return moment, tries
