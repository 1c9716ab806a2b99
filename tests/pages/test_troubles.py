"""What a person reads when the Portal or the registry does not answer as it should: done, not done, or not known."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from jinja2 import ChoiceLoader, DictLoader

from cpse_plugin.sandbox.faults import DropBefore, Faults, Html, Slow, Status
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.conftest import MakeIntranet
from tests.world import READER, by_number, link

from .client import DIALOG, PORTAL, TAB, Answer, PageClient
from .conftest import Address

NOWHERE = "http://127.0.0.1:9/v1"
NO_PROPER_ANSWER = (502, "The CPSE Portal gave no proper answer")
UNREACHABLE = (503, "The CPSE Portal could not be reached")
BUSY = (503, "The CPSE Portal is busy")
REFUSES_US = (502, "The CPSE Portal does not let this intranet in")
NOT_KNOWN = (502, "It is not known yet whether this was done")

FAULTS: dict[str, Any] = {
    "500": Status(500),
    "502": Status(502, body="Bad gateway"),
    "HTML": Html(),
    "reset": DropBefore(),
    "slow": Slow(3),
    "429": Status(429, {"Retry-After": "30"}),
    "403": Status(403),
}
WHEN_READING = {
    "500": NO_PROPER_ANSWER,
    "502": NO_PROPER_ANSWER,
    "HTML": NO_PROPER_ANSWER,
    "reset": NO_PROPER_ANSWER,
    "slow": NO_PROPER_ANSWER,
    "429": BUSY,
    "403": REFUSES_US,
}
WHEN_CHANGING = {
    **WHEN_READING,
    "500": NOT_KNOWN,
    "502": NOT_KNOWN,
    "HTML": NOT_KNOWN,
    "reset": NOT_KNOWN,
    "slow": NOT_KNOWN,
}


@pytest.fixture
def intranet(make_intranet: MakeIntranet, database_url: str) -> Flask:
    """A host that soon loses patience."""
    return make_intranet(database_url, CPSE_PORTAL_TIMEOUT="1,0.4")


READINGS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "matches": ("TC-1004", ("matches",), PORTAL),
    "details": ("TC-1013", ("matches",), PORTAL),
    "confirmation": ("TC-1004", ("association", "confirm?portal_id=P-20188"), DIALOG),
    "admin users": ("TC-1013", ("admin-users?retrieve=1",), TAB),
    "invitation": ("TC-1014", ("invitations", "I-50018", "revoke"), DIALOG),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("reading", READINGS)
def test_a_reading_that_fails_says_so_and_can_be_tried_again(
    page: PageClient, address: Address, portal: Portal, reading: str, fault: str
) -> None:
    number, rest, target = READINGS[reading]
    where = address(number, *rest)
    page.get(address(number))
    portal.faults.plan(FAULTS[fault], path="/v1/providers", times=None)
    piece = page.htmx_get(where, target)
    status, words = WHEN_READING[fault]
    assert words in piece.text
    # The page's own frame stands where the Portal's part of it fails.
    assert piece.status in (200, status)
    whole = page.get(where)
    assert words in whole.text
    assert "Nothing was" in whole.text
    portal.faults.clear()
    if fault != "403":
        assert _tried_again(page, whole, where).status == 200


def _tried_again(page: PageClient, answer: Answer, where: str) -> Answer:
    again = "Retrieve Admin Users" if "admin-users" in where else "Try again"
    tried = page.get(answer.link(again))
    assert "The CPSE Portal gave" not in tried.text
    return tried


def _link(page: PageClient, address: Address) -> Callable[[], Answer]:
    answer = page.get(address("TC-1004", "association", "confirm?portal_id=P-20188"))
    return lambda: page.submit(answer, 'form[action$="/association"]')


def _link_htmx(page: PageClient, address: Address) -> Callable[[], Answer]:
    page.get(address("TC-1004", "matches"))
    answer = page.htmx_get(address("TC-1004", "association", "confirm?portal_id=P-20188"), DIALOG)
    return lambda: page.htmx_submit(answer, 'form[action$="/association"]')


def _add(page: PageClient, address: Address) -> Callable[[], Answer]:
    answer = page.get(address("TC-1021", "portal-provider", "new"))
    return lambda: page.submit(answer, 'form[action$="/portal-provider"]')


def _unlink(page: PageClient, address: Address) -> Callable[[], Answer]:
    answer = page.get(address("TC-1013", "association", "end"))
    return lambda: page.submit(answer, 'form[action$="/association/end"]', reason="Wrong one.")


def _invite(page: PageClient, address: Address) -> Callable[[], Answer]:
    answer = page.get(address("TC-1015", "invitations", "new"))
    email = "nia@troubles.example"
    typed = {"first_name": "Nia", "last_name": "New", "email": email, "email_again": email}
    return lambda: page.htmx_submit(answer, "form#cpse-invitation", **typed)


def _send_again(page: PageClient, address: Address) -> Callable[[], Answer]:
    answer = page.get(address("TC-1014", "invitations", "I-50018", "send-again"))
    return lambda: page.submit(answer, 'form[action$="/send-again"]')


def _revoke(page: PageClient, address: Address) -> Callable[[], Answer]:
    page.get(address("TC-1014", "admin-users?retrieve=1"))
    answer = page.htmx_get(address("TC-1014", "invitations", "I-50018", "revoke"), DIALOG)
    return lambda: page.htmx_submit(answer, 'form[action$="/revoke"]')


CHANGES = {
    "link": (_link, "PUT", "TC-1004"),
    "link with htmx": (_link_htmx, "PUT", "TC-1004"),
    "add": (_add, "POST", "TC-1021"),
    "unlink": (_unlink, "DELETE", "TC-1013"),
    "invite": (_invite, "POST", "TC-1015"),
    "send again": (_send_again, "POST", "TC-1014"),
    "revoke": (_revoke, "DELETE", "TC-1014"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_fails_says_whether_it_was_done(
    page: PageClient, address: Address, cpse: Parts, portal: Portal, change: str, fault: str
) -> None:
    prepare, method, number = CHANGES[change]
    send = prepare(page, address)
    portal.faults.plan(FAULTS[fault], method=method, path="/v1/providers", times=None)
    answer = send()
    status, words = WHEN_CHANGING[fault]
    assert (answer.status, words in answer.text) == (status, True), answer.text
    provider_id = by_number(cpse, number).id
    assert cpse.history.of_provider(provider_id, READER) == []
    if words != NOT_KNOWN[1]:
        assert "Nothing was changed" in answer.text
        assert cpse.operations.open_for(provider_id) == []
        return
    assert "please do not repeat it" in answer.text
    assert len(cpse.operations.open_for(provider_id)) == 1
    portal.faults.clear()
    # One click is all that a person has to do; on a loaded machine the short limit may pass first.
    for _ in range(5):
        page.submit(page.get(address(number, "matches")), "form[action$='/operations']")
        if not cpse.operations.open_for(provider_id):
            break
    assert cpse.operations.open_for(provider_id) == []
    assert len(cpse.history.of_provider(provider_id, READER)) == 1


def test_a_portal_that_is_not_there_leaves_the_rest_at_work(
    make_intranet: MakeIntranet, database_url: str, address: Address
) -> None:
    page = PageClient(make_intranet(database_url, CPSE_PORTAL_URL=NOWHERE).test_client())
    for number, rest in (("TC-1004", "matches"), ("TC-1013", "matches")):
        answer = page.get(address(number, rest))
        assert UNREACHABLE[1] in answer.text
        assert "Nothing was lost. Please try again." in answer.text
        saved = page.submit(page.get(address(number)), "form#cpse-profile")
        assert "The profile was saved." in saved.text
    assert page.get("/cpse/providers").status == 200
    form = page.get(address("TC-1013", "invitations", "new"))
    assert form.texts("select[name=profession] option") == ["Not known yet"]
    typed = {"first_name": "N", "last_name": "N", "email": "n@t.example", "email_again": "n@t.example"}
    refused = page.htmx_submit(form, "form#cpse-invitation", **typed)
    assert (refused.status, refused.fields("form#cpse-invitation")["email"]) == (503, "n@t.example")
    assert UNREACHABLE[1] in refused.text


@pytest.mark.parametrize("fault", ["500", "HTML", "reset", "429"])
def test_without_the_registry_the_profile_can_be_saved(
    page: PageClient, address: Address, registry: Faults, cpse: Parts, fault: str
) -> None:
    registry.plan(FAULTS[fault], times=None)
    named = page.htmx_get("/cpse/npi/1999101045?type=agency", DIALOG)
    assert "The NPI Registry did not answer. You can still save this NPI." in named.text
    again = named.link("Try again")
    saved = page.submit(page.get(address("TC-1001")), "form#cpse-profile", npi="1999101011")
    assert "The profile was saved." in saved.text
    assert by_number(cpse, "TC-1001").profile.npi == "1999101011"
    registry.clear()
    assert "Willow Bend" in page.get(again).text.title()


def test_a_comparison_that_fails_after_the_link_was_refused_still_says_why(
    page: PageClient, address: Address, cpse: Parts, portal: Portal
) -> None:
    send = _link(page, address)
    link(cpse, "TC-1004", "P-20188")
    portal.faults.plan(Status(500), method="GET", path="/v1/providers", times=None)
    answer = send()
    assert answer.status == 503
    assert "Nothing was changed" in answer.text


def test_a_layout_of_the_host_that_fails_leaves_a_page_in_words(make_intranet: MakeIntranet, database_url: str) -> None:
    app = make_intranet(database_url, CPSE_BASE_TEMPLATE="broken.html")
    hosts = app.jinja_env.loader
    assert hosts is not None
    app.jinja_env.loader = ChoiceLoader([DictLoader({"broken.html": "{{ url_for('gone') }}"}), hosts])
    answer = app.test_client().get("/cpse/providers")
    assert answer.status_code == 500
    assert "<h1>Something went wrong here</h1>" in answer.text
    assert "Traceback" not in answer.text
