"""The command `forerun`: which commands there are, and how a failure ends."""

import os
import sys

import typer

from forerun.cli import (
    features,
    keys,
    late,
    models,
    new,
    parity,
    predictions,
    prove,
    replay,
    report,
    run,
    status,
    train,
    training_set,
    windows,
)
from forerun.cli.failure import explain
from forerun.cli.help import HELP, Command, Group

EXAMPLES = """
Three steps to a first prediction:
  forerun new shop                        a starter project in ./shop
  forerun run shop                        stream its events, train, predict
  forerun features --prediction ID -a shop
                                          why one prediction was what it was

Every command teaches with examples:      forerun COMMAND --help
Which version this is:                    forerun --version
Tracebacks of errors:                     FORERUN_DEBUG=1 forerun COMMAND
"""

app = typer.Typer(
    cls=Group,
    epilog=EXAMPLES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": list(HELP), "max_content_width": 100},
)

MODULES = (
    new, run, status, predictions, features, windows, late, replay, parity, prove, train, training_set,
    models, report, keys,
)  # fmt: skip

for module in MODULES:
    name = module.__name__.rpartition(".")[2]
    # The first line of each file: "`forerun new`: a starter project that runs."
    summary = (module.__doc__ or "").partition(": ")[2].partition("\n")[0]
    app.command(name.replace("_", "-"), cls=Command, epilog=module.EXAMPLES, short_help=summary.rstrip("."))(
        getattr(module, name)
    )


@app.callback()
def root() -> None:
    """Real-time prediction from event streams, declared in one Python file."""


def main() -> None:
    """Run the command line and end the process: 0 done, 1 failed, 2 used wrongly, 130 interrupted."""
    try:
        app(prog_name="forerun")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("FORERUN_DEBUG"):
            raise
        sys.exit(explain(error))


if __name__ == "__main__":
    main()
