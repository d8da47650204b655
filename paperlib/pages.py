"""Pages of the book that are made from results: the ledger of claims and the table of speeds, as MyST text."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import groupby

from paperlib import claims, notebooks
from paperlib.paths import BENCHMARKS

PAPERS = {  # in the order of the book
    "R": "Ribeiro et al. 2020",
    "P": "Pascanu et al. 2013",
    "G": "Goodfellow et al. 2016",
    "M": "Mikhaeil et al. 2022",
}
SECTION = re.compile(r"(?P<paper>[A-Z]), (?P<section>sections [\w.]+ and [\w.]+|.+?)(?=,| and |$)")
EXPLAINED = {
    "holds": "the measured value meets the rule that stands beside the claim",
    "holds in part": "some parts, or some seeds, meet it",
    "does not hold": "the measured value contradicts the statement",
    "erratum": "false as printed; our correction was measured and holds",
    "cited": "quoted from others by the paper, not checkable here",
    "not run": "nobody has run it at this scale, or not far enough to decide it: then it says how far",
}


def generated() -> dict[str, str]:
    """File name in `book/made/` of the staged copy -> text; `book/claims.md` and `book/benchmarks.md` include it."""
    return {"claims.md": claims_page(claims.ledger()), "benchmarks.md": benchmarks_page()}


def badge(verdict: str) -> str:
    return f'<span class="verdict {verdict.replace(" ", "-")}">{verdict}</span>'


def claims_page(records: list[dict]) -> str:
    """The ledger as one table a section of a paper: statement, printed value, measured value at each scale."""
    lines = []
    for scale in claims.SCALES:
        counted = Counter(r["results"][scale]["verdict"] for r in records if scale in r["results"])
        if counted:
            said = " ".join(f"{badge(v)} {counted[v]}" for v in claims.VERDICTS if counted[v])
            lines.append(f"- **{scale}** scale: {said}")
    lines += [
        "",
        "```{dropdown} What the verdicts mean",
        *(f"- {badge(v)}: {EXPLAINED[v]}" for v in EXPLAINED),
        "```",
        "",
        *_differences([record for record in records if claims.disagree(record)]),
    ]
    ordered = sorted(records, key=lambda record: _order(_section(record["source"])))
    for paper, whole in groupby(ordered, key=lambda record: _section(record["source"])[0]):
        lines += [f"## {paper}", ""]
        for section, group in groupby(whole, key=lambda record: _section(record["source"])[1]):
            head = [f"### {section[0].upper()}{section[1:]}", ""] if section else []
            lines += [*head, *_claims_table(list(group)), ""]
    return "\n".join(lines) + "\n"


def _differences(records: list[dict]) -> list[str]:
    """What one scale decides otherwise than another, and why."""
    lines = [f"```{{dropdown}} Verdicts that differ between the scales ({len(records)}), and why"]
    for record in records:
        ran = {
            scale: result["verdict"] for scale, result in record["results"].items() if result["verdict"] != "not run"
        }
        said = ", ".join(f"{scale} {badge(verdict)}" for scale, verdict in ran.items())
        lines.append(
            f'- <a href="#{record["id"].lower()}">{record["id"]}</a>: {said}. {_line(record.get("differs") or "")}'
        )
    return [*lines, "```", ""] if records else []


def _section(source: str) -> tuple[str, str]:
    """Paper and section of "R, section 4.1 and Fig. 1(a)": ("Ribeiro et al. 2020", "section 4.1"); or this book."""
    match = SECTION.match(source)
    if match is None:
        return source.partition(",")[0].capitalize(), ""
    return PAPERS.get(match["paper"], match["paper"]), match["section"]


def _order(section: tuple[str, str]) -> tuple:
    """Papers in the book's order, sections by number (4.2 before 4.10), whatever has no number after them."""
    papers = list(PAPERS.values())
    paper = papers.index(section[0]) if section[0] in papers else len(papers)
    pieces = re.findall(r"\d+|\D+", section[1].replace("sections", "section"))
    numbers = [(piece.isdigit(), int(piece) if piece.isdigit() else 0, piece) for piece in pieces]
    return paper, section[0], not section[1].startswith(("introduction", "section")), numbers


def _claims_table(records: list[dict]) -> list[str]:
    scales = [s for s in claims.SCALES if any(s in record["results"] for record in records)]
    rows = [["Statement", "Printed", *(f"{s.capitalize()} scale" for s in scales)]]
    files = {name: path.stem for name, path in notebooks.notebooks().items()}
    for record in records:
        name = record["notebook"]
        where = f"[{name}](../notebooks/{files[name]}.ipynb)" if name in files else f"{name}, not written yet"
        measured = [_measured(record["results"].get(scale)) for scale in scales]
        about = f'<span class="claim-id" id="{record["id"].lower()}">{_line(record["source"])} · {record["id"]}</span>'
        rows.append([f"{_line(record['statement'])} ({where}) {about}", _line(record["printed"]), *measured])
    return _table(rows, "claims")


def _measured(result: dict | None) -> str:
    if result is None:
        return "–"
    parts = [badge(result["verdict"])]
    if result.get("value") is not None:
        parts.insert(0, claims.shown(result["value"]))
    if result.get("seeds", 1) > 1:
        spread = f", {claims.shown(result['spread'])}" if result.get("spread") else ""
        parts.append(f"({result['seeds']} seeds{spread})")
    if result.get("note"):
        parts.append(_line(result["note"]))
    return " ".join(parts)


def _line(text: str) -> str:
    return " ".join(str(text).split())


def _table(rows: Iterable[list[str]], name: str) -> list[str]:
    lines = ["```{list-table}", ":header-rows: 1", f":class: {name}", ""]
    for row in rows:
        lines += [("* - " if i == 0 else "  - ") + cell for i, cell in enumerate(row)]
    return [*lines, "```"]


def benchmarks_page() -> str:
    """The table of speeds from `data/benchmarks.json`, with the machine and the day they belong to."""
    if not BENCHMARKS.is_file():
        return "Nothing has been timed yet.\n"
    report = json.loads(BENCHMARKS.read_text("utf-8"))
    lines = ["Seconds belong to a machine and its load; the ratios travel better.", ""]
    for item in report["benchmarks"]:
        versions = ", ".join(f"{name} {version}" for name, version in item["versions"].items())
        lines += [f"## {item['title']}", "", item["setting"], ""]
        lines += [
            f"Timed on {item['date']} on {item['machine']}, {item['cores']} cores, load {item['load']:.1f} before"
        ]
        lines += [f"the start; {versions}.", ""]
        rows = [["", "Median", "Fastest to slowest", ""]]
        for row in item["rows"]:
            span = f"{_seconds(min(row['seconds']))} to {_seconds(max(row['seconds']))}"
            note = row.get("note") or ""
            rows.append([row["what"], _seconds(row["median"]), span if len(row["seconds"]) > 1 else "once", note])
        lines += [*_table(rows, "speeds"), ""]
        for ratio in item["ratios"]:
            word = badge("holds" if ratio["met"] else "does not hold")
            lines.append(f"- {ratio['what']}: {ratio['value']:.3g} (goal: {ratio['goal']}) {word}")
        lines.append("")
    return "\n".join(lines)


def _seconds(value: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"
