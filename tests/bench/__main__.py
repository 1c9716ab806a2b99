"""`python -m tests.bench`: the plugin against floors, as ratios from one run. Nothing here fails for being slow."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from cpse_plugin.assets import building

from . import beside_import, fragment, key_to_name, npi_copy, slow_upstream, visits

_TIME = """
All of it takes about eight minutes on two processors, npi-copy three of them. With --rows 9000000, the country's size,
npi-copy takes a quarter of an hour and beside-import five minutes. A monthly file is generated once, which takes 20
seconds for each million rows, and kept in the system's temporary folder. Let nothing else run meanwhile.
"""


def main() -> None:
    """Run the benchmarks that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__, epilog=_TIME)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"{', '.join(_BENCHES)}; all where none is named")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the monthly file; the country has nine million")
    parser.add_argument("--rounds", type=int, default=3, help="of what is measured in turn; figures are their medians")
    parser.add_argument("--zip", type=Path, help="a monthly file to import in place of a generated one")
    options = parser.parse_args()
    if unknown := set(options.what) - set(_BENCHES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    building.build_if_old()
    for name in options.what or _BENCHES:
        for line in _BENCHES[name](options):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


_BENCHES: dict[str, Callable[[argparse.Namespace], Iterator[str]]] = {
    "npi-copy": lambda options: npi_copy.run(options.rows, options.rounds, options.zip),
    "beside-import": lambda options: beside_import.run(options.rows, options.rounds, options.zip),
    "npi-fragment": lambda _: fragment.run(),
    "key-to-name": lambda _: key_to_name.run(),
    "slow-upstream": lambda options: slow_upstream.run(options.rounds),
    "visits": lambda _: visits.run(),
}

if __name__ == "__main__":
    main()
