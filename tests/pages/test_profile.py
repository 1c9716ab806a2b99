"""The tab Billing Provider Profile: what is typed, what is said about it, and two people at once."""

import pytest

from cpse_plugin.domain.providers import Profile, ProviderType
from cpse_plugin.web.parts import Parts
from tests.world import EDITOR, OTHER_EDITOR, READER, Who, by_number

from .client import PORTAL, TAB, PageClient
from .conftest import Address, BothDatabases

FORM = "form#cpse-profile"


def test_the_profile_is_shown_as_it_stands(page: PageClient, address: Address) -> None:
    answer = page.get(address("TC-1004"))
    assert answer.one("h1").get_text(strip=True) == "Provider Details"
    # Two providers can have one name.
    assert "Number in the Preschool database: TC-1004" in answer.texts("p.cpse-lead")
    fields = answer.fields(FORM)
    assert (fields["type"], fields["npi"], fields["sed_code"]) == ("agency", "1999101045", "049931880104")
    assert fields["uses_portal"] == "y"
    assert answer.texts("label, legend") == ["Provider Type", "NPI", "SED Code", "Provider Uses CPSE Portal"]
    assert answer.texts(f"{FORM} button") == ["Apply"]
    assert answer.texts(f"{TAB} nav a") == ["Billing Provider Profile", "Provider Admin Users", "History"]


def test_the_portal_is_asked_only_once_the_page_stands(page: PageClient, address: Address) -> None:
    answer = page.get(address("TC-1004"))
    assert answer.one(PORTAL)["aria-busy"] == "true"
    section = page.htmx_get(str(answer.one(PORTAL)["hx-get"]), PORTAL)
    assert "One CPSE Portal provider matches." in section.text


@BothDatabases
def test_apply_saves_and_checks_for_matches_again(page: PageClient, address: Address, cpse: Parts) -> None:
    answer = page.get(address("TC-1001"))
    done = page.submit(answer, FORM, type="agency", npi="1999 101-011", uses_portal="y")
    assert (done.status, done.path) == (200, address("TC-1001", "matches?done=applied"))
    assert "The profile was saved." in done.text
    assert "Bright Harbor Preschool Services" in done.one("#cpse-portal td.cpse-table-title").get_text()
    expected = Profile(ProviderType.AGENCY, "1999101011", "049931880101", uses_portal=True)
    assert by_number(cpse, "TC-1001").profile == expected


def test_apply_with_htmx_swaps_the_tab_and_asks_the_portal_anew(page: PageClient, address: Address) -> None:
    answer = page.get(address("TC-1001"))
    done = page.htmx_submit(answer, FORM, type="agency", npi="1999101011", uses_portal="y")
    assert done.status == 200
    assert "The profile was saved." in done.headers["HX-Trigger"]
    assert done.one(PORTAL)["hx-trigger"] == "load"
    again = page.htmx_submit(done, FORM, sed_code="")
    assert (again.status, again.fields(FORM)["sed_code"]) == (200, "")


BAD_INPUT = [
    ("npi", "12345abcde", "An NPI has digits only."),
    ("npi", "1999101046", "The check digit is wrong: one of the ten digits was mistyped."),
    ("npi", "199910104", "1 more digit needed."),
    ("npi", "1", "9 more digits needed."),
    ("npi", "19991010455", "An NPI has ten digits; these are 11."),
    ("npi", "0000000006", "An NPI begins with 1 or 2."),
    ("npi", "１９９９１０１０４５", "An NPI has digits only."),
    ("npi", "1" * 300, "The NPI is too long; at most 40 characters."),
    (
        "sed_code",
        "49931880104",
        "An SED code has 12 digits; this one has 11. A leading zero may be lost. Did you mean 049931880104?",
    ),
    ("sed_code", "0499318801044", "An SED code has 12 digits; this one has 13."),
    ("sed_code", "04993188010X", "An SED code has digits only."),
]


@pytest.mark.parametrize(("field", "typed", "message"), BAD_INPUT)
def test_what_is_wrong_is_said_beside_the_field_and_what_was_typed_stays(
    page: PageClient, address: Address, cpse: Parts, field: str, typed: str, message: str
) -> None:
    before = by_number(cpse, "TC-1004")
    answer = page.get(address("TC-1004"))
    refused = page.htmx_submit(answer, FORM, **{field: typed}, type="individual")
    assert refused.status == 422
    assert message in refused.error_of(field)
    assert refused.fields(FORM)[field] == typed
    assert refused.fields(FORM)["type"] == "individual"
    assert message in " ".join(refused.texts(".cpse-problems a"))
    assert by_number(cpse, "TC-1004") == before


