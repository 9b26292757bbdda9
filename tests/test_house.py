"""What the repository must never hold, and that the house says what it does."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

# Spelled in halves, so that this file does not find itself.
MACHINE_PATHS = re.compile(r"(?<![\w.])/(wo" + "rk/|ro" + "ot/|Us" + "ers/|ho" + "me/[a-z])")
INDEX_HOSTS = re.compile("|".join(("pypi" + r"\.org", "python" + "hosted", "crates" + r"\.io", "npm" + "js")))
INDEX_OPTIONS = re.compile(r"--(index|extra-index|find)-(url|links)|^--index|@ (https?|file):", re.MULTILINE)


def tracked(repository: Path) -> list[Path]:
    """The files that are committed, or would be: what a clone holds."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    return [repository / name for name in listed.stdout.split("\0") if name and (repository / name).is_file()]


def text_of(path: Path) -> str | None:
    """The text of a file; None for a binary one."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return None


def places(repository: Path, pattern: re.Pattern[str], but: frozenset[str] = frozenset()) -> list[str]:
    """Where a pattern occurs in the tracked text files."""
    return [
        f"{path.relative_to(repository)}:{number}: {line.strip()[:100]}"
        for path in tracked(repository)
        if path.relative_to(repository).as_posix() not in but
        for number, line in enumerate((text_of(path) or "").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_path_of_one_machine(repository: Path) -> None:
    """Nothing committed speaks of the machine that it was written on."""
    assert places(repository, MACHINE_PATHS) == []


def test_no_package_index_is_named(repository: Path) -> None:
    """Where packages come from is the installer's business: no host, no option; cargo writes its own lock."""
    assert places(repository, INDEX_HOSTS, but=frozenset({"Cargo.lock"})) == []
    for lock in (repository / "requirements").iterdir():
        assert INDEX_OPTIONS.search(lock.read_text().replace("--no-", "")) is None, lock.name


def test_nothing_large_or_generated(repository: Path) -> None:
    """A clone stays small: no file over 400 kB, no compiled module, no data of a run."""
    heavy = [path.name for path in tracked(repository) if path.stat().st_size > 400_000]
    made = [
        path.name
        for path in tracked(repository)
        if path.suffix in (".so", ".pyc", ".db", ".onnx", ".parquet")
    ]

    assert (heavy, made) == ([], [])


@pytest.mark.parametrize("name", ["bootstrap", "demo", "dev"])
def test_every_locked_package_has_hashes(repository: Path, name: str) -> None:
    """Each requirement of a lock is one exact version with at least one hash."""
    text = (repository / "requirements" / f"{name}.txt").read_text()
    entries = re.split(r"\n(?=\S)", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))

    assert [entry for entry in entries if entry.strip() and not re.match(r"[\w.\[\]-]+==\S+", entry)] == []
    assert [entry for entry in entries if entry.strip() and "--hash=sha256:" not in entry] == []


def test_locks_agree(repository: Path) -> None:
    """A package that is in both locks has the same versions, so the demo runs on what was tested."""

    def versions(name: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for line in (repository / "requirements" / f"{name}.txt").read_text().splitlines():
            if match := re.match(r"([\w.-]+)==(\S+)", line):
                found.setdefault(match[1], set()).add(match[2])
        return found

    demo, dev = versions("demo"), versions("dev")

    assert {name: (pins, dev.get(name)) for name, pins in demo.items() if dev.get(name) != pins} == {}


def test_lock_covers_the_declared_dependencies(repository: Path) -> None:
    """What pyproject.toml asks for is in the lock for the demo."""
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *(one for extra in extras.values() for one in extra)]
    names = {re.split(r"[\[<>=;! ]", one)[0].lower() for one in asked} - {"forerun"}
    locked = (repository / "requirements/demo.txt").read_text()

    assert [name for name in sorted(names) if not re.search(rf"^{name}==", locked, re.MULTILINE)] == []


def test_ci_is_make_test(repository: Path) -> None:
    """CI runs `make test` and nothing that a person would not run."""
    script = (repository / ".ci/run").read_text()
    commands = [line for line in script.splitlines() if line and not line.startswith("#")]

    assert commands == ["set -euo pipefail", 'cd "$(dirname "${BASH_SOURCE[0]}")/.."', "make test"]


def test_make_help_lists_what_exists(repository: Path) -> None:
    """`make` alone prints the targets, and every printed target is one."""
    shown = subprocess.run(["make", "-s"], cwd=repository, capture_output=True, text=True, check=True).stdout
    makefile = (repository / "Makefile").read_text()
    targets = re.findall(r"^  make (\S+)", shown, re.MULTILINE)

    assert {"demo", "test", "check", "bench", "docs", "lock", "clean"} <= set(targets)
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_changelog_fragments_are_sentences(repository: Path) -> None:
    """A fragment is named for its kind and holds full sentences for users."""
    fragments = [path for path in (repository / "changelog.d").iterdir() if path.name != "README.md"]

    for fragment in fragments:
        assert re.fullmatch(r"[a-z0-9-]+\.(added|changed|fixed|removed|security)\.md", fragment.name)
        for line in fragment.read_text().strip().splitlines():
            assert re.fullmatch(r"- [A-Z`].*\.", line), f"{fragment.name}: {line}"
