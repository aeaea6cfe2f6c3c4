"""Pages in a real browser: Debian's chromium, driven by playwright-core, with axe-core for accessibility.

Makes a page of each golden document, of a mix of sizes, of a short run and of one without an answer, and opens each
at 360 and 1,440 pixels, in light and dark, with and without scripts. Checked: no request, no message on the console,
nothing wider than the screen, no labels that overlap, no violation of WCAG 2.1 A and AA, a hover and keys that show the
row of the table, and a PDF that has all headings and the cells of all tables. Screenshots go to target/report-shots for
a person to look at. With --picture RESULT FILE: writes the top of the page of a saved result as a picture, for the
README, and checks nothing. Ends with `report: N passed, N failed`; the exit status is 77 without chromium or Node.
"""

import functools
import json
import shutil
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path

from harness import binary, command_line, commands
from harness.binary import Binary
from harness.checks import MISSING_TOOL, Checks, holds
from harness.repository import ROOT, TARGET

SOURCE = Path(__file__).parent
SHOTS = TARGET / "report-shots"
DOCUMENTS = ROOT / "tests/data/documents"
KINDS = ("summary", "sweep", "limits", "interference", "comparison", "verdict")
# Length from which a text may be broken between two columns of a PDF.
BROKEN_CHARACTERS = 40
BROWSERS = ("chromium", "chromium-browser")


def node_packages() -> Path:
    """Folder with the packages: installed at the first use, with the versions of the lock file."""
    folder = TARGET / "report-browser"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = (SOURCE / "package-lock.json").read_text()
    installed = folder / "installed.json"
    if not installed.exists() or installed.read_text() != wanted:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCE / name, folder)
        commands.output_of(["npm", "ci", "--silent", "--ignore-scripts"], folder=folder)
        installed.write_text(wanted)
    shutil.copy(SOURCE / "browser.js", folder)
    return folder


def make_pages(plimsoll: Binary, folder: Path) -> list[Path]:
    """Pages of all kinds of documents, and of runs that are unlike each other."""
    pages = []
    for kind in KINDS:
        page = folder / f"{kind}.html"
        commands.output_of([plimsoll.path, "report", DOCUMENTS / f"{kind}.json", "--html", page])
        pages.append(page)
    runs = {
        "one-interval": ["run", "-n", "20", "-w", "0s"],
        "all-failed": ["run", "-n", "50", "-w", "0s", "-s", "5MiB", "-c", "4"],
        "mix": ["run", "-r", "400", "-z", "4s", "-w", "200ms", "-s", "64@5,64KiB@3,5MiB@1", "--assert", "p99<1us"],
    }
    for name, arguments in runs.items():
        page = folder / f"{name}.html"
        commands.finished([plimsoll.path, *arguments, "-q", "--html", page], statuses=(0, 1, 2))
        pages.append(page)
    return pages


def faulty(page: str) -> str:
    """The page with a request, an image without a text, an element that is too wide, and another script."""
    image = '<img src="http://127.0.0.1:9/x.png" style="width:2000px;height:1px">'
    return page.replace("<main>", f"<main>{image}").replace("</main>", "</main><script>1</script>")


class Contents(HTMLParser):
    """Headings, and the cells of tables, of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._is_wanted = False
        self.feed(page)

    def handle_starttag(self, tag: str, _attributes: list[tuple[str, str | None]]) -> None:
        """Begins a heading or a cell."""
        self._is_wanted = tag in ("h1", "h2", "td", "th") or (self._is_wanted and tag == "span")

    def handle_endtag(self, _tag: str) -> None:
        """Ends it."""
        self._is_wanted = False

    def handle_data(self, data: str) -> None:
        """Keeps its text."""
        if self._is_wanted and data.strip():
            self.texts.append(data)


def printed(page: Path) -> None:
    """The PDF has each heading and each cell of a table."""
    pdf = SHOTS / f"{page.stem}.pdf"
    text = "".join(commands.output_of(["pdftotext", "-layout", pdf, "-"]).split())
    missing = [part for part in Contents(page.read_text()).texts if "".join(part.split()) not in text]
    missing = [part for part in missing if len(part) < BROKEN_CHARACTERS]
    holds(not missing, f"not in the PDF: {missing[:10]}")


def main() -> int:
    """Makes all checks; exit status."""
    parser = command_line.parser(__doc__)
    binary.add_argument(parser)
    parser.add_argument("--picture", nargs=2, type=Path, metavar=("RESULT", "FILE"), help="make a picture of a page")
    arguments = parser.parse_args()
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if browser is None or missing:
        print(f"SKIPPED report: no {', '.join(['chromium'] if browser is None else missing)} here", file=sys.stderr)
        return MISSING_TOOL
    plimsoll = binary.of(arguments)
    packages = node_packages()
    if arguments.picture:
        result, target = arguments.picture
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "page.html"
            commands.output_of([plimsoll.path, "report", result, "--html", page])
            commands.output_of(["node", packages / "browser.js", browser, "--picture", page, target])
        return 0
    SHOTS.mkdir(parents=True, exist_ok=True)
    checks = Checks("report")
    with tempfile.TemporaryDirectory() as folder:
        pages = make_pages(plimsoll, Path(folder))
        broken = Path(folder) / "faulty.html"
        broken.write_text(faulty(pages[0].read_text()))
        found = commands.output_of(["node", packages / "browser.js", browser, SHOTS, *pages, broken])
        faults = json.loads(found)
        seen = " ".join(fault["fault"] for fault in faults if fault["page"] == broken.name)
        for kind in ("wider than the screen", "axe: image-alt", "on the console"):
            checks.holds(f"a faulty page is found: {kind}", kind in seen, seen[:500])
        for page in pages:
            own = [f"{fault['view']}: {fault['fault']}" for fault in faults if fault["page"] == page.name]
            checks.equal(f"{page.stem}: 360 and 1,440 pixels, light and dark, with and without scripts", own, [])
            if shutil.which("pdftotext"):
                checks.attempt(f"{page.stem}: printed", functools.partial(printed, page))
    return checks.close()
