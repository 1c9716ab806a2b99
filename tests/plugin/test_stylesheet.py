"""The stylesheet: how it is put together of its sources."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import pytest
import tinycss2
from tinycss2.ast import AtRule, LiteralToken, Node, QualifiedRule

from cpse_plugin.assets.building.style import (
    IMPORTANT_LAYERS,
    LAYERS_AS_WRITTEN,
    StyleError,
    compact,
    stylesheet,
)

SOURCES = Path(__file__).parents[2] / "cpse_plugin" / "style"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a { color: red; margin: 0 }", "a{color:red!important;margin:0!important}"),
        ("a { color: red ! IMPORTANT; }", "a{color:red!important}"),
        ("a { --x: 1px; top: var(--x) }", "a{--x:1px;top:var(--x)!important}"),
        ("a { --x: { b: c }; d: e }", "a{--x:{b: c};d:e!important}"),
        ('a::before { content: "}; b: c" }', 'a::before{content:"}; b: c"!important}'),
        ("a { background: url(x;y) }", "a{background:url(x;y)!important}"),
        ("a { /* top: 0; */ left: 0 /* } */ }", "a{left:0!important}"),
        ("a:hover, [b='{;}'] > c { top: 0 }", 'a:hover,[b="{;}"] > c{top:0!important}'),
        ("@media print { a:hover { top: 0 } }", "@media print{a:hover{top:0!important}}"),
        ("@media print { a { top: 0 } b { top: 0 } }", "@media print{a{top:0!important}b{top:0!important}}"),
        (
            "@container x (width < 9em) { @supports (top: 0) { a { top: 0 } } }",
            "@container x (width < 9em){@supports (top: 0){a{top:0!important}}}",
        ),
        (
            "a { top: 0; &:hover { top: 1px } b { left: 0 } }",
            "a{top:0!important;&:hover{top:1px!important}b{left:0!important}}",
        ),
        ("a { @media print { top: 0 } }", "a{@media print{top:0!important}}"),
        ("@keyframes x { to { rotate: 1turn } }", "@keyframes x{to {rotate: 1turn}}"),
        ("@property --x { syntax: '*'; inherits: false }", '@property --x{syntax: "*"; inherits: false}'),
        ("@layer a, b; a { top: 0 }", "@layer a,b;a{top:0!important}"),
        # A space before a colon joins or parts two selectors, and one around a sign two values.
        ("a,\na :is(b , c)::before { top: 0 }", "a,a :is(b,c)::before{top:0!important}"),
        ("@media print { a, a :is(b) { top: 0 } }", "@media print{a,a :is(b){top:0!important}}"),
        ("a { top: calc( 1px  +  (2px - 3px) ) }", "a{top:calc(1px + (2px - 3px))!important}"),
        ("a { margin: 1px/**/2px }", "a{margin:1px/**/2px!important}"),
        ("", ""),
    ],
)
def test_every_declaration_is_important_that_can_be(source: str, expected: str) -> None:
    assert compact(source, mark=True).replace("\n", "") == expected


def test_marking_twice_is_marking_once() -> None:
    once = compact((SOURCES / "words.css").read_text(encoding="utf-8"), mark=True)
    assert compact(once, mark=True) == once


@pytest.mark.parametrize("source", ["a { color red; }", "a { top: 0 } } b", "a", "@media print { a { b } }"])
def test_what_is_no_css_is_refused_with_its_place(tmp_path: Path, source: str) -> None:
    for names in (*IMPORTANT_LAYERS.values(), *LAYERS_AS_WRITTEN.values()):
        for name in names:
            (tmp_path / f"{name}.css").touch()
    (tmp_path / "forms.css").write_text(f"a {{ top: 0 }}\n{source}", encoding="utf-8")
    with pytest.raises(StyleError, match=r"^forms\.css: line 2 cannot be read as CSS"):
        stylesheet(tmp_path)


def test_every_source_is_in_the_sheet_once() -> None:
    named = [name for names in (*IMPORTANT_LAYERS.values(), *LAYERS_AS_WRITTEN.values()) for name in names]
    assert sorted(named) == sorted(path.stem for path in SOURCES.glob("*.css"))


def test_all_rules_stand_in_layers_of_ours_and_below_our_root() -> None:
    rules = tinycss2.parse_stylesheet(stylesheet(SOURCES), skip_comments=True, skip_whitespace=True)
    layers = [rule for rule in rules if isinstance(rule, AtRule) and rule.lower_at_keyword == "layer"]
    assert layers == rules
    assert tinycss2.serialize(layers[0].prelude).strip() == "cpse-look,cpse-reset,cpse-root"
    selectors = [selector for layer in layers for selector in _selectors(layer.content)]
    assert len(selectors) > 200
    ours = re.compile(r"\.cpse(?![\w-])|:is\(\.cpse,\.cpse \*\)::")
    assert [selector for selector in selectors if not ours.match(selector)] == []


def test_what_is_global_by_nature_bears_our_name() -> None:
    names = re.findall(r"@(?:property|keyframes|container)\s+([\w-]+)", stylesheet(SOURCES))
    assert names
    assert [name for name in names if not name.lstrip("-").startswith("cpse")] == []


def test_sizes_follow_the_unit_and_colours_are_of_the_tokens() -> None:
    """A host with another root size or other colours has one place to say so."""
    for path in SOURCES.glob("*.css"):
        declarations = re.sub(r"/\*.*?\*/|@[^{]*\{", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert re.findall(r"[\d.]+rem\b", declarations) == (["1rem"] if path.stem == "tokens" else []), path
        if path.stem != "tokens":
            assert re.findall(r"#[0-9a-f]{3,8}\b(?=[;, )])|rgb\(|light-dark\(", declarations) == [], path


def test_every_token_that_is_used_is_there() -> None:
    text = stylesheet(SOURCES)
    used = set(re.findall(r"var\((--[\w-]+)\)", text))
    assert used - set(re.findall(r"(--[\w-]+)\s*:", text)) - {"--cpse-angle"} == set()


def test_no_source_is_too_long_to_read() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES.glob("*.css")}
    assert {name: lines for name, lines in lengths.items() if lines >= 400} == {}


def _selectors(content: Iterable[Node] | None) -> Iterator[str]:
    """The selectors of all rules, whatever they stand in."""
    for rule in tinycss2.parse_blocks_contents(content or (), skip_comments=True, skip_whitespace=True):
        if isinstance(rule, QualifiedRule):
            yield from _split(rule.prelude)
        elif isinstance(rule, AtRule) and rule.lower_at_keyword not in ("property", "keyframes"):
            yield from _selectors(rule.content)


def _split(prelude: Iterable[Node]) -> Iterator[str]:
    """The selectors of a list; a comma in brackets belongs to one of them."""
    for is_comma, tokens in groupby(prelude, key=_is_comma):
        if not is_comma:
            yield tinycss2.serialize(tokens).strip()


def _is_comma(token: Node) -> bool:
    return isinstance(token, LiteralToken) and token.value == ","
