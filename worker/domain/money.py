"""Money: whole đồng, as the province writes it."""

from __future__ import annotations


def dong(amount: int) -> str:
    """1000000 → '1.000.000': a dot every three digits and no unit, which the seed text does not have (R19).

    Amounts above 2^31 are usual for land dues. Raises `ValueError` for anything but a whole number above zero:
    nobody is asked to pay nothing, and a fraction of a đồng is a fault of the source.
    """
    if type(amount) is not int or amount <= 0:
        raise ValueError("an amount of money is a whole number of đồng above zero")
    return f"{amount:,}".replace(",", ".")
