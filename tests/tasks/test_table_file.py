"""Tables in files: every cell is the text that a person expects, and what cannot be read is said."""

import csv
import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from specs.fault import Findings
from specs.table_rows import TableRows
from tasks.table_file import read_pasted_table, read_table_file


def read(file: Path) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    found = Findings()
    rows = read_table_file(str(file), found)
    assert rows is not None
    assert not found.faults
    return rows.columns, list(rows.cells)


def faults(file: Path) -> str:
    found = Findings()
    read_table_file(str(file), found)
    return "\n".join(map(str, found.faults))


def test_cells_of_a_csv_file_stay_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "days.CSV"
    file.write_bytes('\ufeffday,code\r\n2026-01-01,007\r\n" a, ""b""\nc",1.0\r\n\r\n,\r\n'.encode())
    assert read(file) == (("day", "code"), [("2026-01-01", "007"), (' a, "b"\nc', "1.0"), ("", "")])


@given(rows=st.lists(st.tuples(*[st.text(st.characters(exclude_categories=["Cs"]))] * 2), min_size=1))
def test_what_python_writes_as_csv_is_read_back(rows: list[tuple[str, str]], tmp_path_factory: Any) -> None:
    file = tmp_path_factory.mktemp("csv") / "rows.csv"
    with file.open("w", newline="", encoding="utf-8") as lines:
        csv.writer(lines).writerows([("a", "b"), *rows])
    assert read(file) == (("a", "b"), rows)


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pyarrow.array([1, None, -(2**63)]), ["1", "", "-9223372036854775808"]),
        (pyarrow.array([3.0, 123456789012.0, 0.1, None, float("nan")]), ["3", "123456789012", "0.1", "", ""]),
        (pyarrow.array([0.1, 2.0], pyarrow.float32()), ["0.1", "2"]),
        (pyarrow.array([1e300, float("inf")]), ["1e+300", "inf"]),
        (pyarrow.array([True, False, None]), ["true", "false", ""]),
        (pyarrow.array(["007", "", None]), ["007", "", ""]),
        (pyarrow.array(["a", None, "a"]).dictionary_encode(), ["a", "", "a"]),
        (pyarrow.array([Decimal("1.50")]), ["1.50"]),
        (pyarrow.array([dt.date(2026, 1, 31), None]), ["2026-01-31", ""]),
        (pyarrow.array([dt.time(6, 30)]), ["06:30:00"]),
        (pyarrow.array([dt.datetime(2026, 1, 31, 6, 30)], pyarrow.timestamp("ns")), ["2026-01-31T06:30:00"]),
        (pyarrow.array([dt.datetime(2026, 1, 31)], pyarrow.timestamp("ms", "UTC")), ["2026-01-31T00:00:00+00:00"]),
        (pyarrow.array([dt.datetime(2026, 1, 31, 0, 0, 0, 500)]), ["2026-01-31T00:00:00.000500"]),
        (pyarrow.nulls(1), [""]),
    ],
    ids=str,
)
def test_cells_of_a_parquet_file_are_as_people_write_them(column: Any, texts: list[str], tmp_path: Path) -> None:
    file = tmp_path / "days.parquet"
    parquet.write_table(pyarrow.table({"day": column}), file)
    assert read(file) == (("day",), [(text,) for text in texts])


def test_a_csv_file_that_is_none_is_refused_with_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "days.csv"
    file.write_text('a,b\n"1\n1",2\n3\n4,5,6\n')
    said = faults(file)
    assert "row 2 (line 4) = '3': The header has 2 columns, this row 1." in said
    assert "row 3 (line 5) = '4,5,6': The header has 2 columns, this row 3." in said
    file.write_text('a,b\n1,"2\n3,4\n')
    assert "is no CSV: unexpected end of data" in faults(file)
    file.write_bytes(b"a\n\xff\n")
    assert "not UTF-8" in faults(file)


def test_a_parquet_file_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "days.parquet"
    file.write_text("day\n1\n")
    assert "The file is no Parquet file" in faults(file)
    lists, fine = pyarrow.array([[1]]), pyarrow.array([dt.datetime(2026, 1, 1)], pyarrow.timestamp("ns"))
    nanosecond = pyarrow.array([1], pyarrow.timestamp("ns"))
    parquet.write_table(pyarrow.table({"days": lists, "fine": fine, "at": nanosecond, "raw": [b"\xff"]}), file)
    said = faults(file)
    assert [name for name in ("days", "fine", "at", "raw") if f"column {name}:" in said] == ["days", "at", "raw"]


def test_a_file_that_is_not_there_or_of_no_known_kind_is_refused(tmp_path: Path) -> None:
    assert f"on the worker, as {tmp_path}/none.csv: No such file" in faults(tmp_path / "none.csv")
    assert "ends with .csv or .parquet" in faults(tmp_path / "days.xlsx")
    (tmp_path / "directory.parquet").mkdir()
    assert "Is a directory" in faults(tmp_path / "directory.parquet")


@pytest.mark.parametrize("parted", [",", "\t"], ids=["CSV", "spreadsheet"])
def test_rows_that_were_pasted_are_read_with_commas_or_tabs(parted: str) -> None:
    found = Findings()
    text = "\n".join(parted.join(cells) for cells in (("day", "note"), ("01", '"a, b"'), ("02", " c")))
    rows = read_pasted_table(text + "\r\n", found)
    assert rows == TableRows("table.pasted", ("day", "note"), [("01", "a, b"), ("02", " c")])
    assert not found.faults


def test_pasted_rows_that_are_uneven_are_named_by_row_and_line() -> None:
    found = Findings()
    read_pasted_table("a,b\n1,2\n3\n", found)
    assert [fault.path for fault in found.faults] == ["table.pasted, row 2 (line 3)"]
