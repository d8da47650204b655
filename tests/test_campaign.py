"""The campaign: nothing twice, the order stated, a limit kept, wrong use named."""

import subprocess
import sys

import pytest

from paperlib import campaign, paths, runs


def paperlib(*words):
    return subprocess.run([sys.executable, "-m", "paperlib", *map(str, words)], capture_output=True, text=True)


def test_every_piece_is_a_run_that_can_be_asked_for(tmp_path):
    from paperlib import experiments

    found = campaign.pieces(tmp_path)
    assert len({piece.id for piece in found}) == len(found) == 15
    for piece in found:
        own = piece.identity
        experiments.experiment(own["experiment"], own["model"], scale=own["scale"], variant=own["variant"])
    assert [piece.identity["seed"] for piece in found] == sorted(piece.identity["seed"] for piece in found)


def test_status_follows_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr(campaign, "STORED_RUNS", tmp_path / "stored")
    own = next(iter(campaign.wanted()))
    assert {piece.status for piece in campaign.pieces(tmp_path)} == {"missing"}
    for status, shown in (("running", "half done"), ("done", "done"), ("diverged", "diverged")):
        folder = tmp_path / runs.name(own)
        folder.mkdir(exist_ok=True)
        runs.write(folder, {"identity": own, "status": status})
        assert campaign.pieces(tmp_path)[0].status == shown
        assert {piece.status for piece in campaign.pieces(tmp_path)[1:]} == {"missing"}


def test_committed_runs_are_done():
    committed = {path.parent.name for path in paths.STORED_RUNS.glob("*/run.json")}
    known = {piece.id: piece.status for piece in campaign.pieces(paths.ROOT / "nowhere")}
    assert all(known[id] == "done" for id in committed if id in known)
    assert committed & known.keys()


def test_a_limit_stops_it_with_a_checkpoint(tmp_path):
    done = paperlib("campaign", "--max-minutes", 0.1, "--runs", tmp_path)
    assert done.returncode == 75, done.stderr
    assert "the same command goes on" in done.stdout
    begun = [folder for folder in tmp_path.iterdir() if (folder / "run.json").exists()]
    assert len(begun) == 1 and list(begun[0].glob("checkpoint-*.safetensors"))


@pytest.mark.parametrize("words", [("--max-minutes", 0), ("--max-minutes", "soon"), ("--never",)])
def test_wrong_use(words):
    done = paperlib("campaign", *words)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
