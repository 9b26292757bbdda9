"""The page about the command line is the help itself: docs/reference/cli.md.

Write it anew after a change with: python -m tests.cli.test_reference
"""

from pathlib import Path

from tests.cli.command import forerun

from forerun.cli import main as command_line

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "cli.md"

HEAD = """# Command line

What `forerun COMMAND --help` says, on one page. Three things hold for every command:

- **The app** is a folder with an `app.py`, or the file; by default the working directory, or `FORERUN_APP`.
  Its data are in `.forerun` beside that file, or in `--data-dir`, or in `FORERUN_DATA_DIR`.
- **`--json`** prints JSON for scripts, with keys that do not change: one object, or one object a line for
  lists. Times are ISO 8601 in UTC; durations, and whatever has a name that ends in `_us`, are microseconds.
  Tables and words are for people and may change. Nothing is coloured when nobody looks.
- **The exit status** is 0 when it was done, 1 when it failed, 2 when the command was used wrongly, and 130
  when Ctrl-C stopped it. An error is one line on stderr, `error[FR-...]: what is wrong and what to do`; the
  [codes](errors.md) do not change. `FORERUN_DEBUG=1` adds the traceback.

All commands but `run` work beside a running `forerun run`: they read what its last commit left.
"""


def page() -> str:
    """The page, from the commands."""
    parts = [HEAD]
    for command in command_line.app.registered_commands:
        said = forerun(command.name, "--help")
        parts.append(f"## forerun {command.name}\n\n```text\n{said.out.strip()}\n```\n")
    return "\n".join(parts)


def test_page_is_what_the_commands_say() -> None:
    """A new option is on the page, and one that is gone is not."""
    assert PAGE.read_text(encoding="utf-8") == page()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
