"""A client's secret in the header of HTTP Basic, as both token endpoints of the sandbox read it."""

import base64
import binascii
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus


def by_secret_in_header(query_client: Callable[[str], Any], request: Any) -> Any:
    """Return the client that the header names, or None.

    Id and secret are form-encoded in it (RFC 6749, section 2.3.1). Authlib's own reader leaves a plus sign as it is.
    """
    kind, _, credentials = (request.headers.get("Authorization") or "").partition(" ")
    try:
        pair = base64.b64decode(credentials, validate=True).decode("ascii")
        client_id, secret = (unquote_plus(part, errors="strict") for part in pair.split(":"))
    except (binascii.Error, ValueError):
        return None
    client = query_client(client_id) if kind.lower() == "basic" else None
    return client if client is not None and client.check_client_secret(secret) else None
