"""When: schedules, default parameters and automations of the flows."""
