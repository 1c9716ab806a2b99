"""A database whose search text is of an earlier version is searched like a new one after the upgrade."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import DateTime, Engine, bindparam, create_engine, text

from cpse_plugin import migrate
from cpse_plugin.domain.access import Role, Staff
from cpse_plugin.services.database import Database
from cpse_plugin.services.providers import ListQuery, Providers

READER = Staff("reader", "Rea Reader", None, Role.READER)
MANY = 2500
INSERT = """
INSERT INTO cpse_provider (
    id, county_provider_id, name, sort_name, search_text, type, npi, sed_code, address_line1, address_line2, city,
    state, postal_code, phone, uses_portal, active_admins, open_invitations, status, version, updated_at, updated_by
) VALUES (
    :id, :number, :name, :folded, :search, '', '', '', '', '', '', '', '', '', :no, 0, 0, 0, 1, :at, 'import'
)
"""


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """A database of the version before, with more providers than are folded at once."""
    engine = create_engine(url)
    migrate.upgrade(engine, "0005")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    names = {1: ("Łukasz O'Brien", "łukasz o brien"), MANY: ("St. Mary's", "st mary s")}
    rows = [
        {"id": number, "number": f"N-{number}", "name": name, "folded": folded, "search": folded, "no": False, "at": at}
        for number in range(1, MANY + 1)
        for name, folded in [names.get(number, (f"Kids {number}", f"kids {number}"))]
    ]
    with engine.begin() as connection:
        connection.execute(text(INSERT).bindparams(bindparam("at", type_=DateTime(timezone=True))), rows)
    yield engine
    engine.dispose()


def test_after_the_upgrade_the_new_ways_find_the_old_providers(engine: Engine) -> None:
    migrate.upgrade(engine)
    providers = Providers(Database(engine))
    for typed, name in [("lukasz obrien", "Łukasz O'Brien"), ("Saint Marys", "St. Mary's"), ("kids 1234", "Kids 1234")]:
        assert [row.name for row in providers.page(ListQuery(text=typed), READER).rows] == [name]
    with engine.connect() as connection:
        found = connection.execute(text("SELECT sort_name, version FROM cpse_provider WHERE id = 1")).one()
    assert tuple(found) == ("lukasz o brien", 1)
