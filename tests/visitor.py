"""A visitor without a browser: follows links, fills in forms as they stand on the page, keeps cookies."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx


@dataclass
class Form:
    """A form of a page: where it goes, and the fields with their present values, in order."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def names(self) -> set[str]:
        """Every name that can be filled in."""
        return {name for name, _value in self.fields} | set(self.choices)


class _Reader(HTMLParser):
    """Collects forms and links."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []
        self.text: list[str] = []
        self._form: Form | None = None
        self._select = ""
        self._area = ""
        self._link: list[str] | None = None
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag in {"script", "style"}:
            self._hidden += 1
        if tag == "a" and "href" in said:
            self._link = [said["href"], ""]
        if tag == "form":
            self._form = Form(said.get("action", ""), said.get("method", "get").lower())
            self.forms.append(self._form)
        if self._form is None:
            return
        name = said.get("name", "")
        if tag == "input" and name:
            kind = said.get("type", "text")
            if kind in {"checkbox", "radio"}:
                self._form.choices.setdefault(name, []).append(said.get("value", "on"))
                if "checked" in said:
                    self._form.fields.append((name, said.get("value", "on")))
            elif kind in {"submit", "image", "button"}:
                self._form.buttons.append((name, said.get("value", "")))
            else:
                self._form.fields.append((name, said.get("value", "")))
        elif tag == "button" and name:
            self._form.buttons.append((name, said.get("value", "")))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            self._form.choices.setdefault(self._select, []).append(said.get("value", ""))
            if "selected" in said:
                self._form.fields.append((self._select, said.get("value", "")))
        elif tag == "textarea":
            self._area = name
            self._form.fields.append((name, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"}:
            self._hidden -= 1
        elif tag == "form":
            self._form = None
        elif tag == "select":
            # As a browser does: a list in which nothing is chosen sends its first entry.
            form, name = self._form, self._select
            if form is not None and form.choices.get(name) and name not in dict(form.fields):
                form.fields.append((name, form.choices[name][0]))
            self._select = ""
        elif tag == "textarea":
            self._area = ""
        elif tag == "a" and self._link:
            self.links.append((self._link[0], " ".join(self._link[1].split())))
            self._link = None

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)
        if self._link is not None:
            self._link[1] += data
        if self._area and self._form is not None:
            name, value = self._form.fields[-1]
            self._form.fields[-1] = (name, (value + data).removeprefix("\n"))


class Page:
    """An answer as a visitor sees it."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.url = str(answer.url)
        self.status = answer.status_code
        reader = _Reader()
        reader.feed(answer.text)
        self.forms, self.links = reader.forms, reader.links
        self.text = " ".join(" ".join(reader.text).split())

    def form_with(self, *names: str) -> Form:
        """The first form that has all these fields; raises AssertionError with what there is."""
        for form in self.forms:
            if set(names) <= form.names() | {name for name, _value in form.buttons}:
                return form
        raise AssertionError(f"{self.url} has no form with {names}: {[form.names() for form in self.forms]}")

    def link(self, text: str) -> str:
        """The address behind the first link whose words contain `text`."""
        for address, words in self.links:
            if text.lower() in words.lower():
                return urljoin(self.url, address)
        raise AssertionError(f"{self.url} has no link {text!r}: {[words for _address, words in self.links]}")


class Visitor:
    """One person with cookies of their own."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.client = httpx.Client(base_url=base, follow_redirects=True, trust_env=False, timeout=20)

    def get(self, address: str) -> Page:
        """Opens an address; raises AssertionError for a server error."""
        return self._page(self.client.get(address))

    def submit(self, page: Page, form: Form, button: tuple[str, str] | None = None, **values: Any) -> Page:
        """Fills in a form and sends it, with the fields it had; a list sends several values, None leaves one out."""
        unknown = set(values) - form.names()
        assert not unknown, f"{page.url} has no field {unknown}: {form.names()}"
        data: dict[str, list[str]] = {}
        for name, value in form.fields:
            data.setdefault(name, []).append(value)
        for name, value in values.items():
            data[name] = [str(item) for item in value] if isinstance(value, list) else [str(value)]
            if value is None:
                del data[name]
        if button:
            data[button[0]] = [button[1]]
        address = urljoin(page.url, form.action) if form.action else page.url
        if form.method == "get":
            return self._page(self.client.get(address, params=data))
        return self._page(self.client.post(address, data=data, headers={"Referer": page.url}))

    def sign_in(self, name: str, password: str) -> Page:
        """Signs in to the admin."""
        page = self.get("/admin/login/?next=/admin/")
        page = self.submit(page, page.form_with("username", "password"), username=name, password=password)
        assert "/login/" not in page.url, page.text[:300]
        return page

    def _page(self, answer: httpx.Response) -> Page:
        assert answer.status_code < 500, f"{answer.url} answered {answer.status_code}: {answer.text[:500]}"
        return Page(answer)
