"""The QR code of an address: high error correction, so that it is read through a stain, and a quiet zone around it."""

from __future__ import annotations

import io

import segno

QUIET_MODULES = 4
"""The quiet zone of the standard (ISO/IEC 18004), in modules on each side; with less, some readers fail."""


def qr_svg(link: str) -> str:
    """The code as an SVG picture, black on white, the quiet zone included."""
    written = io.BytesIO()
    segno.make(link, error="h", micro=False).save(
        written, kind="svg", border=QUIET_MODULES, dark="#000", light="#fff", xmldecl=False, omitsize=True
    )
    return written.getvalue().decode()


def qr_data(link: str) -> str:
    """The code as a `data:` address for a page."""
    return segno.make(link, error="h", micro=False).svg_data_uri(
        border=QUIET_MODULES, dark="#000", light="#fff", omitsize=True
    )
