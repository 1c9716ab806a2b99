"""The sandbox's NPI Registry: API 2.1 as the real one answers it, over invented providers.

Like the real one it answers everything it can parse with HTTP 200, errors too.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

from ..domain.text import fold_words

_MAX_LIMIT = 200
_MAX_SKIP = 1000
_DEFAULT_LIMIT = 10
# What the real registry refuses to search by alone, with the number and the words of its error.
_NEED_COMPANY = {
    "state": ("07", "Field state requires additional search criteria"),
    "country_code": ("08", "Field country_code requires additional search criteria"),
    "enumeration_type": ("09", "Enumeration_type requires additional search criteria"),
}
_DEACTIVATED = (
    "CMS deactivated NPI {}. The provider can no longer use this NPI. Our public registry does not display provider "
    "information about NPIs that are not in service."
)
_Result = dict[str, Any]


def create_npi_registry(results: Sequence[_Result], deactivated: Mapping[str, str]) -> Flask:
    """Return the registry's server. `results` are records in the API's form, `deactivated` NPIs with their dates.

    The dates are for whoever writes the data: the registry shows nothing of a deactivated NPI but that it is one.
    """
    app = Flask("cpse_plugin.sandbox.npi_registry", static_folder=None)
    by_number = {str(result["number"]): result for result in results}

    @app.get("/api/")
    def answer() -> ResponseReturnValue:
        if request.args.get("version") != "2.1":
            return _errors([("17", "Unsupported Version", "version")])
        number = request.args.get("number", "").strip()
        if not number:
            return _search(results)
        if not (len(number) == 10 and number.isascii() and number.isdigit()):
            return _errors([("06", "NPI must be 10 digits", "number")])
        if number in deactivated:
            return _errors([("15", _DEACTIVATED.format(number), "number")])
        return _page([by_number[number]] if number in by_number else [])

    return app


def _search(results: Sequence[_Result]) -> ResponseReturnValue:
    given = {name: value for name in _MATCHERS if (value := request.args.get(name, "").strip())}
    if not given:
        return _errors([("04", "No valid search criteria provided", "generic")])
    if given.keys() <= _NEED_COMPANY.keys():
        return _errors((*_NEED_COMPANY[name], name) for name in _NEED_COMPANY if name in given)
    found = [result for result in results if all(_MATCHERS[name](result, value) for name, value in given.items())]
    skip = request.args.get("skip", 0, type=int)
    limit = request.args.get("limit", _DEFAULT_LIMIT, type=int)
    start = min(max(skip, 0), _MAX_SKIP)
    return _page(found[start : start + min(max(limit, 1), _MAX_LIMIT)])


def _page(results: Sequence[_Result]) -> ResponseReturnValue:
    return jsonify(result_count=len(results), results=list(results))


def _errors(errors: Iterable[tuple[str, str, str]]) -> ResponseReturnValue:
    """Answer with errors, each given as its number, its words and its field."""
    return jsonify(Errors=[{"description": words, "field": field, "number": number} for number, words, field in errors])


def _matches(value: object, wanted: str) -> bool:
    """Compare without case; a `*` behind two letters or more stands for the rest."""
    text, pattern = fold_words(str(value or "")), fold_words(wanted)
    return text.startswith(pattern) if wanted.endswith("*") and len(pattern) >= 2 else text == pattern


def _in_basic(name: str) -> Callable[[_Result, str], bool]:
    return lambda result, wanted: _matches(result["basic"].get(name), wanted)


def _in_any_address(name: str) -> Callable[[_Result, str], bool]:
    return lambda result, wanted: any(_matches(address.get(name), wanted) for address in result.get("addresses", ()))


def _is_of_kind(result: _Result, wanted: str) -> bool:
    return bool(result["enumeration_type"] == wanted)


_MATCHERS: dict[str, Callable[[_Result, str], bool]] = {
    "first_name": _in_basic("first_name"),
    "last_name": _in_basic("last_name"),
    "organization_name": _in_basic("organization_name"),
    "city": _in_any_address("city"),
    "state": _in_any_address("state"),
    "country_code": _in_any_address("country_code"),
    "enumeration_type": _is_of_kind,
}
