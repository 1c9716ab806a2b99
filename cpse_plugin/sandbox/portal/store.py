"""What the sandbox Portal remembers: an SQLite database in a file, or in memory."""

import json
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from werkzeug.security import generate_password_hash

SEED_PASSWORD = "Preschool-2026"
INVITATION_LIFE = timedelta(days=14)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS county (id TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS profession (place INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS provider (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, type TEXT, npi TEXT, sed_code TEXT, address TEXT, phone TEXT,
    status TEXT NOT NULL CHECK (status IN ('active', 'inactive')), updated_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS provider_npi ON provider (npi);
CREATE INDEX IF NOT EXISTS provider_sed_code ON provider (sed_code);
CREATE TABLE IF NOT EXISTS association (
    provider_id TEXT NOT NULL REFERENCES provider, county_id TEXT NOT NULL REFERENCES county,
    county_provider_id TEXT NOT NULL, since TEXT NOT NULL, PRIMARY KEY (provider_id, county_id)
);
CREATE TABLE IF NOT EXISTS admin_user (
    id TEXT PRIMARY KEY, provider_id TEXT NOT NULL REFERENCES provider,
    username TEXT NOT NULL UNIQUE COLLATE NOCASE, password_hash TEXT NOT NULL,
    first_name TEXT NOT NULL, last_name TEXT NOT NULL, email TEXT NOT NULL COLLATE NOCASE, therapist TEXT,
    status TEXT NOT NULL CHECK (status IN ('active', 'locked', 'disabled')), last_signed_in_at TEXT
);
CREATE TABLE IF NOT EXISTS invitation (
    place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    provider_id TEXT NOT NULL REFERENCES provider, county_id TEXT NOT NULL REFERENCES county,
    first_name TEXT NOT NULL, last_name TEXT NOT NULL, email TEXT NOT NULL COLLATE NOCASE,
    therapist TEXT, notices TEXT NOT NULL, invited_by TEXT,
    status TEXT NOT NULL CHECK (status IN ('open', 'accepted', 'revoked')), token_hash TEXT UNIQUE,
    created_at TEXT NOT NULL, sent_at TEXT NOT NULL, expires_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS voided_link (token_hash TEXT PRIMARY KEY, invitation_id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS known_person (
    email TEXT PRIMARY KEY COLLATE NOCASE, npi TEXT, profession TEXT, license_number TEXT
);
CREATE TABLE IF NOT EXISTS weekly_copy (npi TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS token (
    token_hash TEXT PRIMARY KEY, client_id TEXT NOT NULL, county_id TEXT NOT NULL, scope TEXT NOT NULL,
    expires_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS assertion (client_id TEXT, jti TEXT, seen_at TEXT NOT NULL, PRIMARY KEY (client_id, jti));
CREATE TABLE IF NOT EXISTS idempotency (
    county_id TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, begun_at TEXT NOT NULL,
    status INTEGER, headers TEXT, body TEXT, PRIMARY KEY (county_id, key)
);
CREATE TABLE IF NOT EXISTS audit (
    place INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, county_id TEXT NOT NULL, client_id TEXT NOT NULL,
    acting_user TEXT, operation TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL
);
"""


def utc_now() -> datetime:
    """The present moment in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def moment(value: datetime) -> str:
    """The text of a moment as the contract writes it, which sorts as the moments do."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """One connection, used by one thread at a time.

    `clock` tells the time to everything in the Portal; a test moves it on to let an invitation expire.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], datetime] = utc_now) -> None:
        self.clock = clock
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            str(path) if path else ":memory:", check_same_thread=False, isolation_level=None
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.executescript(_SCHEMA)
        # What a process that died was still working on will never be answered; its keys are free again.
        self._connection.execute("DELETE FROM idempotency WHERE status IS NULL")

    @property
    def now(self) -> str:
        """The present moment as text."""
        return moment(self.clock())

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """The connection in a transaction that is committed at the end, or rolled back by an exception."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def all(self, query: str, *values: object) -> list[sqlite3.Row]:
        """The rows of a query, read outside any transaction."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    def close(self) -> None:
        """Close the database. Safe to repeat."""
        with self._lock:
            self._connection.close()

    def load(self, seed: Mapping[str, Any], registry_npis: Iterable[str]) -> None:
        """Fill an empty database with a world; one that has a world is left as it is."""
        with self.transaction() as db:
            if db.execute("SELECT 1 FROM county").fetchone():
                return
            db.executemany("INSERT INTO county VALUES (:id, :name)", seed["counties"])
            db.executemany(
                "INSERT INTO profession (place, code, name) VALUES (?, ?, ?)",
                [(place, item["code"], item["name"]) for place, item in enumerate(seed["professions"])],
            )
            db.executemany(
                "INSERT INTO known_person VALUES (:email, :npi, :profession, :license_number)", seed["known_persons"]
            )
            weekly_copy = set(registry_npis) - set(seed["npis_not_in_weekly_copy"])
            db.executemany("INSERT INTO weekly_copy VALUES (?)", [(npi,) for npi in sorted(weekly_copy)])
            for provider in seed["providers"]:
                _load_provider(db, provider)
            _load_admin_users(db, seed["admin_users"])
            for invitation in seed["invitations"]:
                _load_invitation(db, invitation, self.clock())


def new_id(prefix: str) -> str:
    """A new id that nothing else bears."""
    return f"{prefix}-{secrets.token_hex(5)}"


def encoded(value: object) -> str | None:
    """JSON text, or None for None."""
    return None if value is None else json.dumps(value, ensure_ascii=False)


def decoded(text: str | None) -> Any:
    """What `encoded` was given."""
    return None if text is None else json.loads(text)


def _load_provider(db: sqlite3.Connection, provider: Mapping[str, Any]) -> None:
    db.execute(
        "INSERT INTO provider VALUES (:id, :name, :type, :npi, :sed_code, :address, :phone, :status, :updated_at)",
        {**provider, "address": encoded(provider["address"])},
    )
    for county_id, association in provider["associations"].items():
        db.execute(
            "INSERT INTO association VALUES (?, ?, ?, ?)",
            (provider["id"], county_id, association["county_provider_id"], association["since"]),
        )


def _load_admin_users(db: sqlite3.Connection, users: list[dict[str, Any]]) -> None:
    password_hash = _seed_password_hash()
    for user in users:
        db.execute(
            "INSERT INTO admin_user VALUES (:id, :provider_id, :username, :password_hash, :first_name, :last_name,"
            " :email, :therapist, :status, :last_signed_in_at)",
            {**user, "therapist": encoded(user["therapist"]), "password_hash": password_hash},
        )


@cache
def _seed_password_hash() -> str:
    """Hashing is slow on purpose; once a process is enough."""
    return generate_password_hash(SEED_PASSWORD)


def _load_invitation(db: sqlite3.Connection, invitation: Mapping[str, Any], now: datetime) -> None:
    """Load an invitation whose dates count back from now; one that is `expired` is an open one that nobody used."""
    sent = now - timedelta(days=invitation["sent_days_ago"])
    status = "open" if invitation["status"] in ("sent", "expired") else invitation["status"]
    db.execute(
        "INSERT INTO invitation (id, provider_id, county_id, first_name, last_name, email, therapist, notices,"
        " invited_by, status, created_at, sent_at, expires_at)"
        " VALUES (:id, :provider_id, :county_id, :first_name, :last_name, :email, :therapist, '[]', :invited_by,"
        " :status, :sent, :sent, :expires)",
        {
            **invitation,
            "therapist": encoded(invitation["therapist"]),
            "status": status,
            "sent": moment(sent),
            "expires": moment(sent + INVITATION_LIFE),
        },
    )
