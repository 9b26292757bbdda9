"""Help that is quick and keeps its lines: examples are shown as written, not re-wrapped into a paragraph.

Typer imports pydantic (half a second) to read the first argument. Whoever only asks for help is answered
before that.
"""

from typing import Any

from typer import Exit, echo
from typer.core import TyperCommand, TyperGroup

# typer 0.20 takes click's own classes, later releases a copy of them; Any serves both.
Context = Any
Formatter = Any

HELP = ("-h", "--help")


class Command(TyperCommand):
    """A command whose epilog is a block of examples."""

    def format_epilog(self, ctx: Context, formatter: Formatter) -> None:  # noqa: ARG002 - click calls it so
        """Write the examples as they are."""
        _write(self.epilog, formatter)


class Group(TyperGroup):
    """The root command, whose epilog says how to begin."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Answer `--version` and `COMMAND --help` at once; read the arguments otherwise."""
        if args[:1] == ["--version"]:
            from importlib.metadata import version

            echo(f"forerun {version('forerun')}")
            raise Exit
        command = self.commands.get(args[0]) if args else None
        own = args[: args.index("--")] if "--" in args else args
        if command is not None and any(word in HELP for word in own):
            echo(command.get_help(command.context_class(command, info_name=args[0], parent=ctx)))
            raise Exit
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: Context, formatter: Formatter) -> None:  # noqa: ARG002 - click calls it so
        """Write the first steps as they are."""
        _write(self.epilog, formatter)


def _write(epilog: str | None, formatter: Formatter) -> None:
    """Add the text below a blank line."""
    if epilog:
        formatter.write(f"\n{epilog.strip(chr(10))}")
