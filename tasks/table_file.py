"""A table of parameters in a CSV or Parquet file on the worker, or pasted: every cell as the text a person expects."""

import csv
import io
from collections.abc import Callable, Iterable
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

from specs.fault import Findings
from specs.table_rows import TableRows

if TYPE_CHECKING:
    import pyarrow

_EXACT = 2**53  # a double holds every integer up to it, and not every one above


def read_table_file(path: str, found: Findings) -> TableRows | None:
    """Read a table.

    The cells of a CSV file stay as they are, leading zeros and spaces too; empty lines are skipped. Of a Parquet file
    integers have no decimals, dates and times are ISO 8601, booleans are true and false, and null and NaN are empty.

    Args:
        path: Of the file, on the worker; a relative one is looked for in the flow run's working directory.
        found: Takes what is found.

    Returns:
        The rows, or None where they cannot be read.
    """
    file = Path(path)
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        found.fault("table.path", path, f"The file's name ends with {' or '.join(readers)}.", "Convert it.", "csv")
        return None
    try:
        return reader(file, found)
    except OSError as error:
        rule = f"It cannot be read on the worker, as {file.absolute()}: {error.strerror or error}."
        found.fault("table.path", path, rule, "Correct the path, or bring the file to the worker.", "open(2)")
    return None


def read_pasted_table(text: str, found: Findings) -> TableRows | None:
    """Read rows that were pasted into the form, as CSV or as a spreadsheet copies them, with tabs.

    Args:
        text: The rows, behind a header.
        found: Takes what is found.

    Returns:
        The rows, or None where they cannot be read.
    """
    header = text.lstrip().partition("\n")[0]
    return _read_rows(io.StringIO(text, newline=""), "\t" if "\t" in header else ",", "table.pasted", found)


def _read_csv(file: Path, found: Findings) -> TableRows | None:
    """With the first line as the header. A byte order mark, which Excel writes, is no part of it."""
    where = f"table.path {file.name}"
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return _read_rows(lines, ",", where, found)
    except UnicodeDecodeError as error:
        found.fault(where, None, f"The file is not UTF-8: {error}.", "Save it as UTF-8.", "csv")
        return None


def _read_rows(lines: Iterable[str], delimiter: str, where: str, found: Findings) -> TableRows | None:
    # Strict: a quote that nobody closed would swallow the rest of the file.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        numbered = [(reader.line_num, tuple(cells)) for cells in reader if cells]
    except csv.Error as error:
        found.fault(where, None, f"Line {reader.line_num} is no CSV: {error}.", "Correct the line.", "RFC 4180")
        return None
    (_, columns), *rows = numbered or [(0, ())]
    for number, (line, cells) in enumerate(rows, 1):
        if len(cells) != len(columns):
            rule = f"The header has {len(columns)} columns, this row {len(cells)}."
            fix = "Add or remove cells; quote those with commas."
            found.fault(f"{where}, row {number} (line {line})", ",".join(cells), rule, fix, "RFC 4180")
    # Made even, so that what else is wrong is found too, and under the right numbers.
    return TableRows(where, columns, [(*cells, *columns)[: len(columns)] for _, cells in rows])


def _read_parquet(file: Path, found: Findings) -> TableRows | None:
    # Imported here: it takes 40 MB and a fifth of a second, which every flow run and every worker would pay for.
    import pyarrow
    from pyarrow import parquet

    where = f"table.path {file.name}"
    try:
        # A file object: pyarrow would read all files of a directory, and take key=value in its path for columns.
        with file.open("rb") as content:
            table = parquet.ParquetFile(content).read()
    except pyarrow.ArrowException as error:
        found.fault(where, None, f"The file is no Parquet file: {error}", "Write it again.", "Apache Parquet")
        return None
    texts = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        try:
            texts.append(_texts(column))
        except pyarrow.ArrowException as error:
            rule = f"A column holds text, numbers, booleans, dates or times; this one is {column.type}: {error}."
            found.fault(f"{where}, column {name}", None, rule, "Convert it to text.", "Apache Parquet")
    if len(texts) != len(table.columns):
        return None
    return TableRows(where, tuple(table.column_names), list(zip(*texts, strict=True)))


def _texts(column: "pyarrow.ChunkedArray") -> list[str]:
    """The cells of a Parquet column; raises ArrowException where they have no text."""
    import pyarrow
    from pyarrow import types

    kind = column.type
    convert: Callable[[str], str] = str
    if types.is_dictionary(kind):
        return _texts(column.cast(kind.value_type))
    if types.is_duration(kind):
        raise pyarrow.ArrowInvalid("durations have no unit as text")
    # Microseconds are what Python knows; Arrow refuses to cut off finer ones that are not zero.
    if types.is_timestamp(kind):
        column, convert = column.cast(pyarrow.timestamp("us", kind.tz)), _iso(datetime.fromisoformat)
    elif types.is_time(kind):
        column, convert = column.cast(pyarrow.time64("us")), _iso(time.fromisoformat)
    elif types.is_floating(kind):
        convert = _number
    return ["" if text is None else convert(text) for text in column.cast(pyarrow.string()).to_pylist()]


def _iso(parse: Callable[[str], datetime | time]) -> Callable[[str], str]:
    return lambda text: parse(text).isoformat()


def _number(text: str) -> str:
    """A floating point number: pandas makes them of integers as soon as a cell of their column is empty."""
    value = float(text)
    if value != value:
        return ""
    return str(int(value)) if value.is_integer() and abs(value) <= _EXACT else repr(value)
