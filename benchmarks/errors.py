"""What ends a benchmark."""


class BenchmarkError(Exception):
    """It cannot run, or what it ran did something that makes its figures worthless."""
