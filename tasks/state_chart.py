"""Jobs by state over time, as a picture that Prefect's UI draws.

Prefect strips inline SVG from markdown but draws images with a data URI; either theme may be behind it, so it has a
background of its own.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 120, 12, 28
# From what has ended at the bottom to what waits at the top; colours that differ for the colour-blind too (Okabe-Ito).
STATES = {
    "SUCCEEDED": "#009e73",
    "FAILED": "#d55e00",
    "RUNNING": "#0072b2",
    "STARTING": "#56b4e9",
    "RUNNABLE": "#f0e442",
    "PENDING": "#cccccc",
    "SUBMITTED": "#eeeeee",
    "UNKNOWN": "#999999",
}
_MOST_POINTS = 60


@dataclass(frozen=True)
class Sample:
    """How many jobs were in which state at one moment.

    Attributes:
        seconds: Since the beginning.
        counts: Jobs by state.
    """

    seconds: float
    counts: Mapping[str, int]


def thinned(samples: Sequence[Sample]) -> list[Sample]:
    """At most 60 of the samples, evenly chosen, the first and the last among them."""
    if len(samples) <= _MOST_POINTS:
        return list(samples)
    step = (len(samples) - 1) / (_MOST_POINTS - 1)
    return [samples[round(position * step)] for position in range(_MOST_POINTS)]


def chart(samples: Sequence[Sample]) -> str:
    """A stacked area chart as a markdown image.

    Args:
        samples: In the order of time; at least one.

    Returns:
        `![...](data:image/svg+xml;base64,...)`.
    """
    points = thinned(samples)
    end = max(points[-1].seconds, 1.0)
    most = max(max(sum(point.counts.values()) for point in points), 1)
    below = [0] * len(points)
    parts = [f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for place, (state, colour) in enumerate(STATES.items()):
        above = [low + point.counts.get(state, 0) for low, point in zip(below, points, strict=True)]
        if above != below:
            top = [_place(point.seconds / end, high / most) for point, high in zip(points, above, strict=True)]
            bottom = [_place(point.seconds / end, low / most) for point, low in zip(points, below, strict=True)]
            parts.append(f'<polygon fill="{colour}" points="{" ".join([*top, *reversed(bottom)])}"/>')
            y = HEIGHT - _BOTTOM - 18 * place
            parts.append(f'<rect x="{WIDTH - _RIGHT + 10}" y="{y - 10}" width="10" height="10" fill="{colour}"/>')
            parts.append(_text(WIDTH - _RIGHT + 25, y, state.capitalize()))
        below = above
    parts += [_text(4, _TOP + 10, str(most)), _text(4, HEIGHT - _BOTTOM, "0")]
    parts += [_text(_LEFT, HEIGHT - 8, "0 s"), _text(WIDTH - _RIGHT - 40, HEIGHT - 8, f"{end:.0f} s")]
    body = "".join(parts)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">{body}</svg>'
    return f"![Jobs by state over time](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _place(across: float, up: float) -> str:
    x = _LEFT + across * (WIDTH - _LEFT - _RIGHT)
    y = HEIGHT - _BOTTOM - up * (HEIGHT - _TOP - _BOTTOM)
    return f"{x:.0f},{y:.0f}"


def _text(x: int, y: int, text: str) -> str:
    return f'<text x="{x}" y="{y}" font-family="sans-serif" font-size="11" fill="#333">{text}</text>'
