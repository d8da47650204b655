"""What the Snakefile asks: which steps there are, and which files each depends on.

A notebook depends on the package files it imports, on `data/<its own name>/`, `data/claims/<its own name>.toml` and the
runs of its experiments in `data/runs/`, on every other data file that is no chapter's own, and on its trainings.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from paperlib import CHAPTER_OF, imports, paths
from paperlib import notebooks as nb
from paperlib.paths import BENCHMARKS, BOOK, CLAIMS, DATA, DOWNLOADS, PACKAGE, ROOT, STORED_RESULTS, STORED_RUNS

CHAPTERS = (
    "background",
    "entropy",
    "smoothness",
    "chaotic_lstm",
    "sine",
    "classification",
    "wikitext2",
    "sparse_forcing",
)


def scale(config: dict) -> str:
    """The scale asked for with `--config scale=...`. Raises ValueError for an unknown one."""
    value = config.get("scale", "quick")
    if value not in nb.SCALES:
        raise ValueError(f"scale is {value!r}, expected one of {', '.join(nb.SCALES)}")
    return value


def notebooks() -> dict[str, str]:
    """File name without suffix -> plain name, in the order of the book."""
    return {path.stem: name for name, path in nb.notebooks().items()}


def runs(scale: str) -> dict[str, str]:
    """Every training of a scale: its name -> the words after `paperlib train`."""
    return {_name(run): _words(run) for stem in notebooks() for run in _runs(stem, scale)}


def runs_of_notebook(stem: str, scale: str) -> list[str]:
    """Trainings to be done before a notebook: the quick ones; larger ones it reads from the store, as they are."""
    return [f"build/runs/{_name(run)}.done" for run in _runs(stem, scale)] if scale == "quick" else []


def _runs(stem: str, scale: str) -> list[dict]:
    if find_spec("paperlib.experiments") is None:
        return []
    from paperlib import experiments
    from paperlib.campaign import LIMITS

    sweep = getattr(experiments, f"{scale}_runs", None)
    wanted = sweep(notebooks()[stem]) if sweep is not None else []
    # A step of the graph is a training to its end: limits after which it may be left are the campaign's.
    return [{key: value for key, value in run.items() if key not in LIMITS} for run in wanted]


def _name(run: dict) -> str:
    return "-".join(str(value) for value in run.values())


def _words(run: dict) -> str:
    options = " ".join(f"--{key.replace('_', '-')} {value}" for key, value in run.items() if key != "experiment")
    return f"{run['experiment']} {options}"


def code_of_runs() -> list[str]:
    train = PACKAGE / "commands" / "train.py"
    return _relative(imports.needed(train)) if train.is_file() else []


def digest_of_runs() -> str:
    """Of the code that trains: a run that older code has made is not continued."""
    texts = [(ROOT / name).read_bytes() for name in code_of_runs()]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]


def code_of_notebook(stem: str) -> list[str]:
    return _relative(imports.needed(paths.NOTEBOOKS / f"{stem}.ipynb", PACKAGE / "notebooks.py"))


def data_of_notebook(stem: str) -> list[str]:
    others = set(CHAPTERS) - {notebooks()[stem]}

    def concerns(path: Path) -> bool:
        if path == BENCHMARKS or path.is_relative_to(STORED_RESULTS) or path.is_relative_to(DOWNLOADS):
            return False
        parts = path.relative_to(DATA).with_suffix("").parts
        if path.is_relative_to(STORED_RUNS):  # named after their experiment: sine-lstm-paper-seed0
            experiment = parts[1].partition("-")[0]
            parts = (CHAPTER_OF.get(experiment, experiment),)
        return not others.intersection(parts)

    return _relative(path for path in _files(DATA) if concerns(path))


def code_of_book() -> list[str]:
    return _relative(imports.needed(PACKAGE / "book.py"))


def data_of_book() -> list[str]:
    results = [*_files(CLAIMS), *_files(STORED_RESULTS)]
    return _relative([*results, BENCHMARKS] if BENCHMARKS.is_file() else results)


def pages() -> list[str]:
    """Prose, style and configuration of the book."""
    prose = [path for path in _files(BOOK) if not path.is_relative_to(BOOK / "npm")]
    return _relative([ROOT / "_config.yml", ROOT / "_toc.yml", *prose])


def _files(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith((".", "__")) for part in path.relative_to(folder).parts)
    )


def _relative(files) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in files]
