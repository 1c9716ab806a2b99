"""Invitations of admin users: made, sent again, revoked, and accepted by the person who was invited."""

import hashlib
import secrets
import sqlite3
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from werkzeug.security import check_password_hash, generate_password_hash

from ...domain.identifiers import fold_license
from ...domain.portal_records import NewInvitation, Therapist
from .mail import Letter, Mailer, MailFailed
from .oauth import Caller
from .problems import FieldFault, Problem, not_found
from .store import INVITATION_LIFE, Store, decoded, encoded, moment, new_id

_NOTICE = "The NPI is not in the Portal's weekly copy of the NPI Registry yet; it will be linked when it arrives."


class LinkState(Enum):
    """What becomes of a person who follows an e-mailed link."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"
    REPLACED = "replaced"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Link:
    """An e-mailed link; `invitation` is None where the link is unknown or was replaced by a later one."""

    state: LinkState
    invitation: sqlite3.Row | None = None


class Invitations:
    """Everything about invitations. `base_url` begins the links in the e-mails."""

    def __init__(self, store: Store, mailer: Mailer, base_url: str) -> None:
        self._store = store
        self._mailer = mailer
        self._base_url = base_url

    def listed(self, db: sqlite3.Connection, caller: Caller, provider_id: str) -> list[dict[str, Any]]:
        """A provider's invitations of every status, newest first."""
        rows = db.execute("SELECT * FROM invitation WHERE provider_id = ? ORDER BY place DESC", (provider_id,))
        return [self._represented(row, caller) for row in rows]

    def invite(self, db: sqlite3.Connection, caller: Caller, provider_id: str, new: NewInvitation) -> dict[str, Any]:
        """Invite a person by e-mail. Raises a 409 `Problem`, or 503 where the mail server fails."""
        self._refuse_second(db, provider_id, new.email)
        _refuse_conflict(db, new)
        now = self._store.clock()
        invitation_id = new_id("I")
        db.execute(
            "INSERT INTO invitation (id, provider_id, county_id, first_name, last_name, email, therapist, notices,"
            " invited_by, status, created_at, sent_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?, ?)",
            (
                invitation_id,
                provider_id,
                caller.county_id,
                new.first_name,
                new.last_name,
                new.email,
                encoded(asdict(new.therapist)) if new.therapist else None,
                encoded(_notices(db, new.therapist)),
                caller.acting_user,
                moment(now),
                moment(now),
                moment(now + INVITATION_LIFE),
            ),
        )
        return self._send(db, caller, invitation_id)

    def resend(self, db: sqlite3.Connection, caller: Caller, provider_id: str, invitation_id: str) -> dict[str, Any]:
        """E-mail a new link and void the earlier one. Raises a 404, 409 or 503 `Problem`."""
        row = _row(db, provider_id, invitation_id)
        if row["status"] != "open":
            raise Problem(409, f"The invitation is {row['status']} already", kind=f"invitation-{row['status']}")
        self._refuse_second(db, provider_id, row["email"], but=invitation_id)
        if row["token_hash"]:
            db.execute("INSERT INTO voided_link VALUES (?, ?)", (row["token_hash"], invitation_id))
        return self._send(db, caller, invitation_id)

    def revoke(self, db: sqlite3.Connection, provider_id: str, invitation_id: str) -> None:
        """Make the link void. Raises a 404 or 409 `Problem`."""
        row = _row(db, provider_id, invitation_id)
        if row["status"] == "accepted":
            raise Problem(409, "The invitation is accepted already", kind="invitation-accepted")
        db.execute("UPDATE invitation SET status = 'revoked' WHERE id = ?", (invitation_id,))

    def follow(self, token: str) -> Link:
        """What stands behind an e-mailed link."""
        rows = self._store.all(
            "SELECT invitation.*, provider.name AS provider_name FROM invitation"
            " JOIN provider ON provider.id = invitation.provider_id WHERE token_hash = ?",
            _hash(token),
        )
        if not rows:
            voided = self._store.all("SELECT 1 FROM voided_link WHERE token_hash = ?", _hash(token))
            return Link(LinkState.REPLACED if voided else LinkState.UNKNOWN)
        return Link(self._state(rows[0]), rows[0])

    def accept(self, token: str, username: str, password: str) -> LinkState:
        """Make the invited person an admin user; OPEN where the username is taken, else what the link then is."""
        password_hash = generate_password_hash(password)
        with self._store.transaction() as db:
            row = db.execute("SELECT * FROM invitation WHERE token_hash = ?", (_hash(token),)).fetchone()
            if row is None:
                return LinkState.UNKNOWN
            state = self._state(row)
            taken = db.execute("SELECT 1 FROM admin_user WHERE username = ?", (username,)).fetchone()
            if state is not LinkState.OPEN or taken:
                return state
            db.execute(
                "INSERT INTO admin_user VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'active', NULL)",
                (
                    new_id("A"),
                    row["provider_id"],
                    username,
                    password_hash,
                    row["first_name"],
                    row["last_name"],
                    row["email"],
                    row["therapist"],
                ),
            )
            db.execute("UPDATE invitation SET status = 'accepted' WHERE id = ?", (row["id"],))
            _remember_person(db, row)
        return LinkState.ACCEPTED

    def sign_in(self, username: str, password: str) -> tuple[str, sqlite3.Row | None]:
        """Check a password: ("active", the user), or why not: "unknown", "locked", "disabled"."""
        with self._store.transaction() as db:
            user = db.execute("SELECT * FROM admin_user WHERE username = ?", (username,)).fetchone()
            if user is None or not check_password_hash(user["password_hash"], password):
                return "unknown", None
            if user["status"] == "active":
                db.execute("UPDATE admin_user SET last_signed_in_at = ? WHERE id = ?", (self._store.now, user["id"]))
        return user["status"], user

    def _send(self, db: sqlite3.Connection, caller: Caller, invitation_id: str) -> dict[str, Any]:
        token = secrets.token_urlsafe(32)
        now = self._store.clock()
        db.execute(
            "UPDATE invitation SET token_hash = ?, sent_at = ?, expires_at = ? WHERE id = ?",
            (_hash(token), moment(now), moment(now + INVITATION_LIFE), invitation_id),
        )
        row = db.execute(
            "SELECT invitation.*, provider.name AS provider_name, county.name AS county_name FROM invitation"
            " JOIN provider ON provider.id = invitation.provider_id JOIN county ON county.id = invitation.county_id"
            " WHERE invitation.id = ?",
            (invitation_id,),
        ).fetchone()
        letter = Letter(
            first_name=row["first_name"],
            last_name=row["last_name"],
            email=row["email"],
            provider_name=row["provider_name"],
            county_name=row["county_name"],
            link=f"{self._base_url}/invitations/{token}",
            expires_at=now + INVITATION_LIFE,
        )
        try:
            self._mailer.send_invitation(letter)
        except MailFailed as error:
            raise Problem(503, "The mail server does not answer", headers={"Retry-After": "30"}) from error
        return self._represented(row, caller)

    def _refuse_second(self, db: sqlite3.Connection, provider_id: str, email: str, but: str = "") -> None:
        if db.execute("SELECT 1 FROM admin_user WHERE provider_id = ? AND email = ?", (provider_id, email)).fetchone():
            raise Problem(409, "This person is an admin user already", kind="admin-exists")
        pending = db.execute(
            "SELECT id FROM invitation"
            " WHERE provider_id = ? AND email = ? AND status = 'open' AND expires_at > ? AND id != ?",
            (provider_id, email, self._store.now, but),
        ).fetchone()
        if pending:
            raise Problem(
                409,
                "This address has an open invitation",
                kind="invitation-pending",
                members={"invitation_id": pending["id"]},
            )

    def _state(self, row: sqlite3.Row) -> LinkState:
        if row["status"] == "open" and row["expires_at"] <= self._store.now:
            return LinkState.EXPIRED
        return LinkState(row["status"])

    def _represented(self, row: sqlite3.Row, caller: Caller) -> dict[str, Any]:
        state = self._state(row)
        return {
            "id": row["id"],
            "first_name": row["first_name"],
            "last_name": row["last_name"],
            "email": row["email"],
            "therapist": decoded(row["therapist"]),
            "status": "sent" if state is LinkState.OPEN else state.value,
            "notices": decoded(row["notices"]),
            # The name of another county's member of staff is not this county's to see.
            "invited_by": row["invited_by"] if row["county_id"] == caller.county_id else None,
            "created_at": row["created_at"],
            "sent_at": row["sent_at"],
            "expires_at": row["expires_at"],
        }


