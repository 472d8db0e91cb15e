"""The documentation, and what writes those parts of it that repeat the code: `python -m docs`."""
