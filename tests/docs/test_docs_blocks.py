"""What README.md and docs/ say can be done is done here: every block runs, every link leads somewhere.

The blocks of one page run in order, in one folder, Python blocks in one namespace. A comment right before a
block says what is special about it:

    <!-- not run: REASON -->   it is only checked: Python compiles, every `neurosim` line is accepted by the
                               command line's parser, scripts exist and know the options they are given
    <!-- file: NAME -->        it is written to that file, for the blocks after it
    <!-- setup:run -->         what .ci/run runs in a fresh environment
    <!-- needs real data -->   it looks at what a block before it made from MNIST or the like

To be fast, `neurosim run` and `neurosim train` are given small limits that the page does not show, and so is
`ns.run` in Python blocks.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import tomllib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import neurosim as ns
from neurosim.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"bash", "python", "toml", "text"}
FENCE = re.compile(r"(?:<!-- (?P<mark>[^\n]*?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
LINK = re.compile(r"!?\[[^\]]*\]\((?P<to>[^)\s]+)\)|<img[^>]*src=\"(?P<src>[^\"]+)\"")
REAL_DATA = re.compile(r"mnist|fashion|cifar")
IMAGES, CHIPS = 40, 2  # of a shortened run


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language, its text, and the comment before it."""

    page: str
    line: int
    language: str
    text: str
    mark: str

    @property
    def runs(self) -> bool:
        return self.language in ("bash", "python") and not self.mark.startswith(("not run:", "setup:"))

    @property
    def needs_data(self) -> bool:
        return self.mark == "needs real data" or (self.runs and bool(REAL_DATA.search(self.text)))

    @property
    def commands(self) -> list[str]:
        """Lines of a shell block, continued ones joined, without comments and prompts."""
        joined = self.text.replace("\\\n", " ")
        return [line.removeprefix("$ ") for line in joined.splitlines() if line and not line.startswith("#")]


@dataclass
class Page:
    """A page being worked through: its blocks, its folder, and what its Python blocks have defined."""

    blocks: list[Block]
    folder: Path
    names: dict[str, Any] = field(default_factory=dict)
    done: int = 0

    def run_up_to(self, block: Block) -> None:
        """Run the blocks before this one that have not run yet, then this one."""
        last = self.blocks.index(block) + 1
        for number in range(self.done, last):
            self.done = number + 1
            if has_data() or not self.blocks[number].needs_data:
                self._run(self.blocks[number])

    def _run(self, block: Block) -> None:
        if block.mark.startswith("file: "):
            target = self.folder / block.mark.removeprefix("file: ")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
        elif block.runs and block.language == "python":
            code = compile(block.text, f"{block.page}:{block.line}", "exec")
            exec(code, self.names)
        elif block.runs:
            for command in block.commands:
                run_command(command)


def blocks_of(path: Path) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT).as_posix()
    return [
        Block(
            name,
            text.count("\n", 0, found.start("text")),
            found["language"],
            found["text"],
            found["mark"] or "",
        )
        for found in FENCE.finditer(text)
    ]


BLOCKS = [block for path in PAGES for block in blocks_of(path)]
RUNNING = [block for block in BLOCKS if block.runs]
CHECKED = [block for block in BLOCKS if block.language in ("bash", "python") and not block.runs]


def where(block: Block) -> str:
    return f"{block.page}:{block.line}"


def has_data() -> bool:
    return bool(os.environ.get("NEUROSIM_DATA"))


def run_command(command: str) -> None:
    """Run one `neurosim` line in this process; a redirection into a file is understood."""
    words = shlex.split(command, comments=True)
    target = words[-1] if len(words) > 2 and words[-2] == ">" else ""
    words = words[:-2] if target else words
    assert words[0] == "neurosim", f"{command!r}: say why it is not run"
    result = CliRunner().invoke(app, shortened(words[1:]), prog_name="neurosim")
    assert result.exit_code == 0, f"{command}: exit code {result.exit_code}\n{result.output}"
    if target:
        Path(target).write_text(result.stdout, encoding="utf-8")


def shortened(words: list[str]) -> list[str]:
    """The same command for few images, chips and epochs."""
    if words[0] == "train":
        return [*without(words, "--epochs"), "--epochs", "1", "--limit", "200"]
    if words[0] != "run":
        return words
    if "--instances" in words:
        most = min(CHIPS, int(words[words.index("--instances") + 1]))
        words = [*without(words, "--instances"), "--instances", str(most)]
    return [*without(words, "--limit"), "--limit", str(IMAGES)]


def without(words: list[str], option: str) -> list[str]:
    if option not in words:
        return words
    at = words.index(option)
    return words[:at] + words[at + 2 :]


def few(full: Any, *args: Any, **options: Any) -> Any:
    """`ns.run` for few images and chips."""
    few_chips = {"instances": min(CHIPS, options.get("instances", 1))}
    return full(*args, **options | few_chips | {"limit": IMAGES})


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    """Every page with a folder of its own."""
    return {
        path.relative_to(ROOT).as_posix(): Page(blocks_of(path), tmp_path_factory.mktemp("page"))
        for path in PAGES
    }


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """80 columns without colours, and `ns.run` shortened."""
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("neurosim.run", partial(few, ns.run), raising=False)


@pytest.mark.parametrize("block", RUNNING, ids=where)
def test_block_runs(block: Block, pages: dict[str, Page], monkeypatch: pytest.MonkeyPatch) -> None:
    if block.needs_data and not has_data():
        pytest.skip("needs real data: set NEUROSIM_DATA to the folder that holds the data sets")
    page = pages[block.page]
    monkeypatch.chdir(page.folder)
    with contextlib.redirect_stdout(None):
        page.run_up_to(block)  # raises where a command's exit code is not 0, or Python code fails
    assert page.done > page.blocks.index(block)


@pytest.mark.parametrize("block", CHECKED, ids=where)
def test_block_that_is_not_run_is_valid(block: Block) -> None:
    if block.language == "python":
        compile(block.text, where(block), "exec")
        return
    for command in block.commands:
        for part in re.split(r"&&|\|", command):
            check_command(part)


def check_command(command: str) -> None:
    """A line that is not run: its options must be known to what it calls."""
    words = shlex.split(command, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):  # variables set for one command
        words = words[1:]
    if words[:1] == ["neurosim"] and len(words) > 1:
        group = typer.main.get_command(app)
        group.commands[words[1]].make_context(words[1], words[2:])  # type: ignore[attr-defined]
    elif words[:1] == ["python"] and words[1].endswith(".py"):
        source = (ROOT / words[1]).read_text(encoding="utf-8")
        for option in (word for word in words[2:] if word.startswith("--")):
            assert f'"{option}"' in source, f"{words[1]} has no {option}"


@pytest.mark.parametrize("block", BLOCKS, ids=where)
def test_block_says_what_it_is(block: Block) -> None:
    assert block.language in LANGUAGES, "name the language of the block"
    if block.language == "toml":
        tomllib.loads(block.text)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for found in LINK.finditer(path.read_text(encoding="utf-8")):
        link = found["to"] or found["src"]
        if "://" not in link:
            target, _, anchor = link.partition("#")
            linked = path.parent / target if target else path
            assert linked.exists(), f"{path.name} links to {link}"
            assert not anchor or anchor in anchors(linked), f"{link}: no such heading"


def anchors(path: Path) -> set[str]:
    """What a page's headings are called in links."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_pictures_are_small() -> None:
    pictures = list((ROOT / "docs" / "pictures").glob("*.png"))
    assert pictures
    assert all(path.stat().st_size < 200_000 for path in pictures)
