"""`python -m cpse_plugin.assets.building`: build the style and the script of the pages, and say how big they are."""

from .. import find
from . import build

if __name__ == "__main__":
    build()
    for asset in find().values():
        print(f"{asset.name:<24}{len(asset.content):>7} bytes{len(asset.gzipped or asset.content):>7} compressed")  # noqa: T201
