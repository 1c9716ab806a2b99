"""The Portal's providers and their associations with counties."""

import base64
import binascii
import sqlite3
from dataclasses import asdict
from typing import Any

from ...domain.portal_records import NewPortalProvider
from .problems import Problem, not_found
from .store import decoded, encoded, new_id

# Best match first: both identifiers, then the NPI, then the SED code.
_SEARCH = """
WITH found AS (
    SELECT provider.*, CASE WHEN npi IS :npi AND sed_code IS :sed_code THEN 0
                            WHEN npi IS :npi AND :npi IS NOT NULL THEN 1 ELSE 2 END AS place
    FROM provider WHERE npi = :npi OR sed_code = :sed_code
)
SELECT found.*, association.county_provider_id, association.since
FROM found LEFT JOIN association ON association.provider_id = found.id AND association.county_id = :county_id
WHERE (found.place, found.id) > (:after_place, :after_id)
ORDER BY found.place, found.id LIMIT :limit
"""
_ONE = """
SELECT provider.*, association.county_provider_id, association.since
FROM provider LEFT JOIN association ON association.provider_id = provider.id AND association.county_id = ?
WHERE provider.id = ?
"""


def find(
    db: sqlite3.Connection,
    county_id: str,
    npi: str | None,
    sed_code: str | None,
    *,
    limit: int = 200,
    cursor: str | None = None,
) -> dict[str, Any]:
    """A page of the providers that bear this NPI or this SED code. Raises a 400 `Problem`."""
    after_place, after_id = _read_cursor(cursor)
    rows = db.execute(
        _SEARCH,
        {
            "npi": npi,
            "sed_code": sed_code,
            "county_id": county_id,
            "after_place": after_place,
            "after_id": after_id,
            "limit": limit + 1,
        },
    ).fetchall()
    page = rows[:limit]
    more = len(rows) > limit
    return {
        "items": [_represented(row) for row in page],
        "next_cursor": _cursor(page[-1]["place"], page[-1]["id"]) if more else None,
    }


def get(db: sqlite3.Connection, county_id: str, provider_id: str) -> dict[str, Any]:
    """One provider as a county may see it. Raises a 404 `Problem`."""
    row = db.execute(_ONE, (county_id, provider_id)).fetchone()
    if row is None:
        raise not_found("provider")
    return _represented(row)


def add(db: sqlite3.Connection, county_id: str, new: NewPortalProvider, now: str) -> dict[str, Any]:
    """Add a provider, associated at once. Raises a 409 `Problem` where its NPI or SED code is there already."""
    holders = db.execute(
        "SELECT id FROM provider WHERE npi = ? OR sed_code = ? ORDER BY id", (new.npi, new.sed_code)
    ).fetchall()
    if holders:
        raise Problem(
            409,
            "A provider with this NPI or SED code is on the Portal already",
            kind="provider-exists",
            members={"provider_ids": [row["id"] for row in holders]},
        )
    provider_id = new_id("P")
    address = encoded(asdict(new.address)) if new.address else None
    db.execute(
        "INSERT INTO provider VALUES (?, ?, ?, ?, ?, ?, ?, 'active', ?)",
        (provider_id, new.name, new.type, new.npi, new.sed_code, address, new.phone, now),
    )
    db.execute("INSERT INTO association VALUES (?, ?, ?, ?)", (provider_id, county_id, new.county_provider_id, now))
    return get(db, county_id, provider_id)


def associate(
    db: sqlite3.Connection, county_id: str, provider_id: str, county_provider_id: str, now: str
) -> dict[str, Any]:
    """Associate a county's provider. Raises a 409 `Problem` where another one of the county's is associated."""
    present = _association(db, county_id, provider_id, county_provider_id)
    if present is None:
        db.execute("INSERT INTO association VALUES (?, ?, ?, ?)", (provider_id, county_id, county_provider_id, now))
        db.execute("UPDATE provider SET updated_at = ? WHERE id = ?", (now, provider_id))
    return get(db, county_id, provider_id)


def dissociate(
    db: sqlite3.Connection, county_id: str, provider_id: str, county_provider_id: str | None, now: str
) -> None:
    """End a county's association, if there is one; of that provider of the county alone, where one is named.

    Raises a 404 `Problem`, or 409 where the association is another one's.
    """
    present = _association(db, county_id, provider_id, county_provider_id)
    if present is not None:
        db.execute("DELETE FROM association WHERE provider_id = ? AND county_id = ?", (provider_id, county_id))
        db.execute("UPDATE provider SET updated_at = ? WHERE id = ?", (now, provider_id))


def _association(
    db: sqlite3.Connection, county_id: str, provider_id: str, county_provider_id: str | None
) -> dict[str, Any] | None:
    """A county's association with a provider. Raises a 409 `Problem` where it is not that of the one named."""
    present: dict[str, Any] | None = get(db, county_id, provider_id)["association"]
    if present is not None and county_provider_id not in (None, present["county_provider_id"]):
        raise Problem(
            409,
            "Another provider of this county is associated with it",
            kind="already-associated",
            members={"county_provider_id": present["county_provider_id"]},
        )
    return present


def admin_users(db: sqlite3.Connection, provider_id: str) -> list[dict[str, Any]]:
    """The people who administer a provider, in the order of their names."""
    rows = db.execute(
        "SELECT id, username, first_name, last_name, email, therapist, status, last_signed_in_at FROM admin_user"
        " WHERE provider_id = ? ORDER BY last_name, first_name, id",
        (provider_id,),
    )
    return [{**dict(row), "therapist": decoded(row["therapist"])} for row in rows]


def _represented(row: sqlite3.Row) -> dict[str, Any]:
    association = None
    if row["county_provider_id"] is not None:
        association = {"county_provider_id": row["county_provider_id"], "since": row["since"]}
    return {
        "id": row["id"],
        "name": row["name"],
        "type": row["type"],
        "npi": row["npi"],
        "sed_code": row["sed_code"],
        "address": decoded(row["address"]),
        "phone": row["phone"],
        "status": row["status"],
        "association": association,
        "updated_at": row["updated_at"],
    }


def _cursor(place: int, provider_id: str) -> str:
    return base64.urlsafe_b64encode(f"{place}.{provider_id}".encode()).decode()


def _read_cursor(cursor: str | None) -> tuple[int, str]:
    if cursor is None:
        return -1, ""
    try:
        place, _, provider_id = base64.urlsafe_b64decode(cursor.encode()).decode().partition(".")
        return int(place), provider_id
    except (binascii.Error, ValueError):
        raise Problem(400, "Bad request", detail="cursor is none that the Portal gave.") from None
