"""A real browser for the verifier page, opened from a file. `make test` installs Chromium where it may."""

import base64
import html
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

import attache.evidence

PAGE = Path(attache.evidence.__file__).parent / "verifier.html"
NAMES = ("chromium", "chromium-browser", "google-chrome")

CHOOSE = """
const put = (id, files) => {
  const chosen = new DataTransfer();
  for (const [name, raw] of files) chosen.items.add(new File([Uint8Array.from(atob(raw), (char) => char.charCodeAt(0))], name));
  document.getElementById(id).files = chosen.files;
};
put("descriptors", given.descriptors.map((raw, at) => [`${at}.jws`, raw]));
put("file", [["package.attache-evidence", given.raw]]);
document.getElementById("form").requestSubmit();
"""


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def verdict_of(folder: Path, raw: str, descriptors: Sequence[str]) -> str:
    """What the page shows to somebody who chooses this evidence file and these descriptors (all in base64)."""
    return browse(folder, f"const given = {json.dumps({'raw': raw, 'descriptors': descriptors})};\n{CHOOSE}")


def browse(folder: Path, scripts: str) -> str:
    """The page's document after these scripts have run in it."""
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        pytest.skip("Chromium is not installed")
    page = folder / "page.html"
    page.write_text(PAGE.read_text().replace("</body>", f"<script>{scripts}</script></body>"))
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--virtual-time-budget=60000",
    ]
    done = subprocess.run(
        [*command, f"--user-data-dir={folder}/profile", "--dump-dom", page.as_uri()],
        capture_output=True,
        check=False,
        timeout=180,
    )
    return html.unescape(done.stdout.decode())
