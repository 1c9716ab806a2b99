"""What holds for every page and every fragment of the plugin, whatever it shows."""

from collections import Counter
from collections.abc import Sequence

from bs4 import BeautifulSoup, Tag

_REFERENCES = ("aria-describedby", "aria-labelledby", "aria-controls", "for", "data-region", "data-type-field")


def parse(html: str) -> BeautifulSoup:
    """Parse a page or a fragment."""
    # A place where a word may be broken is no space to a reader.
    return BeautifulSoup(html.replace("<wbr>", ""), "html.parser")


# Every answer of most tests is held to the laws, so they are read off one walk over its elements: with a selector for
# each law they took longer than the plugin's own work.


def broken_page_laws(page: BeautifulSoup) -> list[str]:
    """Say which laws of a page are broken; an empty list where none is."""
    tags = page.find_all(True)
    headings = [tag for tag in tags if tag.name == "h1"]
    broken = [] if len(headings) == 1 else [f"{len(headings)} h1"]
    title = page.title.get_text(strip=True) if page.title else ""
    if headings and not title.startswith(headings[0].get_text(" ", strip=True)):
        broken.append(f"the title {title!r} does not start with the h1")
    if any(_is_out_of_band(tag) for tag in tags):
        broken.append("an out-of-band piece in a full page")
    if not any(tag.name == "html" and tag.has_attr("lang") for tag in tags):
        broken.append("no language")
    return broken + _broken_anywhere(tags, _ids(tags))


def broken_fragment_laws(fragment: BeautifulSoup, page_ids: frozenset[str]) -> list[str]:
    """Say which laws of a fragment are broken; `page_ids` are the ids of the page that it came from."""
    tags = fragment.find_all(True)
    broken = [f"<{tag.name}> in a fragment" for tag in tags if tag.name in ("html", "head", "body")]
    if sum(_is_out_of_band(tag) for tag in tags) > 2:
        broken.append("more than two out-of-band pieces")
    return broken + _broken_anywhere(tags, page_ids | _ids(tags))


def ids_of(part: BeautifulSoup) -> frozenset[str]:
    """All ids of a page or a fragment."""
    return _ids(part.find_all(True))


def _ids(tags: Sequence[Tag]) -> frozenset[str]:
    return frozenset(str(tag["id"]) for tag in tags if tag.has_attr("id"))


def _is_out_of_band(tag: Tag) -> bool:
    return tag.has_attr("hx-swap-oob") or tag.name == "hx-partial"


def _broken_anywhere(tags: Sequence[Tag], ids: frozenset[str]) -> list[str]:
    counts = Counter(str(tag["id"]) for tag in tags if tag.has_attr("id"))
    broken = [f"id {name} stands {count} times" for name, count in counts.items() if count > 1]
    # A host's page has ids of its own, and a label or a swap takes the first of a name.
    broken += [f"the id {name} could be a host's" for name in counts if not name.startswith("cpse")]
    broken += [f"{name} is referred to and is not there" for name in _referred_to(tags) if name not in ids]
    labelled = {str(tag.get("for")) for tag in tags if tag.name == "label"}
    broken += [f"{_name(tag)} has no label" for tag in tags if _is_control(tag) and not _is_labelled(tag, labelled)]
    broken += [fault for tag in tags if tag.name == "form" for fault in _broken_form(tag)]
    broken += [
        fault
        for tag in tags
        if tag.has_attr("hx-get") or tag.has_attr("hx-post")
        for fault in _broken_without_script(tag)
    ]
    broken += [f"{_name(tag)} has an inline handler or style" for tag in tags if _is_inline(tag)]
    broken += [f"{_name(tag)} leads nowhere" for tag in tags if tag.name == "a" and not tag.has_attr("href")]
    broken += ["an inline script" for tag in tags if tag.name == "script" and not tag.has_attr("src")]
    broken += ["an inline style" for tag in tags if tag.name == "style"]
    broken += [f"{_name(tag)} has a value None" for tag in tags if "None" in tag.attrs.values()]
    return broken


def _referred_to(tags: Sequence[Tag]) -> list[str]:
    """The ids that something points at, for a reader's ears, for the script, or for a swap."""
    found = [
        name
        for tag in tags
        for attribute in _REFERENCES
        if tag.has_attr(attribute)
        for name in str(" ".join(tag.get_attribute_list(attribute))).split()
    ]
    addresses = [str(tag[attribute]) for tag in tags for attribute in ("hx-target", "href") if tag.has_attr(attribute)]
    return found + [address[1:] for address in addresses if address.startswith("#")]


def _is_control(tag: Tag) -> bool:
    return tag.name in ("select", "textarea") or (tag.name == "input" and tag.get("type") not in ("hidden", "submit"))


def _is_labelled(control: Tag, labelled: set[str]) -> bool:
    if control.get("aria-label") or control.find_parent("label"):
        return True
    return bool(control.get("id")) and str(control["id"]) in labelled


def _broken_form(form: Tag) -> list[str]:
    name = _name(form)
    broken = [] if form.get("action") else [f"{name} has no action"]
    method = str(form.get("method", "")).lower()
    if method not in ("get", "post"):
        broken.append(f"{name} has no method")
    if method == "post" and form.find("input", attrs={"name": "csrf_token", "value": True}) is None:
        broken.append(f"{name} has no CSRF token")
    if form.find_parent("form"):
        broken.append(f"{name} stands in another form")
    return broken


def _broken_without_script(tag: Tag) -> list[str]:
    """A link or a form asks for the same without a script; what loads by itself has a link in its place or beside it.

    What is asked again by itself says in its address how often; the link beside it need not.
    """
    asked = tag.get("hx-get") or tag.get("hx-post")
    if tag.name == "a":
        same = tag.get("href") == asked
    elif tag.name == "form":
        same = tag.get("action") == asked and str(tag.get("method")).lower() == ("get" if tag.get("hx-get") else "post")
    else:
        beside = (
            tag.parent.select("a") if tag.parent and str(tag.get("hx-trigger", "")).startswith("load delay") else []
        )
        same = any(link.get("href") == asked for link in tag.select("noscript a")) or any(
            link.get("href") == str(asked).partition("?")[0] for link in beside
        )
    return [] if same else [f"{_name(tag)} asks for {asked} only with a script"]


def _is_inline(tag: Tag) -> bool:
    return any(name == "style" or name.startswith(("on", "hx-on")) for name in tag.attrs) or any(
        str(value).startswith(("js:", "javascript:")) for value in tag.attrs.values()
    )


def _name(tag: Tag) -> str:
    return f"<{tag.name} id={tag.get('id')} name={tag.get('name')}>"
