"""Every address times every method times every role, and nobody: as docs/access.md says, and as the roles promise."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import Rule

from cpse_plugin.domain.access import Role, Staff
from tests.conftest import MakeIntranet
from tests.world import EDITOR, Who, by_number, parts_of

from .access_table import (
    ANYONE,
    METHODS,
    NOBODY,
    PEOPLE,
    PROVIDER,
    WITHOUT_ROLE,
    Intranet,
    Row,
    asked,
    documented,
    markdown,
    methods,
    rules,
    running_intranet,
)

# The protocols of these two want it.
MAY_ANSWER_400 = ("/cpse/sign-in/callback", "/cpse/sign-in/back-channel-logout")
EXPECTED = {200, 302, 303, 401, 403, 404, 405, 409, 422}


@pytest.fixture(scope="module")
def standing() -> Iterator[Intranet]:
    with running_intranet() as running:
        yield running


@pytest.fixture(scope="module")
def rows(standing: Intranet) -> list[Row]:
    return asked(standing)


def answers(row: Row) -> dict[str, int]:
    return dict(zip(PEOPLE, row.statuses, strict=True))


def test_the_document_is_as_the_addresses_answer(rows: list[Row]) -> None:
    assert documented() == markdown(rows), "run python -m tests.pages.access_table and look at what changed"


def test_nothing_comes_back_that_nobody_expects(rows: list[Row]) -> None:
    odd = [
        row.line
        for row in rows
        if not set(row.statuses) <= EXPECTED | ({400} if row.address in MAY_ANSWER_400 else set())
    ]
    assert odd == []


def test_whoever_has_not_the_role_is_refused_and_whoever_has_it_is_not(rows: list[Row]) -> None:
    """The table could be written anew with a hole in it; this holds whatever it says."""
    wrong = []
    for row in rows:
        if row.least == ANYONE:
            continue
        found = answers(row)
        to_sign_in = 302 if row.method == "GET" else 401
        expected = {who: found[who] == to_sign_in for who in (NOBODY, WITHOUT_ROLE)}
        for role in Role:
            name = role.name.lower()
            refused = found[name] == 403
            expected[name] = refused is (role < Role.from_name(row.least)) and found[name] != 401
        wrong += [(row.line, who) for who, holds in expected.items() if not holds]
    assert wrong == []


def test_what_is_for_anyone_is_known() -> None:
    """An address joins these on purpose or not at all."""
    public = {line.split("`")[1] for line in documented().splitlines() if f"| {ANYONE} |" in line}
    assert public == {
        "/cpse/health",
        "/cpse/session",
        "/cpse/session/stay",
        "/cpse/sign-in",
        "/cpse/sign-in/back-channel-logout",
        "/cpse/sign-in/callback",
        "/cpse/sign-in/framed",
        "/cpse/sign-out",
        "/cpse/signed-out",
        "/cpse/static/<filename>",
    }


def each(intranet: Intranet) -> list[tuple[Rule, str]]:
    return [(rule, method) for rule in rules(intranet.app) for method in methods(rule)]


def test_a_piece_of_a_page_is_never_the_sign_in(standing: Intranet) -> None:
    for rule, method in each(standing):
        if standing.least(rule) == ANYONE:
            continue
        for who in (NOBODY, WITHOUT_ROLE):
            response = standing.ask(who, rule, method, **{"HX-Request": "true"})
            assert response.status_code == 401, (rule.rule, method, who)
            assert "<html" not in response.text


def test_every_other_method_is_refused(standing: Intranet) -> None:
    taken: dict[str, set[str]] = {}
    for rule, method in each(standing):
        taken.setdefault(rule.rule, {"OPTIONS"}).update({method} | ({"HEAD"} if method == "GET" else set()))
    for rule, _ in each(standing):
        for method in set(METHODS) - taken[rule.rule]:
            for who in (NOBODY, "inviter"):
                assert standing.ask(who, rule, method).status_code == 405, (rule.rule, method, who)


def test_head_gets_what_get_gets(standing: Intranet) -> None:
    for rule, method in each(standing):
        if method != "GET":
            continue
        for who in (NOBODY, "reader"):
            got, head = (standing.ask(who, rule, name) for name in ("GET", "HEAD"))
            assert head.status_code == got.status_code, (rule.rule, who)
            assert head.content == b""


def test_what_a_role_may_not_see_is_not_told_apart_from_what_is_not_there(standing: Intranet) -> None:
    """A reader learns nothing from the answer to an address that is an inviter's."""
    browser = standing.browsers["reader"]
    for number in (1, 999_999):
        address = f"/cpse/providers/{number}/invitations/new"
        assert browser.open(address).status_code == 403


