"""`python -m cpse_plugin.sandbox`: run the sandbox until Ctrl-C."""

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from .runner import ROLE_MAP, Sandbox
from .server import PortInUse

_HIGHEST_BASE_PORT = 65530


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGINT or SIGTERM; return the exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        with Sandbox(options.data, options.port) as sandbox:
            print(_greeting(sandbox, options.data), flush=True)
            ended.wait()
    except PortInUse as error:
        print(
            f"Port {error.port} is in use by another program, perhaps another sandbox.\n"
            f"Stop that program, or choose five other ports in a row: "
            f"python -m cpse_plugin.sandbox --port {options.port + 1000}",
            file=sys.stderr,
        )
        return 1
    print("Stopped.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cpse_plugin.sandbox",
        description="A county's intranet with the plugin, and everything around it, on this machine.",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep the state in DIR; without it each start is new")
    parser.add_argument(
        "--port",
        type=_base_port,
        default=8000,
        help="the intranet's port; the four after it are taken too (default: 8000)",
    )
    return parser


def _base_port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= _HIGHEST_BASE_PORT:
        raise argparse.ArgumentTypeError(f"must be from 1 to {_HIGHEST_BASE_PORT}")
    return port


def _greeting(sandbox: Sandbox, data: Path | None) -> str:
    people = "\n".join(f"    {person['name']:<16}{_role(person):<10}{person['note']}" for person in sandbox.world.staff)
    return f"""
  Open {sandbox.intranet_url}/

  Choose there who to be:
{people}

  To begin with, be Ines Novak, open Bright Harbor Preschool Services and type the NPI 1999101011.

  E-mail of the CPSE Portal: {sandbox.mailbox_url}/
  State: {f"kept in {data}" if data else "gone when it stops (--data DIR keeps it)"}
  Ctrl-C stops it.
"""


def _role(person: dict[str, list[str]]) -> str:
    return next((ROLE_MAP[group] for group in person["groups"] if group in ROLE_MAP), "-")


if __name__ == "__main__":
    sys.exit(main())
