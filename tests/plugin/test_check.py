"""`flask cpse check` as an operator sees it: every line both ways, against real servers, and no secret in any."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from limits.storage import MemoryStorage
from sqlalchemy import Engine, create_engine, text

from cpse_plugin import migrate
from cpse_plugin.npi_registry.copy import import_file
from cpse_plugin.portal.gateway import PortalNotAsked
from cpse_plugin.sandbox.faults import Body, DropBefore, Empty, Fault, Html, Status, Truncated
from cpse_plugin.sandbox.portal.oauth import SCOPES, PortalClient
from cpse_plugin.sandbox.runner import Sandbox
from cpse_plugin.standalone import create_app
from tests.npi_registry import nppes_files as nppes
from tests.postgresql import PostgresqlServer
from tests.world import parts_of

from .hosts import SETTINGS, host

TOKEN, ANSWERS = "Portal, token", "Portal, answers"
SCOPE_LINES = [f"Portal, scope {scope}" for scope in SCOPES]
DATABASE, MIGRATIONS, PROVIDER = "database", "migrations", "identity provider"
COPY, API, LIMITS = "NPI Registry, local copy", "NPI Registry, API", "rate limits"
IN_ORDER = {
    DATABASE: "ok",
    MIGRATIONS: "ok",
    TOKEN: "ok",
    **dict.fromkeys(SCOPE_LINES, "ok"),
    ANSWERS: "ok",
    PROVIDER: "ok",
    COPY: "not used",
    API: "ok",
    LIMITS: "warning",
}
_LINE = re.compile(r"(ok|warning|not used|NOT OK) +([^:]+): (.+)")


class Report:
    """What the command printed, and how it ended."""

    def __init__(self, output: str, exit_code: int) -> None:
        *lines, self.summary = output.splitlines()
        found = [_LINE.fullmatch(line) for line in lines]
        assert all(found), output
        self.marks = {line[2]: line[1] for line in found if line}
        self.texts = {line[2]: line[3] for line in found if line}
        self.exit_code = exit_code

    @property
    def not_ok(self) -> set[str]:
        return {name for name, mark in self.marks.items() if mark == "NOT OK"}


Check = Callable[..., Report]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def check(sandbox: Sandbox, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[Check]:
    """Runs the command in a host of its own, with settings over the sandbox's; nothing secret may ever be seen."""
    caplog.set_level(logging.INFO, "cpse_plugin")
    faults = (sandbox.portal.faults, sandbox.registry.faults, sandbox.identity_provider.faults)
    made: list[Flask] = []

    def run(app: Flask | None = None, **settings: Any) -> Report:
        own = app or create_app({**given(sandbox), **settings})
        made.append(own)
        result = own.test_cli_runner().invoke(args=["cpse", "check"])
        seen = "\n".join((result.output, *capfd.readouterr(), caplog.text))
        for key in ("SECRET_KEY", "CPSE_PORTAL_CLIENT_SECRET", "CPSE_OIDC_CLIENT_SECRET"):
            assert (own.config.get(key) or "no such secret") not in seen, key
        return Report(result.stdout, result.exit_code)

    yield run
    for app in made:
        parts_of(app).database.engine.dispose()
    for system in faults:
        system.clear()


def given(sandbox: Sandbox) -> dict[str, Any]:
    """The settings with which the sandbox made its own intranet."""
    names = ("SECRET_KEY", "SQLALCHEMY_DATABASE_URI", "SESSION_COOKIE_SECURE")
    return {key: value for key, value in sandbox.intranet.config.items() if key.startswith("CPSE_") or key in names}


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    yield engine
    engine.dispose()


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


