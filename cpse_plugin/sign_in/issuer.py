"""How an identity provider is called, and when two names are the same."""

from urllib.parse import urlsplit

from ..domain.text import clean_text

_USUAL_PORTS = {"https": 443, "http": 80}


def comparable(issuer: str) -> str:
    """The name in the form in which two are compared.

    RFC 8414 wants them alike to the letter. Capitals in the host and the port that goes without saying mean nothing,
    and products do not agree on them with themselves; everything after the host counts to the letter.
    """
    if not issuer.isprintable() or " " in issuer:
        return issuer
    try:
        parts = urlsplit(issuer)
        host, port = parts.hostname, parts.port
    except ValueError:
        return issuer
    scheme = parts.scheme.lower()
    if scheme not in _USUAL_PORTS or not host or "@" in parts.netloc:
        return issuer
    shown = f"[{host}]" if ":" in host else host
    rest = issuer.partition("://")[2].removeprefix(parts.netloc)
    return f"{scheme}://{shown}{f':{port}' if port not in (None, _USUAL_PORTS[scheme]) else ''}{rest}"


def is_same(issuer: object, expected: str) -> bool:
    """Whether what somebody calls the provider is its name."""
    return isinstance(issuer, str) and comparable(issuer) == comparable(expected)


def both(issuer: object, expected: str) -> str:
    """What came and what should have come, for the log; both bounded."""
    other = "nothing" if issuer is None else f"a {type(issuer).__name__}"
    came = repr(clean_text(issuer, 100)) if isinstance(issuer, str) else other
    return f"{came}, where {clean_text(expected, 100)!r} is expected"
