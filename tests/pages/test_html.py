"""The built HTML as files: no dead link, no figure without words, no traceback, no button that points nowhere."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

from paperlib import book, claims, pages
from paperlib.paths import ROOT

TRACEBACK = re.compile(r"Traceback \(most recent call last\)|\bNameError:|\bModuleNotFoundError:")
ADDRESSES = ("href", "src")


@pytest.fixture(scope="module")
def soups(site) -> dict[Path, BeautifulSoup]:
    files = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    return {path: BeautifulSoup(path.read_text("utf-8"), "html.parser") for path in files}


@pytest.fixture(scope="module")
def content(soups) -> dict[Path, BeautifulSoup]:
    """The pages that were written, without the index and the search page that Sphinx adds."""
    return {path: soup for path, soup in soups.items() if path.parent.name in ("book", "notebooks")}


def test_every_page_is_there(site, content):
    found = {str(path.relative_to(site).with_suffix("")) for path in content}
    toc = book.contents({path.stem for path in content})
    expected = {toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])}
    assert found == expected


def test_tables_that_a_cell_writes_are_tables(site, content):
    markup = re.compile(r"\|\s*[-—]+\s*\|")  # the rule under a table's head, as typed or with its hyphens joined
    for path, soup in content.items():
        words = [text for text in soup.find_all(string=True) if not text.find_parent(["pre", "code", "script"])]
        assert not markup.search("".join(words)), f"{path.name} shows the markup of a table"


def test_long_code_is_folded_and_what_it_prints_is_not(content):
    chapters = {path: soup for path, soup in content.items() if path.parent.name == "notebooks"}
    assert chapters
    for path, soup in chapters.items():
        folds = soup.select("details.hide.above-input")
        assert folds, f"{path.name} has no folded cell"
        assert not any(fold.select(".cell_output, img") for fold in folds), f"{path.name} folds an output"
        for code in soup.select(".cell_input pre"):
            if not code.find_parent("details"):
                assert len(code.get_text().strip().splitlines()) <= book.LONG, f"{path.name} shows a long cell"


def dead_links(site: Path, soups: dict[Path, BeautifulSoup]) -> list[str]:
    anchors = {path: {tag.get("id") or tag.get("name") for tag in soup.find_all(True)} for path, soup in soups.items()}
    dead = []
    for path, soup in soups.items():
        for tag in soup.find_all(lambda tag: any(tag.get(name) for name in ADDRESSES)):
            address = next(tag[name] for name in ADDRESSES if tag.get(name))
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or (address.startswith("#") and len(address) == 1):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                dead.append(f"{path.relative_to(site)}: {address} leads to no file")
            elif parts.fragment and target in anchors and unquote(parts.fragment) not in anchors[target]:
                dead.append(f"{path.relative_to(site)}: {address} leads to no place on that page")
    return dead


def test_no_internal_link_is_dead(site, soups):
    assert not dead_links(site, soups)


def test_a_dead_link_would_be_seen(tmp_path):
    (tmp_path / "a.html").write_text('<p id="x"><a href="b.html"></a><a href="#y"></a><a href="#x"></a></p>')
    soups = {tmp_path / "a.html": BeautifulSoup((tmp_path / "a.html").read_text(), "html.parser")}
    assert len(dead_links(tmp_path, soups)) == 2


def test_every_figure_has_words(content):
    wordless, generic = [], re.compile(r"(\.\./)?_images/|^(image|figure|png)?$|\.(png|svg)$", re.I)
    for path, soup in content.items():
        for image in soup.find_all("img"):
            if generic.search((image.get("alt") or "").strip()):
                wordless.append(f"{path.name}: {image.get('src')} says {image.get('alt')!r}")
    assert not wordless


def test_every_figure_of_a_chapter_has_a_number_and_a_caption(content):
    for path, soup in content.items():
        if path.parent.name != "notebooks":
            continue
        for image in soup.select(".cell_output img"):
            figure = image.find_parent("figure")
            assert figure is not None, f"{path.name}: {image.get('src')} stands outside a figure"
            assert figure.select_one("figcaption .caption-number"), f"{path.name}: {image.get('src')} has no number"
            assert len(figure.select_one("figcaption .caption-text").get_text()) > 20


def test_no_traceback_is_shown(content):
    for path, soup in content.items():
        assert not TRACEBACK.search(soup.get_text()), path.name
        assert not soup.select(".output.stderr, .output.traceback"), path.name


def test_no_reference_stayed_unresolved(content):
    for path, soup in content.items():
        text = "\n".join(tag.get_text() for tag in soup.select("article p, article li, article td"))
        raw = re.findall(r"\{(?:cite|eq|ref|numref|glue|prf)[:}][^\n]{0,40}", text)
        assert not raw, f"{path.name}: {raw}"
        assert "???" not in text, path.name


def test_buttons_appear_where_the_sources_are_known(content):
    address = book.repository()
    for path, soup in content.items():
        links = [a["href"] for a in soup.select(".article-header-buttons a[href], .header-article a[href]")]
        outside = [link for link in links if urlsplit(link).scheme in ("http", "https")]
        if address is None:
            assert not outside, f"{path.name}: buttons point to {outside}"
        else:
            name = address.split("/", 3)[3]
            edited = [link.partition("/edit/main/")[2] for link in outside if "/edit/main/" in link]
            assert edited and all((ROOT / file).is_file() for file in edited), f"{path.name}: {edited}"
            assert all(name in unquote(link) for link in outside), f"{path.name}: {outside}"
            assert path.parent.name != "notebooks" or any("mybinder.org" in link for link in outside), path.name


def test_the_ledger_shows_every_claim_and_its_verdict(site):
    soup = BeautifulSoup((site / "book" / "claims.html").read_text("utf-8"), "html.parser")
    for record in claims.ledger():
        row = soup.find(id=record["id"].lower()).find_parent("tr")
        shown = [tag.get_text() for tag in row.select(".verdict")]
        scales = [scale for scale in claims.SCALES if scale in record["results"]]
        assert shown == [record["results"][scale]["verdict"] for scale in scales], record["id"]
    assert set(pages.EXPLAINED) == set(claims.VERDICTS)


def test_no_verdict_has_changed_without_the_claims_file():
    assert claims.changes() == []
