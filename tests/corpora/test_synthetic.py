"""The text that the package makes itself: labelled, repeatable, with something to learn in it."""

import math
import re
from itertools import pairwise

import pytest
import torch

from paperlib.corpora import PROBES, synthetic
from paperlib.corpora.corpus import PARTS, split


@pytest.fixture(scope="module")
def text():
    return synthetic.corpus(0, 600, (60_000, 6_000, 6_000))


def test_it_says_what_it_is(text):
    assert text.synthetic
    assert not text.official
    assert text.name == "synthetic (seed 0, 600 words)"
    assert "synthetic" in text.reduced(100).part(0.1).name


def test_sizes_are_those_asked_for(text):
    assert len(text.vocabulary) == len(set(text.vocabulary)) == 600
    for part, wanted in zip(PARTS, (60_000, 6_000, 6_000), strict=True):
        assert wanted <= len(getattr(text, part)) < wanted + 2000  # the last article is written to its end
    assert [text.ids(word) for word in ("<eos>", "=", "Valkyria")] == [0, 1, 2]  # as in WikiText-2
    assert all(word in text.vocabulary for word in PROBES)


def test_the_same_seed_gives_the_same_text(text):
    again, other = (synthetic.corpus(seed, 600, (60_000, 6_000, 6_000)) for seed in (0, 1))
    assert again.sha256 == text.sha256
    assert all(torch.equal(getattr(again, part), getattr(text, part)) for part in PARTS)
    digests = [*text.sha256.values(), *other.sha256.values()]
    assert len(set(digests)) == 6  # parts and seeds share no stream of random numbers


def test_global_random_numbers_are_left_alone():
    before = torch.random.get_rng_state()
    synthetic.corpus(3, 100, (100, 100, 100))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_words_follow_zipf(text):
    """Frequency falls about as one over rank: the slope over two decades of the invented words."""
    invented = text.counts()[[i for i, w in enumerate(text.vocabulary) if w not in (*synthetic.FIXED, "<eos>")]]
    ranked = invented.sort(descending=True).values.double()
    slope = math.log(ranked[3] / ranked[299]) / math.log(300 / 4)
    assert 0.7 < slope < 1.4


def test_there_is_something_to_learn(text):
    """The word before tells much about the next one, and the article's subject comes back: both in nats a word."""
    n = len(text.vocabulary)
    pairs = torch.zeros(n, n, dtype=torch.float64)
    pairs.index_put_((text.train[:-1], text.train[1:]), torch.ones(len(text.train) - 1).double(), accumulate=True)
    joint, single = pairs / pairs.sum(), text.counts().double() / len(text.train)

    def entropy(p):
        return float(-(p[p > 0] * p[p > 0].log()).sum())

    assert entropy(joint) - entropy(single) < entropy(single) - 1  # of the next word, knowing this one
    articles = [a.split() for a in re.split(r"\n = (?!= )", synthetic.text(0, 600, 20_000))[1:]]
    own = [words.count(words[0]) - 1 for words in articles]
    other = [words.count(before[0]) for before, words in pairwise(articles) if before[0] != words[0]]
    assert sum(own) > 2 * sum(other)


def test_it_has_the_form_of_the_release():
    lines = synthetic.text(5, 300, 3000).split("\n")
    assert lines[-1] == ""  # ends in a line feed
    for line in lines[:-1]:
        assert line == " " or (line.startswith(" ") and line.endswith(" ") and "  " not in line)
    assert split("\n".join(lines)).count("<eos>") == len(lines) - 1
    assert lines[1].startswith(" = Valkyria ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"words": 99}, "words is 99, expected an integer of 100 or more"),
        ({"words": 2e3}, "words is 2000.0"),
        ({"tokens": (100, 0, 10)}, r"tokens is \(100, 0, 10\), expected a positive integer for each"),
        ({"tokens": (100, 100)}, r"tokens is \(100, 100\)"),
    ],
)
def test_wrong_sizes_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        synthetic.corpus(**options)
