"""Every run says in its name what it is about: one of a flow, and one of a task."""

import pkgutil
from importlib import import_module

import pytest
from prefect import Flow, Task

import flows
import tasks

MODULES = [
    import_module(found.name)
    for package in (flows, tasks)
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]
FLOWS = {value.name: value for module in MODULES for value in vars(module).values() if isinstance(value, Flow)}
TASKS = {
    f"{value.fn.__module__}.{value.fn.__name__}": value
    for module in MODULES
    for value in vars(module).values()
    if isinstance(value, Task)
}


@pytest.mark.parametrize("name", sorted(FLOWS))
def test_runs_of_flows_are_named(name: str) -> None:
    assert "{" in str(FLOWS[name].flow_run_name) or name == "watch-jobs"


@pytest.mark.parametrize("name", sorted(TASKS))
def test_runs_of_tasks_are_named(name: str) -> None:
    assert TASKS[name].task_run_name
