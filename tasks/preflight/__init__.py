"""Looking at everything that preflight judges, and adding what it can add."""
