"""Refusals as RFC 9457 problem details."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, g

URN = "urn:cpse:problem:"


@dataclass(frozen=True, slots=True)
class FieldFault:
    """What is wrong with one field; `pointer` is a JSON Pointer in its form as a fragment, such as `#/email`."""

    pointer: str
    detail: str


class Problem(Exception):
    """A call is refused. `kind` is the last part of the contract's type, empty where the status says it all."""

    def __init__(
        self,
        status: int,
        title: str,
        *,
        kind: str = "",
        detail: str = "",
        errors: Sequence[FieldFault] = (),
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(title)
        self.status = status
        self.headers = dict(headers or {})
        self.body: dict[str, Any] = {"type": URN + kind if kind else "about:blank", "title": title, "status": status}
        if detail:
            self.body["detail"] = detail
        if errors:
            self.body["errors"] = [{"pointer": item.pointer, "detail": item.detail} for item in errors]
        self.body.update(members or {})

    def response(self) -> Response:
        """The answer over HTTP; `instance` is the exchange's id, which is in the header X-Request-Id too."""
        body = {**self.body, "instance": f"urn:uuid:{g.request_id}"}
        return Response(
            json.dumps(body, ensure_ascii=False),
            self.status,
            headers=self.headers,
            content_type="application/problem+json",
        )


def not_found(what: str) -> Problem:
    """The Portal has no such thing."""
    return Problem(404, "Not found", detail=f"There is no such {what}.")


def invalid_content(errors: Sequence[FieldFault]) -> Problem:
    """Fields of the body are not acceptable."""
    return Problem(422, "Some fields are not acceptable", kind="invalid-content", errors=errors)
