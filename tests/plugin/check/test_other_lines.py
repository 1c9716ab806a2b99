"""`flask cpse check` as an operator sees it: everything but the Portal, both ways, against real servers."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from limits.storage import MemoryStorage
from sqlalchemy import text

from cpse_plugin import migrate
from cpse_plugin.npi_registry.copy import import_file
from cpse_plugin.sandbox.faults import Body, DropBefore, Empty, Fault, Html, Status
from cpse_plugin.sandbox.runner import Sandbox
from tests.npi_registry import nppes_files as nppes
from tests.postgresql import PostgresqlServer

from ..hosts import SETTINGS, host
from .report import API, COPY, DATABASE, IN_ORDER, LIMITS, MIGRATIONS, PROVIDER, Check, engine_of, given


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
    assert report.not_ok == {DATABASE, MIGRATIONS}
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
    report = check(host(staff_loader=None, **{**given(sandbox), "TRUSTED_HOSTS": None}))
    assert report.marks == {**IN_ORDER, "TRUSTED_HOSTS": "warning"}
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
