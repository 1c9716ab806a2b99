"""The sandbox as a whole: it starts, knows its people, keeps its state and ends."""

import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from bs4 import BeautifulSoup

from cpse_plugin.domain.access import Role, Staff
from cpse_plugin.domain.providers import CountyProvider, SetUpStatus
from cpse_plugin.sandbox.runner import Sandbox
from cpse_plugin.sandbox.server import PortInUse, listen
from cpse_plugin.web.parts import Parts

STAFF = Staff("x", "A test", "test@tamarack.example", Role.INVITER)


def parts_of(sandbox: Sandbox) -> Parts:
    parts: Parts = sandbox.intranet.extensions["cpse"]
    return parts


def provider(sandbox: Sandbox, number: str) -> CountyProvider:
    return parts_of(sandbox).providers.by_county_ids([number])[number]


def five_free_ports() -> int:
    """The first of five free ports in a row."""
    for base in range(20_000, 30_000, 10):
        taken: list[socket.socket] = []
        try:
            taken.extend(listen(base + place) for place in range(5))
        except PortInUse:
            continue
        finally:
            for listener in taken:
                listener.close()
        return base
    raise RuntimeError("no five free ports")


def test_it_starts_with_a_county_that_is_partly_set_up() -> None:
    before = threading.active_count()
    with Sandbox() as sandbox:
        numbers = [f"TC-{number}" for number in range(1001, 1043)]
        statuses = {item: row.status for item, row in parts_of(sandbox).providers.by_county_ids(numbers).items()}
        assert set(statuses.values()) == set(SetUpStatus)
        assert statuses["TC-1013"] is SetUpStatus.READY
        assert statuses["TC-1014"] is SetUpStatus.INVITED
        assert statuses["TC-1019"] is SetUpStatus.NOT_LINKED
        assert Counter(statuses.values())[SetUpStatus.NOT_LINKED] > 25
        assert list(sandbox.portal.faults.requests) == []
        registry = sandbox.registry.url
        parts_of(sandbox).registry.ping()
        parts_of(sandbox).portal.ping()
    assert threading.active_count() == before
    with pytest.raises(requests.ConnectionError):
        requests.get(registry, timeout=5)


def test_a_member_of_staff_signs_in_and_sees_the_list() -> None:
    with Sandbox() as sandbox, requests.Session() as browser:
        page = browser.get(f"{sandbox.intranet_url}/", timeout=10)
        assert page.url.startswith(sandbox.identity_provider.url)
        people = BeautifulSoup(page.text, "html.parser").select("form button")
        chosen = next(button for button in people if "Rosa Lindqvist" in button.get_text())
        listed = browser.post(page.url, data={str(chosen["name"]): str(chosen["value"])}, timeout=10)
        assert listed.url.startswith(f"{sandbox.intranet_url}/cpse/providers")
        assert "Tamarack County" in listed.text


def test_the_state_is_kept_over_a_restart(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as first:
        row = provider(first, "TC-1004")
        associations = parts_of(first).associations
        match = associations.find_matches(row, STAFF)[0]
        seen = associations.compare(row, match.portal.id, STAFF).fingerprint
        associations.link(row.id, match.portal.id, operation_id=uuid4(), seen=seen, staff=STAFF)
        secret = first.intranet.config["SECRET_KEY"]
    with Sandbox(tmp_path) as second:
        link = provider(second, "TC-1004").link
        assert link is not None
        assert link.portal_id == match.portal.id
        assert second.intranet.config["SECRET_KEY"] == secret
        on_portal = parts_of(second).portal.get_provider(match.portal.id, acting_user="test")
        assert on_portal is not None
        assert on_portal.association is not None
        assert on_portal.association.county_provider_id == "TC-1004"


def test_without_a_folder_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Sandbox():
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []


def test_a_busy_port_leaves_the_others_free() -> None:
    base = five_free_ports()
    with listen(base + 3), pytest.raises(PortInUse) as refusal:
        Sandbox(base_port=base)
    assert refusal.value.port == base + 3
    for place in range(5):
        listen(base + place).close()


def test_the_command_says_what_to_open_and_ends_with_a_signal() -> None:
    base = five_free_ports()
    command = [sys.executable, "-m", "cpse_plugin.sandbox", "--port", str(base)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            said += line
        assert f"http://localhost:{base}/" in said
        assert f"http://127.0.0.1:{base + 4}/" in said
        assert "Ines Novak" in said
        assert requests.get(f"http://localhost:{base}/cpse/providers", timeout=10).ok
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
    assert (process.returncode, rest.strip(), errors) == (0, "Stopped.", "")


def test_the_command_says_which_port_is_busy() -> None:
    base = five_free_ports()
    with listen(base + 1):
        command = [sys.executable, "-m", "cpse_plugin.sandbox", "--port", str(base)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert f"Port {base + 1} is in use" in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("port", ["0", "65531", "many"])
def test_the_command_refuses_a_port_that_cannot_be(port: str) -> None:
    command = [sys.executable, "-m", "cpse_plugin.sandbox", "--port", port]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
