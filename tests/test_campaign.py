"""The campaign: nothing twice, the order stated, a limit kept, wrong use named."""

import subprocess
import sys

import pytest

from paperlib import campaign, paths, runs


def paperlib(*words):
    return subprocess.run([sys.executable, "-m", "paperlib", *map(str, words)], capture_output=True, text=True)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_every_piece_is_a_run_that_can_be_asked_for_once(tmp_path, device):
    from paperlib import experiments

    found = campaign.pieces(tmp_path, device)
    assert len({piece.id for piece in found}) == len(found)
    for piece in found:
        own = piece.identity
        experiments.experiment(
            own["experiment"], own["model"], scale=own["scale"], variant=own["variant"], **own["settings"]
        )
        words = campaign.words(piece)
        assert words[:2] == ["train", own["experiment"]] and str(own["seed"]) in words
    scales = {piece.identity["scale"] for piece in found if piece.identity["experiment"] == "wikitext2"}
    assert scales <= ({"medium"} if device == "cpu" else {"medium", "paper"})


def test_rows_come_in_the_order_of_what_they_tell(tmp_path):
    found = campaign.pieces(tmp_path)
    titles = [title for title, _ in campaign.rows()]
    places = [titles.index(piece.row) for piece in found]
    assert places == sorted(places) and set(places) == set(range(len(titles)))
    sine = [piece.identity for piece in found if piece.row == titles[0]]
    assert len({own["model"] for own in sine[:5]}) == 5 and [own["seed"] for own in sine] == sorted(
        own["seed"] for own in sine
    )


def test_status_follows_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr(campaign, "STORED_RUNS", tmp_path / "stored")
    first = campaign.pieces(tmp_path)[0]
    assert first.status == "missing"
    folder = tmp_path / first.id
    folder.mkdir()
    for status, shown in (("running", "half done"), ("done", "done"), ("diverged", "diverged")):
        runs.write(folder, {"identity": first.identity, "status": status})
        assert campaign.pieces(tmp_path)[0].status == shown
        assert {piece.status for piece in campaign.pieces(tmp_path)[1:]} == {"missing"}
    runs.write(folder, {"identity": first.identity, "status": "running"})
    hold = (
        "import sys, pathlib; from paperlib import runs\n"
        "with runs.locked(pathlib.Path(sys.argv[1])): print(1, flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", hold, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    other.stdout.readline()
    assert campaign.pieces(tmp_path)[0].status == "running"
    other.communicate("\n")
    assert campaign.pieces(tmp_path)[0].status == "half done"


def test_what_is_left_counts_what_nobody_has_measured():
    own = runs.identity("sine", "lstm", scale="paper")
    pieces = [campaign.Piece("row", own, status, minutes) for status, minutes in (("done", 60), ("missing", 90))]
    assert campaign.hours(pieces) == "about 1.5 h"
    assert campaign.hours([*pieces, campaign.Piece("row", own, "missing", None)]) == "about 1.5 h, 1 never measured"
    assert campaign.hours(pieces[:1]) == "nothing"


def test_committed_runs_are_known_for_what_they_are():
    committed = {path.parent.name: runs.read(path.parent)["status"] for path in paths.STORED_RUNS.glob("*/run.json")}
    known = {piece.id: piece.status for piece in campaign.pieces(paths.ROOT / "nowhere")}
    assert committed.keys() & known.keys()
    for id in committed.keys() & known.keys():
        wrapped_up = ("at its limit", "half done")  # left within the rule, or to be continued
        assert known[id] in (wrapped_up if committed[id] == "stopped" else (committed[id],)), id


def test_committed_runs_are_small_and_packed():
    folders = [path.parent for path in paths.STORED_RUNS.glob("*/run.json")]
    sizes = {folder.name: runs.size(folder) for folder in folders}
    assert max(sizes.values()) <= runs.LARGEST and sum(sizes.values()) <= 40 * 2**20
    assert all({file.name for file in folder.iterdir()} <= set(runs.EXPORTED) for folder in folders)


def test_a_limit_stops_it_with_a_checkpoint(tmp_path):
    done = paperlib("campaign", "--max-minutes", 0.1, "--runs", tmp_path)
    assert done.returncode == 75, done.stderr
    assert "the same command goes on" in done.stdout
    begun = [folder for folder in tmp_path.iterdir() if (folder / "run.json").exists()]
    assert len(begun) == 1 and list(begun[0].glob("checkpoint-*.safetensors"))


@pytest.mark.parametrize(
    "words",
    [
        ("--max-minutes", 0),
        ("--max-minutes", "soon"),
        ("--never",),
        ("--row", "music"),
        ("--device", "banana", "--list"),
    ],
)
def test_wrong_use(words):
    done = paperlib("campaign", *words)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("status, wanted", [(0, 75), (75, 75), (1, 1), (2, 1), (-9, 1)])
def test_a_training_that_neither_ends_nor_stops_has_failed(tmp_path, monkeypatch, status, wanted):
    from paperlib.cli import main

    monkeypatch.setattr(campaign, "rows", lambda device="cpu": [("row", [{"experiment": "sine", "model": "tanh"}])])
    monkeypatch.setattr(campaign, "STORED_RUNS", tmp_path / "stored")
    (piece,) = campaign.pieces(tmp_path)
    monkeypatch.setattr("paperlib.commands.campaign.train", lambda *words: status)
    (tmp_path / piece.id).mkdir()
    runs.write(tmp_path / piece.id, {"identity": piece.identity, "status": "running"})
    monkeypatch.setattr(runs, "export", lambda run: run.folder)
    assert main(["campaign", "--runs", str(tmp_path)]) == wanted


def test_a_run_at_its_limit_is_left_there(tmp_path, monkeypatch):
    from paperlib.cli import main

    run = {"experiment": "sine", "model": "tanh", "epochs": 9, "seed": 0, "max_epochs": 2, "until": "rate=1"}
    monkeypatch.setattr(campaign, "STORED_RUNS", tmp_path / "stored")
    monkeypatch.setattr(campaign, "rows", lambda device="cpu": [("row", [run])])
    monkeypatch.setattr(runs, "STORED_RUNS", tmp_path / "stored")
    monkeypatch.setattr(runs.export, "__defaults__", (tmp_path / "stored",))
    store = tmp_path / "runs"
    (piece,) = campaign.pieces(store)
    assert (piece.status, piece.ended, piece.options) == ("missing", False, ("--until", "rate=1", "--max-epochs", "2"))
    assert main(["campaign", "--runs", str(store), "--max-minutes", "5"]) == 0
    (piece,) = campaign.pieces(store)
    assert (piece.status, piece.ended) == ("at its limit", True)
    (stored,) = runs.find(roots=(tmp_path / "stored",))
    assert stored.record["status"] == "stopped" and stored.metrics["epochs"] == 2
    run["max_epochs"] = 3  # a further limit: there is more to do
    assert campaign.pieces(store)[0].status == "half done"
