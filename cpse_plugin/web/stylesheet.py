"""The plugin's stylesheet, put together from the readable files in `cpse_plugin/style`.

A host's own rules stand in no cascade layer as a rule, and beat every normal declaration of a layer: `button { width:
100% }` would reach into our pages. An important declaration of a layer beats them all, so each declaration is marked
important here, which nobody would want to read in the sources. Some stay as they are written: custom properties and the
place of the root in the page, which are for the host to say, and what stands in `@keyframes`, where no important
declaration counts.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import tinycss2
from tinycss2.ast import AtRule, Declaration, Node, QualifiedRule

_FOLDER = Path(__file__).resolve().parents[1] / "style"
# Among important declarations the earlier layer wins, so the look counts above the reset.
IMPORTANT_LAYERS = {
    "cpse-look": (
        "tokens",
        "ground",
        "page",
        "controls",
        "forms",
        "words",
        "dialogs",
        "tables",
        "cards",
        "media",
    ),
    "cpse-reset": ("reset",),
}
# What a host's own rules override.
LAYERS_AS_WRITTEN = {"cpse-root": ("root",)}
# What holds rules; the block of any other at-rule holds descriptors or keyframes.
_GROUPS = frozenset({"container", "layer", "media", "scope", "starting-style", "supports"})


class StyleError(ValueError):
    """A source cannot be read as CSS."""


@dataclass(frozen=True, slots=True)
class Stylesheet:
    """The whole sheet; `version` changes with its text."""

    text: str
    version: str

    @classmethod
    def of(cls, text: str) -> "Stylesheet":
        """A sheet with its version: the first twelve hexadecimal digits of its SHA-256."""
        return cls(text, hashlib.sha256(text.encode()).hexdigest()[:12])


def put_together(folder: Path = _FOLDER) -> Stylesheet:
    """Read the sources and make one sheet of them. Raises `StyleError`."""
    layers = {**IMPORTANT_LAYERS, **LAYERS_AS_WRITTEN}
    parts = [f"@layer {', '.join(layers)};\n"]
    for layer, names in layers.items():
        rules = "".join(_source(folder / f"{name}.css", mark=layer in IMPORTANT_LAYERS) for name in names)
        parts.append(f"@layer {layer} {{\n{rules}}}\n")
    return Stylesheet.of("".join(parts))


def _source(path: Path, *, mark: bool) -> str:
    css = path.read_text(encoding="utf-8")
    if not mark:
        return css
    try:
        return important(css)
    except StyleError as error:
        raise StyleError(f"{path.name}: {error}") from error


def important(css: str) -> str:
    """Mark each declaration important that is to be; comments are left out, and each rule gets a line of its own.

    Raises `StyleError`, with the line, for what cannot be read as CSS.
    """
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    return "".join(f"{_marked(rule)}\n" for rule in rules)


def _marked(node: Node) -> str:
    """One declaration or rule with all that it holds."""
    if isinstance(node, Declaration):
        node.important = node.important or not node.name.startswith("--")
        return f"{node.serialize()};"
    if isinstance(node, QualifiedRule):
        return f"{tinycss2.serialize(node.prelude)}{_block(node.content)}"
    if isinstance(node, AtRule):
        if node.content is None or node.lower_at_keyword not in _GROUPS:
            return str(node.serialize())
        return f"@{node.at_keyword}{tinycss2.serialize(node.prelude)}{_block(node.content)}"
    raise StyleError(f"line {node.source_line} cannot be read as CSS")


def _block(content: Iterable[Node]) -> str:
    nodes = tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True)
    return f"{{{' '.join(_marked(node) for node in nodes)}}}"