@pytest.fixture
def hosts_intranet(make_intranet: MakeIntranet, database_url: str) -> Flask:
    return make_intranet(database_url, WTF_CSRF_ENABLED=False)


@pytest.mark.parametrize("role", [None, *Role])
def test_the_hosts_own_user_goes_through_the_same_checks(
    hosts_intranet: Flask, who: Who, standing: Intranet, role: Role | None
) -> None:
    who.staff = Staff("host-1", "Hanna Host", None, role) if role is not None else None
    client = hosts_intranet.test_client()
    for rule, method in each(standing):
        least = standing.least(rule)
        if least == ANYONE:
            continue
        status = client.open(standing.address(rule), method=method, data={} if method == "POST" else None).status_code
        if role is None:
            assert status == 302, (rule.rule, method)
        else:
            assert (status == 403) is (role < Role.from_name(least)), (rule.rule, method)


def test_no_form_is_taken_without_its_token(make_intranet: MakeIntranet, database_url: str, standing: Intranet) -> None:
    app = make_intranet(database_url)
    client = app.test_client()
    without = {}
    for rule, method in each(standing):
        if method == "POST":
            response = client.post(standing.address(rule), data={})
            without[rule.endpoint] = "<h1>This " in response.text and response.status_code == 400
    assert [endpoint for endpoint, refused in without.items() if not refused] == ["cpse.back_channel_logout"]
    assert len(without) > 8


def test_a_refusal_is_on_record_with_who_asked_and_on_one_line(
    hosts_intranet: Flask, who: Who, caplog: pytest.LogCaptureFixture
) -> None:
    who.staff = Staff("sub-rita", "Rita Reyes", None, Role.READER)
    hosts_intranet.test_client().get("/cpse/providers/1/invitations/x%0d%0aERROR all is lost/revoke")
    messages = [record.getMessage() for record in caplog.records if record.name == "cpse_plugin"]
    address = "/cpse/providers/1/invitations/x%0D%0AERROR%20all%20is%20lost/revoke"
    told, _, request_id = messages[0].partition(" [request_id=")
    assert len(messages) == 1
    assert told == f"GET {address} was refused to sub-rita: the role does not allow: invite"
    assert re.fullmatch(r"[0-9a-f]{32}\]", request_id)


def test_addresses_stay_on_this_host(standing: Intranet) -> None:
    for rule, method in each(standing):
        if method == "GET":
            assert standing.ask("inviter", rule, "GET").headers["Referrer-Policy"] == "same-origin", rule.rule


def test_looking_changes_nothing(standing: Intranet) -> None:
    """Everything that can be opened is, and neither side has changed."""

    def state() -> tuple[object, ...]:
        cpse = standing.app.extensions["cpse"]
        provider = cpse.providers.by_county_ids([PROVIDER])[PROVIDER]
        return provider, len(cpse.history.of_provider(provider.id, EDITOR)), cpse.operations.open_for(provider.id)

    before, changes_before = state(), changes_on(standing)
    for rule, method in each(standing):
        if method == "GET":
            standing.ask("inviter", rule, "GET")
    assert state() == before
    assert changes_on(standing) == changes_before


def changes_on(standing: Intranet) -> int:
    """How many calls the Portal has had that ask it to change something."""
    return sum(request.method != "GET" for request in standing.portal.received(path="/providers"))


def test_a_form_sets_its_own_fields_alone(hosts_intranet: Flask, who: Who) -> None:
    """What a person cannot type in the form is not taken from the request either."""
    cpse = parts_of(hosts_intranet)
    before = by_number(cpse, "TC-1004")
    form = {
        "type": "agency",
        "npi": before.profile.npi or "",
        "version": str(before.version),
        "id": "1",
        "name": "Another Name",
        "county_provider_id": "TC-9999",
        "status": "set-up",
        "phone": "000",
        "link": "P-1",
        "updated_by": "nobody",
    }
    response = hosts_intranet.test_client().post(f"/cpse/providers/{before.id}", data=form)
    assert response.status_code in (302, 303)
    after = by_number(cpse, "TC-1004")
    assert after.version == before.version + 1
    for field in ("id", "name", "county_provider_id", "phone", "link"):
        assert getattr(after, field) == getattr(before, field), field
