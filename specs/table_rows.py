"""The rows of a table of parameters, all text, and the rules of their columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from specs.environment_rules import check_environment
from specs.fault import Findings
from specs.source import KUBERNETES_API, TABLES

_NAMES = f"{KUBERNETES_API} EnvVar.name"


@dataclass(frozen=True)
class TableRows:
    """What a table holds.

    Attributes:
        where: Where it stands, for whoever has to correct it: a field of the form, or the file.
        columns: The names of the columns.
        cells: The rows, each with one text a column.
    """

    where: str
    columns: tuple[str, ...]
    cells: Sequence[tuple[str, ...]]

    def check(self, found: Findings) -> None:
        """Check that there are rows, and that columns can be environment variables.

        Args:
            found: Takes what is found.
        """
        if not self.columns:
            found.fault(self.where, None, "A table has columns.", "Name each in the header.", TABLES)
        elif not self.cells:
            found.fault(self.where, None, "A table has rows.", "Add one.", TABLES)
        path = f"{self.where}, column"
        check_environment([{"name": column} for column in self.columns], path, found)
        for index, column in enumerate(self.columns):
            if column in self.columns[:index]:
                rule = "Each column has a name of its own; this one is there already."
                found.fault(f"{path}[{index}].name", column, rule, "Rename one of them.", _NAMES)
        for number, row in enumerate(self.cells, 1):
            for column, cell in zip(self.columns, row, strict=True):
                if "\0" in cell:
                    rule = "Environment variables cannot hold the character NUL."
                    found.fault(f"{self.where}, row {number}, {column}", cell, rule, "Take it out.", "environ(7)")


def typed_rows(rows: Sequence[Mapping[str, str]], found: Findings) -> TableRows:
    """Rows as they were typed into the form.

    Their columns are put in alphabetical order: Prefect's database may keep the keys of an object in an order of its
    own (PostgreSQL's jsonb), and a repeated run must make the same jobs again.

    Args:
        rows: The rows.
        found: Takes what is found: rows that have other columns than the first.
    """
    columns = tuple(sorted(rows[0])) if rows else ()
    for index, row in enumerate(rows):
        if row.keys() != rows[0].keys():
            rule = f"All rows have the columns of the first: {', '.join(columns)}."
            differing = ", ".join(sorted(row.keys() ^ rows[0].keys()))
            found.fault(f"table.rows[{index}]", differing, rule, "Add or remove these.", TABLES)
    return TableRows("table.rows", columns, [tuple(row.get(column, "") for column in columns) for row in rows])
