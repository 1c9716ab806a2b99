"""Signing in: OpenID Connect at the county's identity provider, or the host's own user; roles from groups."""

from .errors import NotBegunHere, SignInFailed
from .identity import Identity
from .next_page import safe_next_page
from .oidc import AuthorizationAnswer, OidcClient
from .sessions import (
    cookie_warning,
    current_staff,
    parts,
    person_without_role,
    remember_without_role,
    sign_in,
    sign_out,
)

__all__ = [
    "AuthorizationAnswer",
    "Identity",
    "NotBegunHere",
    "OidcClient",
    "SignInFailed",
    "cookie_warning",
    "current_staff",
    "parts",
    "person_without_role",
    "remember_without_role",
    "safe_next_page",
    "sign_in",
    "sign_out",
]
