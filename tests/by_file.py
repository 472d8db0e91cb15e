"""Which tests run in the same process: a file's, which share what its fixtures set up, in the order of their paths."""

from xdist.scheduler import LoadScopeScheduling

# Their files share what takes longest: a running `make up`, and registered deployments.
PACKAGES = "tests/demo/", "tests/deployments/"


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives each process a file, or one of the packages, at a time."""

    def _split_scope(self, nodeid: str) -> str:
        package = next((package for package in PACKAGES if nodeid.startswith(package)), "")
        return package or nodeid.partition("::")[0]
