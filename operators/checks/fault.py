"""The exception of a failed check."""

from __future__ import annotations


class CheckFault(Exception):  # noqa: N818 (a finding, not an error of the program)
    """A check failed; the text is a sentence with the remedy."""
