"""A step is re-run when, and only when, its code, data or parameters change; building changes nothing tracked.

Tried on a small copy of this checkout: the same Snakefile and package, two short notebooks.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from paperlib import graph, notebooks
from paperlib.paths import ROOT

FIRST = "from paperlib import figures\nfigures.style\nprint(scale)"
SECOND = "from paperlib import paths\nprint(paths.ROOT)"

EXPERIMENTS = """
def quick_runs(notebook):
    return [{"experiment": "sine", "model": "lstm", "seed": seed} for seed in (0, 1)] if notebook == "sine" else []
"""
TRAIN = """
from paperlib import experiments, paths

def add_parser(subparsers):
    parser = subparsers.add_parser("train")
    parser.add_argument("experiment")
    parser.add_argument("--model")
    parser.add_argument("--seed")
    parser.add_argument("--again", action="store_true")
    parser.set_defaults(run=run)

def run(args):
    paths.RUNS.mkdir(exist_ok=True)
    if (paths.RUNS / "refused").exists():
        return 2
    with open(paths.RUNS / f"{args.model}{args.seed}", "a") as file:
        file.write("again " if args.again else "trained ")
    print("trained")
    return 0
"""


def write(path: Path, source: str) -> None:
    parameters = 'scale = "quick"\nseed = 0\ndevice = "cpu"'
    cells = [
        nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}, id="a"),
        nbformat.v4.new_code_cell(source, id="b"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=notebooks.METADATA), path)


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A checkout with two notebooks, both executed."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("paperlib", "book", "profiles"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "_config.yml", "_toc.yml", ".gitignore"):
        shutil.copy2(ROOT / name, root)
    (root / "notebooks").mkdir()
    write(root / "notebooks" / "04_chaotic_lstm.ipynb", FIRST)
    write(root / "notebooks" / "05_sine.ipynb", SECOND)
    for name in (
        "claims/chaotic_lstm.toml",
        "claims/sine.toml",
        "sine/run.json",
        "results/sine.json",
        "common.json",
        "runs/a.json",
    ):
        (root / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "data" / name).write_text("")
    for path in (root / "paperlib" / "commands").glob("[!_]*.py"):
        if path.stem not in ("notebook", "claims"):
            path.unlink()
    (root / "paperlib" / "experiments" / "__init__.py").write_text(EXPERIMENTS)
    (root / "paperlib" / "commands" / "train.py").write_text(TRAIN)
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        subprocess.run([*git, *words], check=True)
    done = snakemake(root, "--cores", "2", "--", "notebooks")
    assert done.returncode == 0, done.stdout + done.stderr
    return root


def snakemake(root: Path, *words: str) -> subprocess.CompletedProcess:
    line = [str(Path(sys.executable).parent / "snakemake"), "--snakefile", str(root / "Snakefile"), *words]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GITHUB_")}
    return subprocess.run(line, cwd=root, capture_output=True, text=True, check=False, env=environment)


def planned(root: Path, *words: str) -> set[str]:
    """What the graph would do now: names of notebooks, scripts, book."""
    done = snakemake(root, "--cores", "1", "--dry-run", *words)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    found = set(re.findall(r"Job \d+: (?:executing|training) ([\w-]+)", said))
    found |= {"scripts"} if ": scripts of the site" in said else set()
    found |= {"book"} if ": building the site" in said else set()
    assert found or "Nothing to be done" in said, said
    return found


@contextlib.contextmanager
def changed(path: Path):
    """A blank line more at the end of a file, for the length of a test; a file of one line where there is none."""
    before = path.read_bytes() if path.exists() else None
    path.write_bytes((before or b"") + b"\n")
    yield
    if before is None:
        path.unlink()
    else:
        path.write_bytes(before)


def test_a_file_with_a_new_time_and_the_same_content_is_no_change(copy):
    (copy / "paperlib" / "paths.py").touch()
    assert planned(copy, "notebooks") == set()


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["paperlib/figures/style.py"], {"04_chaotic_lstm"}),
        (["paperlib/paths.py"], {"sine-lstm-0", "sine-lstm-1", "04_chaotic_lstm", "05_sine"}),
        (["paperlib/commands/train.py"], {"sine-lstm-0", "sine-lstm-1", "05_sine"}),
        (["data/claims/sine.toml"], {"05_sine"}),
        (["data/sine/run.json"], {"05_sine"}),
        (["data/runs/sine-lstm-paper-seed0.json"], {"05_sine"}),
        (["data/common.json"], {"04_chaotic_lstm", "05_sine"}),
        (["notebooks/04_chaotic_lstm.ipynb"], {"04_chaotic_lstm"}),
        (["paperlib/pages.py", "paperlib/figures/other.py", "data/results/sine.json", "book/rerun.md"], set()),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_change_runs_what_depends_on_it(copy, files, expected):
    with contextlib.ExitStack() as stack:
        for file in files:
            stack.enter_context(changed(copy / file))
        assert planned(copy, "notebooks") == expected


def test_the_book_depends_on_prose_and_results(copy):
    inputs = listed(copy)
    for file in ("book/rerun.md", "paperlib/pages.py", "data/results/sine.json", "_config.yml", "_toc.yml"):
        assert file in inputs


def listed(root: Path) -> list[str]:
    """Inputs of the book, as the copy's own package names them."""
    code = "from paperlib import graph; print(*graph.pages(), *graph.code_of_book(), *graph.data_of_book(), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_another_scale_is_another_result(copy):
    assert planned(copy, "notebooks", "--config", "scale=paper") == {"04_chaotic_lstm", "05_sine"}


