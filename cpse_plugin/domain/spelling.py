"""The ways in which one word is written: what the comparison of two records and the search have in common."""

import re
from collections.abc import Iterable, Sequence
from itertools import product

from .text import plain_letters

# Each abbreviation with the words that it stands for. Of addresses, the street types and units of the Postal Service's
# Publication 28 that names of organizations and places have as well; numbers and ordinals are written in digits.
_LONG_FORMS = {
    "and": "&", "plus": "+",
    "st": "saint street", "ste": "suite sainte", "dr": "doctor drive", "mt": "mount", "ft": "fort", "jr": "junior",
    "sr": "senior sister", "bros": "brothers",
    "inc": "incorporated", "corp": "corporation", "co": "company county", "cos": "companies", "ltd": "limited",
    "llc": "limitedliabilitycompany", "pllc": "professionallimitedliabilitycompany",
    "llp": "limitedliabilitypartnership", "lp": "limitedpartnership", "pc": "professionalcorporation",
    "ctr": "center", "cntr": "center", "cen": "center", "centre": "center", "ctrs": "centers", "centres": "centers",
    "assoc": "association associates", "assocs": "associates associations", "assn": "association",
    "assns": "associations", "svc": "service", "svcs": "services", "srvc": "service", "srvcs": "services",
    "grp": "group", "org": "organization", "dept": "department", "div": "division", "inst": "institute",
    "fdn": "foundation", "fndn": "foundation", "soc": "society", "prog": "program", "progs": "programs",
    "intl": "international", "natl": "national", "reg": "regional", "comm": "community", "cmty": "community",
    "sch": "school", "schl": "school", "schls": "schools", "elem": "elementary", "univ": "university",
    "acad": "academy", "ed": "education educational", "educ": "education educational", "dist": "district",
    "csd": "centralschooldistrict", "ufsd": "unionfreeschooldistrict", "cufsd": "centralunionfreeschooldistrict",
    "boces": "boardofcooperativeeducationalservices", "hosp": "hospital", "med": "medical", "hlth": "health",
    "rehab": "rehabilitation", "ther": "therapy", "thpy": "therapy", "ped": "pediatric", "peds": "pediatrics",
    "dev": "development developmental", "devel": "development developmental", "lang": "language",
    "occ": "occupational", "phys": "physical", "psych": "psychological", "psychol": "psychological",
    "mgmt": "management",
    "n": "north", "s": "south", "e": "east", "w": "west", "ne": "northeast", "nw": "northwest", "se": "southeast",
    "sw": "southwest", "ny": "newyork", "nyc": "newyorkcity", "nys": "newyorkstate", "twp": "township",
    "cty": "county city", "hts": "heights", "hgts": "heights", "spgs": "springs", "vlg": "village", "jct": "junction",
    "ave": "avenue", "av": "avenue", "blvd": "boulevard", "cir": "circle", "ct": "court", "expy": "expressway",
    "hwy": "highway", "ln": "lane", "pkwy": "parkway", "pk": "park", "pl": "place", "plz": "plaza", "rd": "road",
    "rt": "route", "rte": "route", "rr": "ruralroute", "sq": "square", "str": "street", "ter": "terrace",
    "terr": "terrace", "tpke": "turnpike", "tpk": "turnpike", "trl": "trail",
    "apt": "apartment", "bldg": "building", "fl": "floor", "flr": "floor", "rm": "room", "po": "postoffice",
    "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
    "first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th", "sixth": "6th",
    "seventh": "7th", "eighth": "8th", "ninth": "9th", "tenth": "10th", "eleventh": "11th", "twelfth": "12th",
}  # fmt: skip
_LONG = {short: tuple(long.split()) for short, long in _LONG_FORMS.items()}
# What stands first or last in a name can stand for one of its words alone: nobody is called Mary Saint or Street Mary.
_FIRST = {"st": "saint", "dr": "doctor"}
_LAST = {"st": "street", "dr": "drive"}
_SHORT = {long: short for short, words in reversed(_LONG.items()) for long in words}
_DIRECTIONS = frozenset({"n", "s", "e", "w", "ne", "nw", "se", "sw"})