@pytest.mark.parametrize(
    ("path", "fault", "said"),
    [
        (".well-known", Status(500), "answered 500"),
        (".well-known", Html(), "no JSON"),
        (".well-known", Body(b'{"issuer": "https://another.example"}'), "the issuer in the discovery document is not"),
        ("jwks", Status(404), "jwks answered 404"),
        ("jwks", Body(b'{"keys": []}'), "no key"),
        ("jwks", DropBefore(), "did not answer"),
    ],
)
def test_an_identity_provider_nobody_could_sign_in_at_is_told(
    check: Check, sandbox: Sandbox, path: str, fault: Fault, said: str
) -> None:
    sandbox.identity_provider.faults.plan(fault, path=path, times=None)
    report = check()
    assert report.not_ok == {PROVIDER}
    assert said in report.texts[PROVIDER]
    assert "CPSE_OIDC_DISCOVERY_URL" in report.texts[PROVIDER]


def test_a_host_that_names_its_own_user_needs_no_identity_provider(check: Check, sandbox: Sandbox) -> None:
    own = {key: value for key, value in given(sandbox).items() if "OIDC" not in key and key != "CPSE_ROLE_MAP"}
    report = check(host(**own))
    assert report.marks[PROVIDER] == "not used"
    assert report.exit_code == 0


@pytest.mark.parametrize("fault", [Status(500), Html(), Empty(), DropBefore(), Body(b'{"Errors": [{"number": "02"}]}')])
def test_a_registry_that_does_not_answer_is_told(check: Check, sandbox: Sandbox, fault: Fault) -> None:
    sandbox.registry.faults.plan(fault, times=None)
    report = check()
    assert report.not_ok == {API}
    assert "CPSE_NPI_REGISTRY_URL" in report.texts[API]


@pytest.mark.parametrize(("days", "mark"), [(3, "ok"), (44, "ok"), (60, "warning")])
def test_the_local_copy_says_its_date_and_when_it_is_old(check: Check, tmp_path: Path, days: int, mark: str) -> None:
    day = datetime.now(UTC).date() - timedelta(days=days)
    name = f"npidata_pfile_20050523-{day:%Y%m%d}.csv"
    copy = tmp_path / "copy.sqlite"
    import_file(nppes.zipped(tmp_path / "month.zip", nppes.sample_text(), name), copy, progress=lambda *_: None)
    report = check(CPSE_NPI_LOCAL_COPY=copy)
    assert report.marks[COPY] == mark
    assert f"100 providers as of {day}" in report.texts[COPY]
    assert report.exit_code == 0


