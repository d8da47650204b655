"""The ledger: a verdict comes from a number, and nothing else."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from paperlib import claims, paths

FILE = """
[[claim]]
id = "close"
source = "R, section 1"
statement = "A number."
printed = "0.5"
rule = "close"
expected = 0.5
tolerance = 0.1
tolerance_in_part = 0.3
notebook = "one"
verdict = { quick = "holds" }

[[claim]]
id = "quoted"
source = "R, section 2"
statement = "Others found so."
printed = "39.14"
rule = "cited"
notebook = "one"

[[claim]]
id = "pair"
source = "R, section 3"
statement = "Two numbers."
printed = "1 to 2"
rule = "close"
expected = [1.0, 2.0]
tolerance = [0.1, 0.2]
notebook = "two"
"""


@pytest.fixture
def house(tmp_path, monkeypatch):
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "one.toml").write_text(FILE)
    monkeypatch.setattr(paths, "CLAIMS", tmp_path / "claims")
    monkeypatch.setattr(paths, "STORED_RESULTS", tmp_path / "stored")
    monkeypatch.setenv("PAPERLIB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(claims, "_checked", {})
    return tmp_path


def record(id):
    return next(r for r in claims.ledger() if r["id"] == id)


@pytest.mark.parametrize(
    ("rule", "value", "verdict"),
    [
        ({"rule": "close", "expected": 1.0, "tolerance": 0.1}, 1.05, "holds"),
        ({"rule": "close", "expected": 1.0, "tolerance": 0.1}, 1.2, "does not hold"),
        ({"rule": "close", "expected": 1.0, "tolerance": 0.1, "tolerance_in_part": 0.3}, 1.2, "holds in part"),
        ({"rule": "close", "expected": 1.0, "tolerance": 0.1}, math.nan, "does not hold"),
        ({"rule": "close", "expected": [1, 2], "tolerance": 0.1}, [1.0, 2.5], "does not hold"),
        ({"rule": "close", "expected": [1, 2], "tolerance": 0.1}, [1.0], "does not hold"),
        ({"rule": "between", "expected": [0, 1]}, 1.0, "holds"),
        ({"rule": "between", "expected": [0, 1]}, math.nan, "does not hold"),
        ({"rule": "between", "expected": [0, 1]}, [0.5, 1.5], "does not hold"),
        ({"rule": "true"}, True, "holds"),
        ({"rule": "true"}, [True, False], "holds in part"),
        ({"rule": "true"}, {"a": False, "b": False}, "does not hold"),
        ({"rule": "erratum"}, {"printed": False, "corrected": True}, "erratum"),
        ({"rule": "erratum"}, {"printed": True, "corrected": True}, "holds"),
        ({"rule": "erratum"}, {"printed": False, "corrected": False}, "does not hold"),
    ],
)
def test_verdicts(rule, value, verdict):
    assert claims.judge({"id": "x", **rule}, value) == verdict


@pytest.mark.parametrize(
    ("rule", "value"),
    [("true", 1.0), ("true", []), ("close", "much"), ("erratum", {"printed": True}), ("true", None)],
)
def test_a_value_of_the_wrong_kind_is_refused(rule, value):
    with pytest.raises(TypeError, match="claim x: value is"):
        claims.judge({"id": "x", "rule": rule, "expected": 1.0, "tolerance": 0.1}, value)


def test_seeds_are_summed_up(house):
    assert claims.check("close", 0.45, seed=0) == "holds"
    assert claims.check("close", np.float64(0.7), seed=1) == "holds in part"
    assert claims.check("close", torch.tensor(0.5), seed=2) == "holds in part"
    result = record("close")["results"]["quick"]
    assert result["value"] == 0.5 and result["seeds"] == 3 and result["spread"] == [0.45, 0.7]
    assert record("close")["results"]["paper"] == {"verdict": "not run"}
    assert record("quoted")["results"]["quick"] == {"verdict": "cited"}


def test_a_second_check_of_a_seed_replaces_the_first(house):
    claims.check("close", 0.9, seed=0)
    assert claims.check("close", 0.5, seed=0) == "holds"
    assert record("close")["results"]["quick"]["seeds"] == 1


def test_what_no_scale_makes_smaller_counts_at_both(house):
    assert claims.check_unscaled("close", 0.45, seed=3, note="At length.") == "holds"
    results = record("close")["results"]
    assert results["quick"] == results["paper"] == {
        "value": 0.45, "seeds": 1, "spread": None, "verdict": "holds", "note": "At length."
    }  # fmt: skip
    assert "medium" not in results


def test_what_decides_nothing_says_why(house):
    claims.undecided("close", "Stopped at epoch 400.", scale="paper")
    assert record("close")["results"]["paper"] == {"verdict": "not run", "note": "Stopped at epoch 400."}
    assert claims.changes() == ["close at quick: not run, the file says holds"]  # no verdict at paper scale
    claims.check("close", 0.5, seed=1, scale="paper")
    claims.undecided("close", "Seed 2 was stopped.", scale="paper")
    result = record("close")["results"]["paper"]
    assert result["verdict"] == "holds" and "note" not in result
    claims.check("close", 0.5, scale="quick")
    claims.undecided("pair", "It takes an hour an epoch.", scale="paper")
    assert not claims.disagree(record("pair"))
    with pytest.raises(ValueError, match="id is 'clos'"):
        claims.undecided("clos", "")
    with pytest.raises(ValueError, match="scale is 'huge'"):
        claims.undecided("close", "", scale="huge")


def test_changes_name_what_no_longer_agrees(house):
    assert claims.changes() == ["close at quick: not run, the file says holds"]
    claims.check("close", 0.5)
    assert claims.changes() == []
    claims.check("close", 0.5, scale="paper")
    assert claims.changes() == ["close at paper: holds, the file says not run"]
    claims.check("close", 5.0)
    assert "close at quick: does not hold, the file says holds" in claims.changes()


def test_scales_that_decide_differently_want_a_reason(house):
    file = house / "claims" / "one.toml"

    def said(more: str) -> list[str]:
        file.write_text(FILE.replace('id = "close"', f'id = "close"\n{more}'))
        return [line for line in claims.changes() if "between scales" in line]

    reason = 'differs = "Longer training."'
    assert said("") == [] and said(reason) == [
        "close: the file says why verdicts differ between scales, and they do not"
    ]
    claims.check("close", 0.45)
    assert said("") == []  # one scale alone
    claims.check("close", 0.9, scale="paper")
    assert said("") == ["close: the verdicts differ between scales, the file does not say why"]
    assert said(reason) == [] and record("close")["differs"] == "Longer training."


def test_stored_results_serve_until_a_notebook_has_run_here(house):
    (house / "stored").mkdir()
    (house / "stored" / "two.json").write_text(json.dumps({"pair": {"paper": {"values": {"None": [1.0, 2.1]}}}}))
    assert record("pair")["results"]["paper"]["verdict"] == "holds"
    claims.check("pair", [3.0, 3.0])
    assert record("pair")["results"]["paper"]["verdict"] == "not run"


def test_a_value_of_an_earlier_rule_gives_way_to_the_committed_one(house):
    for folder, values in (("stored", [1.0, 2.1]), ("results", True)):
        (house / folder).mkdir()
        (house / folder / "two.json").write_text(json.dumps({"pair": {"quick": {"values": {"None": values}}}}))
    assert record("pair")["results"]["quick"]["value"] == [1.0, 2.1]
    (house / "stored" / "two.json").write_text("{}")
    with pytest.raises(TypeError, match="claim pair: value is True, which rule 'close' cannot judge"):
        claims.ledger()
    (house / "results" / "two.json").write_text('{"pair": ')
    with pytest.raises(ValueError, match=r"results/two\.json is damaged .*, run its notebook again or remove it"):
        claims.ledger()


def test_bad_calls_are_named(house):
    with pytest.raises(ValueError, match="id is 'clos', no claim of that name; nearest: close"):
        claims.check("clos", 1.0)
    with pytest.raises(ValueError, match="scale is 'huge', expected one of quick, medium, paper"):
        claims.check("close", 1.0, scale="huge")
    for bad, message in (
        (FILE.replace('rule = "cited"', 'rule = "seen"'), "rule is 'seen'"),
        (FILE.replace('id = "quoted"', 'id = "close"'), "close stands twice"),
        (FILE.replace("tolerance = 0.1", ""), "rule close needs"),
        (FILE.replace('source = "R, section 1"', ""), "missing"),
        (FILE.replace('quick = "holds"', 'quick = "fine"'), "verdict quick = 'fine'"),
    ):
        (house / "claims" / "one.toml").write_text(bad)
        with pytest.raises(ValueError, match=message):
            claims.statements()


def test_the_command_prints_what_programs_read():
    done = subprocess.run([sys.executable, "-m", "paperlib", "claims", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    records = json.loads(done.stdout)
    assert {"id", "source", "statement", "printed", "tolerance", "notebook", "results"} <= set(records[0])
    for found in records:
        assert {"quick", "paper"} <= set(found["results"])
        assert all(result["verdict"] in claims.VERDICTS for result in found["results"].values())


def test_every_statement_belongs_to_its_notebook():
    for path in sorted(paths.CLAIMS.glob("*.toml")):
        for claim in claims.statements().values():
            if path.stem == claim["notebook"]:
                break
        else:
            pytest.fail(f"{path.name} has no claim of notebook {path.stem}")
