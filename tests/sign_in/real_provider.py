"""An OpenID provider that this project did not write: the npm package `oidc-provider`, in a process of its own."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from bs4 import BeautifulSoup
from joserfc.jwk import ECKey, OKPKey, RSAKey

_FILES = Path(__file__).parent / "oidc_provider"
_CACHE = Path(__file__).parents[2] / "var" / "oidc-provider"
_LEAST_NODE = 20
_INSTALL = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")

CLIENT_ID = "tamarack-intranet"
CLIENT_SECRET = "only for tests, and long enough to sign with"
PEOPLE: dict[str, dict[str, Any]] = {
    "elliot": {"name": "Elliot Marsh", "email": "elliot@tamarack.example", "groups": ["Preschool Editors"]},
    "vernon": {"name": "Vernon Pike", "email": "vernon@tamarack.example", "groups": ["County Employees"]},
}
Key = RSAKey | ECKey | OKPKey


class NoNode(Exception):
    """There is no Node on this machine, or one that is too old; the text says which."""


class RealProvider:
    """A running provider. It answers nobody until it is configured."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{int(self._line())}"

    def configure(
        self,
        intranet: str,
        keys: Sequence[Key],
        published: Sequence[Key] | None = None,
        *,
        conform: bool = False,
        apart: bool = False,
        only: str = "client_secret_basic",
        **client: Any,
    ) -> None:
        """Make the intranet its one client and these its signing keys, instead of what it had before.

        What it remembers of sessions stays, as after a change of keys at a real one. It publishes the keys that it
        signs with, or others. With `conform` it tells of people at its userinfo endpoint alone, as the standard has it;
        with `apart` their groups are behind a scope of their own. `only` is the one way to give a secret. `client` are
        members of the client's registration.
        """
        settings: Mapping[str, Any] = {
            "client": {
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "redirect_uris": [f"{intranet}/cpse/sign-in/callback"],
                "post_logout_redirect_uris": [f"{intranet}/cpse/signed-out"],
                "backchannel_logout_uri": f"{intranet}/cpse/sign-in/back-channel-logout",
                "backchannel_logout_session_required": True,
                **client,
            },
            "people": PEOPLE,
            "keys": [key.as_dict(private=True) for key in keys],
            "conform": conform,
            "apart": apart,
            "only": only,
            "published": [key.as_dict(private=False) for key in published or keys],
        }
        if self._process.stdin is None:
            raise RuntimeError("the provider was started without a way to speak to it")
        self._process.stdin.write(json.dumps(settings) + "\n")
        self._process.stdin.flush()
        self._line()

    def choose(self, browser: requests.Session, address: str, person: str) -> str:
        """Sign in there as a browser does, from the address that the intranet sent it to; returns the callback's."""
        response = browser.get(address, allow_redirects=False, timeout=20)
        while self._is_mine(response.headers.get("Location", "")):
            address = requests.compat.urljoin(self.url, response.headers["Location"])
            if "/interaction/" in address:
                response = browser.post(address, data={"person": person}, allow_redirects=False, timeout=20)
            else:
                response = browser.get(address, allow_redirects=False, timeout=20)
        return response.headers["Location"]

    def confirm_sign_out(self, browser: requests.Session, address: str) -> str:
        """Say yes to its question whether to sign out; returns where it sends the browser then."""
        page = BeautifulSoup(browser.get(address, timeout=20).text, "html.parser")
        form = page.select_one("form")
        if form is None:
            raise LookupError(f"no form to sign out with: {page.get_text()[:300]}")
        data = {str(field["name"]): str(field["value"]) for field in form.select("[name][value]")}
        response = browser.post(str(form["action"]), data=data, allow_redirects=False, timeout=20)
        return response.headers["Location"]

    def _is_mine(self, location: str) -> bool:
        return location.startswith(("/", self.url))

    def _line(self) -> str:
        """What the process says next; nothing where it has ended, which is an error."""
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise RuntimeError(f"the provider ended with exit code {self._process.wait(10)}")
        return line


@contextmanager
def real_provider() -> Iterator[RealProvider]:
    """Start one. Raises `NoNode`; that the package cannot be installed where Node is there is an error like any."""
    folder = _installed(_node())
    with subprocess.Popen(
        ("node", "server.mjs"),
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # It warns that this is no way to run it in production.
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield RealProvider(process)
        finally:
            process.kill()


def _node() -> str:
    """The version of Node."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NoNode("node and npm are not on this machine")
    version = subprocess.run(("node", "--version"), capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < _LEAST_NODE:
        raise NoNode(f"node is {version}; {_LEAST_NODE} or later is needed")
    return version


def _installed(node: str) -> Path:
    """The folder in which the package is installed, once for each content of the files here."""
    sources = sorted(path for path in _FILES.iterdir() if path.is_file())
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources) + node.encode()).hexdigest()[:12]
    folder = _CACHE / digest
    if folder.exists():
        return folder
    _CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_CACHE) as name:
        made = Path(name) / "made"
        made.mkdir()
        for path in sources:
            shutil.copy(path, made)
        done = subprocess.run(_INSTALL, cwd=made, capture_output=True, text=True, timeout=300, env=os.environ)
        if done.returncode:
            raise RuntimeError(f"{' '.join(_INSTALL)} failed: {done.stderr[-1000:]}")
        # In one step, since another run of the tests may be at it too; who comes second finds it done.
        if not folder.exists():
            made.rename(folder)
    return folder
