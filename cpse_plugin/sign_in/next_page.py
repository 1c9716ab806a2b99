"""Where a person goes after signing in."""

from urllib.parse import unquote, urlsplit

# It stays in the session until the person is back, and the session is a cookie.
_LONGEST = 300


def safe_next_page(raw: str | None) -> str | None:
    """Return `raw` if it surely is a path of this host, else None.

    Browsers read a backslash as a slash and drop tabs and line breaks, so `/\\evil.example` and `/<tab>/evil.example`
    lead to another host although no parser of URLs says so. An encoded one is refused too, in case a proxy decodes it.
    """
    if not raw or len(raw) > _LONGEST or not raw.isprintable():
        return None
    if not raw.startswith("/") or unquote(raw[1:])[:1] in ("/", "\\") or "\\" in raw:
        return None
    try:
        parts = urlsplit(raw)
    except ValueError:
        return None
    return raw if not parts.scheme and not parts.netloc else None
