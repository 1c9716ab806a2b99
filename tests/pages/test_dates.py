"""Days and times on the pages are the county's, not the server's and not UTC."""

from datetime import UTC, date, datetime

import pytest
from flask import Flask

from cpse_plugin.web.words import day, moment
from tests.conftest import MakeIntranet

# Half past nine in the evening in New York, where it is still the day before.
LATE = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
SUMMER = datetime(2026, 7, 4, 16, 5, tzinfo=UTC)


def test_an_evening_belongs_to_its_own_day(intranet: Flask) -> None:
    with intranet.app_context():
        assert day(LATE) == "Nov 23, 2026"
        assert moment(LATE) == "Nov 23, 2026 at 21:30 EST"
        assert moment(SUMMER) == "Jul 4, 2026 at 12:05 EDT"


def test_a_day_without_a_time_stays_as_it_is(intranet: Flask) -> None:
    with intranet.app_context():
        assert day(date(2026, 11, 24)) == "Nov 24, 2026"


def test_the_county_says_its_time_zone(make_intranet: MakeIntranet, database_url: str) -> None:
    app = make_intranet(database_url, CPSE_TIME_ZONE="America/Chicago")
    with app.app_context():
        assert moment(LATE) == "Nov 23, 2026 at 20:30 CST"


@pytest.mark.parametrize("wrong", ["New York", "EST5EDT/..", "../etc/passwd", "/etc/localtime"])
def test_a_time_zone_that_there_is_not_stops_the_start(
    make_intranet: MakeIntranet, database_url: str, wrong: str
) -> None:
    with pytest.raises(ValueError, match=r"^CPSE_TIME_ZONE: is no time zone"):
        make_intranet(database_url, CPSE_TIME_ZONE=wrong)
