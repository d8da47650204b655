"""The counts that the claims on the corpus stand on."""

import pytest

from paperlib import claims
from paperlib.corpora import Corpus, count
from paperlib.corpora.corpus import PARTS, encode, split

# Three titles: at the very beginning, in the middle, at the end. What is none: a section, a title without room above or
# below (lists of symbols are broken into such lines), a lone sign, a formula.
TEXT = """ = One =\x20

 = = Section = =\x20

 words , Key : =
 = Played , W =\x20
 = won
 = No room below =\x20
 words
 words

 = A = B =\x20

 =\x20

 = =\x20

 = Last =\x20
"""


@pytest.fixture
def small() -> Corpus:
    vocabulary, numbers = encode(dict.fromkeys(PARTS, split(TEXT)))
    return Corpus("small", vocabulary, **numbers)


def test_lines_are_those_of_the_text(small):
    assert list(count.lines(small, "train")) == [line.split() for line in TEXT.removesuffix("\n").split("\n")]


def test_titles_stand_alone(small):
    lines = list(count.lines(small, "test"))
    assert [" ".join(lines[i]) for i in count.titles(small, "test")] == ["= One =", "= A = B =", "= Last ="]
    assert count.untitled(small, "test") == 2


def test_the_committed_counts_are_those_of_the_text(wikitext):
    found, committed = count.measure(wikitext), count.committed()
    text = ("sha256", "official")  # which copy it is: of each machine its own
    assert {k: v for k, v in found.items() if k not in text} == {k: v for k, v in committed.items() if k not in text}


def test_committed_counts_answer_where_there_is_no_text(nowhere):
    found, now = count.counted()
    assert not now
    assert found == count.committed()
    assert set(found["sha256"]) == set(PARTS)


def test_every_claim_on_the_corpus_is_answered(nowhere, monkeypatch, tmp_path):
    monkeypatch.setenv("PAPERLIB_RESULTS", str(tmp_path))
    monkeypatch.setattr(claims, "_checked", {})
    expected = claims.statements()
    for name, value in count.values(count.committed()).items():
        assert claims.check(name, value) == expected[name]["verdict"]["quick"]


def test_other_counts_would_not_hold():
    expected = claims.statements()
    wrong = count.committed() | {"vocabulary": 33_279, "articles": [629, 60, 62], "first_ids": 33_278}
    verdicts = {name: claims.judge(expected[name], value) for name, value in count.values(wrong).items()}
    assert verdicts["R-5.3-vocabulary"] == verdicts["R-5.3-articles"] == "does not hold"
    assert verdicts["R-5.3-tokens"] == verdicts["R-5.3-predictions"] == "holds"
