"""Whatever is typed or sent is answered in words, stored as it is shown, and never taken for markup: rows U1 and U2."""

import unicodedata
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cpse_plugin.domain.text import clean_text
from cpse_plugin.sandbox.portal import Portal
from cpse_plugin.web.parts import Parts
from tests.world import READER, by_number, link

from .seat import NOT_DONE, Form, Seat, told

Test = Callable[..., None]
KNOWN = (
    "\x00",
    "\ud800",
    "\u202egpj.exe",
    "a\r\nSet-Cookie: x=1",
    "=cmd()|'/c calc'!A0",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "9" * 20,
    "-1",
    "👩‍🏫",
    "x" * 5000,
)
ANY = st.text(st.characters(codec=None), max_size=40)
ODD = ANY | st.sampled_from(KNOWN)
QUERIES = (
    "/cpse/providers?q={0}",
    "/cpse/providers?status={0}",
    "/cpse/providers?sort={0}",
    "/cpse/providers?page={0}",
    "/cpse/providers?page=after-{0}",
    "/cpse/providers/{0}",
    "/cpse/npi/{0}",
    "/cpse/npi/1999101045?type={0}",
    "/cpse/providers/{id}/matches?done={0}",
    "/cpse/providers/{id}/association/confirm?portal_id={0}",
    "/cpse/providers/{id}/admin-users?retrieve=1&invited={0}",
    "/cpse/providers/{id}/admin-users?retrieve=1&changed={0}",
    "/cpse/providers/{id}/invitations/{0}/revoke",
    "/cpse/providers/{id}/invitations/{0}/send-again",
    "/cpse/sign-in?next={0}",
)
FORMS: dict[str, Callable[[Seat], Form]] = {
    "profile": lambda seat: seat.profile_form("TC-1039"),
    "link": lambda seat: seat.link_form("TC-1004", "P-20188"),
    "add": lambda seat: seat.addition_form("TC-1021"),
    "unlink": lambda seat: seat.unlink_form("TC-1013"),
    "invite": lambda seat: seat.invitation_form("TC-1016"),
    "send again": lambda seat: seat.change_form("TC-1014", "I-50018", "send-again"),
}
SOME = settings(max_examples=13, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def with_each(name: str, values: Iterable[str]) -> Callable[[Test], Test]:
    """Try each of the values in any case, before the random ones."""

    def decorate(test: Test) -> Test:
        return reduce(lambda decorated, value: example(**{name: value})(decorated), values, test)

    return decorate


@pytest.mark.parametrize("template", QUERIES)
@SOME
@with_each("odd", KNOWN)
@given(odd=ANY)
def test_u1_every_address_answers_whatever_is_put_into_it(
    intranet: Flask, cpse: Parts, template: str, odd: str
) -> None:
    escaped = quote(odd.encode("utf-8", "surrogatepass"), safe="")
    address = template.format(escaped, id=by_number(cpse, "TC-1014").id)
    for headers in ({}, {"HX-Request": "true", "HX-Target": "section#cpse-provider-tab"}):
        answer = intranet.test_client().get(address, headers=headers)
        assert answer.status_code < 500, address
        assert "<script>alert(1)" not in answer.text
        assert "Set-Cookie: x=1" not in str(answer.headers)


@pytest.fixture(params=FORMS)
def form(seat: Seat, request: pytest.FixtureRequest) -> Form:
    """Each form as it is opened; once it has done its work it could not be opened again."""
    return FORMS[request.param](seat)


@settings(SOME, max_examples=15)
@given(data=st.data())
def test_u1_every_form_answers_whatever_is_typed_into_it(seat: Seat, form: Form, data: st.DataObject) -> None:
    typed = sorted(form.fields.keys() - {"csrf_token"})
    wrong = data.draw(st.dictionaries(st.sampled_from(typed), ODD, min_size=1))
    fields: dict[str, Any] = {key: value.encode("utf-8", "surrogatepass") for key, value in wrong.items()}
    answer = seat.send(Form(form.action, {**form.fields, **fields}))
    assert answer.status < 500
    assert "Traceback" not in answer.text
    assert not answer.soup.select("main script, section script")


def _is_sent_as_it_is(text: str) -> bool:
    """Whether a browser can send a text; what is no UTF-8 is replaced on the way in."""
    return not any(unicodedata.category(character) == "Cs" for character in text)


def _is_a_reason(text: str) -> bool:
    return _is_sent_as_it_is(text) and 0 < len(clean_text(text, 2000)) <= 500


@SOME
@with_each("reason", filter(_is_a_reason, KNOWN))
@given(reason=ANY.filter(_is_a_reason))
def test_u1_what_was_typed_is_stored_as_it_is_shown(seat: Seat, cpse: Parts, reason: str) -> None:
    if by_number(cpse, "TC-1013").link is None:
        link(cpse, "TC-1013", "P-20558")
    form = seat.unlink_form("TC-1013")
    assert seat.send(form.typed(reason=reason)).status == 200
    latest = cpse.history.of_provider(by_number(cpse, "TC-1013").id, READER)[0]
    stored = latest.details["reason"]
    assert stored == clean_text(reason, 2000)
    assert " ".join(stored.split()) in seat.history("TC-1013").text


@pytest.mark.parametrize("kind", ["2,000 fields", "10 MB", "10 MB in one field"])
def test_u2_a_form_that_is_too_much_is_refused_in_words(
    intranet: Flask, seat: Seat, cpse: Parts, portal: Portal, kind: str
) -> None:
    before = by_number(cpse, "TC-1004")
    form = seat.profile_form("TC-1004")
    too_much = {
        "2,000 fields": {f"field{number}": "x" * 200 for number in range(2000)},
        "10 MB": {f"field{number}": "x" * 100_000 for number in range(100)},
        "10 MB in one field": {"npi": "1" * 10_000_000},
    }[kind]
    answer = seat.send(form.typed(**too_much))
    assert (answer.status, told(answer)) == (413, NOT_DONE)
    assert by_number(cpse, "TC-1004") == before


@pytest.mark.parametrize("htmx", [False, True])
def test_u2_a_body_that_is_broken_is_refused(intranet: Flask, cpse: Parts, htmx: bool) -> None:
    before = by_number(cpse, "TC-1004")
    many = (
        "".join(f'--x\r\nContent-Disposition: form-data; name="f{n}"\r\n\r\nx\r\n' for n in range(2000)) + "--x--\r\n"
    )
    for body, kind in (
        (many, "multipart/form-data; boundary=x"),
        ("--x\r\nno end", "multipart/form-data; boundary=x"),
        ("no boundary", "multipart/form-data"),
        ("\x00\xff", "application/json"),
    ):
        answer = intranet.test_client().post(
            f"/cpse/providers/{before.id}",
            data=body.encode("latin-1"),
            content_type=kind,
            headers={"HX-Request": "true"} if htmx else {},
        )
        assert answer.status_code in (400, 413), kind
        assert "Traceback" not in answer.text
    assert by_number(cpse, "TC-1004") == before
