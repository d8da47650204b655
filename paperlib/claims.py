"""The ledger: what the papers state, what was measured, and the verdict at each scale.

Statements stand in `data/claims/<notebook>.toml`, with the rule by which a value decides, the verdict expected at
each scale and, where these differ, the reason. Notebooks call `check`; each writes its own results file. A verdict
comes from a number; a claim that nobody ran says so; `changes` lists what no longer agrees with the file, and the
tests fail on it.
"""

import difflib
import json
import math
import os
import statistics
import tomllib
from pathlib import Path

from paperlib import SCALES, paths

RULES = ("close", "between", "true", "erratum", "cited")
VERDICTS = ("holds", "holds in part", "does not hold", "erratum", "cited", "not run")
FIELDS = {"id", "source", "statement", "printed", "rule", "expected", "tolerance", "tolerance_in_part", "notebook"}

_checked: dict[str, dict] = {}  # what this process has checked, by notebook: a kernel starts from nothing


def statements(folder: Path | None = None) -> dict[str, dict]:
    """All claims by id, in the order of the files.

    Raises ValueError for an unknown field, rule, scale or verdict, and for an id that stands twice.
    """
    claims: dict[str, dict] = {}
    for path in sorted(Path(folder or paths.CLAIMS).glob("*.toml")):
        for claim in tomllib.loads(path.read_text("utf-8")).get("claim", []):
            _validate(claim, path)
            if claim["id"] in claims:
                raise ValueError(f"{path.name}: claim {claim['id']} stands twice")
            claims[claim["id"]] = claim
    return claims


def _validate(claim: dict, path: Path) -> None:
    where = f"{path.name}: claim {claim.get('id', '(without id)')}"
    missing = {"id", "source", "statement", "printed", "rule", "notebook"} - claim.keys()
    unknown = claim.keys() - FIELDS - {"verdict", "differs"}
    if missing or unknown:
        raise ValueError(f"{where}: missing {sorted(missing)}, unknown {sorted(unknown)}")
    if claim["rule"] not in RULES:
        raise ValueError(f"{where}: rule is {claim['rule']!r}, expected one of {', '.join(RULES)}")
    needs = {"close": {"expected", "tolerance"}, "between": {"expected"}}.get(claim["rule"], set())
    if needs - claim.keys():
        raise ValueError(f"{where}: rule {claim['rule']} needs {sorted(needs - claim.keys())}")
    for scale, verdict in claim.get("verdict", {}).items():
        if scale not in SCALES or verdict not in VERDICTS:
            raise ValueError(f"{where}: verdict {scale} = {verdict!r}, expected {SCALES} = one of {VERDICTS}")


def check(id: str, value, seed: int | None = None, *, scale: str = "quick", note: str | None = None) -> str:
    """Record a measured value for a claim and return the verdict over all seeds checked so far at this scale.

    value: a number or list of numbers ("close", "between"), a bool or a list or dict of bools ("true"), or
    {"printed": bool, "corrected": bool} ("erratum"). Call it once a seed. note: one sentence for the ledger.

    Raises ValueError for an unknown id or scale, TypeError for a value the rule cannot judge.
    """
    claim, value = _claim(id, scale), _plain(value)
    judge(claim, value)
    entry = _entry(claim, scale)
    if not entry["values"]:
        entry.pop("note", None)  # why nothing was decided
    entry["values"][str(seed)] = value
    if note is not None:
        entry["note"] = note
    _write(claim["notebook"])
    return _summary(claim, entry)["verdict"]


def check_unscaled(id: str, value, seed: int | None = None, *, note: str | None = None) -> str:
    """`check` at quick and at paper scale alike: for what is not measured on anything smaller than in the paper.

    The data themselves, definitions, theorems, networks that are small in the paper too. Raises as `check` does.
    """
    check(id, value, seed, scale="quick", note=note)
    return check(id, value, seed, scale="paper", note=note)


def undecided(id: str, why: str, *, scale: str = "quick") -> None:
    """Say beside "not run" what stands in the way, or how far what was run has come; a value checked goes before it.

    why: one sentence for the ledger. Raises ValueError for an unknown id or scale.
    """
    claim = _claim(id, scale)
    entry = _entry(claim, scale)
    if not entry["values"]:
        entry["note"] = why
    _write(claim["notebook"])


def _claim(id: str, scale: str) -> dict:
    claims = statements()
    if id not in claims:
        near = difflib.get_close_matches(id, claims, n=3, cutoff=0)
        raise ValueError(f"id is {id!r}, no claim of that name; nearest: {', '.join(near)}")
    if scale not in SCALES:
        raise ValueError(f"scale is {scale!r}, expected one of {', '.join(SCALES)}")
    return claims[id]


def _entry(claim: dict, scale: str) -> dict:
    return _checked.setdefault(claim["notebook"], {}).setdefault(claim["id"], {}).setdefault(scale, {"values": {}})


def _write(notebook: str) -> None:
    folder = Path(os.environ.get("PAPERLIB_RESULTS", paths.RESULTS))
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{notebook}.json"
    partial.write_text(json.dumps(_checked[notebook], indent=1) + "\n", "utf-8")
    partial.replace(folder / f"{notebook}.json")


