"""Resource quantities such as `100m` or `1024Mi`, in the canonical form that an API server stores."""

import re
from decimal import ROUND_UP, Decimal

_QUANTITY = re.compile(r"^([+-]?[0-9.]+)([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i|)$")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_SUFFIX_OF = {power: suffix for suffix, power in _DECIMAL.items()}


def quantity_value(text: str) -> Decimal:
    """The amount.

    Raises:
        ValueError: The text is no quantity.
    """
    match = _QUANTITY.match(text)
    if match is None or not re.match(r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$", match[1]):
        raise ValueError(text)
    number, suffix = Decimal(match[1]), match[2]
    if suffix.endswith("i"):
        return number * Decimal(1024) ** _BINARY.index(suffix)
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        return number * Decimal(10) ** int(suffix[1:])
    return number * Decimal(10) ** _DECIMAL[suffix]


def canonical_quantity(text: str) -> str:
    """The form that `resource.Quantity` prints: the largest suffix without a fraction, in the given family."""
    value = quantity_value(text)
    suffix = text.lstrip("+-.0123456789")
    if value == 0:
        return "0"
    if suffix.endswith("i") and value == value.to_integral_value():
        power = 0
        while power + 1 < len(_BINARY) and value % 1024 == 0:
            value /= 1024
            power += 1
        return f"{int(value)}{_BINARY[power]}"
    value = value.quantize(Decimal("1e-9"), rounding=ROUND_UP)
    exponent = -9
    digits = int(value.scaleb(9))
    while digits % 1000 == 0 and exponent < 18:
        digits //= 1000
        exponent += 3
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        return f"{digits}e{exponent}" if exponent else str(digits)
    return f"{digits}{_SUFFIX_OF[exponent]}"
