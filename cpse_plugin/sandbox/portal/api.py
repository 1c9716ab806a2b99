"""The operations of the contract under `/v1`."""

import hashlib
import json
import logging
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import HTTPException

from ..faults import IGNORE_IDEMPOTENCY_KEYS, WORK_SECONDS
from . import providers
from .content import (
    read_association_query,
    read_county_provider_id,
    read_match_queries,
    read_new_invitation,
    read_new_provider,
    read_search,
)
from .idempotency import Answer, Claim, claim, fingerprint, keep, read_key, release
from .invitations import Invitations
from .oauth import Caller, Tokens, require_scope
from .problems import Problem
from .store import Store

_LOGGER = logging.getLogger("cpse_plugin.sandbox.portal")
_LONGEST_ACTING_USER = 254

Operation = Callable[..., Answer]


class PortalApi:
    """Each operation works in a transaction of its own, together with its line of the audit trail."""

    def __init__(self, store: Store, tokens: Tokens, invitations: Invitations) -> None:
        self._store = store
        self._tokens = tokens
        self._invitations = invitations

    def blueprint(self) -> Blueprint:
        """The operations at their addresses."""
        blueprint = Blueprint("v1", __name__, url_prefix="/v1")
        one = "/providers/<provider_id>"
        invitation = f"{one}/invitations/<invitation_id>"
        for method, path, scope, operation in (
            ("GET", "/providers", "providers.read", self.find_providers),
            ("POST", "/providers", "providers.write", self.add_provider),
            ("POST", "/providers/match", "providers.read", self.match_providers),
            ("GET", one, "providers.read", self.get_provider),
            ("PUT", f"{one}/association", "providers.write", self.associate_provider),
            ("DELETE", f"{one}/association", "providers.write", self.dissociate_provider),
            ("GET", f"{one}/admin-users", "admins.read", self.list_admin_users),
            ("GET", f"{one}/invitations", "admins.read", self.list_invitations),
            ("POST", f"{one}/invitations", "admins.invite", self.invite_admin_user),
            ("DELETE", invitation, "admins.invite", self.revoke_invitation),
            ("POST", f"{invitation}/resend", "admins.invite", self.resend_invitation),
            ("GET", "/professions", "providers.read", self.list_professions),
        ):
            blueprint.add_url_rule(
                path,
                operation.__name__,
                self._endpoint(operation, scope),
                methods=[method],
                provide_automatic_options=False,
            )
        return blueprint

    def find_providers(self, db: sqlite3.Connection, caller: Caller) -> Answer:
        """Operation findProviders."""
        npi, sed_code, limit, cursor = read_search(request.args)
        return Answer(200, providers.find(db, caller.county_id, npi, sed_code, limit=limit, cursor=cursor))

    def add_provider(self, db: sqlite3.Connection, caller: Caller) -> Answer:
        """Operation addProvider."""
        body = providers.add(db, caller.county_id, read_new_provider(_json()), self._store.now)
        return Answer(201, body, {"Location": f"{self._tokens.issuer}/v1/providers/{body['id']}"})

    def match_providers(self, db: sqlite3.Connection, caller: Caller) -> Answer:
        """Operation matchProviders."""
        results = [
            {"ref": ref, "providers": providers.find(db, caller.county_id, npi, sed_code)["items"]}
            for ref, npi, sed_code in read_match_queries(_json())
        ]
        return Answer(200, {"results": results})

    def get_provider(self, db: sqlite3.Connection, caller: Caller, provider_id: str) -> Answer:
        """Operation getProvider."""
        return Answer(200, providers.get(db, caller.county_id, provider_id))

    def associate_provider(self, db: sqlite3.Connection, caller: Caller, provider_id: str) -> Answer:
        """Operation associateProvider."""
        number = read_county_provider_id(_json())
        return Answer(200, providers.associate(db, caller.county_id, provider_id, number, self._store.now))

    def dissociate_provider(self, db: sqlite3.Connection, caller: Caller, provider_id: str) -> Answer:
        """Operation dissociateProvider."""
        number = read_association_query(request.args)
        providers.dissociate(db, caller.county_id, provider_id, number, self._store.now)
        return Answer(204)

    def list_admin_users(self, db: sqlite3.Connection, caller: Caller, provider_id: str) -> Answer:
        """Operation listAdminUsers."""
        providers.get(db, caller.county_id, provider_id)
        return Answer(200, {"items": providers.admin_users(db, provider_id)})

    def list_invitations(self, db: sqlite3.Connection, caller: Caller, provider_id: str) -> Answer:
        """Operation listInvitations."""
        providers.get(db, caller.county_id, provider_id)
        return Answer(200, {"items": self._invitations.listed(db, caller, provider_id)})

    def invite_admin_user(self, db: sqlite3.Connection, caller: Caller, provider_id: str) -> Answer:
        """Operation inviteAdminUser."""
        providers.get(db, caller.county_id, provider_id)
        codes = frozenset(row["code"] for row in db.execute("SELECT code FROM profession"))
        return Answer(201, self._invitations.invite(db, caller, provider_id, read_new_invitation(_json(), codes)))

    def revoke_invitation(self, db: sqlite3.Connection, caller: Caller, provider_id: str, invitation_id: str) -> Answer:
        """Operation revokeInvitation."""
        providers.get(db, caller.county_id, provider_id)
        self._invitations.revoke(db, provider_id, invitation_id)
        return Answer(204)

    def resend_invitation(self, db: sqlite3.Connection, caller: Caller, provider_id: str, invitation_id: str) -> Answer:
        """Operation resendInvitation."""
        providers.get(db, caller.county_id, provider_id)
        return Answer(200, self._invitations.resend(db, caller, provider_id, invitation_id))

    def list_professions(self, db: sqlite3.Connection, caller: Caller) -> Answer:  # noqa: ARG002
        """Operation listProfessions."""
        rows = db.execute("SELECT code, name FROM profession ORDER BY place")
        body = {"items": [dict(row) for row in rows]}
        tag = hashlib.sha256(json.dumps(body).encode()).hexdigest()[:16]
        headers = {"ETag": f'"{tag}"', "Cache-Control": "private, max-age=3600"}
        if request.if_none_match.contains(tag):
            return Answer(304, None, headers)
        return Answer(200, body, headers)

    def _endpoint(self, operation: Operation, scope: str) -> Callable[..., Response]:
        def view(**parameters: str) -> Response:
            acting_user = request.headers.get("CPSE-Acting-User")
            caller = self._tokens.caller(request.headers.get("Authorization", ""), acting_user)
            require_scope(caller, scope)
            if acting_user is not None and len(acting_user) > _LONGEST_ACTING_USER:
                raise Problem(400, "Bad request", detail="The header CPSE-Acting-User is too long.")
            own = self._claim(caller)
            if isinstance(own, Answer):
                return _response(own)
            _take_time()
            return _response(self._carry_out(operation, caller, own, parameters))

        return view

    def _claim(self, caller: Caller) -> Claim | Answer | None:
        """Take the call's Idempotency-Key; None where the call needs none."""
        if request.method != "POST":
            return None
        key = read_key(request.headers.get("Idempotency-Key"))
        if request.environ.get(IGNORE_IDEMPOTENCY_KEYS):
            return None
        call = fingerprint(request.method, request.path, _json() if request.get_data() else None)
        return claim(self._store, caller.county_id, key, call)

    def _carry_out(self, operation: Operation, caller: Caller, own: Claim | None, parameters: dict[str, str]) -> Answer:
        """Do the work; its effect, its answer and its line of the audit trail are there together or not at all."""
        try:
            with self._store.transaction() as db:
                answer = operation(db, caller, **parameters)
                self._conclude(db, operation, caller, own, answer)
        except Problem as problem:
            # The work's own transaction was rolled back; the refusal is an answer that is kept as well.
            answer = Answer(problem.status, problem.body, problem.headers, "application/problem+json")
            with self._store.transaction() as db:
                self._conclude(db, operation, caller, own, answer)
            raise
        except BaseException:
            if own is not None:
                with self._store.transaction() as db:
                    release(db, own)
            raise
        return answer

    def _conclude(
        self, db: sqlite3.Connection, operation: Operation, caller: Caller, own: Claim | None, answer: Answer
    ) -> None:
        if own is not None:
            if answer.status < 500:
                keep(db, own, answer)
            else:
                release(db, own)
        db.execute(
            "INSERT INTO audit (at, county_id, client_id, acting_user, operation, path, status)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                self._store.now,
                caller.county_id,
                caller.client_id,
                caller.acting_user,
                operation.__name__,
                request.path,
                answer.status,
            ),
        )