_APOSTROPHES = re.compile(r"['`´ʼʻ‘’‛′＇]")
_DOTTED = re.compile(r"\b[^\W\d_](?:\.\s?[^\W\d_]\b)+\.?")
_CARE_OF = re.compile(r"\bc/o\b")
_WORD = re.compile(r"[&+]|[^\W_]+(?:(?<=\d)[-/.](?=\d)[^\W_]+)*")
_PART = re.compile(r"[^\W_]+")
_MOST_SPELLINGS = 128
_SHORTEST_IDENTIFIER = 6


def words(text: str) -> list[str]:
    """The words of a text without case, accents and apostrophes; `L.L.C.` is one word, and so are `2-10` and `1/2`."""
    plain = _APOSTROPHES.sub("", plain_letters(text))
    plain = _CARE_OF.sub("care of", plain)
    plain = _DOTTED.sub(lambda initials: re.sub(r"[.\s]", "", initials[0]) + " ", plain)
    return list(_initials_joined(_WORD.findall(plain)))


def _initials_joined(found: Iterable[str]) -> Iterable[str]:
    """Make one word of letters that stand alone one after the other: `P O Box` is written `PO Box` as well."""
    letters = ""
    for word in found:
        if len(word) == 1 and word.isalpha():
            letters += word
            continue
        if letters:
            yield letters
        letters = ""
        yield word
    if letters:
        yield letters


def spellings(found: Sequence[str], *, directions: bool = True) -> set[str]:
    """All texts that these words may stand for, written out and without spaces; digits are kept apart.

    Without `directions` a letter such as `N` stands for itself alone.
    """
    choices = [_readings(word, at, len(found), directions) for at, word in enumerate(found)]
    count = 1
    for at, readings in enumerate(choices):
        count *= len(readings)
        if count > _MOST_SPELLINGS:
            choices[at:] = [readings[:1] for readings in choices[at:]]
            break
    return {_run_together(written) for written in product(*choices)}


def _readings(word: str, at: int, count: int, directions: bool) -> tuple[str, ...]:
    if word in _DIRECTIONS:
        return (*_LONG[word], word) if directions else (word,)
    if at == 0 and word in _FIRST:
        return (_FIRST[word],)
    if at == count - 1 and word in _LAST:
        return (_LAST[word],)
    return _LONG.get(word, (word,))


def _run_together(found: Iterable[str]) -> str:
    text = ""
    for word in found:
        text += f" {word}" if text[-1:].isdecimal() and word[:1].isdecimal() else word
    return text


def written_alike(one: str, other: str) -> bool:
    """Whether two names of organizations or places differ in nothing but the way in which they are written."""
    ours, theirs = words(one), words(other)
    return bool(ours and theirs) and not spellings(ours).isdisjoint(spellings(theirs))


def search_text(name: str, *numbers: str) -> str:
    """What a provider is searched in: its numbers, and its name run together, as it is, written out, and abbreviated.

    Run together, because `OBrien` and `ABC` are typed for what is written `O Brien` and `A.B.C.`.
    """
    found = words(name)
    short = (_SHORT.get(word, word) for word in found)
    texts = [_run_together(found), *sorted(spellings(found)), _run_together(short)]
    for number in numbers:
        texts += ["".join(_PART.findall(plain_letters(number))), plain_letters(number)]
    # A name or number of signs alone, such as `???`, is found by its signs.
    texts += [] if found else plain_letters(name).split()
    return " ".join(dict.fromkeys(text for text in texts if text))


def search_words(text: str) -> list[tuple[str, ...]]:
    """The words of what somebody typed into a search; of each, one of the ways to write it is part of `search_text`."""
    found = [word for word in words(text) if word not in ("&", "+")] or plain_letters(text).split()
    return [(word, *_other_spellings(word)) for word in found]


def _other_spellings(word: str) -> list[str]:
    grouped = "".join(_PART.findall(word))
    # Identifiers are typed in groups of digits; 2-10 is none.
    if grouped != word and len(grouped) >= _SHORTEST_IDENTIFIER:
        return [grouped]
    return [long for long in _LONG.get(word, ()) if _adds(word, long)]


def _adds(word: str, long: str) -> bool:
    """Whether a long form finds more than the word does. A mere `1` for `one` would find every NPI."""
    return word not in long and _PART.fullmatch(long) is not None and not long.isdecimal()
