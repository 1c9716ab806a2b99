"""The invented world that the sandbox begins with, read from the files in `data`."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COUNTY_ID = "tamarack"
OTHER_COUNTY_ID = "kestrel"
_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class World:
    """What each of the systems knows at first; `links` go from the county's number of a provider to the Portal's id."""

    county_name: str
    county_providers: Path
    links: dict[str, str]
    portal: dict[str, Any]
    registry_results: list[dict[str, Any]]
    registry_deactivated: dict[str, str]
    staff: list[dict[str, Any]]

    @property
    def registry_npis(self) -> list[str]:
        """The NPIs that the registry has a record of."""
        return [str(result["number"]) for result in self.registry_results]


def load_world() -> World:
    """Read the data files."""
    portal = _read("portal.json")
    registry = _read("registry.json")
    names = {county["id"]: county["name"] for county in portal["counties"]}
    return World(
        county_name=names[COUNTY_ID],
        county_providers=_DATA / "county_providers.csv",
        links=_read("county_links.json"),
        portal=portal,
        registry_results=registry["results"],
        registry_deactivated=registry["deactivated"],
        staff=_read("staff.json"),
    )


def _read(name: str) -> Any:
    return json.loads((_DATA / name).read_text(encoding="utf-8"))
