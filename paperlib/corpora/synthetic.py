"""A text that this package makes itself: a small grammar, words by Zipf's law. No language, and never called one.

It has what the chapter on WikiText-2 needs where that text is not at hand: articles under headings, an <eos> a line,
rare words replaced by <unk>, the tokens of the probes, and something to learn in it at every distance: the order of a
sentence, number (is, are), and the article's own subject, which comes back.
"""

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate, product

import torch

from paperlib.corpora.corpus import EOS, PARTS, UNK, Corpus, encode, split
from paperlib.corpora.files import sha256

FIXED = ("=", ".", ",", "the", "a", "of", "in", "and", "that", "is", "are", "was", "not", "very", UNK)
KINDS = {"name": 0.2, "noun": 0.4, "verb": 0.2, "adjective": 0.2}  # share of the remaining words
SUBJECT = "Valkyria"  # of the first article, and the most frequent name
RARE = 3  # of the words of each kind that the grammar draws from, one in so many is written <unk>
LEAST = 100  # words


def corpus(seed: int = 0, words: int = 2000, tokens: Sequence[int] = (200_000, 20_000, 20_000)) -> Corpus:
    """A synthetic text: `words` different words, at least `tokens` tokens in train, valid and test.

    The same seed gives the same text. Words that the grammar happened never to draw stand last in the vocabulary.
    Raises ValueError for less than 100 words or a part without tokens.
    """
    if not isinstance(words, int) or words < LEAST:
        raise ValueError(f"words is {words!r}, expected an integer of {LEAST} or more")
    if len(tokens) != len(PARTS) or any(not isinstance(t, int) or t < 1 for t in tokens):
        raise ValueError(f"tokens is {tokens!r}, expected a positive integer for each of {', '.join(PARTS)}")
    written = {part: text(seed, words, wanted, part) for part, wanted in zip(PARTS, tokens, strict=True)}
    known = [EOS, *FIXED, *(word for kind in _lexicon(words).values() for word in kind)]
    vocabulary, numbers = encode({part: split(written[part]) for part in PARTS}, known)
    return Corpus(
        name=f"synthetic (seed {seed}, {words:,} words)",
        vocabulary=vocabulary,
        **numbers,
        synthetic=True,
        sha256={part: sha256(written[part].encode()) for part in PARTS},
    )


def text(seed: int, words: int, tokens: int, part: str = "train") -> str:
    """One part as it would stand in a file: articles, a line a paragraph, until there are `tokens` tokens."""
    writer = _Writer(_lexicon(words), seed * len(PARTS) + PARTS.index(part))
    lines: list[str] = []
    count = 0
    while count < tokens:
        article = writer.article(SUBJECT if not lines else None)
        count += sum(len(line.split()) + 1 for line in article)
        lines += article
    return "\n".join(lines) + "\n"


def _lexicon(words: int) -> dict[str, list[str]]:
    """Words of each kind by rank, invented from syllables, FIXED and <eos> aside."""
    left = words - len(FIXED) - 1
    sizes = {kind: int(share * left) for kind, share in KINDS.items()}
    sizes["noun"] += left - sum(sizes.values())
    syllables = ["".join(s) for s in product("bdfgklmnprstvz", "aeiou")]
    invented = ("".join(s) for length in (2, 3, 4) for s in product(syllables, repeat=length))
    spread = (word for number, word in enumerate(invented) if number % 7 == 0)  # neighbours would look alike
    lexicon = {kind: [next(spread) for _ in range(size)] for kind, size in sizes.items()}
    lexicon["name"] = [SUBJECT, *(word.capitalize() for word in lexicon["name"][1:])]
    return lexicon


class _Writer:
    """The grammar, drawing from one stream of random numbers."""

    def __init__(self, lexicon: dict[str, list[str]], seed: int):
        self.lexicon = lexicon
        self.generator = torch.Generator().manual_seed(seed)
        self.numbers = iter(())
        drawn = {kind: len(words) + max(1, len(words) // RARE) for kind, words in lexicon.items()}
        self.weights = {kind: list(accumulate(1 / (rank + 2.7) for rank in range(n))) for kind, n in drawn.items()}

    def uniform(self) -> float:
        value = next(self.numbers, None)
        if value is None:
            self.numbers = iter(torch.rand(4096, generator=self.generator, dtype=torch.float64).tolist())
            value = next(self.numbers)
        return value

    def chance(self, probability: float) -> bool:
        return self.uniform() < probability

    def word(self, kind: str) -> str:
        """A word by Zipf's law (Mandelbrot's form); beyond the last known rank it is <unk>."""
        weights = self.weights[kind]
        rank = bisect(weights, self.uniform() * weights[-1])
        return self.lexicon[kind][rank] if rank < len(self.lexicon[kind]) else UNK

    def article(self, subject: str | None) -> list[str]:
        self.subject, self.topic = subject or self.word("name"), self.word("noun")
        lines = ["", f" = {self.subject} {self.topic} = ", ""]
        for _ in range(1 + int(3 * self.uniform())):
            lines += [self.line(*self.paragraph()), ""]
        for _ in range(int(3 * self.uniform())):
            lines += [f" = = {self.word('noun')} = = ", "", self.line(*self.paragraph()), ""]
        return [line or " " for line in lines]

    @staticmethod
    def line(*words: str) -> str:
        return f" {' '.join(words)} "

    def paragraph(self) -> list[str]:
        return [word for _ in range(2 + int(5 * self.uniform())) for word in (*self.sentence(), ".")]

    def sentence(self, depth: int = 0) -> list[str]:
        several = self.chance(0.2)
        who = self.several() if several else self.one()
        verb = "are" if several else "was" if self.chance(0.25) else "is"
        what = self.uniform()
        if what < 0.3:
            said = [verb, *self.quality()]
        elif what < 0.5:
            said = [verb, *self.thing()]
        elif what < 0.9 or depth:
            said = [self.word("verb"), *self.one()]
        else:
            said = [self.word("verb"), "that", *self.sentence(depth + 1)]
        return [*who, *said, *(["in", *self.one()] if self.chance(0.2) else [])]

    def one(self) -> list[str]:
        draw = self.uniform()
        return [self.subject] if draw < 0.25 else [self.word("name")] if draw < 0.45 else self.thing()

    def several(self) -> list[str]:
        return [*self.one(), *([",", *self.one()] if self.chance(0.2) else []), "and", *self.one()]

    def thing(self) -> list[str]:
        noun = self.topic if self.chance(0.3) else self.word("noun")
        article = "the" if self.chance(0.6) else "a"
        own = ["of", *self.one()] if self.chance(0.2) else []
        return [article, *(self.quality() if self.chance(0.3) else []), noun, *own]

    def quality(self) -> list[str]:
        degree = ["not"] if self.chance(0.1) else ["very"] if self.chance(0.15) else []
        return [*degree, self.word("adjective")]
