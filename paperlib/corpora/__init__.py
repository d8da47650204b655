"""Texts and series that a task reads: found on this machine, checked, or made here; none is part of the repository."""

from paperlib.corpora.corpus import PROBES, Corpus, streams
from paperlib.corpora.files import Missing, Wrong

__all__ = ["PROBES", "Corpus", "Missing", "Wrong", "streams"]
