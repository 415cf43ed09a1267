"""Amounts as clouds write them, read and converted. Pure."""

from decimal import Decimal, InvalidOperation


def amount(text: object) -> Decimal:
    """A decimal string as an amount of 0 or more. Raises ValueError for anything else."""
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is no decimal string")  # noqa: TRY004 - what is wrong is the cloud's answer
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no decimal string") from None
    if not found.is_finite() or found < 0:
        raise ValueError(f"{text!r} is no price")
    return found


def in_usd(amount: Decimal, currency: str, *, usd_per_eur: Decimal | None) -> Decimal | None:
    """The amount in USD; None: no rate is known for its currency."""
    if currency == "USD":
        return amount
    return amount * usd_per_eur if currency == "EUR" and usd_per_eur is not None else None
