"""The site in a browser, opened from disk with the network off: equations, previews, both colour schemes."""

import pytest

pytestmark = pytest.mark.browser

# sphinx-thebe writes one line of settings twice into each page; the browser ignores the second.
KNOWN = "Identifier 'THEBE_JS_URL' has already been declared"


@pytest.fixture
def visit(browser, site):
    """visit(name, scheme) -> page; what it asked the network for is in page.asked, what went wrong in page.wrong."""
    contexts = []

    def open_page(name: str, scheme: str = "light"):
        context = browser.new_context(offline=True, color_scheme=scheme, viewport={"width": 1280, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.asked, page.wrong = [], []
        page.on("request", lambda r: r.url.startswith(("file:", "data:", "blob:")) or page.asked.append(r.url))
        page.on("requestfailed", lambda r: page.wrong.append(f"{r.url}: {r.failure}"))
        page.on("pageerror", lambda error: str(error) == KNOWN or page.wrong.append(str(error)))
        page.goto((site / name).as_uri())
        page.wait_for_load_state("load")
        return page

    yield open_page
    for context in contexts:
        context.close()


def settled(page) -> None:
    """Wait until MathJax has typeset the page."""
    page.wait_for_function("window.MathJax?.startup?.promise !== undefined", timeout=30_000)
    page.evaluate("MathJax.startup.promise")


def names(site) -> list[str]:
    return sorted(str(p.relative_to(site)) for folder in ("book", "notebooks") for p in (site / folder).glob("*.html"))


def test_no_page_asks_for_the_network(visit, site):
    for name in names(site):
        page = visit(name)
        page.wait_for_timeout(200)
        assert not page.asked, name
        assert not page.wrong, name


def test_every_equation_is_typeset(visit, site):
    for name in names(site):
        page = visit(name)
        wanted = page.locator("article .math").count()
        if not wanted:
            continue
        settled(page)
        assert page.locator("article .math mjx-container").count() >= wanted, name
        assert page.locator("article .math mjx-container svg path").count() >= wanted, f"{name}: glyphs are drawn"
        assert page.locator("mjx-merror, [data-mjx-error]").count() == 0, name
        assert not page.wrong, name


def preview(page, selector: str):
    link = page.locator(selector).first
    link.scroll_into_view_if_needed()
    link.hover()
    box = page.locator(".tippy-box")
    box.wait_for(state="visible", timeout=10_000)
    return box


def test_a_citation_shows_its_entry(visit):
    box = preview(visit("book/index.html"), "article a[href*='bibliography.html#']")
    assert "Ribeiro" in box.inner_text()


def test_an_equation_shows_itself(visit):
    page = visit("book/index.html")
    settled(page)
    box = preview(page, "article a.reference[href='#equation-eq-system']")
    box.locator("mjx-container svg").first.wait_for(state="attached", timeout=10_000)
    assert not page.asked and not page.wrong


def luminance(page, selector: str, property: str) -> float:
    """Of the first opaque colour behind or of an element, 0 black to 1 white."""
    return page.evaluate(
        """([selector, property]) => {
            let node = document.querySelector(selector), parts;
            while (node) {
                parts = getComputedStyle(node)[property].match(/[\\d.]+/g).map(Number);
                if (parts.length < 4 || parts[3] > 0) break;
                node = node.parentElement;
            }
            const linear = parts.slice(0, 3).map(v => v / 255)
                .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
        }""",
        [selector, property],
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_verdicts_read_on_light_and_dark(visit, scheme):
    page = visit("book/claims.html", scheme)
    page.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'", timeout=10_000)
    behind = luminance(page, "article p", "backgroundColor")
    assert (behind > 0.7) if scheme == "light" else (behind < 0.1)
    for selector in ("article p", ".verdict.holds"):
        text = luminance(page, selector, "color")
        ratio = (max(text, behind) + 0.05) / (min(text, behind) + 0.05)
        assert ratio > 4.5, f"{selector} on {scheme}: contrast {ratio:.1f}"


def test_figures_stand_on_white_in_the_dark(visit, site):
    chapter = next(name for name in names(site) if name.startswith("notebooks/"))
    page = visit(chapter, "dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'", timeout=10_000)
    assert luminance(page, "article figure img", "backgroundColor") > 0.95
    assert page.evaluate("[...document.querySelectorAll('article img')].every(i => i.complete && i.naturalWidth > 0)")


def test_a_wide_table_does_not_widen_the_page(visit):
    page = visit("book/claims.html")
    page.set_viewport_size({"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 410
