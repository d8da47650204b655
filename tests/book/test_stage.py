"""The staged copy: buttons only where the sources are hosted, links only to what exists, pages made of results."""

import json

import pytest

from paperlib import book, pages


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://github.com/someone/companion.git", "https://github.com/someone/companion"),
        ("https://token@github.com/someone/companion", "https://github.com/someone/companion"),
        ("git@github.com:someone/companion.git", "https://github.com/someone/companion"),
        ("ssh://git@github.com:22/someone/companion.git", "https://github.com/someone/companion"),
        ("https://github.com/someone/companion/", "https://github.com/someone/companion"),
        ("https://github.com/someone", None),
        ("https://github.com.example.org/someone/companion", None),
        ("https://codeberg.org/someone/companion", None),
        ("/srv/git/companion.git", None),
        ("file:///srv/git/companion.git", None),
        ("../companion", None),
        ("http://localhost:3000/someone/companion", None),
        ("git@backup:someone/companion", None),
        ("ssh://git@10.0.0.7/someone/companion.git", None),
        ("", None),
    ],
)
def test_only_an_address_that_buttons_can_use_is_one(remote, expected):
    assert book.address(remote) == expected


def test_the_workflow_knows_where_the_sources_are(monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/companion")
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
    assert book.repository() == "https://github.com/someone/companion"
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.example.org")
    assert book.repository() is None


def test_buttons_need_an_address():
    plain = book.configuration(None)
    assert "repository" not in plain
    assert "launch_buttons" not in plain
    assert not any(key.startswith("use_") and key.endswith("_button") for key in plain["html"])
    hosted = book.configuration("https://github.com/someone/companion")
    assert hosted["repository"]["url"] == "https://github.com/someone/companion"
    assert hosted["launch_buttons"]["binderhub_url"] == "https://mybinder.org"
    assert hosted["html"]["use_edit_page_button"]


def test_previews_and_equations_ask_nobody():
    config = book.configuration(None)["sphinx"]["config"]
    assert not config["tippy_enable_wikitips"] and not config["tippy_enable_doitips"]
    scripts = {config["mathjax_path"], *config["tippy_js"]}
    assert scripts == {f"vendor/{name}" for name in book.SCRIPTS}


def test_long_code_is_folded_and_nothing_else_changes():
    short, long = "x = 1\n" * book.LONG, ["y = 2\n"] * (book.LONG + 1)
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["words\n"] * 40},
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": short},
        {"cell_type": "code", "metadata": {"tags": ["mine"], "other": 1}, "outputs": [{"text": "2"}], "source": long},
    ]
    found = json.loads(book.folded(json.dumps({"cells": cells, "nbformat": 4})))
    assert found["nbformat"] == 4 and found["cells"][:2] == cells[:2]
    assert found["cells"][2] == cells[2] | {"metadata": {"tags": ["mine", "hide-input"], "other": 1}}


def test_the_book_executes_nothing():
    assert book.configuration(None)["execute"]["execute_notebooks"] == "off"


def test_contents_list_what_exists():
    def files(available):
        return [chapter["file"] for part in book.contents(available)["parts"] for chapter in part["chapters"]]

    assert not any(name.startswith("notebooks/") for name in files(set()))
    assert "book/claims" in files(set())
    assert [n for n in files({"05_sine"}) if n.startswith("notebooks/")] == ["notebooks/05_sine"]
    assert all(part["chapters"] for part in book.contents(set())["parts"])


def test_links_to_missing_chapters_become_words():
    text = "see [the sine](05_sine.ipynb), [the net](../notebooks/07_wikitext2.ipynb#top) and [a page](claims.md)"
    assert book.without_missing(text, {"05_sine"}) == ("see [the sine](05_sine.ipynb), the net and [a page](claims.md)")


