"""The one error of this room."""


class ServersError(Exception):
    """A server could not be prepared, started or reached: which one, why, and what its log says."""
