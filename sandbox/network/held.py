"""Models how a kernel treats unacknowledged bytes: as Linux TCP does on a fast line (RFC 6298).

It retransmits them after 0.2 s, then after twice as long each time. The process that wrote them may have ended: the
kernel keeps a connection closed in order (FIN) until its bytes are acknowledged, or gives up after eight retries
(`net.ipv4.tcp_orphan_retries` at its default). A connection closed with RST loses its bytes.
"""

FIRST_SECONDS = 0.2
LONGEST_SECONDS = 120.0
TRIES_OF_AN_ORPHAN = 8


def next_try(first: float, now: float) -> tuple[float, int]:
    """The first retransmission, not before `now`, of bytes first sent at `first`: time and retry number.

    All times are seconds of one clock.
    """
    moment, wait, tries = first + FIRST_SECONDS, FIRST_SECONDS, 1
    while moment < now:
        wait = min(2 * wait, LONGEST_SECONDS)
        moment, tries = moment + wait, tries + 1
    return moment, tries
