"""A reproducible companion to Ribeiro, Tiels, Aguirre, Schön (AISTATS 2020)."""

__version__ = "0.1.0"
