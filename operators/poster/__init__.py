"""The poster of a unit: its QR code, its sheet, and many of them in one file (docs/poster.md)."""
