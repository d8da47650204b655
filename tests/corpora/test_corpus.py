"""A text as numbers: order, streams, reduced vocabularies, parts."""

import pytest
import torch

from paperlib.corpora import Corpus, streams
from paperlib.corpora.corpus import PARTS, encode, split


def of(train: str, valid: str, test: str) -> Corpus:
    vocabulary, numbers = encode({part: split(text) for part, text in zip(PARTS, (train, valid, test), strict=True)})
    return Corpus("small", vocabulary, **numbers)


@pytest.fixture
def small() -> Corpus:
    return of(" \n = b = \n b <unk> b c c d \n", "c is d e\n", "Valkyria")


def test_lines_end_in_eos():
    assert split(" \n a b \n\nc") == ["<eos>", "a", "b", "<eos>", "<eos>", "c", "<eos>"]
    assert split("") == []
    assert split("a\n") == split("a") == ["a", "<eos>"]


def test_ids_are_in_order_of_appearance(small):
    assert small.vocabulary == ("<eos>", "=", "b", "<unk>", "c", "d", "is", "e", "Valkyria")
    assert small.train.dtype == torch.int64
    assert small.words(small.train) == split(" \n = b = \n b <unk> b c c d \n")
    assert small.words(small.test) == ["Valkyria", "<eos>"]
    assert [small.ids(word) for word in small.vocabulary] == list(range(9))
    assert small.counts().tolist() == [3, 2, 3, 1, 2, 1, 0, 0, 0]


def test_an_unknown_word_is_named(small):
    with pytest.raises(ValueError, match="word is 'lobster', not among the 9 words of small"):
        small.ids("lobster")


def test_reduced_keeps_probes_then_the_most_frequent(small):
    less = small.reduced(7)
    # the five that probes ask for, then b (3 times) and c (2); d and e are <unk>
    assert less.vocabulary == ("<eos>", "=", "b", "<unk>", "c", "is", "Valkyria")
    assert less.words(less.valid) == ["c", "is", "<unk>", "<unk>", "<eos>"]
    assert less.words(less.train) == split(" \n = b = \n b <unk> b c c <unk> \n")
    assert less.name == "small, 7 most frequent words"
    assert small.reduced(9) is small
    assert small.reduced(3, keep=["d"]).vocabulary == ("<eos>", "<unk>", "d")


@pytest.mark.parametrize("size", [4, 10, 0, 7.0])
def test_reduced_refuses_other_sizes(small, size):
    with pytest.raises(ValueError, match=r"size is .*, expected an integer from 5 to 9"):
        small.reduced(size)


def test_part_is_the_beginning_of_each(small):
    half = small.part(0.5)
    assert [len(getattr(half, p)) for p in PARTS] == [6, 2, 1]
    assert torch.equal(half.train, small.train[:6])
    assert half.name == "small, first 6 tokens"
    assert half.vocabulary == small.vocabulary
    assert torch.equal(small.part(tokens=6).valid, half.valid)
    assert small.part(1.0) is small


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fraction": 0.0}, r"fraction is 0.0, expected a number in \(0, 1\]"),
        ({"fraction": 1.5}, r"fraction is 1.5, expected a number in \(0, 1\]"),
        ({"fraction": float("nan")}, "fraction is nan"),
        ({"tokens": 13}, "tokens is 13, expected an integer from 1 to 12"),
        ({"tokens": 0}, "tokens is 0, expected an integer from 1 to 12"),
        ({}, "expected one of the two"),
        ({"fraction": 0.5, "tokens": 3}, "expected one of the two"),
    ],
)
def test_part_refuses(small, options, message):
    with pytest.raises(ValueError, match=message):
        small.part(**options)


def test_streams_are_contiguous_and_drop_the_rest():
    cut = streams(torch.arange(11), 3)
    assert cut.tolist() == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    assert cut.is_contiguous()
    assert streams(torch.arange(4), 4).tolist() == [[0, 1, 2, 3]]


@pytest.mark.parametrize("batch", [0, -1, 5, 2.0])
def test_streams_refuse_other_numbers(batch):
    with pytest.raises(ValueError, match=r"batch is .*, expected an integer from 1 to the 4 tokens of the text"):
        streams(torch.arange(4), batch)


def test_streams_refuse_other_shapes():
    with pytest.raises(ValueError, match=r"ids has shape \(2, 2\), expected \(L,\)"):
        streams(torch.zeros(2, 2), 1)
