"""How: one module for each step of the tutorial, every step a Prefect task that can be repeated without harm."""
