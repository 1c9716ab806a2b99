"""What people and spreadsheets write for an NPI or an SED code, and what is to come of it, wherever it is read.

The domain, the form, its script, the import and the comparison are each held to this table.
"""

from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Written:
    """An NPI or SED code as it was written: the value that it is, or why it is none and what is offered then."""

    field: str
    text: str
    value: str | None = None
    fault: str | None = None
    offer: str | None = None

    def __str__(self) -> str:
        return f"{self.field} {self.text!a}"


NPI, SED_CODE = "1999101011", "010100010000"

_NPIS = [
    # As people group digits.
    Written("npi", NPI, NPI),
    Written("npi", "1999 101 011", NPI),
    Written("npi", " 1999-101-011 ", NPI),
    Written("npi", "1999 - 101 - 011", NPI),
    Written("npi", "1999\u2013101\u2212011", NPI),
    Written("npi", "1999\u00a0101\u202f011", NPI),
    Written("npi", "1999\uff0d101\u3000011", NPI),
    # What nobody sees.
    Written("npi", "\ufeff1999\u200b101\u200d011\u2060", NPI),
    Written("npi", "1999\u00ad101\u202d011\u202c\ufe0f", NPI),
    # What a spreadsheet did.
    Written("npi", "1999101011.0", fault="decimals", offer=NPI),
    Written("npi", "1999101011.", fault="decimals", offer=NPI),
    Written("npi", "1999101011,00", fault="decimals", offer=NPI),
    Written("npi", "1999101011.5", fault="decimals"),
    Written("npi", "199910101.1", fault="decimals"),
    Written("npi", "1.999101011", fault="decimals"),
    Written("npi", "1.99910E+09", fault="digits-lost"),
    Written("npi", "2E+09", fault="digits-lost"),
    Written("npi", "1.999101011E+09", fault="scientific", offer=NPI),
    Written("npi", "1,999101011e9", fault="scientific", offer=NPI),
    Written("npi", "1.999101011E-09", fault="digits-lost"),
    Written("npi", "1,999,101,011", fault="thousands", offer=NPI),
    Written("npi", "1,999,101,011.00", fault="thousands", offer=NPI),
    Written("npi", "1.999.101.011", fault="thousands", offer=NPI),
    Written("npi", "1'999'101'011", fault="thousands", offer=NPI),
    Written("npi", "1,999,101,012", fault="thousands"),
    Written("npi", f"'{NPI}", fault="text-mark", offer=NPI),
    Written("npi", f'="{NPI}"', fault="text-mark", offer=NPI),
    Written("npi", f"'{NPI}.0", fault="text-mark", offer=NPI),
    # Other ways of writing it.
    Written("npi", "NPI: 1999-101-011;", fault="not-digits", offer=NPI),
    Written("npi", "-1999101011", fault="not-digits", offer=NPI),
    Written("npi", "1999.101.011", fault="not-digits"),
    Written("npi", "$1,999,101,011.00", fault="not-digits"),
    Written("npi", "1999/101/011", fault="not-digits", offer=NPI),
    Written("npi", "１９９９１０１０１１", fault="not-digits", offer=NPI),
    Written("npi", "١٩٩٩١٠١٠١١", fault="not-digits"),
    Written("npi", "19991O1011", fault="not-digits"),
    Written("npi", "1999101011 1999101045", fault="too-long"),
    Written("npi", "199910101", fault="one-missing"),
    Written("npi", "1", fault="too-short"),
    Written("npi", "19991010111", fault="too-long"),
    Written("npi", "0000000006", fault="first-digit"),
    Written("npi", "3999", fault="first-digit"),
    Written("npi", "1999101012", fault="check-digit"),
]
_SED_CODES = [
    Written("sed_code", SED_CODE, SED_CODE),
    Written("sed_code", "01-01-00-01-0000", SED_CODE),
    Written("sed_code", "010100 010000", SED_CODE),
    Written("sed_code", "\u200b010100\u00ad010000\ufeff", SED_CODE),
    Written("sed_code", "10100010000", fault="one-missing", offer=SED_CODE),
    Written("sed_code", "10100-010000", fault="one-missing", offer=SED_CODE),
    Written("sed_code", "10100010000.0", fault="decimals", offer=SED_CODE),
    Written("sed_code", "49931880104.0", fault="decimals", offer="049931880104"),
    Written("sed_code", "499318801040.0", fault="decimals", offer="499318801040"),
    Written("sed_code", "4993188010.4", fault="decimals"),
    Written("sed_code", "199910104.5", fault="decimals"),
    Written("sed_code", "1.01E+10", fault="digits-lost"),
    Written("sed_code", "4.9931880104E+10", fault="scientific", offer="049931880104"),
    Written("sed_code", "10,100,010,000", fault="thousands", offer=SED_CODE),
    Written("sed_code", f"'{SED_CODE}", fault="text-mark", offer=SED_CODE),
    Written("sed_code", '="10100010000"', fault="text-mark", offer=SED_CODE),
    Written("sed_code", f"SED {SED_CODE}", fault="not-digits", offer=SED_CODE),
    Written("sed_code", "０１０１０００１００００", fault="not-digits", offer=SED_CODE),
    Written("sed_code", "01010001000O", fault="not-digits"),
    Written("sed_code", "$1234567890.12", fault="not-digits"),
    Written("sed_code", "0101000100", fault="too-short"),
    Written("sed_code", "0101000100000", fault="too-long"),
]
IDENTIFIERS = [*_NPIS, *_SED_CODES]
EveryIdentifier = pytest.mark.parametrize("written", IDENTIFIERS, ids=str)
