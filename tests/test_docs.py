"""The pages tell the truth: their Python runs, their commands exist, their files are there.

How a page is run: its ```python blocks run from top to bottom in one namespace, in a directory of their
own that holds a copy of `examples`. A block with `title="x/app.py"` is written to that file instead, as
the reader is asked to; an `app.py` must load. A block that begins with `>>>` is a doctest. In ```bash
blocks each line is a command: the subcommand and the options of `forerun`, and the target of `make`,
must exist.
"""

import doctest
import re
import shlex
import shutil
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from forerun.cli.main import app as command_line
from forerun.runtime.load import load

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*/*.md")])
FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)?(?P<rest>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```", re.M | re.S
)
OTHER_COMMANDS = frozenset("cargo cd cp curl duckdb export git kill ls open pip sleep source".split())  # noqa: SIM905  # reads better


@dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    language: str
    title: str | None
    body: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text()
    for match in FENCE.finditer(text):
        title = re.search(r'title="([^"]+)"', match["rest"])
        body = re.sub(rf"^{match['indent']}", "", match["body"], flags=re.MULTILINE)
        line = text.count("\n", 0, match.start()) + 2
        yield Block(match["language"] or "", title and title[1], body, line)


def name_of(page: Path) -> str:
    """A page as the repository names it."""
    return page.relative_to(ROOT).as_posix()


def having(language: str) -> list[Path]:
    """The pages with at least one block in a language."""
    return [page for page in PAGES if any(block.language == language for block in blocks(page))]


@pytest.mark.parametrize("page", having("python"), ids=name_of)
def test_python_of_the_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who types the page's Python from top to bottom meets no error."""
    shutil.copytree(
        ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns(".forerun", "__pycache__")
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = types.ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    for block in blocks(page):
        if block.title:
            save(block, Path(block.title))
        elif block.language != "python":
            continue
        elif block.body.lstrip().startswith(">>>"):
            run_doctest(block, page, vars(module))
        else:
            # Blank lines before the code make tracebacks point at the line of the page.
            code = compile("\n" * (block.line - 1) + block.body, str(page), "exec")
            exec(code, vars(module))


def save(block: Block, path: Path) -> None:
    """Write a block to the file that its title names; an app must load, other Python must compile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.body)
    if path.name == "app.py":
        load(path)
    elif path.suffix == ".py":
        compile(block.body, str(path), "exec")


def run_doctest(block: Block, page: Path, namespace: dict[str, object]) -> None:
    """Run a block of `>>>` lines and compare what it prints."""
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    test = doctest.DocTestParser().get_doctest(block.body, {}, name_of(page), str(page), block.line - 1)
    test.globs = namespace
    report: list[str] = []
    result = doctest.DocTestRunner(optionflags=flags).run(test, out=report.append, clear_globs=False)
    assert result.failed == 0, "".join(report)


def commands(page: Path) -> list[str]:
    """The command lines of a page, continuation lines joined, comments and prompts removed."""
    bash = (block.body.replace("\\\n", " ") for block in blocks(page) if block.language == "bash")
    lines = (line.strip() for body in bash for line in body.splitlines())
    return [line.removeprefix("$ ") for line in lines if line and not line.startswith("#")]


def check_forerun(words: list[str]) -> None:
    """The subcommand exists and knows each option; raises AssertionError otherwise."""
    # Typer brings its own copy of click's classes, so groups are known by what they have.
    command: Any = typer.main.get_command(command_line)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    assert not (hasattr(command, "commands") and words and not words[0].startswith("-")), (
        f"no command {words}"
    )
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    options = [word.partition("=")[0] for word in words if word.startswith("-")]
    assert [option for option in options if option not in {*known, "--help"}] == [], command.name


@pytest.mark.parametrize("page", having("bash"), ids=name_of)
def test_commands_of_the_page_exist(page: Path) -> None:
    """Each command line names a command, options and make targets that exist."""
    makefile = (ROOT / "Makefile").read_text()
    for line in commands(page):
        words = [word for word in shlex.split(line, comments=True) if "=" not in word or word.startswith("-")]
        program = Path(words[0]).name
        if program == "forerun":
            check_forerun(words[1:])
        elif program == "make":
            for target in words[1:]:
                assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), (
                    f"no target {target}: {line}"
                )
        else:
            assert program in OTHER_COMMANDS, f"{name_of(page)}: {line}"


EXCERPT = re.compile(r"<!-- from (?P<file>\S+) -->\n```\w+\n(?P<body>.*?)^```", re.M | re.S)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_excerpts_are_verbatim(page: Path) -> None:
    """A block under "from FILE" stands in that file, line by line."""
    for match in EXCERPT.finditer(page.read_text()):
        assert match["body"] in (ROOT / match["file"]).read_text(), match["file"]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link points at a file of the repository."""
    outside_code = FENCE.sub("", page.read_text())
    targets = re.findall(r"\]\(([^)#?\s]+)(?:#[^)]*)?\)", outside_code)
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]

    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize(
    "page", [ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "README.md"], ids=name_of
)
def test_named_files_exist(page: Path) -> None:
    """A path in backticks that looks like a file of ours is one."""
    prefixes = ("src/", "rust/", "tests/", "docs/", "examples/", "benchmarks/", "requirements/", ".ci/")
    named = [name for name in re.findall(r"`([\w./-]+)`", page.read_text()) if name.startswith(prefixes)]

    assert [name for name in named if not (ROOT / name).exists()] == []
