"""One script of many modules: what is refused. That the result does what the modules do is tested in a browser."""

from pathlib import Path

import pytest

from cpse_plugin.assets.building.script import ScriptError, script


def put_together(folder: Path, **modules: str) -> str:
    """The script of `first.js`, with the given modules beside it."""
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return script(folder / "first.js", {"htmx.js": "htmx-0123456789ab.js"})


@pytest.mark.parametrize(
    "text",
    [
        "export let a = 1;",
        "export var a = 1;",
        "export { a };",
        "export { a as b };",
        "export * from './second.js';",
        "export default () => 1;",
        "export default function a() {}",
        "import * as second from './second.js';",
        "import { a as b } from './second.js';",
        'import { a } from "./second.js";',
        "import { a } from 'second';",
        "import d, { a } from './second.js';",
        "const a = `${b ? `c  d` : ''}`;",
    ],
)
def test_what_cannot_be_put_together_is_refused_by_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(ScriptError, match=r"^first\.js: this cannot be put together: "):
        put_together(tmp_path, first=f"// A comment.\n{text}\n", second="export const a = 1;\n")


def test_modules_that_need_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"^first\.js: it needs itself, by way of second\.js"):
        put_together(tmp_path, first="import './second.js';\n", second="import './first.js';\n")


def test_a_name_that_a_module_does_not_give_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"^first\.js: second\.js has no b"):
        put_together(tmp_path, first="import { a, b } from './second.js';\n", second="export const a = 1;\n")


def test_a_script_that_nobody_builds_is_not_loaded_later(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"^first\.js: other\.js is not built"):
        put_together(tmp_path, first="import('./other.js');\n")


def test_what_is_loaded_later_has_its_built_name(tmp_path: Path) -> None:
    assert "import('./htmx-0123456789ab.js')" in put_together(tmp_path, first="await import('./htmx.js');\n")