def test_an_unknown_scale_is_refused(copy):
    done = snakemake(copy, "--dry-run", "--config", "scale=huge")
    assert done.returncode != 0
    assert "scale is 'huge', expected one of quick, medium, paper" in done.stdout + done.stderr


def test_executing_and_staging_change_nothing_that_git_tracks(copy):
    status = ["git", "-C", str(copy), "status", "--porcelain", "--untracked-files=all"]
    assert subprocess.run(status, capture_output=True, text=True, check=True).stdout == ""
    executed = nbformat.read(copy / "build" / "executed" / "05_sine.ipynb", as_version=4)
    assert executed.cells[-1].outputs[0].text.strip() == str(copy), "a notebook reads the package of its own checkout"


def test_a_failing_notebook_leaves_its_traceback_and_no_result(copy):
    path = copy / "notebooks" / "05_sine.ipynb"
    before = path.read_bytes()
    try:
        write(path, "1 / 0")
        done = snakemake(copy, "--cores", "1", "--", "build/executed/05_sine.ipynb")
        assert done.returncode != 0
        assert "ZeroDivisionError" in (copy / "build" / "logs" / "05_sine.log").read_text()
        assert "ZeroDivisionError" in (copy / "build" / "running" / "05_sine.ipynb").read_text()
        assert not (copy / "build" / "executed" / "05_sine.ipynb").exists()
    finally:
        path.write_bytes(before)
        assert snakemake(copy, "--cores", "1", "--", "notebooks").returncode == 0


def test_the_cluster_profile_plans_the_same_steps(copy):
    profile = ["--profile", str(copy / "profiles" / "slurm")]
    assert planned(copy, *profile, "--forceall") == {
        "sine-lstm-0",
        "sine-lstm-1",
        "04_chaotic_lstm",
        "05_sine",
        "scripts",
        "book",
    }


def test_a_training_by_other_code_starts_again(copy):
    def trained() -> str:
        return (copy / "runs" / "lstm0").read_text()

    def run(done: str, status: int = 0) -> None:
        (copy / "build" / "runs" / "sine-lstm-0.done").unlink(missing_ok=True)  # as if it had been interrupted
        assert snakemake(copy, "--cores", "1", "--", "build/runs/sine-lstm-0.done").returncode == status
        assert trained().split() == done.split()

    assert trained() == "trained "
    run("trained trained")  # the same code goes on
    with changed(copy / "paperlib" / "experiments" / "__init__.py"):
        refused = copy / "runs" / "refused"
        refused.touch()
        run("trained trained", status=1)
        refused.unlink()
        run("trained trained again")  # it was not begun anew yet


def test_a_training_becomes_words_of_the_command():
    run = {"experiment": "sine", "model": "lstm", "seed": 0, "max_minutes": 2}
    assert graph._words(run) == "sine --model lstm --seed 0 --max-minutes 2"
    assert graph._name(run) == "sine-lstm-0-2"
