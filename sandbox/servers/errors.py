"""The exception of this package."""


class ServersError(Exception):
    """A server could not be prepared, started or reached; the text names it, the reason, and the end of its log."""
