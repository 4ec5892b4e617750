"""No text leaves with a link but the payment page's: whoever can write a code, a name or a template must not send
people anywhere in the province's name.

A scheme, `www.`, or a host name under a public top-level domain is what phones make a link of. Which domains are
public says the Public Suffix List (publicsuffix.org), as the library `publicsuffixlist` brings it; nothing is asked for
over the network. Every text passes here, so what is usual is found to be harmless in a few microseconds.
"""

from __future__ import annotations

import re
from functools import cache

from publicsuffixlist import PublicSuffixList

_DOTS = re.compile("[\u3002\uff0e\uff61]")  # those that browsers read as one
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")

# `mailto:x` is a link without slashes. `:` and a character that is no blank is rare enough to look closer.
_COLON = re.compile(r":(?=[^\s/])")
_SCHEME = re.compile(r"\b(?:https?|ftp|file|mailto|javascript|data|intent|market|zalo):\S", re.IGNORECASE)

# The last label of a host name: letters alone, or punycode. Numbers are none ("000.00.01", "1.000.000"), nor is what
# goes on like a dossier's code (".H27-240101-0001"). It begins with one character: such a search is ten times faster.
_LAST = re.compile(r"\.(?P<domain>[xX][nN]--[\w-]{1,59}|[^\W\d_]{2,63})(?!\w|-+\w)")
_BEFORE = re.compile(r"[\w-]")


def has_foreign_link(text: str, own: str | None) -> bool:
    """Whether a text holds what people could tap on, apart from `own`, our payment link."""
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
    return any(_ends_a_host(text, found) for found in _LAST.finditer(text))


def _ends_a_host(text: str, found: re.Match[str]) -> bool:
    begun = bool(_BEFORE.match(text, found.start() - 1)) if found.start() else False
    return begun and _is_public(found["domain"].casefold())


@cache
def _list() -> PublicSuffixList:
    """Read when a text first looks suspicious: 300 kB that most processes never need."""
    return PublicSuffixList(accept_unknown=False, only_icann=True)


@cache
def _is_public(domain: str) -> bool:
    return _list().publicsuffix(f"host.{domain}", accept_unknown=False) is not None