def test_a_refused_form_is_a_page_too(page: PageClient, address: Address) -> None:
    answer = page.get(address("TC-1004"))
    refused = page.submit(answer, FORM, npi="1999101046")
    assert (refused.status, refused.fields(FORM)["npi"]) == (422, "1999101046")
    corrected = page.submit(refused, FORM, npi="1999101045")
    assert "The profile was saved." in corrected.text


def test_a_type_that_is_none_is_refused(page: PageClient, address: Address) -> None:
    answer = page.get(address("TC-1004"))
    assert page.htmx_submit(answer, FORM, type="school").status == 422


@BothDatabases
@pytest.mark.parametrize("htmx", [True, False], ids=["htmx", "plain"])
def test_a_second_apply_shows_theirs_beside_yours_and_loses_nothing(
    page: PageClient, address: Address, cpse: Parts, who: Who, htmx: bool
) -> None:
    who.staff = EDITOR
    submit = page.htmx_submit if htmx else page.submit
    answer = page.get(address("TC-1004"))
    opened = by_number(cpse, "TC-1004")
    theirs = Profile(ProviderType.INDIVIDUAL, "1999101052", None, uses_portal=True)
    cpse.providers.apply(opened.id, theirs, version=opened.version, staff=OTHER_EDITOR)

    stale = submit(answer, FORM, npi="1999101011")
    assert stale.status == 409
    assert "This profile was saved in the meantime" in stale.text
    assert OTHER_EDITOR.acting_user in stale.text
    assert stale.texts(".cpse-conflict tbody tr") == [
        "Provider Type Individual Agency Different",
        "NPI 1999101052 1999101011 Different",
        "SED Code Not given 049931880104 Different",
        "Provider Uses CPSE Portal Yes Yes Same",
    ]
    assert stale.fields(FORM)["npi"] == "1999101011"
    assert by_number(cpse, "TC-1004").profile == theirs

    done = submit(stale, FORM)
    assert done.status == 200
    assert by_number(cpse, "TC-1004").profile == Profile(
        ProviderType.AGENCY, "1999101011", "049931880104", uses_portal=True
    )


@pytest.mark.parametrize("version", ["", "x", "-1", "99999999999999999999", "1\x00", "١"])
def test_a_form_with_a_version_that_is_none_is_stale(page: PageClient, address: Address, version: str) -> None:
    answer = page.get(address("TC-1004"))
    assert page.htmx_submit(answer, FORM, version=version).status == 409


def test_a_reader_sees_the_profile_and_cannot_change_it(page: PageClient, address: Address, who: Who) -> None:
    who.staff = READER
    answer = page.get(address("TC-1004"))
    assert not answer.has("#cpse-apply")
    assert all(tag.has_attr("disabled") for tag in answer.soup.select(f"{FORM} input:not([type=hidden]), select"))
    refused = page.htmx_submit(answer, FORM, npi="1999101011")
    assert (refused.status, refused.headers["HX-Retarget"]) == (403, "#cpse-alert")
    assert "Your role does not allow this." in refused.text


NPI_WORDS = [
    ("1999101045", "agency", "Willow Bend Therapy Group"),
    ("1999101243", "agency", "This NPI is not in the NPI Registry."),
    ("1999101235", "individual", "This NPI is deactivated"),
    ("1999101250", "agency", "This NPI belongs to an individual, but the Provider Type is Agency."),
    ("1999101268", "individual", "This NPI belongs to an organization, but the Provider Type is Individual."),
    ("1999101268", "therapist", "a therapist's own NPI is an individual's."),
    ("1999101375", "individual", "is active again since"),
    ("1999101046", "agency", "The check digit is wrong"),
    ("19991010", "agency", "2 more digits needed."),
]


@pytest.mark.parametrize(("npi", "kind", "words"), NPI_WORDS)
def test_each_outcome_of_a_look_up_has_its_words(page: PageClient, npi: str, kind: str, words: str) -> None:
    whole = page.get(f"/cpse/npi/{npi}?type={kind}")
    piece = page.htmx_get(f"/cpse/npi/{npi}?type={kind}", "div#cpse-dialog")
    assert words.casefold() in whole.text.casefold()
    assert words.casefold() in piece.text.casefold()
    # The script puts an answer only where its NPI and type are still the ones in the form.
    assert (piece.one("[data-npi]")["data-npi"], piece.one("[data-npi]")["data-type"]) == (npi, kind)


def test_without_a_script_the_name_comes_with_the_matches(page: PageClient, address: Address) -> None:
    answer = page.get(address("TC-1004", "matches"))
    assert answer.texts("#cpse-npi-name .cpse-npi-name")[0].casefold().startswith("willow bend")


def test_an_unknown_provider_is_told(page: PageClient) -> None:
    for address in ("/cpse/providers/999999", "/cpse/providers/0", f"/cpse/providers/{'9' * 20}"):
        assert page.get(address).status == 404
        assert page.htmx_get(f"{address}/matches", PORTAL).status == 404
