"""A real browser without a window, where the machine has one: what a page has become when its scripts have run."""

import shutil
import subprocess

BROWSER = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage",
)  # fmt: skip
_TRIES = 4
_TRY_S = 60.0  # twenty times what a page takes


def dom(url, folder, *more):
    """The page as text. Chromium now and then never ends (its virtual clock stands still): then it is started anew, with a profile of its own."""
    for attempt in range(1, _TRIES + 1):
        words = (*_QUIET, "--allow-file-access-from-files", f"--user-data-dir={folder / f'profile-{attempt}'}", *more, "--virtual-time-budget=5000")
        try:
            done = subprocess.run([BROWSER, *words, "--dump-dom", url], capture_output=True, text=True, timeout=_TRY_S, check=False)
        except subprocess.TimeoutExpired:
            continue
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout
    raise AssertionError(f"the browser did not end in {_TRIES} tries of {_TRY_S:g} s")
