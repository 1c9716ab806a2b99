"""The plugin's settings: read once from the host's `app.config`, checked, and frozen."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .domain.access import Role

PORTAL_SCOPE = "providers.read providers.write admins.read admins.invite"
ISSUER = "issuer"
TOKEN_ENDPOINT = "token-endpoint"  # noqa: S105  # A word of the setting and no secret.
_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class SettingsError(ValueError):
    """A setting is missing, unknown or cannot be read; the text begins with its name and goes to the operator."""


@dataclass(frozen=True, slots=True)
class Timeout:
    """Seconds to connect and seconds to answer; the whole call ends two seconds after the second at the latest."""

    connect: float
    answer: float

    @property
    def deadline(self) -> float:
        """Seconds after which a call is given up, whatever the other side does."""
        return self.answer + 2


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings that begin with `CPSE_`; the field `portal_url` is the key `CPSE_PORTAL_URL`."""

    county_name: str
    portal_url: str
    portal_client_id: str
    base_template: str = "cpse/base.html"
    stylesheet: str | None = None
    portal_token_url: str = ""
    portal_client_secret: str | None = field(default=None, repr=False)
    portal_private_key: str | Path | None = field(default=None, repr=False)
    portal_token_audience: str = ISSUER
    portal_scope: str = PORTAL_SCOPE
    portal_timeout: Timeout = Timeout(3.05, 10)
    portal_gateway: str | None = None
    npi_registry_url: str = "https://npiregistry.cms.hhs.gov/api/"
    npi_local_copy: Path | None = None
    contact: str | None = None
    upstream_calls: int = 4
    oidc_discovery_url: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = field(default=None, repr=False)
    oidc_scopes: tuple[str, ...] = ()
    role_claim: str = "groups"
    role_map: dict[str, Role] = field(default_factory=dict)
    session_idle_minutes: int = 30
    session_hours: int = 12
    rate_limit_storage: str = field(default="memory://", repr=False)
    frame_ancestors: str = "'self'"

    @property
    def uses_oidc(self) -> bool:
        """Whether staff sign in at the county's identity provider; otherwise the host names its user."""
        return self.oidc_discovery_url is not None

    @property
    def portal_issuer(self) -> str:
        """The Portal as an issuer of tokens: what its contract calls `base`, the address without the version `/v1`."""
        return self.portal_url.removesuffix("/v1")

    @property
    def portal_assertion_audience(self) -> str:
        """Whom an assertion signed with the private key is for."""
        named = {ISSUER: self.portal_issuer, TOKEN_ENDPOINT: self.portal_token_url}
        return named.get(self.portal_token_audience, self.portal_token_audience)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Settings":
        """Read the settings from a Flask configuration. Raises `SettingsError`, which names the setting at fault."""
        refuse_what_is_gone(config)
        known = {f"CPSE_{item.name.upper()}": item for item in fields(cls)}
        for key in config:
            if key.startswith("CPSE_") and key not in known:
                raise SettingsError(f"{key} is no setting of cpse_plugin; the README lists them")
        values: dict[str, Any] = {}
        for key, item in known.items():
            raw = config.get(key)
            if raw is None or (isinstance(raw, str) and not raw.strip()):
                if key in _REQUIRED:
                    raise SettingsError(f"{key} is required")
                continue
            parse: Callable[[Any], Any] = _PARSERS.get(key, _text)
            try:
                values[item.name] = parse(raw)
            except ValueError as error:
                raise SettingsError(f"{key}: {error}") from error
        values.setdefault("portal_token_url", values["portal_url"] + "/oauth/token")
        settings = cls(**values)
        _check_together(settings)
        return settings


def refuse_what_is_gone(config: Mapping[str, Any]) -> None:
    """Raise `SettingsError`, which says what to do instead, where a setting is given that there is no more."""
    for key, instead in _GONE.items():
        if key in config:
            raise SettingsError(f"{key} is no setting any more: {instead}")


