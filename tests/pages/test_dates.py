"""Days and times on the pages are the county's, not the server's and not UTC."""

from datetime import UTC, date, datetime

from cpse_plugin.web.words import day, moment

# Half past nine in the evening in New York, where it is still the day before.
LATE = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
SUMMER = datetime(2026, 7, 4, 16, 5, tzinfo=UTC)


def test_an_evening_belongs_to_its_own_day() -> None:
    assert day(LATE) == "Nov 23, 2026"
    assert moment(LATE) == "Nov 23, 2026 at 21:30 EST"
    assert moment(SUMMER) == "Jul 4, 2026 at 12:05 EDT"


def test_a_day_without_a_time_stays_as_it_is() -> None:
    assert day(date(2026, 11, 24)) == "Nov 24, 2026"
