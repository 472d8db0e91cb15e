"""When: schedules and default parameters of the flows."""
