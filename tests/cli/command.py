"""Runs the command line in this process, as `main` would, and keeps what it said."""

import contextlib
import io
import json
from dataclasses import dataclass
from typing import Any

import pytest

from forerun.cli import main as command_line


@dataclass(frozen=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # Any: whatever the command prints
        """The one JSON value on stdout."""
        return json.loads(self.out)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The JSON objects on stdout, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


def forerun(*words: object) -> Said:
    """Run a command."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr("sys.argv", ["forerun", *map(str, words)])
        patch.setenv("COLUMNS", "80")
        with pytest.raises(SystemExit) as ended:
            command_line.main()
    code = ended.value.code
    return Said(code if isinstance(code, int) else int(code is not None), out.getvalue(), err.getvalue())
