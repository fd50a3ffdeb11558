"""Pages to play with as the tests see them: what the directive puts there, with its scripts, opened from a disk."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from playwright.sync_api import Browser, Page

import gfn

ROOT = Path(gfn.__file__).parents[1]
BOOK = ROOT / "book"
TABLE = BOOK / "paper" / "verdicts.csv"


def extension(name: str) -> ModuleType:
    """A module of the book's Sphinx extensions."""
    if str(BOOK / "_ext") not in sys.path:
        sys.path.insert(0, str(BOOK / "_ext"))
    return importlib.import_module(name)


def write_page(name: str, folder: Path) -> Path:
    """A page with one thing to play with, and its scripts beside it, as the book has them."""
    play = extension("play")
    play.write(BOOK, folder)
    scripts = "".join(f'<script defer src="{script}"></script>' for script in play.SCRIPTS[name])
    head = f'<meta charset="utf-8"><title>{name}</title><link rel="stylesheet" href="gfn-play.css">{scripts}'
    style = "<style>html[data-theme=dark] a {color: #528fe4} html[data-theme=dark] {background: #14181e; color: #ced6dd; --pst-color-text-base: #ced6dd; --pst-color-text-muted: #9ca4af; --pst-color-surface: #29313d}</style>"
    body = f"<main><h1>{name}</h1>{play.html(name, TABLE)}</main>"
    path = folder / f"{name}.html"
    path.write_text(f'<!doctype html><html lang="en"><head>{head}{style}</head><body>{body}</body></html>', "utf-8")
    return path


@contextmanager
def opened(browser: Browser, path: Path, width: int = 1280, **options) -> Iterator[Page]:
    """A page that must not complain, nor ask for anything that is not a file."""
    page = browser.new_page(viewport={"width": width, "height": 800}, **options)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if not request.url.startswith("file:") else None)
    page.goto(path.as_uri())
    if options.get("java_script_enabled", True):
        page.wait_for_selector(".gfn-play-live")
    yield page
    page.close()
    assert complaints == []


def violations(page: Page) -> list[str]:
    """What axe finds wrong; it is not to fetch style sheets, which a browser refuses for files."""
    from axe_playwright_python.sync_playwright import Axe

    return [
        f"{found['id']}: {found['nodes'][0]['html']}"
        for found in Axe().run(page, options={"preload": False}).response["violations"]
    ]
