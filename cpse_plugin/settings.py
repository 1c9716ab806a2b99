"""The plugin's settings: read once from the host's `app.config`, checked, and frozen."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .domain.access import Role

PORTAL_SCOPE = "providers.read providers.write admins.read admins.invite"
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
    portal_token_url: str = ""
    portal_client_secret: str | None = field(default=None, repr=False)
    portal_private_key: str | None = field(default=None, repr=False)
    portal_scope: str = PORTAL_SCOPE
    portal_timeout: Timeout = Timeout(3.05, 10)
    portal_gateway: str | None = None
    npi_registry_url: str = "https://npiregistry.cms.hhs.gov/api/"
    oidc_discovery_url: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = field(default=None, repr=False)
    role_claim: str = "groups"
    role_map: dict[str, Role] = field(default_factory=dict)
    frame_ancestors: str = "'self'"

    @property
    def uses_oidc(self) -> bool:
        """Whether staff sign in at the county's identity provider; otherwise the host names its user."""
        return self.oidc_discovery_url is not None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Settings":
        """Read the settings from a Flask configuration. Raises `SettingsError`, which names the setting at fault."""
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


def _check_together(settings: Settings) -> None:
    if settings.portal_gateway is None and not settings.portal_client_secret and not settings.portal_private_key:
        raise SettingsError("CPSE_PORTAL_CLIENT_SECRET or CPSE_PORTAL_PRIVATE_KEY is required")
    if settings.portal_client_secret and settings.portal_private_key:
        raise SettingsError("CPSE_PORTAL_CLIENT_SECRET and CPSE_PORTAL_PRIVATE_KEY exclude each other; give one")
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


def _base_url(raw: Any) -> str:
    return _url(raw).rstrip("/")


def _timeout(raw: Any) -> Timeout:
    try:
        connect, answer = (float(part) for part in _text(raw).split(","))
    except ValueError:
        raise ValueError("must be two numbers of seconds, to connect and to answer, such as 3.05,10") from None
    if not (0 < connect <= 60 and 0 < answer <= 300):
        raise ValueError("must be above 0, and at most 60 seconds to connect and 300 to answer")
    return Timeout(connect, answer)


def _private_key(raw: Any) -> str:
    """Return the key's text; what looks like neither PEM nor JWK is the path of a file that holds it."""
    text = _text(raw)
    if text.startswith(("-----BEGIN", "{")):
        return text
    try:
        return Path(text).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"is neither a PEM or JWK text nor a file that can be read ({error.strerror})") from error


def _role_map(raw: Any) -> dict[str, Role]:
    try:
        table = json.loads(raw) if isinstance(raw, str) else raw
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON ({error.msg} at character {error.pos})") from error
    if not isinstance(table, dict) or not all(isinstance(name, str) for pair in table.items() for name in pair):
        raise ValueError('must be a JSON object from group to role, such as {"Preschool staff": "editor"}')
    return {group: Role.from_name(role) for group, role in table.items()}


_REQUIRED = frozenset({"CPSE_COUNTY_NAME", "CPSE_PORTAL_URL", "CPSE_PORTAL_CLIENT_ID"})
_PARSERS: dict[str, Callable[[Any], Any]] = {
    "CPSE_PORTAL_URL": _base_url,
    "CPSE_PORTAL_TOKEN_URL": _url,
    "CPSE_PORTAL_TIMEOUT": _timeout,
    "CPSE_PORTAL_PRIVATE_KEY": _private_key,
    "CPSE_NPI_REGISTRY_URL": _url,
    "CPSE_OIDC_DISCOVERY_URL": _url,
    "CPSE_ROLE_MAP": _role_map,
}
