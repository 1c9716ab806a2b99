"""The county's and the Portal's record of a provider, side by side.

Capitals, accents, punctuation and spaces do not count. What differs beyond that may still be the same, written
in another way: then the outcome says so. Everything else is different, and the parts that differ can be told.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import groupby

from .identifiers import Npi, SedCode
from .people import named_alike
from .portal_records import PortalProvider
from .postal import addresses_written_alike
from .providers import Address, CountyProvider, ProviderType
from .refusals import Refusal
from .spelling import spellings, words, written_alike
from .text import fold

_ZIP_LENGTH, _ZIP_PLUS_4_LENGTH = 5, 9
_PHONE_LENGTH = 10
_NUMBER = re.compile(r"[0-9()./ +-]+")
_EXTENSION = re.compile(r"(?:extension|ext\.?|x)(?=\s*[0-9])|#")


class Outcome(StrEnum):
    """How two values of a field compare; the value is what the screen says."""

    SAME = "Same"
    WRITTEN_DIFFERENTLY = "Written differently"
    DIFFERENT = "Different"
    MISSING_IN_COUNTY = "Missing in the county's record"
    MISSING_ON_PORTAL = "Missing on the CPSE Portal"
    MISSING_ON_BOTH = "Missing on both sides"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a value; `differs` says that the other side has something else in its place, or nothing."""

    text: str
    differs: bool = False


@dataclass(frozen=True, slots=True)
class FieldComparison:
    """One field of both records, shown as they are and compared after normalisation."""

    label: str
    county: str
    portal: str
    outcome: Outcome

    @property
    def agrees(self) -> bool:
        """Whether both sides have the same, or neither has anything."""
        return self.outcome in (Outcome.SAME, Outcome.MISSING_ON_BOTH)

    @property
    def differs(self) -> bool:
        """Whether the field deserves a second look before the providers are linked."""
        return not self.agrees and self.outcome is not Outcome.WRITTEN_DIFFERENTLY

    @property
    def county_parts(self) -> tuple[Part, ...]:
        """The county's value in pieces; where both sides have one, those that differ are marked."""
        return self._parts()[0]

    @property
    def portal_parts(self) -> tuple[Part, ...]:
        """The Portal's value in pieces, as `county_parts`."""
        return self._parts()[1]

    def _parts(self) -> "_Marked":
        if self.outcome is not Outcome.DIFFERENT:
            return (Part(self.county),), (Part(self.portal),)
        return mark(self.county, self.portal)


_Marked = tuple[tuple[Part, ...], tuple[Part, ...]]


class MatchRule(StrEnum):
    """Why a Portal provider was found for a county provider; the value is what the screen says."""

    NPI = "NPI"
    SED_CODE = "SED code"
    BOTH = "NPI and SED code"


def match_rule(county: CountyProvider, portal: PortalProvider) -> MatchRule | None:
    """Say which identifiers the two share, or None where they share neither."""
    by_npi = bool(county.profile.npi) and county.profile.npi == portal.npi
    by_sed_code = bool(county.profile.sed_code) and county.profile.sed_code == portal.sed_code
    if by_npi and by_sed_code:
        return MatchRule.BOTH
    if by_npi:
        return MatchRule.NPI
    return MatchRule.SED_CODE if by_sed_code else None


def compare(county: CountyProvider, portal: PortalProvider) -> tuple[FieldComparison, ...]:
    """Compare name, type, NPI, SED code, address and phone."""
    profile = county.profile
    return (
        _compare("Name", county.name, portal.name, alike=_names_alike(profile.type, portal.type)),
        _compare("Provider Type", _label(profile.type), _label(portal.type)),
        _compare("NPI", profile.npi, portal.npi, _as_read(Npi)),
        _compare("SED Code", profile.sed_code, portal.sed_code, _as_read(SedCode)),
        _compare_addresses(county.address, portal.address),
        _compare("Phone", county.phone, portal.phone, _folded_phone),
    )


def _compare(
    label: str,
    county: str | None,
    portal: str | None,
    folded: Callable[[str], str] = fold,
    alike: Callable[[str, str], bool] = lambda _one, _other: False,
) -> FieldComparison:
    here, there = county or "", portal or ""
    if not here or not there:
        return FieldComparison(label, here, there, _missing(here, there))
    if folded(here) == folded(there):
        outcome = Outcome.SAME
    else:
        outcome = Outcome.WRITTEN_DIFFERENTLY if alike(here, there) else Outcome.DIFFERENT
    return FieldComparison(label, here, there, outcome)


def _missing(here: str, there: str) -> Outcome:
    if here:
        return Outcome.MISSING_ON_PORTAL
    return Outcome.MISSING_IN_COUNTY if there else Outcome.MISSING_ON_BOTH


