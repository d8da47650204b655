"""Executing one notebook: parameters are checked, nothing stored is touched, wrong use is one line and exit 2."""

import json
import subprocess
import sys

import nbformat
import pytest

from paperlib import notebooks
from paperlib.paths import NOTEBOOKS, ROOT

KNOWN = {"scale": "quick", "seed": 0, "device": "cpu", "rate": 0.5, "bias": True, "expression": None, "label": "a"}


@pytest.mark.parametrize(
    ("word", "key", "value"),
    [
        ("seed=3", "seed", 3),
        ("scale=paper", "scale", "paper"),
        ("device=cuda:1", "device", "cuda:1"),
        ("rate=1e-3", "rate", 1e-3),
        ("rate=2", "rate", 2.0),
        ("bias=false", "bias", False),
        ("label=on", "label", "on"),
        ("label=1", "label", "1"),
        ("label=a=b", "label", "a=b"),
        ("expression=[1, 2]", "expression", [1, 2]),
    ],
)
def test_values_take_the_type_of_the_default(word, key, value):
    assert notebooks.parse([word], KNOWN) == {key: value}
    assert type(notebooks.parse([word], KNOWN)[key]) is type(value)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("sead=3", "no parameter 'sead', expected one of scale, seed, device"),
        ("seed", "parameter 'seed' has no value, expected key=value"),
        ("seed=1.5", "parameter seed is '1.5', expected int like 0"),
        ("seed=true", "parameter seed is 'true', expected int"),
        ("seed=-1", "parameter seed is '-1', expected 0 or more"),
        ("scale=large", "parameter scale is 'large', expected one of quick, medium, paper"),
        ("scale=", "parameter scale is '', expected one of"),
        ("device=gpu", "parameter device is 'gpu', expected cpu, cuda"),
        ("rate=fast", "parameter rate is 'fast', expected float"),
        ("rate=true", "parameter rate is 'true', expected float"),
        ("rate=nan", "parameter rate is 'nan', expected a finite number"),
        ("bias=1", "parameter bias is '1', expected bool"),
        ("seed=[", "parameter seed is '[', expected int"),
    ],
)
def test_wrong_values_are_named(word, said):
    with pytest.raises(ValueError) as error:
        notebooks.parse([word], KNOWN)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def small(folder, *sources, parameters='scale = "quick"\nseed = 0\ndevice = "cpu"'):
    cells = [nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    cells += [nbformat.v4.new_code_cell(source) for source in sources]
    path = folder / "01_small.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=notebooks.METADATA), path)
    return path


def test_names_come_without_number(tmp_path):
    path = small(tmp_path)
    assert notebooks.notebooks(tmp_path) == {"small": path}
    for name in ("small", "01_small", "01_small.ipynb"):
        assert notebooks.find(name, tmp_path) == path
    with pytest.raises(ValueError, match="no notebook 'large', expected one of small"):
        notebooks.find("large", tmp_path)


def test_execution_leaves_the_source_alone_and_records_the_parameters(tmp_path):
    source = small(tmp_path, "print(scale, seed + 1)")
    before = source.read_bytes()
    output = notebooks.execute(source, tmp_path / "out" / "x.ipynb", {"seed": 41})
    assert source.read_bytes() == before
    executed = nbformat.read(output, as_version=4)
    assert executed.cells[-1].outputs[0].text == "quick 42\n"
    assert executed.metadata.papermill.parameters == {"seed": 41}


def test_a_failing_cell_is_named_and_its_traceback_kept(tmp_path):
    source = small(tmp_path, "1 / 0")
    with pytest.raises(notebooks.NotebookFailed, match=r"01_small: cell .*ZeroDivisionError.*x\.ipynb"):
        notebooks.execute(source, tmp_path / "x.ipynb")
    assert "ZeroDivisionError" in (tmp_path / "x.ipynb").read_text()


def test_stored_outputs_carry_no_time_and_no_machine(tmp_path):
    source = small(tmp_path, "print('out')")
    notebooks.refresh(source)
    stored = json.loads(source.read_text())
    assert stored["cells"][-1]["outputs"][0]["text"] == ["out\n"]
    assert "execution" not in stored["cells"][-1]["metadata"]
    assert stored["metadata"] == notebooks.METADATA
    first = source.read_bytes()
    notebooks.refresh(source)
    assert source.read_bytes() == first


def command(*words: str) -> subprocess.CompletedProcess:
    """The command as a user calls it, from a folder that is not the checkout."""
    line = [sys.executable, "-m", "paperlib", *words]
    return subprocess.run(line, capture_output=True, text=True, cwd="/", check=False)


needs_a_notebook = pytest.mark.skipif(not notebooks.notebooks(), reason="no notebook yet")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["notebook"], "the following arguments are required: NAME"),
        (["notebook", "nothing"], "no notebook 'nothing', expected one of "),
        (["notebook", "{name}", "-p", "sead=1"], "no parameter 'sead', expected one of scale, seed, device"),
        (["notebook", "{name}", "-p", "seed=x"], "parameter seed is 'x', expected int"),
        (["notebook", "{name}", "--output", "x.html"], "--output is 'x.html', expected a name that ends in .ipynb"),
        (["notebook", "{name}", "--output", "{folder}/y.ipynb"], "expected a file outside notebooks/"),
        (["claim"], "invalid choice: 'claim'"),
        ([], "the following arguments are required: COMMAND"),
        (["notebook", "{name}", "--fast"], "unrecognized arguments: --fast"),
    ],
)
@needs_a_notebook
def test_wrong_use_is_one_line_and_exit_2(words, said):
    name = next(iter(notebooks.notebooks()))
    done = command(*(word.format(name=name, folder=NOTEBOOKS) for word in words))
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@needs_a_notebook
def test_every_notebook_takes_scale_seed_and_device():
    for name, path in notebooks.notebooks().items():
        found = notebooks.defaults(path)
        assert (found.get("scale"), found.get("seed"), found.get("device")) == ("quick", 0, "cpu"), name


def test_the_package_finds_its_checkout_from_anywhere():
    line = [sys.executable, "-c", "from paperlib import paths; print(paths.ROOT)"]
    assert subprocess.run(line, capture_output=True, text=True, cwd="/", check=True).stdout.strip() == str(ROOT)
