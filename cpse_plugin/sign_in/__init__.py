"""Signing in: OpenID Connect at the county's identity provider, or the host's own user; roles from groups."""

from .errors import NotBegunHere, ProviderRefused, ProviderUnavailable, SignInFailed, TokenRefused
from .identity import Identity, WithoutRole
from .next_page import safe_next_page
from .oidc import AuthorizationAnswer, OidcClient
from .sessions import (
    NotStaff,
    comes_without_cookie,
    current_session,
    current_staff,
    go_on_beside,
    known_staff,
    parts,
    person_without_role,
    remember_without_role,
    session_id,
    sign_in,
    sign_out,
    sign_out_of_frames_too,
)

__all__ = [
    "AuthorizationAnswer",
    "Identity",
    "NotBegunHere",
    "NotStaff",
    "OidcClient",
    "ProviderRefused",
    "ProviderUnavailable",
    "SignInFailed",
    "TokenRefused",
    "WithoutRole",
    "comes_without_cookie",
    "current_session",
    "current_staff",
    "go_on_beside",
    "known_staff",
    "parts",
    "person_without_role",
    "remember_without_role",
    "safe_next_page",
    "session_id",
    "sign_in",
    "sign_out",
    "sign_out_of_frames_too",
]