def test_a_local_copy_that_cannot_be_used_is_told(check: Check, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite"
    missing = check(CPSE_NPI_LOCAL_COPY=copy)
    copy.write_text("no database")
    broken = check(CPSE_NPI_LOCAL_COPY=copy)
    assert missing.not_ok == broken.not_ok == {COPY}
    assert "flask cpse npi import" in missing.texts[COPY]
    assert "no local copy that can be read" in broken.texts[COPY]


def test_a_database_that_cannot_be_reached_keeps_nothing_else_from_being_checked(check: Check, tmp_path: Path) -> None:
    report = check(SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/no/such/folder.db")
    assert report.marks.keys() == IN_ORDER.keys()
    # Calls to the registry are counted in the database.
    assert report.not_ok == {DATABASE, MIGRATIONS, API}
    assert "SQLALCHEMY_DATABASE_URI" in report.texts[DATABASE]


def test_a_database_that_takes_no_change_is_told(check: Check, sandbox: Sandbox) -> None:
    file = sandbox.intranet.config["SQLALCHEMY_DATABASE_URI"].removeprefix("sqlite:///")
    report = check(SQLALCHEMY_DATABASE_URI=f"sqlite:///file:{file}?mode=ro&uri=true")
    assert "readonly" in report.texts[DATABASE]
    assert DATABASE in report.not_ok
    assert report.marks[MIGRATIONS] == "ok"


def test_postgresql_is_looked_at_in_the_same_way(check: Check, postgresql: PostgresqlServer) -> None:
    url = postgresql.create("looked_at")
    try:
        with engine_of(url) as engine:
            migrate.upgrade(engine)
        in_order = check(SQLALCHEMY_DATABASE_URI=url)
        read_only = check(SQLALCHEMY_DATABASE_URI=f"{url}&options=-cdefault_transaction_read_only%3Don")
    finally:
        postgresql.drop("looked_at")
    gone = check(SQLALCHEMY_DATABASE_URI=url)
    assert in_order.marks == IN_ORDER
    assert "PostgreSQL" in in_order.texts[DATABASE]
    assert "read-only" in read_only.texts[DATABASE]
    assert DATABASE in read_only.not_ok
    assert DATABASE in gone.not_ok
    assert "does not exist" in gone.texts[DATABASE]


def test_tables_that_are_not_as_the_code_needs_them_are_told(check: Check, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'county.db'}"

    def looked() -> tuple[str, str]:
        report = check(SQLALCHEMY_DATABASE_URI=url)
        return report.marks[MIGRATIONS], report.texts[MIGRATIONS]

    none = looked()
    with engine_of(url) as engine:
        migrate.upgrade(engine, "0001")
        behind = looked()
        migrate.upgrade(engine)
        up_to_date = looked()
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE cpse_provider DROP COLUMN phone"))
        changed = looked()
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = '9999'"))
        newer = looked()
    assert [mark for mark, _ in (none, behind, up_to_date, changed, newer)] == [
        "NOT OK",
        "NOT OK",
        "ok",
        "NOT OK",
        # In the minutes of an upgrade, and no fault of the version that still runs.
        "warning",
    ]
    assert "no tables yet" in none[1]
    assert "at 0001" in behind[1]
    assert all("flask cpse db upgrade" in words for _, words in (none, behind))
    assert "phone" in changed[1]
    assert "9999" in newer[1]


class Unreachable(MemoryStorage):
    """A storage for all workers that is down."""

    STORAGE_SCHEME = ["unreachable"]  # noqa: RUF012  # As the library declares it.

    def check(self) -> bool:
        return False


class Reachable(Unreachable):
    """The same, up again; it is no memory of one worker's."""

    STORAGE_SCHEME = ["reachable"]  # noqa: RUF012  # As the library declares it.

    def check(self) -> bool:
        return True


def test_what_counts_for_all_workers_is_asked_whether_it_is_there(check: Check) -> None:
    down = check(CPSE_RATE_LIMIT_STORAGE="unreachable://")
    assert down.not_ok == {LIMITS}
    assert "CPSE_RATE_LIMIT_STORAGE" in down.texts[LIMITS]
    assert check(CPSE_RATE_LIMIT_STORAGE="reachable://").marks[LIMITS] == "ok"


def test_a_host_that_answers_to_any_name_is_warned_of(check: Check, sandbox: Sandbox) -> None:
    report = check(host(staff_loader=None, **{**given(sandbox), "CPSE_TRUSTED_HOSTS": None}))
    assert report.marks == {**IN_ORDER, "CPSE_TRUSTED_HOSTS": "warning"}
    assert report.exit_code == 0


def test_when_everything_is_down_everything_is_told(check: Check, sandbox: Sandbox, tmp_path: Path) -> None:
    for system in (sandbox.portal.faults, sandbox.registry.faults, sandbox.identity_provider.faults):
        system.plan(DropBefore(), times=None)
    report = check(
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/no/such/folder.db",
        CPSE_NPI_LOCAL_COPY=tmp_path / "copy.sqlite",
        CPSE_RATE_LIMIT_STORAGE="unreachable://",
    )
    assert report.not_ok == IN_ORDER.keys()
    assert (report.exit_code, report.summary) == (1, f"{len(IN_ORDER)} NOT OK.")


def test_a_password_in_the_databases_address_is_not_told(check: Check) -> None:
    settings = {**SETTINGS, "SQLALCHEMY_DATABASE_URI": "postgresql+psycopg://cpse:canary-password@127.0.0.1:9/county"}
    report = check(host(**settings))
    assert {DATABASE, MIGRATIONS} <= report.not_ok
    assert "canary-password" not in "".join(report.texts.values())
