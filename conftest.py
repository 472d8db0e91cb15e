"""Before any test imports Prefect: what Prefect reads from the environment when it is imported."""

import os

# Threads that know nothing of the tests' server fail at once, instead of starting one of their own for half a minute.
os.environ["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "false"
