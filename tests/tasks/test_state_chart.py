"""The chart is a picture that holds every state that occurs, small enough for an artifact however long the run."""

import base64
from xml.etree import ElementTree

from tasks.state_chart import Sample, chart

PREFIX = "![Jobs by state over time](data:image/svg+xml;base64,"


def drawn(samples: list[Sample]) -> ElementTree.Element:
    picture = chart(samples)
    assert picture.startswith(PREFIX)
    return ElementTree.fromstring(base64.b64decode(picture.removeprefix(PREFIX).rstrip(")")))


def test_each_state_that_occurs_is_named() -> None:
    svg = drawn([Sample(0, {"SUBMITTED": 4}), Sample(5, {"RUNNING": 3, "FAILED": 1})])
    words = {element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Submitted", "Running", "Failed", "5 s", "4"} <= words
    assert "Pending" not in words


def test_a_long_run_is_thinned_to_its_first_and_last_moments_and_some_between() -> None:
    samples = [Sample(second, {"RUNNING": 10_000 - second, "SUCCEEDED": second}) for second in range(10_000)]
    assert len(chart(samples)) < 11 * 1024
    (running, _) = list(drawn(samples).iter("{http://www.w3.org/2000/svg}polygon"))
    assert running.get("points")
