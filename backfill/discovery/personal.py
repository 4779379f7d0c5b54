"""Columns that hold what may not belong into a marketing tool, by their names and values."""

from __future__ import annotations

import re
from collections.abc import Callable

from backfill.discovery.vocabulary import Personal, snake, vocabulary

#: Values that are looked at, and the share of them that must be of a kind.
VALUES_MAX = 500
_SHARE = 0.9

_SSN = re.compile(r"(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}")
_CARD = re.compile(r"[2-6][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{1,7}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_IP = re.compile(r"([0-9]{1,3}\.){3}[0-9]{1,3}|([0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}", re.IGNORECASE)
_SECRET = re.compile(
    r"\$(2[abxy]|argon2\w*|5|6|pbkdf2[\w-]*|scrypt)\$.+|eyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|(sk|pk|ghp|xox[bp])[_-]\w{16,}|\{(SSHA|SHA|MD5)\}.+|pbkdf2_sha256\$.+"
)
_PROSE_BYTES = 60


def personal(name: str, values: list[str]) -> Personal | None:
    """What kind of personal data a column holds that may not belong there; None: none that shows.

    values: some of those that are there.
    """
    kinds = vocabulary().personal
    said = snake(name)
    by_name = next((kind for kind in kinds if said in kind.names), None)
    if by_name is not None:
        return by_name
    looked_at = [value.strip() for value in values[:VALUES_MAX]]
    if not looked_at:
        return None
    for kind in kinds:
        check = _CHECKS.get(kind.values or "")
        if check and sum(map(check, looked_at)) >= _SHARE * len(looked_at):
            return kind
    return None


def _is_card(value: str) -> bool:
    """Sixteen digits or so, the last of which is right.  [ISO/IEC 7812: Luhn]"""
    if not _CARD.fullmatch(value):
        return False
    digits = [int(char) for char in reversed(value) if char.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[0::2]) + sum(doubled)) % 10 == 0


def _is_iban(value: str) -> bool:
    """A country, two check digits that are right, an account.  [ISO 13616]"""
    bare = value.replace(" ", "").upper()
    if not _IBAN.fullmatch(bare):
        return False
    return int("".join(str(int(char, 36)) for char in bare[4:] + bare[:4])) % 97 == 1


def _is_prose(value: str) -> bool:
    return len(value) > _PROSE_BYTES and value.count(" ") > 5


_CHECKS: dict[str, Callable[[str], bool]] = {
    "ssn": lambda value: bool(_SSN.fullmatch(value)),
    "card": _is_card,
    "iban": _is_iban,
    "ip": lambda value: bool(_IP.fullmatch(value)),
    "secret": lambda value: bool(_SECRET.fullmatch(value)),
    "prose": _is_prose,
}
