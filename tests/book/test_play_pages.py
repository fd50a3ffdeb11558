"""Things to play with: on a phone and wide, light and dark, with the keyboard, and where there is no script."""

from __future__ import annotations

import re

import pytest

from tests.book.play import BOOK, TABLE, extension, opened, violations, write_page

NAMES = ("alpha", "cloud", "explorer")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("play")
    return {name: write_page(name, folder) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wrong_for_a_reader_with_an_aid(name, theme, pages, browser):
    with opened(browser, pages[name]) as page:
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        assert not violations(page)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scripts", [True, False])
def test_it_is_not_wider_than_a_phone(name, scripts, pages, browser):
    with opened(browser, pages[name], width=390, java_script_enabled=scripts) as page:
        box = page.locator("main").evaluate("e => [e.scrollWidth, e.clientWidth]") if scripts else None
        assert box is None or box[0] <= box[1]
        right = [each["x"] + each["width"] for each in _boxes(page)]
        assert right and max(right) <= 390


def _boxes(page):
    found = page.locator(".gfn-play, .gfn-play select, .gfn-play input, .gfn-play svg, .gfn-play button").all()
    return [each.bounding_box() for each in found if each.is_visible()]


@pytest.mark.parametrize("name", NAMES)
def test_without_scripts_there_is_a_picture_and_the_same_in_words(name, pages, browser):
    with opened(browser, pages[name], java_script_enabled=False) as page:
        assert page.locator("svg.gfn-play-picture").is_visible()
        assert page.locator(".gfn-play-still tbody tr").count() >= 5
        assert page.get_by_text("A still picture").is_visible()
    with opened(browser, pages[name]) as page:
        assert not page.locator(".gfn-play-still").is_visible()


@pytest.mark.parametrize("name", NAMES)
def test_every_control_has_a_name_and_the_keyboard_moves_it(name, pages, browser):
    with opened(browser, pages[name]) as page:
        controls = page.locator(".gfn-play-live input:enabled, .gfn-play-live select").all()
        controls = [each for each in controls if each.is_visible()]
        assert len(controls) >= 3
        for control in controls:
            assert control.evaluate("e => e.labels[0].textContent.length > 2")
            if control.evaluate("e => e.tagName") == "INPUT":
                before = control.get_attribute("aria-valuetext")
                control.focus()
                page.keyboard.press("ArrowLeft" if control.evaluate("e => e.value == e.max") else "ArrowRight")
                assert control.get_attribute("aria-valuetext") != before
        for button in page.locator(".gfn-play-live button").all():
            button.focus()
            page.keyboard.press("Enter")


def test_nothing_starts_before_it_is_seen(pages, browser, tmp_path):
    text = pages["cloud"].read_text(encoding="utf-8").replace("<h1>", '<div style="height: 3000px"></div><h1>')
    path = pages["cloud"].with_name("far.html")
    path.write_text(text, encoding="utf-8")
    page = browser.new_page(viewport={"width": 800, "height": 600})
    page.goto(path.as_uri())
    page.wait_for_function("window.gfnCloud && document.readyState === 'complete'")
    page.wait_for_timeout(100)
    assert page.locator(".gfn-play-live").count() == 0
    page.locator("h1").scroll_into_view_if_needed()
    page.mouse.wheel(0, 5000)
    page.wait_for_selector(".gfn-play-live")
    page.close()


def test_scripts_are_short_and_ask_for_nothing():
    for path in (BOOK / "play").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 400
        assert not re.search(r"fetch\(|XMLHttpRequest|import |https?://(?!www\.w3\.org/2000/svg)", text), path


def test_only_their_pages_load_them():
    """They lie outside the folder whose scripts Jupyter Book links from every page, and the extension links all of them."""
    play = extension("play")
    given = {path.name for path in (BOOK / "play").glob("*.js")} | {"verdicts.js", "densities.js"}
    assert given == {script for scripts in play.SCRIPTS.values() for script in scripts}
    linked: list[str] = []
    app = type("App", (), {"add_css_file": linked.append, "add_js_file": lambda _, name, **__: linked.append(name)})()
    app.add_css_file = linked.append
    for page in ("intro", "paper/fig1", "play/other"):
        play.link(app, page, "", {}, None)
    assert not linked
    play.link(app, "play/cloud", "", {}, None)
    assert linked == ["play/gfn-play.css", *(f"play/{script}" for script in play.SCRIPTS["cloud"])]


def test_the_style_sheet_is_taken_whole(tmp_path):
    """Scripts put the names of its classes together, so no page and no script has them all."""
    slim, folder = extension("gfn_slim"), tmp_path / "play"
    extension("play").write(BOOK, folder)
    (sheet,) = folder.glob("*.css")
    found = slim._sheet(tmp_path, f"play/{sheet.name}", set())
    assert all(f".gfn-play-{outcome}" in found for outcome in ("supported", "contradicted", "inconclusive"))


def test_stills_come_out_the_same_again():
    play = extension("play")
    for name in NAMES:
        assert play.html(name, TABLE) == play.html(name, TABLE)


def test_a_book_without_verdicts_says_so(browser, tmp_path):
    path = write_page("explorer", tmp_path)
    data = extension("play_data").verdicts_script(tmp_path / "none.csv")
    (tmp_path / "verdicts.js").write_text(data, encoding="utf-8")
    with opened(browser, path) as page:
        assert page.get_by_text("no verdicts").is_visible()
    assert "<tbody></tbody>" in extension("play_stills").explorer(tmp_path / "none.csv")