def as_problem(error: Exception) -> Response:
    """Answer any error under `/v1` as problem details."""
    if isinstance(error, Problem):
        return error.response()
    if isinstance(error, HTTPException):
        headers = {name: value for name, value in error.get_headers() if name == "Allow"}
        return Problem(error.code or 500, error.name, headers=headers).response()
    _LOGGER.error("%s %s failed [%s]", request.method, request.path, g.request_id, exc_info=error)
    return Problem(500, "The Portal failed").response()


def _json() -> Any:
    if not request.is_json:
        raise Problem(415, "Unsupported media type", detail="Send application/json.")
    try:
        return json.loads(request.get_data())
    except (ValueError, RecursionError):
        raise Problem(400, "Bad request", detail="The body is no JSON.") from None


def _take_time() -> None:
    """Be as slow as the sandbox was told to be, with the call's key taken."""
    seconds = request.environ.get(WORK_SECONDS)
    if seconds:
        stopping: threading.Event = request.environ["cpse_sandbox.stopping"]
        stopping.wait(seconds)


def _response(answer: Answer) -> Response:
    content = None if answer.body is None else json.dumps(answer.body, ensure_ascii=False)
    response = Response(content, answer.status, headers=answer.headers, content_type=answer.content_type)
    if content is None:
        response.headers.pop("Content-Type", None)
    return response
