"""Detect foreign links, since no text may leave with a link other than the payment page's.

Whoever can write a code, a name or a template must not be able to send people anywhere in the province's name.

Phones make a link of a scheme, `www.`, or a host name under a public top-level domain. The public domains are those of
the Public Suffix List (publicsuffix.org), as included in the library `publicsuffixlist`; nothing is fetched over the
network. Every text is checked, so the usual text is cleared in a few microseconds.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_DOTS = re.compile("[\u3002\uff0e\uff61]")  # characters that browsers read as a dot
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")

# `mailto:x` is a link without slashes. `:` followed by a non-blank is rare enough for the slower check.
_COLON = re.compile(r":(?=[^\s/])")
_SCHEME = re.compile(r"\b(?:https?|ftp|file|mailto|javascript|data|intent|market|zalo):\S", re.IGNORECASE)

# The last label of a host name: letters only, or punycode. Numbers do not match ("000.00.01", "1.000.000"), nor does a
# label that continues like a dossier's code (".H27-240101-0001"). Tried only where a letter follows a dot.
_LAST = re.compile(r"\.(?P<domain>[xX][nN]--[\w-]{1,59}|[^\W\d_]{2,63})(?!\w|-+\w)")
_BEFORE = re.compile(r"[\w-]")


def has_foreign_link(text: str, own: str | None) -> bool:
    """Whether a text contains anything that people could tap on, apart from `own`, our payment link."""
    if own:
        text = text.replace(own, " ")
    if not text.replace("\n", "").isprintable():
        text = _UNSEEN.sub("", text)
    if "\u3002" in text or "\uff0e" in text or "\uff61" in text:
        text = _DOTS.sub(".", text)
    if "://" in text or (("w." in text or "W." in text) and "www." in text.lower()):
        return True
    if _COLON.search(text) and _SCHEME.search(text):
        return True
    dot = text.find(".", 1)
    while dot > 0:
        if text[dot + 1 : dot + 2].isalpha() and _ends_a_host(text, dot):
            return True
        dot = text.find(".", dot + 1)
    return False


def _ends_a_host(text: str, dot: int) -> bool:
    last = _LAST.match(text, dot)
    if last is None or _BEFORE.match(text, dot - 1) is None:
        return False
    return last["domain"].casefold() in top_level_domains()


@cache
def top_level_domains() -> frozenset[str]:
    """All ICANN domains, as letters and as punycode. Read when a text first looks suspicious, in some milliseconds.

    Only the last labels of the list are needed. The library's own reader would build ten thousand rules from it and
    block the thread that performs all sends meanwhile.
    """
    listed = (files("publicsuffixlist") / "public_suffix_list.dat").read_text("utf-8")
    icann = listed.partition("===BEGIN ICANN DOMAINS===")[2].partition("===END ICANN DOMAINS===")[0]
    rules = (line.strip() for line in icann.splitlines() if line.strip() and not line.startswith("//"))
    domains = {rule.rpartition(".")[2].casefold() for rule in rules}
    return frozenset(
        domains | {f"xn--{domain.encode('punycode').decode()}" for domain in domains if not domain.isascii()}
    )
