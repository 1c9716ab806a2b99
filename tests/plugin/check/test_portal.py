"""`flask cpse check` as an operator sees it: the token, each scope and the answers of the Portal, both ways."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from cpse_plugin import migrate
from cpse_plugin.portal.gateway import PortalNotAsked
from cpse_plugin.sandbox.faults import Body, DropBefore, Fault, Html, Status, Truncated
from cpse_plugin.sandbox.portal.oauth import SCOPES, PortalClient
from cpse_plugin.sandbox.runner import Sandbox
from tests.world import parts_of

from .report import ANSWERS, API, DATABASE, IN_ORDER, MIGRATIONS, SCOPE_LINES, TOKEN, Check


def test_where_all_is_in_order_each_line_says_so(check: Check) -> None:
    report = check()
    assert report.marks == IN_ORDER
    assert (report.exit_code, report.summary) == (0, "All is in order.")
    assert "SQLite" in report.texts[DATABASE]
    assert migrate.head() in report.texts[MIGRATIONS]


def test_it_changes_nothing_anywhere(check: Check, sandbox: Sandbox) -> None:
    check()
    asked = {(item.method, item.path) for item in sandbox.portal.faults.received()}
    assert asked == {("POST", "/v1/oauth/token"), ("GET", "/v1/professions")}
    with parts_of(sandbox.intranet).database.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM cpse_logout_token")).scalar_one() == 0


def test_each_scope_is_asked_for_alone(check: Check, sandbox: Sandbox) -> None:
    check()
    bodies = [item.body.decode() for item in sandbox.portal.faults.received("POST", "/oauth/token")]
    assert [body for scope in SCOPES for body in bodies if body.endswith(f"scope={scope}")] == [
        f"grant_type=client_credentials&scope={scope}" for scope in SCOPES
    ]


@pytest.mark.parametrize("missing", SCOPES)
def test_a_scope_that_is_not_granted_is_told_from_the_others(
    check: Check, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    narrow_client(sandbox, monkeypatch, tuple(scope for scope in SCOPES if scope != missing))
    report = check()
    assert report.not_ok == {TOKEN, f"Portal, scope {missing}", ANSWERS}
    assert "invalid_scope" in report.texts[TOKEN]
    assert "Ask the Portal's operator to grant it" in report.texts[f"Portal, scope {missing}"]
    assert (report.exit_code, report.summary) == (1, "3 NOT OK.")


def narrow_client(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, scopes: tuple[str, ...]) -> None:
    client = sandbox.portal.tokens.client("tamarack-intranet")
    assert isinstance(client, PortalClient)
    monkeypatch.setitem(sandbox.portal.tokens._clients, client.client_id, replace(client, scopes=scopes))


def test_a_scope_that_the_county_does_without_is_no_fault(
    check: Check, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow_client(sandbox, monkeypatch, ("providers.read", "providers.write", "admins.read"))
    report = check(CPSE_PORTAL_SCOPE="providers.read providers.write admins.read")
    assert report.marks["Portal, scope admins.invite"] == "not used"
    assert "inviting admin users" in report.texts["Portal, scope admins.invite"]
    assert (report.not_ok, report.exit_code) == (set(), 0)


def test_a_portal_that_grants_less_than_it_was_asked_for_is_found_out(check: Check, sandbox: Sandbox) -> None:
    narrower = b'{"access_token": "x", "token_type": "Bearer", "expires_in": 60, "scope": "providers.read"}'
    sandbox.portal.faults.plan(Body(narrower), path="/oauth/token", times=1 + len(SCOPES))
    report = check()
    assert {TOKEN, *SCOPE_LINES} & report.not_ok == {TOKEN, *SCOPE_LINES[1:]}
    assert "without providers.write, admins.read, admins.invite" in report.texts[TOKEN]


def test_a_wrong_secret_is_sent_once(check: Check, sandbox: Sandbox) -> None:
    report = check(CPSE_PORTAL_CLIENT_SECRET="another secret altogether")
    assert report.not_ok == {TOKEN, *SCOPE_LINES, ANSWERS}
    assert "invalid_client" in report.texts[TOKEN]
    assert "CPSE_PORTAL_CLIENT_ID" in report.texts[TOKEN]
    assert len(sandbox.portal.faults.received("POST", "/oauth/token")) == 1


def test_a_token_endpoint_that_repeats_the_secret_does_not_bring_it_on_the_screen(
    check: Check, sandbox: Sandbox
) -> None:
    secret = sandbox.intranet.config["CPSE_PORTAL_CLIENT_SECRET"]
    words = f'{{"error": "invalid_client", "error_description": "you sent {secret}"}}'
    sandbox.portal.faults.plan(Body(words.encode(), 401), path="/oauth/token", times=None)
    assert "you sent ***" in check().texts[TOKEN]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (DropBefore(), "CPSE_PORTAL_TOKEN_URL"),
        (Html(), "CPSE_PORTAL_TOKEN_URL"),
        (Status(401), "CPSE_PORTAL_CLIENT_ID"),
        (Status(503, {"Retry-After": "1"}), "Try again in a moment"),
        (Body(b'{"error": "server_error"}', 400), "CPSE_PORTAL_TOKEN_URL"),
        (Body(b'{"token_type": "Bearer"}'), "no token"),
    ],
)
def test_without_any_token_the_line_says_what_to_do(check: Check, sandbox: Sandbox, fault: Fault, said: str) -> None:
    sandbox.portal.faults.plan(fault, path="/oauth/token", times=None)
    report = check()
    assert report.not_ok == {TOKEN, *SCOPE_LINES, ANSWERS}
    assert said in report.texts[TOKEN]
    assert len(sandbox.portal.faults.received("POST", "/oauth/token")) == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Status(401), "does not accept the token"),
        (Status(403), "does not accept the token"),
        (Status(429), "asks to wait"),
        (Status(500), "no proper answer"),
        (Html(), "no proper answer"),
        (Truncated(), "no proper answer"),
    ],
)
def test_a_portal_that_does_not_answer_as_it_should_is_told(
    check: Check, sandbox: Sandbox, fault: Fault, said: str
) -> None:
    sandbox.portal.faults.plan(fault, path="/professions", times=None)
    report = check()
    assert report.not_ok == {ANSWERS}
    assert said in report.texts[ANSWERS]


class OwnGateway:
    """A county's own gateway, of which only the ping is asked for."""

    failure: Exception | None = None

    def __init__(self, settings: object) -> None: ...

    def ping(self) -> None:
        if self.failure is not None:
            raise self.failure


@pytest.mark.parametrize(
    ("failure", "not_ok"),
    [(None, set()), (PortalNotAsked("down"), {ANSWERS}), (RuntimeError("a fault of the county's"), {"Portal"})],
)
def test_a_countys_own_gateway_has_a_ping_and_no_token(
    check: Check, monkeypatch: pytest.MonkeyPatch, failure: Exception | None, not_ok: set[str]
) -> None:
    monkeypatch.setattr(OwnGateway, "failure", failure)
    report = check(CPSE_PORTAL_GATEWAY=f"{__name__}:OwnGateway")
    assert report.marks["Portal, token and scopes"] == "not used"
    assert report.not_ok == not_ok
    assert report.marks[API] == "ok"
