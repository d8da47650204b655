"""A reproducible companion to Ribeiro, Tiels, Aguirre, Schön (AISTATS 2020)."""

__version__ = "0.1.0"

SCALES = ("quick", "medium", "paper")  # how large an experiment is: minutes, a CPU afternoon, the papers' own size
# Experiments that a chapter of another name reads.
CHAPTER_OF = dict.fromkeys(("lorenz", "roessler", "temperature"), "sparse_forcing")
