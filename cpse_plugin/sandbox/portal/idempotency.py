"""Idempotency keys: a call with a key is carried out once, and its answer is kept with what it did."""

import hashlib
import json
import sqlite3
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from .problems import Problem
from .store import Store, decoded, encoded, moment

_KEPT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is answered with."""

    status: int
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Claim:
    """A key that belongs to the call being worked on."""

    county_id: str
    key: str


def read_key(header: str | None) -> str:
    """Read the header Idempotency-Key. Raises a 400 `Problem`."""
    try:
        return str(uuid.UUID(header or ""))
    except ValueError:
        raise Problem(400, "Bad request", detail="The header Idempotency-Key must be a UUID.") from None


def fingerprint(method: str, path: str, body: Any) -> str:
    """What two calls have in common that ask for the same; order and spacing in the JSON do not count."""
    text = json.dumps([method, path, body], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def claim(store: Store, county_id: str, key: str, call: str) -> Claim | Answer:
    """Take the key for a call, or give the answer that the same call had. Raises a 409 or 422 `Problem`."""
    with store.transaction() as db:
        db.execute("DELETE FROM idempotency WHERE begun_at < ?", (moment(store.clock() - _KEPT),))
        row = db.execute("SELECT * FROM idempotency WHERE county_id = ? AND key = ?", (county_id, key)).fetchone()
        if row is None:
            db.execute(
                "INSERT INTO idempotency (county_id, key, fingerprint, begun_at) VALUES (?, ?, ?, ?)",
                (county_id, key, call, store.now),
            )
            return Claim(county_id, key)
    if row["fingerprint"] != call:
        raise Problem(422, "The Idempotency-Key was used for another call", kind="idempotency-key-reused")
    if row["status"] is None:
        raise Problem(409, "The first call with this key is being worked on", kind="idempotency-key-in-use")
    headers = decoded(row["headers"])
    content_type = headers.pop("Content-Type")
    return Answer(row["status"], decoded(row["body"]), {**headers, "Idempotent-Replay": "true"}, content_type)


def keep(db: sqlite3.Connection, own: Claim, answer: Answer) -> None:
    """Keep the answer, in the transaction of what the call did."""
    db.execute(
        "UPDATE idempotency SET status = ?, headers = ?, body = ? WHERE county_id = ? AND key = ?",
        (
            answer.status,
            encoded({**answer.headers, "Content-Type": answer.content_type}),
            encoded(answer.body),
            own.county_id,
            own.key,
        ),
    )


def release(db: sqlite3.Connection, own: Claim) -> None:
    """Give the key back after a call that came to nothing."""
    db.execute("DELETE FROM idempotency WHERE county_id = ? AND key = ?", (own.county_id, own.key))
