"""Where things lie: every path of the project, resolved from this checkout, never from the working folder."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# tracked by git
PACKAGE = ROOT / "paperlib"
NOTEBOOKS = ROOT / "notebooks"
BOOK = ROOT / "book"
DATA = ROOT / "data"
CLAIMS = DATA / "claims"  # what the papers state, one file a notebook, and the verdict expected at each scale
STORED_RUNS = DATA / "runs"  # small files of finished trainings at the paper's scale, as committed
STORED_RESULTS = DATA / "results"  # what `claims.check` found, as committed
BENCHMARKS = DATA / "benchmarks.json"

# ignored by git: what this checkout computes
RUNS = ROOT / "runs"  # trainings, finished and half finished
DOWNLOADS = DATA / "downloads"
BUILD = ROOT / "build"
RESULTS = BUILD / "claims"  # what `claims.check` found in this checkout
EXECUTED = BUILD / "executed"  # notebooks as papermill left them
NPM = BUILD / "npm"  # scripts of the site
STAGE = BUILD / "stage"  # what jupyter-book reads
SITE = BUILD / "_build" / "html"


def shown(path: Path) -> str:
    """A path as a reader of this checkout would write it: relative to the root where it lies inside."""
    path = Path(path).resolve()
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
