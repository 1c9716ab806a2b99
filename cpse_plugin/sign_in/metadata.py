"""What the identity provider says of itself in its discovery document, checked before any of it is used.

OpenID Connect Discovery 1.0, https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..settings import SettingsError
from .errors import ProviderUnavailable
from .id_token import ALGORITHMS
from .issuer import both, is_same

_WELL_KNOWN = "/.well-known/openid-configuration"
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """The addresses of an identity provider and what the client must know of its ways.

    `names_itself` is set where every authorization response carries the issuer (RFC 9207), `secret_in_form` where the
    token endpoint takes the client's secret in no other way.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None
    userinfo_endpoint: str | None
    names_itself: bool
    secret_in_form: bool


def issuer_of(discovery_url: str) -> str:
    """The issuer that stands behind a discovery address: it without its end. Some providers add a last slash.

    Raises `SettingsError` for an address that is none.
    """
    base, end, _ = discovery_url.partition("?")[0].partition(_WELL_KNOWN)
    if not end or base + end != discovery_url.partition("?")[0]:
        raise SettingsError(f"CPSE_OIDC_DISCOVERY_URL: must end with {_WELL_KNOWN}")
    return base


def read_metadata(document: object, expected: str) -> ProviderMetadata:
    """Read a discovery document. Raises `ProviderUnavailable` for one that is incomplete, unsafe or another's."""
    if not isinstance(document, Mapping):
        raise ProviderUnavailable("the discovery document is no JSON object")
    issuer = document.get("issuer")
    if not isinstance(issuer, str) or not (is_same(issuer, expected) or is_same(issuer, expected + "/")):
        raise ProviderUnavailable(
            f"the issuer in the discovery document is not the one of the discovery address: {both(issuer, expected)}"
        )
    _must_offer(document, "response_types_supported", ("code",))
    _must_offer(document, "code_challenge_methods_supported", ("S256",))
    _must_offer(document, "id_token_signing_alg_values_supported", ALGORITHMS)
    return ProviderMetadata(
        issuer=issuer,
        authorization_endpoint=_address(document, "authorization_endpoint"),
        token_endpoint=_address(document, "token_endpoint"),
        jwks_uri=_address(document, "jwks_uri"),
        end_session_endpoint=_optional_address(document, "end_session_endpoint"),
        userinfo_endpoint=_optional_address(document, "userinfo_endpoint"),
        # Anything but a plain false counts as a promise: to expect too much refuses, to expect too little lets in.
        names_itself=document.get("authorization_response_iss_parameter_supported", False) is not False,
        secret_in_form=_wants_secret_in_form(document),
    )


def _address(document: Mapping[str, object], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not _is_safe(value):
        raise ProviderUnavailable(
            f"{name} in the discovery document is missing or no address that begins with https://"
        )
    return value


def _optional_address(document: Mapping[str, object], name: str) -> str | None:
    return _address(document, name) if document.get(name) else None


def _is_safe(address: str) -> bool:
    if not address.isprintable() or " " in address:
        return False
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.fragment or "@" in parts.netloc:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK_HOSTS)


def _must_offer(document: Mapping[str, object], name: str, wanted: tuple[str, ...]) -> None:
    """Refuse a provider that lists what it can do and has nothing in its list that the client can use."""
    offered = document.get(name)
    if offered is None:
        return
    if not isinstance(offered, list) or not any(item in offered for item in wanted):
        raise ProviderUnavailable(f"{name} in the discovery document has none of {', '.join(wanted)}")


def _wants_secret_in_form(document: Mapping[str, object]) -> bool:
    """Whether the token endpoint takes the secret in the form alone; HTTP Basic is the protocol's default."""
    offered = document.get("token_endpoint_auth_methods_supported")
    if not isinstance(offered, list) or "client_secret_basic" in offered:
        return False
    if "client_secret_post" in offered:
        return True
    raise ProviderUnavailable("the identity provider takes no client secret at its token endpoint")
