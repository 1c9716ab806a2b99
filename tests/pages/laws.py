"""What holds for every page and every fragment of the plugin, whatever it shows."""

from collections import Counter

from bs4 import BeautifulSoup, Tag

_CONTROLS = "input:not([type=hidden]):not([type=submit]), select, textarea"
_REFERENCES = ("aria-describedby", "aria-labelledby", "aria-controls", "for", "data-region", "data-type-field")


def parse(html: str) -> BeautifulSoup:
    """Parse a page or a fragment."""
    # A place where a word may be broken is no space to a reader.
    return BeautifulSoup(html.replace("<wbr>", ""), "html.parser")


def broken_page_laws(page: BeautifulSoup) -> list[str]:
    """Say which laws of a page are broken; an empty list where none is."""
    headings = page.select("h1")
    broken = [] if len(headings) == 1 else [f"{len(headings)} h1"]
    title = page.title.get_text(strip=True) if page.title else ""
    if headings and not title.startswith(headings[0].get_text(" ", strip=True)):
        broken.append(f"the title {title!r} does not start with the h1")
    if page.select("[hx-swap-oob], hx-partial"):
        broken.append("an out-of-band piece in a full page")
    if not page.select("html[lang]"):
        broken.append("no language")
    return broken + _broken_anywhere(page, ids_of(page))


def broken_fragment_laws(fragment: BeautifulSoup, page_ids: frozenset[str]) -> list[str]:
    """Say which laws of a fragment are broken; `page_ids` are the ids of the page that it came from."""
    broken = [f"<{tag.name}> in a fragment" for tag in fragment.select("html, head, body")]
    if len(fragment.select("[hx-swap-oob], hx-partial")) > 2:
        broken.append("more than two out-of-band pieces")
    return broken + _broken_anywhere(fragment, page_ids | ids_of(fragment))


def ids_of(part: BeautifulSoup) -> frozenset[str]:
    """All ids of a page or a fragment."""
    return frozenset(str(tag["id"]) for tag in part.select("[id]"))


def _broken_anywhere(part: BeautifulSoup, ids: frozenset[str]) -> list[str]:
    counts = Counter(str(tag["id"]) for tag in part.select("[id]"))
    broken = [f"id {name} stands {count} times" for name, count in counts.items() if count > 1]
    # A host's page has ids of its own, and a label or a swap takes the first of a name.
    broken += [f"the id {name} could be a host's" for name in counts if not name.startswith("cpse")]
    broken += [f"{name} is referred to and is not there" for name in _referred_to(part) if name not in ids]
    broken += [
        f"{_name(control)} has no label" for control in part.select(_CONTROLS) if not _is_labelled(part, control)
    ]
    broken += [fault for form in part.select("form") for fault in _broken_form(form)]
    broken += [fault for tag in part.select("[hx-get], [hx-post]") for fault in _broken_without_script(tag)]
    broken += [f"{_name(tag)} has an inline handler or style" for tag in part.find_all(True) if _is_inline(tag)]
    broken += [f"{_name(link)} leads nowhere" for link in part.select("a:not([href])")]
    broken += ["an inline script" for tag in part.select("script:not([src])") if tag]
    broken += ["an inline style" for tag in part.select("style") if tag]
    broken += [f"{_name(tag)} has a value None" for tag in part.find_all(True) if "None" in tag.attrs.values()]
    return broken


def _referred_to(part: BeautifulSoup) -> list[str]:
    """The ids that something points at, for a reader's ears, for the script, or for a swap."""
    found = [
        name
        for attribute in _REFERENCES
        for tag in part.select(f"[{attribute}]")
        for name in str(" ".join(tag.get_attribute_list(attribute))).split()
    ]
    for attribute in ("hx-target", "href"):
        addresses = [str(tag[attribute]) for tag in part.select(f"[{attribute}]")]
        found += [address[1:] for address in addresses if address.startswith("#")]
    return found


def _is_labelled(part: BeautifulSoup, control: Tag) -> bool:
    if control.get("aria-label") or control.find_parent("label"):
        return True
    return bool(control.get("id")) and part.find("label", attrs={"for": str(control["id"])}) is not None


def _broken_form(form: Tag) -> list[str]:
    name = _name(form)
    broken = [] if form.get("action") else [f"{name} has no action"]
    method = str(form.get("method", "")).lower()
    if method not in ("get", "post"):
        broken.append(f"{name} has no method")
    if method == "post" and not form.select("input[name=csrf_token][value]"):
        broken.append(f"{name} has no CSRF token")
    if form.find_parent("form"):
        broken.append(f"{name} stands in another form")
    return broken


def _broken_without_script(tag: Tag) -> list[str]:
    """A link or a form asks for the same without a script; what loads by itself has a link in its place."""
    asked = tag.get("hx-get") or tag.get("hx-post")
    if tag.name == "a":
        same = tag.get("href") == asked
    elif tag.name == "form":
        same = tag.get("action") == asked and str(tag.get("method")).lower() == ("get" if tag.get("hx-get") else "post")
    else:
        same = any(link.get("href") == asked for link in tag.select("noscript a"))
    return [] if same else [f"{_name(tag)} asks for {asked} only with a script"]


def _is_inline(tag: Tag) -> bool:
    return any(name == "style" or name.startswith(("on", "hx-on")) for name in tag.attrs) or any(
        str(value).startswith(("js:", "javascript:")) for value in tag.attrs.values()
    )


def _name(tag: Tag) -> str:
    return f"<{tag.name} id={tag.get('id')} name={tag.get('name')}>"
