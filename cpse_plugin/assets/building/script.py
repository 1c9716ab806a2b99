"""One script of many modules, without a JavaScript toolchain.

Each module becomes a block, so that its names stay its own, after those that it needs. That is the same as the modules
themselves as long as they are written in a simple style: they import and export at the margin, under the same name on
both sides, nothing that is exported is assigned again, and no two need each other. What is not written so is refused.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rjsmin import jsmin

_IMPORT = re.compile(
    r"^import (?:(?:\{(?P<names>\s*\w+(?:\s*,\s*\w+)*\s*,?\s*)\}|(?P<default>\w+)) from )?'(?P<path>\.[\w./-]+)';$",
    re.MULTILINE,
)
_EXPORT = re.compile(r"^export (?=(?:const|class|(?:async )?function) (?P<name>\w+)\b)", re.MULTILINE)
_DEFAULT = re.compile(r"(?:^|(?<=;))export default (?P<name>\w+);$", re.MULTILINE)
_LATER = re.compile(r"\bimport\('(?P<path>\.[\w./-]+)'\)")
# What is left at the margin, and a template in a template, which the minifier does not know.
_REFUSED = re.compile(r"^(?:import|export)\b(?!\().*|\$\{[^}]*`.*", re.MULTILINE)
_WAITS = re.compile(r"^(?:const .*)?\bawait\b", re.MULTILINE)
# The folder of what is taken over to the letter.
_VENDOR = "vendor"


class ScriptError(ValueError):
    """A module is not written in the style that can be put together."""


@dataclass(frozen=True, slots=True)
class _Module:
    path: Path
    body: str
    # What is taken from which module, and what is given: the name here by the name that it is exported under.
    imports: tuple[tuple[Path, Mapping[str, str]], ...]
    exports: Mapping[str, str]


def script(entry: Path, loaded_later: Mapping[str, str]) -> str:
    """Put a module and all that it imports together. Raises `ScriptError`.

    `loaded_later` has the built name of each script that is loaded by `import('./name.js')`.
    """
    entry = entry.resolve()
    modules = {module.path: module for module in _with_imports(entry, ())}
    waiting = {path for path in modules if _waits(path, modules)}
    # Where a module waits for something to come, a browser goes on with those that do not need it.
    names = {path: f"${number}" for number, path in enumerate(sorted(modules, key=waiting.__contains__))}
    shared = [name for path, name in names.items() if modules[path].exports]
    lines = [f"let {','.join(shared)};"] if shared else []
    lines += [_block(modules[path], modules, names, loaded_later) for path in names]
    if "default" in modules[entry].exports:
        lines.append(f"export default {names[entry]}.default;")
    return "\n".join(lines) + "\n"


def _with_imports(path: Path, importers: tuple[Path, ...]) -> Iterator[_Module]:
    """The module after those that it needs; one that several need comes several times."""
    if path in importers:
        raise ScriptError(f"{path.name}: it needs itself, by way of {importers[-1].name}")
    module = _read(path)
    for imported, _ in module.imports:
        yield from _with_imports(imported, (*importers, path))
    yield module


def _read(path: Path) -> _Module:
    text = path.read_text(encoding="utf-8")
    imports = tuple(((path.parent / found["path"]).resolve(), _imported(found)) for found in _IMPORT.finditer(text))
    body = _DEFAULT.sub("", _EXPORT.sub("", _IMPORT.sub("", text)))
    if path.parent.name != _VENDOR and (refused := _REFUSED.search(body)):
        raise ScriptError(f"{path.name}: this cannot be put together: {refused[0]}")
    exports = {found["name"]: found["name"] for found in _EXPORT.finditer(text)}
    if default := _DEFAULT.search(text):
        exports["default"] = default["name"]
    return _Module(path, body, imports, exports)


def _imported(found: re.Match[str]) -> Mapping[str, str]:
    if found["default"]:
        return {"default": found["default"]}
    return {name: name for name in (found["names"] or "").replace(",", " ").split()}


def _waits(path: Path, modules: Mapping[Path, _Module]) -> bool:
    module = modules[path]
    return _WAITS.search(module.body) is not None or any(_waits(imported, modules) for imported, _ in module.imports)


def _block(
    module: _Module, modules: Mapping[Path, _Module], names: Mapping[Path, str], loaded_later: Mapping[str, str]
) -> str:
    taken = ""
    for path, imported in module.imports:
        if missing := imported.keys() - modules[path].exports.keys():
            raise ScriptError(f"{module.path.name}: {path.name} has no {', '.join(sorted(missing))}")
        taken += f"const{_in_braces(imported)}={names[path]};" if imported else ""
    body = module.body if module.path.parent.name == _VENDOR else jsmin(_with_built_names(module, loaded_later))
    given = f"{names[module.path]}={_in_braces(module.exports)};" if module.exports else ""
    return f"{{{taken}{body}\n{given}}}"


def _with_built_names(module: _Module, loaded_later: Mapping[str, str]) -> str:
    def built(found: re.Match[str]) -> str:
        name = Path(found["path"]).name
        if name not in loaded_later:
            raise ScriptError(f"{module.path.name}: {name} is not built as a script of its own")
        return f"import('./{loaded_later[name]}')"

    return _LATER.sub(built, module.body)


def _in_braces(names: Mapping[str, str]) -> str:
    pairs = (name if name == local else f"{name}:{local}" for name, local in names.items())
    return f"{{{','.join(pairs)}}}"