RECORDS = [
    {
        "id": "M-1-last",
        "source": "M, poster",
        "statement": "Orbits explode.",
        "printed": "yes",
        "tolerance": None,
        "notebook": "nowhere",
        "results": {"quick": {"verdict": "not run"}, "paper": {"verdict": "not run"}},
    },
    {
        "id": "R-4.10-b",
        "source": "R, section 4.10 and Fig. 3",
        "statement": "The cost\nis $V$.",
        "printed": "0.5",
        "tolerance": 0.1,
        "notebook": "nowhere",
        "differs": "Longer\ntraining.",
        "results": {
            "quick": {"value": 0.51, "seeds": 3, "spread": [0.5, 0.52], "verdict": "holds", "note": "Thrice."},
            "paper": {"value": {"printed": False, "corrected": True}, "seeds": 1, "verdict": "erratum"},
        },
    },
    {
        "id": "R-4.2-a",
        "source": "R, section 4.2",
        "statement": "Second.",
        "printed": "1",
        "tolerance": None,
        "notebook": "nowhere",
        "results": {
            "quick": {"value": 2.0, "seeds": 1, "verdict": "does not hold"},
            "paper": {"verdict": "not run"},
        },
    },
]


def test_the_ledger_is_ordered_by_paper_and_section():
    page = pages.claims_page(RECORDS)
    heads = [line for line in page.splitlines() if line.startswith("#")]
    assert heads == [
        "## Ribeiro et al. 2020",
        "### Section 4.2",
        "### Section 4.10",
        "## Mikhaeil et al. 2022",
        "### Poster",
    ]


@pytest.mark.parametrize(
    ("source", "head"),
    [
        ("R, section 4.2, Theorem 1, Eq. (6)", ("Ribeiro et al. 2020", "section 4.2")),
        ("R, sections 5 and 5.1", ("Ribeiro et al. 2020", "sections 5 and 5.1")),
        ("R, supplement C and Supplementary Fig. 1", ("Ribeiro et al. 2020", "supplement C")),
        ("M, first theorem", ("Mikhaeil et al. 2022", "first theorem")),
        ("this book, squaring map", ("This book", "")),
    ],
)
def test_sections_are_read_from_sources(source, head):
    assert pages._section(source) == head


def test_the_ledger_shows_value_seeds_and_verdict():
    page = pages.claims_page(RECORDS)
    assert "  - 0.51 " + pages.badge("holds") + " (3 seeds, [0.5, 0.52]) Thrice." in page
    assert "  - printed: no, corrected: yes " + pages.badge("erratum") in page
    assert "The cost is $V$." in page
    counts = next(line for line in page.splitlines() if line.startswith("- **quick**"))
    assert [f"{pages.badge(v)} 1" in counts for v in ("holds", "does not hold", "not run", "cited")] == [True] * 3 + [
        False
    ]


def test_the_ledger_says_why_scales_differ():
    page = pages.claims_page(RECORDS)
    badges = pages.badge("holds"), pages.badge("erratum")
    assert "{dropdown} Verdicts that differ between the scales (1), and why" in page
    said = '- <a href="#r-4.10-b">R-4.10-b</a>: quick {}, paper {}. Longer training.'.format(*badges)
    assert said in page
    assert "{dropdown} What" in pages.claims_page(RECORDS[:1]) and "differ" not in pages.claims_page(RECORDS[:1])


def test_speeds_without_a_measurement_say_so(monkeypatch, tmp_path):
    monkeypatch.setattr(pages, "BENCHMARKS", tmp_path / "none.json")
    assert "Nothing has been timed yet." in pages.benchmarks_page()


def test_speeds_name_machine_day_and_missed_goals(monkeypatch, tmp_path):
    rows = [
        {"what": "ours", "seconds": [0.5, 0.4, 0.45], "median": 0.45, "note": None},
        {"what": "theirs", "seconds": [900.0], "median": 900.0, "note": "a slice, scaled"},
    ]
    ratios = [
        {"what": "faster", "value": 2000.0, "goal": "at least 500", "met": True},
        {"what": "slower", "value": 1.8, "goal": "at most 1.5", "met": False},
    ]
    where = {
        "date": "2026-01-02",
        "machine": "A processor",
        "cores": 2,
        "load": 1.5,
        "versions": {"torch": "2.13.0"},
    }
    table = {"title": "Orbits", "setting": "10 of them", "rows": rows, "ratios": ratios}
    (tmp_path / "b.json").write_text(json.dumps({"benchmarks": [where | table]}))
    monkeypatch.setattr(pages, "BENCHMARKS", tmp_path / "b.json")
    page = pages.benchmarks_page()
    for said in ("2026-01-02", "A processor", "450 ms", "400 ms to 500 ms", "900 s", "once", "a slice, scaled"):
        assert said in page
    assert f"slower: 1.8 (goal: at most 1.5) {pages.badge('does not hold')}" in page
