"""What R, section 5.3, says of WikiText-2, counted: tokens, words, articles, predictions, the first ids.

The counts are committed (`data/wikitext2/corpus.json`), so that a machine without the text shows the same numbers.
`python -m paperlib.corpora.count [FOLDER]` makes the file anew; a test holds it to the text where the text is.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

from paperlib.corpora import wikitext2
from paperlib.corpora.corpus import EOS, PARTS, Corpus, streams
from paperlib.corpora.files import Missing
from paperlib.paths import DATA

COMMITTED = DATA / "wikitext2" / "corpus.json"
STREAMS = 100  # R, 5.3: the batch
EMBEDDING = 800  # R, 5.3


def lines(corpus: Corpus, part: str) -> Iterator[list[str]]:
    """The lines of a part, each a list of words; a blank line is an empty list."""
    line: list[str] = []
    for word in corpus.words(getattr(corpus, part)):
        if word == EOS:
            yield line
            line = []
        else:
            line.append(word)
    if line:
        yield line


def _heading(line: list[str]) -> bool:
    """`= Title =`: one sign on each side; sections have two or more."""
    return len(line) > 2 and line[0] == line[-1] == "=" and line[1] != "=" and line[-2] != "="


def titles(corpus: Corpus, part: str) -> list[int]:
    """Numbers of the lines that are the title of an article: a heading that stands alone between two blank lines.

    The form of the line is not enough. Keys of tables and lists of symbols are broken into lines such as
    `= Losses , T =`, which follow one another without a blank line; `untitled` counts them.
    """
    text = [[], *lines(corpus, part), []]
    return [i - 1 for i in range(1, len(text) - 1) if _heading(text[i]) and not text[i - 1] and not text[i + 1]]


def untitled(corpus: Corpus, part: str) -> int:
    """Lines in the form of a title that are none."""
    return sum(map(_heading, lines(corpus, part))) - len(titles(corpus, part))


def measure(corpus: Corpus) -> dict[str, Any]:
    """Everything the claims on the corpus need, as plain numbers; no word of the text."""
    ends = (corpus.train == corpus.ids(EOS)).nonzero().flatten()  # of lines
    second = titles(corpus, "train")[1]
    return {
        "tokens": [len(getattr(corpus, part)) for part in PARTS],
        "vocabulary": len(corpus.vocabulary),
        "articles": [len(titles(corpus, part)) for part in PARTS],
        "look_like_titles": [untitled(corpus, part) for part in PARTS],
        "predictions": [streams(getattr(corpus, part), STREAMS)[1:].numel() for part in PARTS],
        "first_ids": EMBEDDING,
        "first_ids_seen_after": int((corpus.train == EMBEDDING - 1).nonzero()[0]) + 1,  # ids are in order of appearance
        "first_article": int(ends[second - 1]) + 1,
        "first_ids_share_of_train": float((corpus.train < EMBEDDING).double().mean()),
        "sha256": dict(corpus.sha256),
        "official": corpus.official,
    }


def values(found: dict[str, Any]) -> dict[str, Any]:
    """What is handed to `claims.check`: claim -> value."""
    return {
        "R-5.3-tokens": found["tokens"],
        "R-5.3-vocabulary": found["vocabulary"],
        "R-5.3-articles": found["articles"],
        "R-5.3-predictions": found["predictions"][1:],
        "B-S5-constant-tokens": found["first_ids_seen_after"] <= found["first_article"],
    }


def committed() -> dict[str, Any]:
    """The counts as they stand in the repository."""
    return json.loads(COMMITTED.read_text("utf-8"))


def counted() -> tuple[dict[str, Any], bool]:
    """The counts, and whether they were made now, from the text; the committed ones where the text is not at hand."""
    try:
        return measure(wikitext2.load()), True
    except Missing:
        return committed(), False


if __name__ == "__main__":
    COMMITTED.parent.mkdir(parents=True, exist_ok=True)
    found = measure(wikitext2.load(*sys.argv[1:2]))
    COMMITTED.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
