"""Sessions of requests that hold to their bounds."""

import os
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import version
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

from ..settings import Timeout
from .deadline import TimeLimit, time_limit
from .errors import AnswerTooLarge, DeadlineExceeded, NotSent, reason
from .sockets import POOL_CLASSES
from .trace import noted_call

USER_AGENT = f"cpse_plugin/{version('cpse-plugin')}"
DEFAULT_TIMEOUT = Timeout(3.05, 10)
DEFAULT_MAX_BYTES = 2_000_000
_CHUNK = 65_536


class _BoundedAdapter(HTTPAdapter):
    """Makes requests use connections that know when the call ends; repeats nothing on its own."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOL_CLASSES

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        # A SOCKS proxy is reached through connections of its own kind; with others the call would go around it.
        if proxy.lower().startswith("http"):
            manager.pool_classes_by_scheme = POOL_CLASSES
        return manager


class BoundedSession(requests.Session):
    """A session whose calls end within `timeout.deadline` and whose answers have at most `max_bytes`, unpacked.

    An answer is read as a whole before a call returns; `stream` and `allow_redirects` have no effect. A redirect is an
    answer like any other: what was meant for one server, a token above all, goes to no other. Of the environment, the
    proxies and the file of trusted certificates (`REQUESTS_CA_BUNDLE`) count and `.netrc` does not, for that would
    take the place of a bearer token.

    A call that fails raises a `requests.RequestException`, about which `was_sent` tells the one thing to know.
    """

    def __init__(self, timeout: Timeout = DEFAULT_TIMEOUT, *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        super().__init__()
        self.timeout = timeout
        self.max_bytes = max_bytes
        self.trust_env = False
        self.headers["User-Agent"] = USER_AGENT
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.mount("https://", _BoundedAdapter())
        self.mount("http://", _BoundedAdapter())

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one request and read its answer within the bounds."""
        with noted_call(request.method, request.url) as call:
            response = self._sent(request, **kwargs)
            call.status = response.status_code
        return response

    def _sent(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        kwargs["stream"] = True
        kwargs["timeout"] = (self.timeout.connect, self.timeout.answer)
        with time_limit(self.timeout.deadline) as limit:
            if limit.is_over:
                raise DeadlineExceeded("no time was left for the call", sent=False)
            try:
                response = super().send(request, **kwargs)
                self._read(response)
            except AnswerTooLarge:
                raise
            except OSError as error:
                raise _told_apart(error, limit) from error
        return response

    def _read(self, response: requests.Response) -> None:
        parts: list[bytes] = []
        size = 0
        for part in response.iter_content(_CHUNK):
            size += len(part)
            if size > self.max_bytes:
                response.close()
                raise AnswerTooLarge(f"the answer is larger than {self.max_bytes} bytes", response=response)
            parts.append(part)
        # Where requests itself keeps what it has read, so that `content`, `text` and `json` find it.
        response._content = b"".join(parts)

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002
        """No answer leads elsewhere. (To be told not to follow is not enough: requests would still read its body.)"""
        return None

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Take the proxies and the trusted certificates of the environment, and nothing else of it."""
        found = get_environ_proxies(str(url)) | dict(proxies or {})
        if verify is None or verify is True:
            verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
        return super().merge_environment_settings(url, found, stream, verify, cert)


def _told_apart(error: OSError, limit: TimeLimit) -> requests.RequestException:
    """Return the error that tells whether the call's time ran out and whether the request may have been sent."""
    if limit.is_over:
        return DeadlineExceeded("the call did not end in time", sent=not limit.connecting_failed)
    if limit.connecting_failed:
        return error if isinstance(error, requests.ConnectTimeout) else NotSent(reason(error))
    # A missing file of trusted certificates, for one, is a plain OSError.
    return error if isinstance(error, requests.RequestException) else requests.ConnectionError(reason(error))
