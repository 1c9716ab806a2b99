"""What a person reads beside an NPI, for each thing that can come of looking it up."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import pytest
from flask import Flask

from cpse_plugin.domain.identifiers import Npi
from cpse_plugin.domain.registry import NpiRecord, ProviderKind
from cpse_plugin.outbound import Bulkhead
from cpse_plugin.services.npi import NpiLookUp

from ..npi_registry.chain import NPI, Chain, Copy, Registry
from ..world import parts_of
from .client import Answer, PageClient

ANA = NpiRecord(
    NPI,
    ProviderKind.INDIVIDUAL,
    "ANA ORTIZ",
    "CCC-SLP",
    primary_taxonomy="Speech-Language Pathologist",
    city="TROY",
    state="NY",
)
AGENCY = NpiRecord(NPI, ProviderKind.ORGANIZATION, "STEP BY STEP INC", city="TROY", state="NY")
GONE = NpiRecord(NPI, None, "", active=False)
DAY = date(2020, 1, 31)


@dataclass
class Page:
    """The page of an NPI, over a chain that a test makes."""

    app: Flask

    def of(self, chain: Chain, npi: str = NPI, kind: str = "") -> Answer:
        """The whole page, held to the laws, and the fragment, which says the same."""
        cpse = parts_of(self.app)
        self.app.extensions["cpse"] = replace(cpse, npi=NpiLookUp(chain.chain, clock=chain.clock))
        client = PageClient(self.app.test_client())
        address = f"/cpse/npi/{npi}" + (f"?type={kind}" if kind else "")
        whole = client.get(address)
        # The fragment's place is on a provider's page.
        client.get("/cpse/providers/1")
        fragment = client.htmx_get(address, "div#cpse-npi-name")
        assert (whole.status, fragment.status) == (200, 200)
        assert fragment.text in whole.text
        return fragment


@pytest.fixture
def page(intranet: Flask) -> Page:
    return Page(intranet)


def known(record: NpiRecord | None) -> Chain:
    return Chain(Registry({NPI: record} if record else {}))


def test_found_today(page: Page) -> None:
    answer = page.of(known(ANA), kind="individual")
    assert answer.texts(".cpse-npi-name") == ["ANA ORTIZ, CCC-SLP"]
    assert answer.text == "ANA ORTIZ, CCC-SLP Individual · Speech-Language Pathologist · TROY, NY"


def test_the_suffix_belongs_to_the_name(page: Page) -> None:
    answer = page.of(known(replace(ANA, suffix="JR.")))
    assert answer.texts(".cpse-npi-name") == ["ANA ORTIZ JR., CCC-SLP"]


def test_the_names_under_which_an_organization_does_business_stand_behind_its_own(page: Page) -> None:
    answer = page.of(known(replace(AGENCY, doing_business_as=("BRIGHT STEPS", "LITTLE STEPS"))))
    assert answer.texts(".cpse-npi-name") == ["STEP BY STEP INC doing business as BRIGHT STEPS, LITTLE STEPS"]


def test_a_status_that_is_not_active_is_shown_as_what_it_says(page: Page) -> None:
    answer = page.of(known(replace(ANA, status="PENDING")))
    assert answer.texts(".cpse-npi-name") == ["ANA ORTIZ, CCC-SLP"]
    assert "Status: PENDING." in answer.text
    assert "deactivated" not in answer.text


def test_found_in_the_local_copy_of_an_earlier_day(page: Page) -> None:
    answer = page.of(Chain(copy=Copy({NPI: ANA})))
    assert answer.text.endswith("TROY, NY From the local copy of Nov 9, 2026.")


def test_found_in_the_local_copy_of_today(page: Page) -> None:
    chain = Chain(copy=Copy({NPI: ANA}, day=date(2026, 11, 23)))
    assert answer_says_no_day(page.of(chain))


def answer_says_no_day(answer: Answer) -> bool:
    return "2026" not in answer.text


def test_found_yesterday(page: Page) -> None:
    chain = known(ANA)
    chain.look_up(Npi(NPI))
    chain.clock.forward(hours=20)
    assert page.of(chain).text.endswith("As the NPI Registry said on Nov 23, 2026.")


def test_an_older_answer_where_the_registry_does_not_answer(page: Page) -> None:
    chain = known(ANA)
    chain.look_up(Npi(NPI))
    chain.registry.down = True
    chain.clock.forward(days=3)
    answer = page.of(chain)
    assert answer.texts(".cpse-npi-name") == ["ANA ORTIZ, CCC-SLP"]
    assert "did not answer just now; this is what it said on Nov 23, 2026. Try again" in answer.text
    answer.one("a[data-cpse-npi-again]")


@pytest.mark.parametrize(
    ("record", "kind", "says"),
    [
        (ANA, "agency", "This NPI belongs to an individual, but the Provider Type is Agency. Is it the right NPI?"),
        (AGENCY, "individual", "belongs to an organization, but the Provider Type is Individual."),
        (AGENCY, "therapist", "belongs to an organization, and a therapist's own NPI is an individual's."),
    ],
)
def test_the_wrong_kind(page: Page, record: NpiRecord, kind: str, says: str) -> None:
    answer = page.of(known(record), kind=kind)
    assert record.name in answer.one(".cpse-npi-name").text
    assert says in " ".join(answer.texts(".cpse-say-warn"))


def test_a_therapist_and_an_individual_with_their_own_kind(page: Page) -> None:
    for kind in ("therapist", "individual", ""):
        assert page.of(known(ANA), kind=kind).texts(".cpse-say-warn") == []


@pytest.mark.parametrize(
    ("record", "says"),
    [(GONE, "This NPI is deactivated and can"), (replace(GONE, deactivated_on=DAY), "deactivated since Jan 31, 2020")],
)
def test_deactivated(page: Page, record: NpiRecord, says: str) -> None:
    answer = page.of(known(record))
    assert says in answer.text
    assert answer.texts(".cpse-npi-name") == []


def test_reactivated(page: Page) -> None:
    record = replace(ANA, deactivated_on=DAY, reactivated_on=date(2021, 2, 1))
    answer = page.of(known(record))
    assert answer.text.endswith("It was deactivated on Jan 31, 2020 and is active again since Feb 1, 2021.")
    assert "ANA ORTIZ" in answer.text


def test_reactivated_and_of_the_wrong_kind(page: Page) -> None:
    record = replace(ANA, deactivated_on=DAY, reactivated_on=date(2021, 2, 1))
    answer = page.of(known(record), kind="agency")
    assert "Is it the right NPI?" in answer.text
    assert "active again since Feb 1, 2021" in answer.text


def test_not_in_the_registry(page: Page) -> None:
    assert "This NPI is not in the NPI Registry." in page.of(known(None)).text


def test_not_in_the_copy_on_a_closed_network(page: Page) -> None:
    answer = page.of(Chain(Registry(down=True), Copy({})))
    assert (
        "This NPI is not in the local copy of Nov 9, 2026, and the NPI Registry itself did not answer." in answer.text
    )
    assert "not in the NPI Registry" not in answer.text
    answer.one("a[data-cpse-npi-again]")


def test_the_registry_does_not_answer(page: Page) -> None:
    answer = page.of(Chain(Registry(down=True)))
    assert answer.text == "The NPI Registry did not answer. You can still save this NPI. Try again"
    assert "maintenance" not in answer.text


def test_busy(page: Page) -> None:
    section = Bulkhead(2).section()
    with section.place():
        answer = page.of(Chain(places=section), kind="agency")
    assert answer.text == "The look-up is busy just now. You can still save this NPI, or wait a moment. Try again"
    assert answer.one("a[data-cpse-npi-again]")["href"] == f"/cpse/npi/{NPI}?type=agency"


def test_a_wrong_check_digit(page: Page) -> None:
    chain = known(ANA)
    assert "check digit is wrong" in page.of(chain, npi="1234567890").text
    assert chain.registry.asked == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [("O'BRIEN & SONS <INC>", "O'BRIEN &amp; SONS &lt;INC&gt;"), ("mára  Ó", "mára Ó")],
)
def test_a_name_is_shown_as_it_was_typed(page: Page, name: str, shown: str) -> None:
    assert shown in " ".join(str(page.of(known(replace(AGENCY, name=name))).one(".cpse-npi-name")).split())


def test_the_invitation_asks_for_a_therapist(make_intranet: Callable[..., Flask], database_url: str) -> None:
    app = make_intranet(database_url)
    linked = parts_of(app).providers.by_county_ids(["TC-1013"])["TC-1013"]
    form = PageClient(app.test_client()).get(f"/cpse/providers/{linked.id}/invitations/new")
    assert form.one("input[data-cpse-npi]")["data-type"] == "therapist"
