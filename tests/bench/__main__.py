"""`python -m tests.bench`: the plugin against floors, as ratios from one run. Nothing here fails for being slow."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from . import fragment, key_to_name, npi_copy, slow_upstream


def main() -> None:
    """Run the benchmarks that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("what", nargs="*", metavar="WHAT", help=f"{', '.join(_BENCHES)}; all where none is named")
    parser.add_argument("--rows", type=int, default=200_000, help="of the NPPES file; the country has nine million")
    parser.add_argument("--rounds", type=int, default=3, help="of import and floor, taking turns")
    parser.add_argument("--zip", type=Path, help="a monthly file to import in place of a generated one")
    options = parser.parse_args()
    if unknown := set(options.what) - set(_BENCHES):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    for name in options.what or _BENCHES:
        for line in _BENCHES[name](options):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


_BENCHES: dict[str, Callable[[argparse.Namespace], Iterator[str]]] = {
    "npi-copy": lambda options: npi_copy.run(options.rows, options.rounds, options.zip),
    "npi-fragment": lambda _: fragment.run(),
    "key-to-name": lambda _: key_to_name.run(),
    "slow-upstream": lambda _: slow_upstream.run(),
}

if __name__ == "__main__":
    main()