def _check_together(settings: Settings) -> None:
    if settings.portal_gateway is None and not settings.portal_client_secret and not settings.portal_private_key:
        raise SettingsError("CPSE_PORTAL_CLIENT_SECRET or CPSE_PORTAL_PRIVATE_KEY is required")
    if settings.portal_client_secret and settings.portal_private_key:
        raise SettingsError("CPSE_PORTAL_CLIENT_SECRET and CPSE_PORTAL_PRIVATE_KEY exclude each other; give one")
    elsewhere = _origin(settings.portal_token_url) != _origin(settings.portal_url)
    if settings.portal_private_key and settings.portal_token_audience == ISSUER and elsewhere:
        # An assertion for the Portal in the hands of another host could be used by that host at the Portal.
        raise SettingsError(
            "CPSE_PORTAL_TOKEN_AUDIENCE is required, as the issuer's address or token-endpoint, where "
            "CPSE_PORTAL_TOKEN_URL is on another host than CPSE_PORTAL_URL"
        )
    if settings.uses_oidc:
        for name in ("oidc_client_id", "oidc_client_secret", "role_map"):
            if not getattr(settings, name):
                raise SettingsError(f"CPSE_{name.upper()} is required with CPSE_OIDC_DISCOVERY_URL")


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"must be text, not {type(raw).__name__}")
    return raw.strip()


def _url(raw: Any) -> str:
    text = _text(raw)
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address that begins with https://")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK_HOSTS:
        raise ValueError("must begin with https://; http:// is for this machine alone")
    return text


def _own_address(raw: Any) -> str:
    """A path of the host's own: the plugin's Content-Security-Policy lets nothing else through."""
    text = _text(raw)
    if not re.fullmatch(r"/(?![/\\])[!#-;=?-~]*", text):
        raise ValueError("must be a path of this host, such as /static/county.css")
    return text


