"""Arrays in, matplotlib figures out: one module a chapter; nothing is computed here."""

import importlib


def __getattr__(name: str):
    """`figures.sine` imports its module when it is first named: a notebook loads its own chapter alone."""
    if name.startswith("_"):
        raise AttributeError(name)
    return importlib.import_module(f"{__name__}.{name}")
