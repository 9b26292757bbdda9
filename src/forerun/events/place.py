"""Where in a source file an attribute of a class stands, for messages that point at the very line."""

import ast
import linecache
from functools import lru_cache

from forerun.errors import Location


def line_of(field: str, owner: str, at: Location) -> Location:
    """The line of a field in a class statement.

    Args:
        field: The attribute's name.
        owner: The class's name.
        at: A file, and any line of the class statement or its decorators.

    Returns:
        File and line of the field; `at` itself where there is no source to look into.
    """
    for statement in _body(owner, at):
        if field in _assigned(statement):
            return at[0], statement.lineno
    return at


def repeated(owner: str, at: Location) -> tuple[str, Location] | None:
    """A name that a class body assigns twice, where the second silently replaces the first.

    Args:
        owner: The class's name.
        at: A file, and any line of the class statement or its decorators.

    Returns:
        The name and the place of its second assignment, or None.
    """
    seen: set[str] = set()
    for statement in _body(owner, at):
        for name in _assigned(statement):
            if name in seen:
                return name, (at[0], statement.lineno)
            seen.add(name)
    return None


def _body(owner: str, at: Location) -> list[ast.stmt]:
    """The statements of the class at or around a line; none where there is no source."""
    file, line = at
    if file is None or line is None:
        return []
    for node in _classes("".join(linecache.getlines(file))):
        if node.name == owner:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            if first <= line <= (node.end_lineno or first):
                return node.body
    return []


@lru_cache(maxsize=4)
def _classes(source: str) -> list[ast.ClassDef]:
    """The class statements of a file, found once: it is asked for every feature of an app."""
    try:
        module = ast.parse(source)
    except SyntaxError:  # not Python, like a notebook's magic
        return []
    return [node for node in ast.walk(module) if isinstance(node, ast.ClassDef)]


def _assigned(statement: ast.stmt) -> list[str]:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]