def _origin(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc.lower()


def _audience(raw: Any) -> str:
    """One of the two words, or an address, which is compared to the letter and so is kept as it is."""
    text = _text(raw)
    if text in (ISSUER, TOKEN_ENDPOINT):
        return text
    try:
        return _url(text)
    except ValueError:
        raise ValueError(f"must be {ISSUER}, {TOKEN_ENDPOINT} or an address that begins with https://") from None


def _base_url(raw: Any) -> str:
    return _url(raw).rstrip("/")


def _file(raw: Any) -> Path:
    """The path of a file that need not be there yet."""
    path = raw if isinstance(raw, Path) else Path(_text(raw))
    if path.is_dir():
        raise ValueError(f"must be a file, and {path} is a folder")
    return path


def whole_number(least: int, most: int) -> Callable[[Any], int]:
    """Makes a reader of whole numbers within these bounds, as text or not; it raises `ValueError`."""

    def parse(raw: Any) -> int:
        text = str(raw).strip()
        if isinstance(raw, bool) or not (text.isascii() and text.isdigit() and least <= int(text[:10]) <= most):
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return parse


def _contact(raw: Any) -> str:
    """What is sent in a header, inside parentheses."""
    text = _text(raw)
    if not re.fullmatch(r"[!-\x27*-~][ -\x27*-~]{0,199}", text):
        raise ValueError("must be an e-mail or web address: at most 200 characters of ASCII without parentheses")
    return text


def host_names(raw: Any) -> list[str]:
    """Host names between commas, or a list of them; one that begins with a dot stands for all below it.

    Raises `ValueError`.
    """
    names = raw if isinstance(raw, list | tuple) else _text(raw).split(",")
    hosts = [_text(name).lower() for name in names]
    if not all(re.fullmatch(r"\.?[a-z0-9][a-z0-9.-]*", host) for host in hosts):
        raise ValueError("must be host names without scheme and port, with commas between them")
    return hosts


def _scopes(raw: Any) -> tuple[str, ...]:
    """Names of OAuth 2.0 scopes (RFC 6749, section 3.3) between spaces or commas, or a list of them."""
    names = raw if isinstance(raw, list | tuple) else [name for name in re.split(r"[\s,]+", _text(raw)) if name]
    if not all(re.fullmatch(r"[!#-\[\]-~]+", _text(name)) for name in names):
        raise ValueError("must be names of scopes with spaces between them, such as groups")
    return tuple(names)


def _frame_ancestors(raw: Any) -> str:
    """What a Content-Security-Policy names after `frame-ancestors`, in a form that browsers read as it is meant."""
    sources = _text(raw).split()
    if sources == ["'none'"]:
        return "'none'"
    if not all(re.fullmatch(_FRAME_SOURCE, source, re.IGNORECASE) for source in sources):
        raise ValueError(
            "must be origins such as https://county.sharepoint.com, without a path and with spaces between them, "
            "or 'self'; or 'none' alone"
        )
    return " ".join(sources)


def _timeout(raw: Any) -> Timeout:
    try:
        connect, answer = (float(part) for part in _text(raw).split(","))
    except ValueError:
        raise ValueError("must be two numbers of seconds, to connect and to answer, such as 3.05,10") from None
    if not (0 < connect <= 60 and 0 < answer <= 300):
        raise ValueError("must be above 0, and at most 60 seconds to connect and 300 to answer")
    return Timeout(connect, answer)


def _private_key(raw: Any) -> str | Path:
    """Return the key's text, or the path of the file that holds it, which is what looks like neither PEM nor JWK.

    The path is kept, and not what the file holds now, so that the key can be exchanged while the plugin runs.
    """
    if isinstance(raw, Path):
        text = str(raw)
    else:
        text = _text(raw)
        if text.startswith(("-----BEGIN", "{")):
            return text
    try:
        Path(text).read_bytes()
    except OSError as error:
        raise ValueError(f"is neither a PEM or JWK text nor a file that can be read ({error.strerror})") from error
    return Path(text)


def _role_map(raw: Any) -> dict[str, Role]:
    try:
        table = json.loads(raw) if isinstance(raw, str) else raw
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON ({error.msg} at character {error.pos})") from error
    if not isinstance(table, dict) or not all(isinstance(name, str) for pair in table.items() for name in pair):
        raise ValueError('must be a JSON object from group to role, such as {"Preschool staff": "editor"}')
    return {group: Role.from_name(role) for group, role in table.items()}


# 'self', any, a scheme, or a host with what may stand around it. The bare words are 'self' and 'none' without quotes.
_FRAME_SOURCE = (
    r"'self'|\*|[a-z][a-z0-9+.-]*:|"
    r"(?!(?:self|none)$)(?:https?://)?(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::(?:[0-9]{1,5}|\*))?"
)
_REQUIRED = frozenset({"CPSE_COUNTY_NAME", "CPSE_PORTAL_URL", "CPSE_PORTAL_CLIENT_ID"})
_PARSERS: dict[str, Callable[[Any], Any]] = {
    "CPSE_STYLESHEET": _own_address,
    "CPSE_PORTAL_URL": _base_url,
    "CPSE_PORTAL_TOKEN_URL": _url,
    "CPSE_PORTAL_TIMEOUT": _timeout,
    "CPSE_PORTAL_PRIVATE_KEY": _private_key,
    "CPSE_PORTAL_TOKEN_AUDIENCE": _audience,
    "CPSE_NPI_REGISTRY_URL": _url,
    "CPSE_NPI_LOCAL_COPY": _file,
    "CPSE_CONTACT": _contact,
    # Two at least: each other system may take all places but one.
    "CPSE_UPSTREAM_CALLS": whole_number(2, 1000),
    "CPSE_OIDC_DISCOVERY_URL": _url,
    "CPSE_OIDC_SCOPES": _scopes,
    "CPSE_ROLE_MAP": _role_map,
    # Two minutes before the end people are warned.
    "CPSE_SESSION_IDLE_MINUTES": whole_number(3, 24 * 60),
    "CPSE_SESSION_HOURS": whole_number(1, 24),
    "CPSE_FRAME_ANCESTORS": _frame_ancestors,
}
_GONE = {
    "CPSE_NPI_CACHE_HOURS": "an answer of the NPI Registry counts for 24 hours; take the setting out.",
    "CPSE_PROXIES": "the stand-alone host alone reads it. A host of your own uses Werkzeug's ProxyFix.",
    "CPSE_ROLE_CHECK_MINUTES": "a role is confirmed every 15 minutes; take the setting out.",
    "CPSE_TIME_ZONE": "days and times are New York's; take the setting out.",
    "CPSE_TRUSTED_HOSTS": "give the host names in Flask's own TRUSTED_HOSTS.",
}
