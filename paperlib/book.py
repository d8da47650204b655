"""The staged copy that jupyter-book reads: prose, executed notebooks, pages made from results, vendored scripts.

Building changes nothing that git tracks: `build/stage` is made anew, and jupyter-book writes beside it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from paperlib import pages
from paperlib.paths import BOOK, EXECUTED, NPM, ROOT, STAGE

SCRIPTS = {  # of the site, in _static/vendor/ -> in node_modules
    "tex-svg-full.js": "mathjax/es5/tex-svg-full.js",  # glyphs and extensions inside: nothing is loaded later
    "popper.min.js": "@popperjs/core/dist/umd/popper.min.js",
    "tippy-bundle.umd.min.js": "tippy.js/dist/tippy-bundle.umd.min.js",
}
HOSTED = re.compile(  # by https, by ssh, or as user@host:path
    r"(?:https://(?:[^@/]+@)?github\.com/|ssh://(?:[^@/]+@)?github\.com(?::\d+)?/|[^@/\s]+@github\.com:)"
    r"(?P<path>[\w.-]+/[\w.-]+?)(?:\.git)?/?"
)
LONG = 12  # lines of a code cell; longer ones are folded, so that text and figures stay together
CHAPTER_LINK = re.compile(r"\[(?P<words>[^][]+)\]\((?:\.\./notebooks/)?(?P<chapter>\d\d_\w+)\.ipynb(?:#[^)]*)?\)")


def repository() -> str | None:
    """Where the sources are hosted, for the buttons: from the workflow or the git remote; None when unknown.

    The theme and Binder know the addresses of GitHub; for any other host there are no buttons.
    """
    name = os.environ.get("GITHUB_REPOSITORY")
    if name:
        return address(f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{name}")
    remote = subprocess.run(
        ["git", "-C", ROOT, "remote", "get-url", "origin"], capture_output=True, text=True, check=False
    )
    return address(remote.stdout.strip()) if remote.returncode == 0 else None


def address(remote: str) -> str | None:
    """The https address of a git remote on GitHub, None for a folder or another host."""
    match = HOSTED.fullmatch(remote)
    return f"https://github.com/{match['path']}" if match else None


def configuration(repository: str | None) -> dict:
    """_config.yml, with launch and edit buttons where the sources are hosted."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    if repository:
        config["repository"] = {"url": repository, "path_to_book": "", "branch": "main"}
        config["html"] |= {"use_repository_button": True, "use_issues_button": True, "use_edit_page_button": True}
        config["launch_buttons"] = {"notebook_interface": "jupyterlab", "binderhub_url": "https://mybinder.org"}
    return config


def contents(available: set[str]) -> dict:
    """_toc.yml without the chapters whose notebook does not exist yet."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))

    def there(entry: dict) -> bool:
        return not entry["file"].startswith("notebooks/") or Path(entry["file"]).name in available

    for part in toc["parts"]:
        part["chapters"] = [chapter for chapter in part["chapters"] if there(chapter)]
    toc["parts"] = [part for part in toc["parts"] if part["chapters"]]
    return toc


def without_missing(text: str, available: set[str]) -> str:
    """The text with links to chapters that do not exist yet turned into plain words."""

    def plain(match: re.Match) -> str:
        return match[0] if match["chapter"] in available else match["words"]

    return CHAPTER_LINK.sub(plain, text)


def folded(text: str) -> str:
    """A notebook whose long code cells are shown on request; their outputs stay."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and len("".join(cell["source"]).splitlines()) > LONG:
            cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), "hide-input"]
    return json.dumps(notebook, ensure_ascii=False, indent=1)


def stage(executed: Path = EXECUTED, repository: str | None = None) -> Path:
    """Make `build/stage` anew from the prose, the executed notebooks and the results; returns it."""
    shutil.rmtree(STAGE, ignore_errors=True)
    shutil.copytree(BOOK, STAGE / "book", ignore=shutil.ignore_patterns("npm", "_static", ".*"))
    shutil.copytree(BOOK / "_static", STAGE / "_static")
    (STAGE / "notebooks").mkdir()
    for notebook in sorted(executed.glob("*.ipynb")):
        if (ROOT / "notebooks" / notebook.name).is_file():
            shutil.copy2(notebook, STAGE / "notebooks")
    vendor = STAGE / "_extra" / "_static" / "vendor"  # in _static itself jupyter-book would load each script once more
    vendor.mkdir(parents=True)
    for name, source in SCRIPTS.items():
        shutil.copy2(NPM / "node_modules" / source, vendor / name)
    available = {path.stem for path in (STAGE / "notebooks").glob("*.ipynb")}
    for page in [*(STAGE / "book").rglob("*.md"), *(STAGE / "notebooks").glob("*.ipynb")]:
        text = without_missing(page.read_text("utf-8"), available)
        page.write_text(folded(text) if page.suffix == ".ipynb" else text, "utf-8")
    _dump(configuration(repository), STAGE / "_config.yml")
    _dump(contents(available), STAGE / "_toc.yml")
    (STAGE / "book" / "made").mkdir()
    for name, text in pages.generated().items():  # included by pages that stand in book/
        (STAGE / "book" / "made" / name).write_text(text, "utf-8")
    return STAGE


def _dump(value: dict, path: Path) -> None:
    path.write_text(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), "utf-8")


if __name__ == "__main__":
    stage(ROOT / sys.argv[1], sys.argv[2] if len(sys.argv) > 2 and sys.argv[2] else None)
