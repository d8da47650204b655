"""constraints.txt, environment.yml and pyproject.toml describe one environment, and it is this one."""

import importlib.metadata
import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from paperlib.paths import ROOT


def pins(lines) -> dict[str, str]:
    found = {}
    for line in lines:
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([^\s;]+)", line.strip())
        if match:
            name = canonicalize_name(match[1])
            assert name not in found, f"{name} is pinned twice"
            found[name] = match[2]
    return found


@pytest.fixture(scope="module")
def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    found = pins(lines)
    assert len(found) == sum(not line.startswith("#") for line in lines), "every line is an exact pin"
    return found


@pytest.fixture(scope="module")
def environment() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text())


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_conda_and_pip_install_the_same(constraints, environment):
    words = next(entry for entry in environment["dependencies"] if isinstance(entry, dict))["pip"]
    assert pins(words) == constraints
    assert "-e .[all]" in words
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in words


def test_every_requirement_is_pinned_within_its_range(constraints, project):
    extras = project["optional-dependencies"]
    for line in [*project["dependencies"], *(line for group in extras.values() for line in group)]:
        requirement = Requirement(line)
        if requirement.name == "paperlib":
            assert requirement.extras <= extras.keys()
            continue
        name = canonicalize_name(requirement.name)
        assert name in constraints, f"{name} is not in constraints.txt"
        assert requirement.specifier.contains(constraints[name]), f"{line}, but {constraints[name]} is pinned"


def test_all_means_all(project):
    everything = set(Requirement(project["optional-dependencies"]["all"][0]).extras)
    assert everything == project["optional-dependencies"].keys() - {"all"}


def test_training_needs_three_packages(project):
    assert {Requirement(line).name for line in project["dependencies"]} == {"torch", "numpy", "safetensors"}


def test_python_versions_agree(environment, project):
    python = next(entry for entry in environment["dependencies"] if str(entry).startswith("python="))
    requires = Requirement(f"python{project['requires-python']}").specifier
    assert requires.contains(python.removeprefix("python="))
    assert [v for v in ("3.10", "3.11", "3.12", "3.13", "3.14") if requires.contains(v)] == ["3.11", "3.12", "3.13"]


def test_this_environment_is_the_pinned_one(constraints):
    installed = {canonicalize_name(d.metadata["Name"]): d.version for d in importlib.metadata.distributions()}
    differ = {
        name: (installed[name], pin)
        for name, pin in constraints.items()
        if name in installed and Version(installed[name]).public != Version(pin).public
    }
    assert not differ, "installed, pinned"
    assert constraints["torch"] == "2.13.0"
    assert constraints["torchtext"] == "0.6.0"