def _row(db: sqlite3.Connection, provider_id: str, invitation_id: str) -> sqlite3.Row:
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM invitation WHERE id = ? AND provider_id = ?", (invitation_id, provider_id)
    ).fetchone()
    if row is None:
        raise not_found("invitation")
    return row


def _refuse_conflict(db: sqlite3.Connection, new: NewInvitation) -> None:
    """Refuse a person whom the Portal knows with other credentials; what either side leaves open is no conflict."""
    known = db.execute("SELECT * FROM known_person WHERE email = ?", (new.email,)).fetchone()
    if known is None or new.therapist is None:
        return
    faults = []
    for name, given in asdict(new.therapist).items():
        fold = fold_license if name == "license_number" else str
        if given and known[name] and fold(given) != fold(known[name]):
            faults.append(FieldFault(f"#/therapist/{name}", "differs from what the Portal has for this person"))
    if faults:
        raise Problem(
            409, "The Portal knows this person with other credentials", kind="credential-conflict", errors=faults
        )


def _notices(db: sqlite3.Connection, therapist: Therapist | None) -> list[dict[str, str]]:
    if therapist is None or therapist.npi is None:
        return []
    if db.execute("SELECT 1 FROM weekly_copy WHERE npi = ?", (therapist.npi,)).fetchone():
        return []
    return [{"pointer": "#/therapist/npi", "detail": _NOTICE}]


def _remember_person(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    """From now on the Portal knows the person with the credentials that the invitation brought along."""
    therapist = decoded(row["therapist"])
    if therapist:
        db.execute(
            "INSERT OR IGNORE INTO known_person VALUES (?, ?, ?, ?)",
            (row["email"], therapist["npi"], therapist["profession"], therapist["license_number"]),
        )


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
