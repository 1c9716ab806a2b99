"""The plugin's stylesheet, put together from the readable files in `cpse_plugin/style`.

A host's own rules stand in no cascade layer as a rule, and beat every normal declaration of a layer: `button { width:
100% }` would reach into our pages. An important declaration of a layer beats them all, so each declaration is marked
important here, which nobody would want to read in the sources. Some stay as they are written: custom properties and the
place of the root in the page, which are for the host to say, and what stands in `@keyframes`, where no important
declaration counts.
"""

from collections.abc import Iterable
from pathlib import Path

import tinycss2
from tinycss2.ast import (
    AtRule,
    Comment,
    CurlyBracketsBlock,
    Declaration,
    FunctionBlock,
    LiteralToken,
    Node,
    ParenthesesBlock,
    QualifiedRule,
    SquareBracketsBlock,
    WhitespaceToken,
)

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


def stylesheet(folder: Path) -> str:
    """Make one sheet of the sources in a folder, with a rule on each line. Raises `StyleError`."""
    layers = {**IMPORTANT_LAYERS, **LAYERS_AS_WRITTEN}
    parts = [f"@layer {','.join(layers)};\n"]
    for layer, names in layers.items():
        rules = "".join(_source(folder / f"{name}.css", mark=layer in IMPORTANT_LAYERS) for name in names)
        parts.append(f"@layer {layer}{{\n{rules}}}\n")
    return "".join(parts)


def _source(path: Path, *, mark: bool) -> str:
    try:
        return compact(path.read_text(encoding="utf-8"), mark=mark)
    except StyleError as error:
        raise StyleError(f"{path.name}: {error}") from error


def compact(css: str, *, mark: bool) -> str:
    """Leave out comments and space that says nothing, and mark each declaration important that is to be.

    Raises `StyleError`, with the line, for what cannot be read as CSS.
    """
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    return "".join(f"{_written(rule, mark)}\n" for rule in rules)


def _written(node: Node, mark: bool) -> str:
    """One declaration or rule with all that it holds."""
    if isinstance(node, Declaration):
        important = node.important or (mark and not node.name.startswith("--"))
        return f"{node.name}:{_tokens(node.value)}{'!important' if important else ''}"
    if isinstance(node, QualifiedRule):
        return f"{_tokens(node.prelude)}{_block(node.content, mark)}"
    if isinstance(node, AtRule):
        prelude = f"@{node.at_keyword} {_tokens(node.prelude)}".rstrip()
        if node.content is None:
            return f"{prelude};"
        is_group = node.lower_at_keyword in _GROUPS
        return f"{prelude}{_block(node.content, mark and is_group) if is_group else f'{{{_tokens(node.content)}}}'}"
    raise StyleError(f"line {node.source_line} cannot be read as CSS")


def _block(content: Iterable[Node], mark: bool) -> str:
    nodes = tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True)
    written = (_written(node, mark) + ";" * isinstance(node, Declaration) for node in nodes)
    return f"{{{''.join(written).removesuffix(';')}}}"


def _tokens(tokens: Iterable[Node]) -> str:
    """Tokens as text, with one space where there is any, and none at the ends and beside commas."""
    return str(tinycss2.serialize(_without_space(tokens)))


def _without_space(tokens: Iterable[Node]) -> list[Node]:
    kept: list[Node] = []
    for token in tokens:
        if isinstance(token, Comment):
            continue
        if isinstance(token, WhitespaceToken):
            token.value = " "
            if not kept or isinstance(kept[-1], WhitespaceToken) or _is_comma(kept[-1]):
                continue
        elif _is_comma(token) and kept and isinstance(kept[-1], WhitespaceToken):
            kept.pop()
        if isinstance(token, FunctionBlock):
            token.arguments = _without_space(token.arguments)
        elif isinstance(token, CurlyBracketsBlock | ParenthesesBlock | SquareBracketsBlock):
            token.content = _without_space(token.content)
        kept.append(token)
    return kept[:-1] if kept and isinstance(kept[-1], WhitespaceToken) else kept


def _is_comma(token: Node) -> bool:
    return isinstance(token, LiteralToken) and token.value == ","
