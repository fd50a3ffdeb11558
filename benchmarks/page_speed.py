"""How long pages of a built book take to show something on a slow connection: `python -m benchmarks.page_speed [BOOK] [PAGE ...]`.

Chromium asks a local server that does not compress, over an emulated slow 4G (1.6 Mbit/s, 150 ms), with a processor
made four times as slow. Nothing is stored or asserted: times are the machine's.
"""

from __future__ import annotations

import shutil
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

PAGES = ("intro.html", "paper/fig1.html", "paper/fig3.html", "paper/table1.html", "paper/verdicts.html")
SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
SLOWDOWN = 4
ROUNDS = 3
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN"
BYTES = "performance.getEntriesByType('resource').reduce((sum, each) => sum + each.transferSize, performance.getEntriesByType('navigation')[0].transferSize)"


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that writes no log."""

    def log_message(self, *arguments) -> None:
        pass


def measure(browser: Browser, address: str) -> tuple[float, float]:
    """Seconds to the first paint, and the megabytes that had come by then, of one visit without a cache."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW_4G)
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    page.goto(address, wait_until="commit", timeout=60_000)
    page.wait_for_function(f"!isNaN({PAINT})", timeout=60_000)
    paint, size = page.evaluate(PAINT), page.evaluate(BYTES)
    context.close()
    return paint / 1e3, size / 1e6


def main() -> None:
    """Print a line a page: medians of a few visits."""
    book = Path(sys.argv[1] if len(sys.argv) > 1 else "build/preview/book/_build/html")
    pages = [page for page in sys.argv[2:] or PAGES if (book / page).exists()]
    if not pages:
        sys.exit(f"{book} is no built book: make preview builds one")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(book)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        print("page, seconds to the first paint, megabytes until then")
        for page in pages:
            visits = [measure(browser, f"http://127.0.0.1:{server.server_port}/{page}") for _ in range(ROUNDS)]
            paint, size = (median(each) for each in zip(*visits))
            print(f"{page}, {paint:.2f}, {size:.2f}", flush=True)
        browser.close()
    server.shutdown()


if __name__ == "__main__":
    main()