def judge(claim: dict, value) -> str:
    """The verdict that one measured value earns under the claim's rule.

    Raises TypeError when the value is not of the rule's kind.
    """
    rule = claim["rule"]
    try:
        if rule == "cited":
            return "cited"
        if rule == "erratum":
            printed, corrected = (value[key] is True for key in ("printed", "corrected"))
            return "holds" if printed else "erratum" if corrected else "does not hold"
        if rule == "true":
            parts = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else [value]
            if not parts or any(not isinstance(part, bool) for part in parts):
                raise TypeError
            return "holds" if all(parts) else "holds in part" if any(parts) else "does not hold"
        if rule == "between":
            low, high = claim["expected"]
            values = value if isinstance(value, list) else [value]
            return "holds" if values and all(low <= v <= high for v in values) else "does not hold"
        if _close(value, claim["expected"], claim["tolerance"]):
            return "holds"
        if "tolerance_in_part" in claim and _close(value, claim["expected"], claim["tolerance_in_part"]):
            return "holds in part"
        return "does not hold"
    except (TypeError, KeyError, AttributeError):
        raise TypeError(f"claim {claim['id']}: value is {value!r}, which rule {rule!r} cannot judge") from None


def _close(value, expected, tolerance: float) -> bool:
    if isinstance(expected, list):
        tolerances = tolerance if isinstance(tolerance, list) else [tolerance] * len(expected)
        return len(value) == len(expected) and all(
            _close(v, e, t) for v, e, t in zip(value, expected, tolerances, strict=True)
        )
    return abs(value - expected) <= tolerance  # False for nan


def _plain(value):
    """Numbers of numpy and torch as Python's own, so that they can be written down."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


def _summary(claim: dict, entry: dict) -> dict:
    """One scale of one claim: the median over seeds, the range over seeds, and the verdict that all support."""
    values = list(entry["values"].values())
    if not values:
        return {"verdict": "not run", "note": entry["note"]}
    verdicts = {judge(claim, value) for value in values}
    verdict = verdicts.pop() if len(verdicts) == 1 else "holds in part"
    middle, spread = (values[0], None) if len(values) == 1 else _middle(values)
    summary = {"value": middle, "seeds": len(values), "spread": spread, "verdict": verdict}
    return {**summary, "note": entry["note"]} if "note" in entry else summary


def _middle(values: list):
    def number(v) -> bool:
        return isinstance(v, (int, float)) and not isinstance(v, bool)

    if all(number(v) for v in values):
        return statistics.median(values), [min(values), max(values)]
    if all(isinstance(v, list) and all(map(number, v)) and len(v) == len(values[0]) for v in values):
        columns = list(zip(*values, strict=True))
        return [statistics.median(c) for c in columns], [[min(c), max(c)] for c in columns]
    return values, None


def ledger(results: Path | None = None) -> list[dict]:
    """Every claim with its results by scale, as `paperlib claims --json` prints them.

    Results of this checkout where its notebooks were executed, the committed ones else, and where the claim has got
    another rule since. A claim without a value is "not run", with the reason where a notebook gave one; a statement
    that is only quoted is "cited". Raises ValueError for a damaged file, TypeError for a value no rule can judge.
    """
    stored = _read(paths.STORED_RESULTS)
    found = stored | _read(Path(results or os.environ.get("PAPERLIB_RESULTS", paths.RESULTS)))
    records = []
    for id, claim in statements().items():
        measured = found.get(claim["notebook"], {}).get(id, {})
        committed = stored.get(claim["notebook"], {}).get(id, {})
        none = {"verdict": "cited" if claim["rule"] == "cited" else "not run"}
        scales = [s for s in SCALES if s != "medium" or s in measured or s in claim.get("verdict", {})]
        records.append(
            {
                "id": id,
                "source": claim["source"],
                "statement": claim["statement"],
                "printed": claim["printed"],
                "tolerance": claim.get("tolerance"),
                "notebook": claim["notebook"],
                "differs": claim.get("differs"),
                "results": {s: _judged(claim, s, measured, committed) if s in measured else none for s in scales},
            }
        )
    return records


def _read(folder: Path) -> dict[str, dict]:
    """What the files of a folder hold, by notebook."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found[path.stem] = json.loads(path.read_text("utf-8"))
        except ValueError as error:
            raise ValueError(f"{paths.shown(path)} is damaged ({error}), run its notebook again or remove it") from None
    return found


def _judged(claim: dict, scale: str, measured: dict, committed: dict) -> dict:
    try:
        return _summary(claim, measured[scale])
    except TypeError:  # measured here under an earlier rule
        if scale not in committed:
            raise
        return _summary(claim, committed[scale])


def changes(results: Path | None = None) -> list[str]:
    """One line for every verdict that differs from the claims file; empty when all agree.

    And for every claim that one scale decides otherwise than another without a reason in the file, or the reverse.
    """
    lines = []
    expected = statements()
    for record in ledger(results):
        if disagree(record) != bool(record["differs"]):
            lines.append(
                f"{record['id']}: the verdicts differ between scales, the file does not say why"
                if disagree(record)
                else f"{record['id']}: the file says why verdicts differ between scales, and they do not"
            )
        for scale, result in record["results"].items():
            default = "cited" if expected[record["id"]]["rule"] == "cited" else "not run"
            wanted = expected[record["id"]].get("verdict", {}).get(scale, default)
            if result["verdict"] != wanted:
                lines.append(f"{record['id']} at {scale}: {result['verdict']}, the file says {wanted}")
    return lines


def disagree(record: dict) -> bool:
    """Whether two scales at which a claim was run decide it differently."""
    return len({result["verdict"] for result in record["results"].values()} - {"not run"}) > 1


def shown(value) -> str:
    """A value as the ledger shows it: four significant digits, nested lists in brackets."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return {True: "yes", False: "no", None: ""}.get(value, value)
    if isinstance(value, (int, float)):
        return str(value) if isinstance(value, int) else "nan" if math.isnan(value) else f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {shown(v)}" for key, v in value.items())
    return "[" + ", ".join(map(shown, value)) + "]"