def _compare_addresses(county: Address | None, portal: Address | None) -> FieldComparison:
    if county is None or portal is None:
        return _compare("Address", _shown(county), _shown(portal))
    lasts = [
        (fold(address.state), _folded_postal_code(address, other)) for address, other in _both_ways(county, portal)
    ]
    firsts = [_folded_lines(address) for address in (county, portal)]
    if lasts[0] != lasts[1]:
        outcome = Outcome.DIFFERENT
    elif firsts[0] == firsts[1]:
        outcome = Outcome.SAME
    else:
        alike = addresses_written_alike(county, portal)
        outcome = Outcome.WRITTEN_DIFFERENTLY if alike else Outcome.DIFFERENT
    return FieldComparison("Address", _shown(county), _shown(portal), outcome)


def _both_ways(one: Address, other: Address) -> tuple[tuple[Address, Address], tuple[Address, Address]]:
    return (one, other), (other, one)


def _folded_lines(address: Address) -> str:
    return fold(" ".join((address.line1, address.line2 or "", address.city)))


def _folded_postal_code(address: Address, other: Address) -> str:
    """The digits of a ZIP code; the last four of ZIP+4 count only where both sides have them."""
    ours, theirs = _digits(address.postal_code), _digits(other.postal_code)
    if {len(ours), len(theirs)} == {_ZIP_LENGTH, _ZIP_PLUS_4_LENGTH}:
        return ours[:_ZIP_LENGTH]
    return ours or fold(address.postal_code)


def _names_alike(*types: ProviderType | None) -> Callable[[str, str], bool]:
    """How to tell whether two names are one, written differently; an agency's name has no first and last part."""
    if ProviderType.INDIVIDUAL in types or types == (None, None):
        return lambda one, other: written_alike(one, other) or named_alike(one, other)
    return written_alike


def _label(value: object) -> str:
    return str(getattr(value, "label", "") or "")


def _shown(address: Address | None) -> str:
    return str(address) if address else ""


def _as_read(value_type: type[Npi | SedCode]) -> Callable[[str], str]:
    """How an identifier is compared: by the rule by which it is read. One that cannot be read equals itself alone."""

    def folded(text: str) -> str:
        read = value_type.parse(text)
        return text if read is None or isinstance(read, Refusal) else read.digits

    return folded


def _folded_phone(phone: str) -> str:
    """Fold a phone number to its digits and its extension; the country code 1 does not count."""
    number, _, extension = _EXTENSION.sub("x", phone.lower()).partition("x")
    digits = _digits(number)
    if len(digits) > _PHONE_LENGTH and digits.startswith("1"):
        digits = digits[1:]
    # 555-KIDS is not 555-DOGS.
    if not digits or re.search(r"[^\W\d_]", number):
        return fold(phone)
    return f"{digits}x{_digits(extension)}" if extension else digits


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def mark(one: str, other: str) -> _Marked:
    """Take two different texts apart into what they have in common and what they have not, word by word.

    Numbers of as many digits are taken apart digit by digit: in ten of them nobody finds the one that differs.
    """
    if _NUMBER.fullmatch(one) and _NUMBER.fullmatch(other) and len(_digits(one)) == len(_digits(other)):
        return _mark_digits(one, other)
    for key in (_written_out, fold, str):
        ours, theirs = _mark_words(one.split(), other.split(), key)
        if any(part.differs for part in (*ours, *theirs)):
            break
    return ours, theirs


def _mark_digits(one: str, other: str) -> _Marked:
    same = [digit == its for digit, its in zip(_digits(one), _digits(other), strict=True)]

    def pieces(text: str) -> Iterator[tuple[str, bool]]:
        coming = iter(same)
        return ((character, character.isdecimal() and not next(coming)) for character in text)

    return _joined(pieces(one)), _joined(pieces(other))


def _mark_words(ours: Sequence[str], theirs: Sequence[str], key: Callable[[str], str]) -> _Marked:
    matcher = SequenceMatcher(None, [key(word) for word in ours], [key(word) for word in theirs], autojunk=False)
    blocks = matcher.get_matching_blocks()
    return (
        _sentence(ours, {at for block in blocks for at in range(block.a, block.a + block.size)}),
        _sentence(theirs, {at for block in blocks for at in range(block.b, block.b + block.size)}),
    )


def _written_out(word: str) -> str:
    return min(spellings(words(word)), default="") or fold(word)


def _sentence(found: Sequence[str], common: set[int]) -> tuple[Part, ...]:
    """Words with a space between them, which belongs to what differs where the words on both sides of it do."""
    pieces: list[tuple[str, bool]] = []
    for at, word in enumerate(found):
        if at:
            pieces.append((" ", at not in common and at - 1 not in common))
        pieces.append((word, at not in common))
    return _joined(pieces)


def _joined(pieces: Iterable[tuple[str, bool]]) -> tuple[Part, ...]:
    return tuple(
        Part("".join(text for text, _ in run), differs) for differs, run in groupby(pieces, key=lambda piece: piece[1])
    )
