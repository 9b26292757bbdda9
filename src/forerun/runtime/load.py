"""From a path to the app it declares."""

import importlib.util
import sys
import traceback
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from forerun.errors import AppNotFoundError, ForerunError
from forerun.runtime.app import App

APP_FILE = "app.py"


def load(path: str | Path) -> App:
    """Import an app file and find the app in it.

    Its directory is importable while it is imported, so that it can have neighbours.

    Args:
        path: The file, or a directory with an `app.py`.

    Returns:
        The app.

    Raises:
        AppNotFoundError: Nothing there, no app in it or several, or an exception while it is imported,
            with the line that raised it.
        DefinitionError: A mistake in a declaration.

    >>> load("no/such/place")
    Traceback (most recent call last):
    forerun.errors.AppNotFoundError: [FR-DEF-APP] there is no file or directory 'no/such/place'; ...
    """
    file = _file(Path(path))
    module = _imported(file)
    apps = {id(value): name for name, value in vars(module).items() if isinstance(value, App)}
    if len(apps) != 1:
        found = f"{len(apps)} apps: {', '.join(apps.values())}; keep one" if apps else "no app"
        advice = "" if apps else "; write app = fr.App('name') at the top level"
        raise AppNotFoundError(f"{found} in this file{advice}.", at=(str(file), None))
    return next(value for value in vars(module).values() if isinstance(value, App))


def _file(path: Path) -> Path:
    if path.is_dir():
        file = path / APP_FILE
        if not file.is_file():
            others = sorted(other.name for other in path.glob("*.py"))
            hint = f" It has {', '.join(others[:5])}; name the file that makes the app." if others else ""
            raise AppNotFoundError(f"the directory {str(path)!r} has no {APP_FILE}.{hint}", at=(None, None))
        return file
    if not path.is_file():
        raise AppNotFoundError(
            f"there is no file or directory {str(path)!r}; `forerun new {path.name}` makes an app.",
            at=(None, None),
        )
    return path


def _imported(file: Path) -> ModuleType:
    name = f"forerun_app_{sha256(str(file.resolve()).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise AppNotFoundError(
            f"{file.name!r} is no Python file; an app file ends in .py.", at=(str(file), None)
        )
    module = importlib.util.module_from_spec(spec)
    directory = str(file.resolve().parent)
    sys.modules[name] = module  # dataclasses and inspect look a class's module up by name
    sys.path.insert(0, directory)
    try:
        spec.loader.exec_module(module)
    except ForerunError:
        raise
    except (Exception, SystemExit) as error:
        raise _explained(error, file) from error
    finally:
        sys.path.remove(directory)
    return module


def _explained(error: BaseException, file: Path) -> AppNotFoundError:
    """The exception at the last line of the user's code that led to it."""
    at: tuple[str | None, int | None] = (str(file), None)
    directory = str(file.resolve().parent)
    for frame in traceback.extract_tb(error.__traceback__):
        if str(Path(frame.filename).resolve()).startswith(directory):
            at = (frame.filename, frame.lineno)
    if isinstance(error, SyntaxError):
        at = (error.filename, error.lineno)
    advice = ""
    if isinstance(error, ModuleNotFoundError):
        advice = f" Install it, or put {error.name}.py beside the app file."
    return AppNotFoundError(f"{type(error).__name__}: {error}.{advice}", at=at)
