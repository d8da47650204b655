"""The built site, and a browser without a network. Under CI=true a missing site or browser is a failure."""

import os
import shutil

import pytest

from paperlib.paths import SITE

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def missing(what: str) -> None:
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="session")
def site():
    """Folder of the built book."""
    if not (SITE / "index.html").is_file():
        missing("no site has been built: make book")
    return SITE


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium through Playwright."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        missing(f"no browser for the page tests, expected one of {', '.join(BROWSERS)} on the path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()
