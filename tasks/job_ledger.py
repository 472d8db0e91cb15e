"""What a run wrote down of its submissions, in Prefect's result store.

Each entry is an object of its own that is written once, so that a process killed in mid-write spoils nothing that was
written before. An entry that cannot be read ends the reading: what follows from it is looked up in AWS.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prefect.results import get_default_result_storage, get_result_store


@dataclass
class Written:
    """What was read back.

    Attributes:
        names: Every name that may have been sent to SubmitJob.
        ids: The job id by name, where SubmitJob's answer is known.
        reported: Whether the ends of the jobs were reported after that: what failed may then be submitted again.
    """

    names: set[str] = field(default_factory=set)
    ids: dict[str, str] = field(default_factory=dict)
    reported: bool = False


class JobLedger:
    """The entries of one run; written by one process at a time, from inside the run.

    Args:
        run_id: Id of the flow run.
    """

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._next = 0
        # Outside of tasks that persist results the store has no storage yet.
        self._storage: Any = get_result_store().result_storage or get_default_result_storage()

    def read(self) -> Written:
        """Read all entries; further ones are written behind them."""
        written, self._next = Written(), 0
        while (entry := self._read_entry()) is not None:
            self._next += 1
            written.names.update(entry.get("sending", ()))
            written.ids.update(entry.get("ids", {}))
            written.reported = entry.get("reported", False)
        return written

    def sending(self, names: Sequence[str]) -> None:
        """Write down what is about to be submitted."""
        self._append({"sending": list(names)})

    def answered(self, ids: Mapping[str, str]) -> None:
        """Write down the ids of what was submitted."""
        self._append({"ids": dict(ids)})

    def reported(self) -> None:
        """Write down that the run has told its user how the jobs ended."""
        self._append({"reported": True})

    def _append(self, entry: dict[str, Any]) -> None:
        content = json.dumps({"at": time.time(), **entry}).encode()
        self._storage.write_path(self._path(), content)
        self._next += 1

    def _read_entry(self) -> dict[str, Any] | None:
        try:
            entry: dict[str, Any] = json.loads(self._storage.read_path(self._path()))
        except Exception:  # every storage has its own error for what is not there
            return None
        return entry

    def _path(self) -> str:
        return f"submitted-jobs-{self._run_id}-{self._next}"
