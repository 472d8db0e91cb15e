"""`make demo`: the tutorial on one machine, every step checked. Exit code 0 only if all of it was true."""

import os
import sys
import tempfile
import time
from pathlib import Path

from demo.narration import QUIET
from demo.prefect_server import PrefectServer
from sandbox.remote import RemoteSandbox


def main() -> int:
    """Start the sandbox and a Prefect server, tell the story, stop both."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="batch-eks-demo-") as directory:
        state_dir = Path(directory)
        print("Starting a private EKS cluster with AWS around it, and a Prefect server ...", flush=True)
        server = PrefectServer(state_dir / "server")
        server.start()
        try:
            with RemoteSandbox(state_dir / "sandbox") as sandbox:
                server.wait_until_ready()
                print(f"  ready after {time.monotonic() - started:.0f} s, Prefect UI at {server.ui_url}", flush=True)
                # Prefect and boto3 read these when they are imported, which the story does first.
                os.environ.update(server.env | sandbox.env | QUIET)
                from demo.story import tell

                failed = tell(sandbox)
        finally:
            server.stop()
    ending = "FAILED: " + ", ".join(failed) if failed else "All of it was checked"
    print(f"\n{ending}. {time.monotonic() - started:.0f} s; everything is stopped.", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    exit_code = main()
    sys.stdout.flush()
    # At a normal exit Prefect would go on for a minute to send its last events to the server that was just stopped.
    os._exit(exit_code)
