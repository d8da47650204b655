"""Tokens, vocabulary and batches are those of torchtext 0.6.0, the library of the papers' time, on the same text."""

from collections import Counter

import pytest

from paperlib.corpora import Corpus, synthetic, wikitext2
from paperlib.corpora.corpus import PARTS, encode, split
from paperlib.tasks.language import Language

torchtext = pytest.importorskip("torchtext")
from torchtext.data import BPTTIterator, Field  # noqa: E402
from torchtext.datasets import LanguageModelingDataset  # noqa: E402


def theirs(path, streams: int) -> LanguageModelingDataset:
    """A part as torchtext reads it, cut to a multiple of the streams: its iterator would pad, ours drops."""
    part = LanguageModelingDataset(str(path), Field(tokenize=str.split))
    text = part.examples[0].text
    part.uncut = list(text)
    del text[len(text) - len(text) % streams :]
    return part


def equal(corpus: Corpus, paths: dict, streams: int, steps: int) -> None:
    parts = {name: theirs(path, streams) for name, path in paths.items()}
    for name in PARTS:
        assert corpus.words(getattr(corpus, name)) == parts[name].uncut

    # One vocabulary for the three: its counts are ours. The numbers are not, since it orders by frequency.
    field = Field(tokenize=str.split)
    field.build_vocab(*([part.uncut] for part in parts.values()))
    ours = sum((Counter(corpus.words(getattr(corpus, name))) for name in PARTS), Counter())
    assert ours == field.vocab.freqs
    assert set(corpus.vocabulary) == set(field.vocab.itos) - {"<pad>"}
    assert len(corpus.vocabulary) == len(field.vocab) - 1

    task = Language(lambda: corpus, len(corpus.vocabulary), streams=streams, steps=steps)
    for name, part in parts.items():
        for _, inner in part.fields.items():
            inner.vocab = field.vocab
        batches = BPTTIterator(part, streams, steps, train=False)
        windows = list(task.windows(name))
        assert len(windows) == len(batches)
        if name == "train":
            assert len(batches) == task.batches
        for (tokens, target), batch in zip(windows, batches, strict=True):
            for mine, other in ((tokens, batch.text), (target, batch.target)):
                assert mine.shape == other.shape
                words = [field.vocab.itos[i] for i in other.flatten().tolist()]
                assert corpus.words(mine.flatten()) == words


@pytest.mark.parametrize(("streams", "steps"), [(7, 13), (20, 35)])
def test_equal_on_a_synthetic_text(tmp_path, streams, steps):
    paths = {name: tmp_path / f"{name}.txt" for name in PARTS}
    for name, tokens in zip(PARTS, (9000, 900, 900), strict=True):
        paths[name].write_text(synthetic.text(2, 200, tokens, name), "utf-8")
    written = synthetic.corpus(2, 200, (9000, 900, 900))
    assert any(len(getattr(written, name)) % streams for name in PARTS)  # something is dropped
    corpus = read(paths)
    for name in PARTS:
        assert corpus.words(getattr(corpus, name)) == written.words(getattr(written, name))
    equal(corpus, paths, streams, steps)


def read(paths: dict) -> Corpus:
    """A text from files, without the words of the lexicon that the grammar has not drawn."""
    vocabulary, numbers = encode({name: split(path.read_text("utf-8")) for name, path in paths.items()})
    return Corpus("files", vocabulary, **numbers)


def test_equal_on_wikitext2(wikitext, wikitext_folder):
    paths = {name: wikitext2.file(wikitext_folder, name) for name in PARTS}
    equal(wikitext, paths, 100, 80)  # R, section 5.3
