"""What a check found wrong."""

from __future__ import annotations


class Fault(Exception):  # noqa: N818 (a finding, not an error of the program)
    """A check failed; the text is a sentence with what to do."""
