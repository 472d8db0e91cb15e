"""`python -m sandbox up`: the sandbox in the foreground."""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from sandbox.stack import Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Start the sandbox, say so in one JSON line, and stop it on SIGINT, SIGTERM or as `--stop-on-eof` says."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A private EKS cluster on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start it and stay in the foreground")
    up.add_argument("--state-dir", type=Path, required=True, help="directory for its files; made if missing")
    up.add_argument(
        "--control-plane",
        choices=("embedded", "real", "auto"),
        default="auto",
        help="real: the etcd and kube-apiserver that KUBEBUILDER_ASSETS names; auto: real if that is set",
    )
    up.add_argument("--stop-on-eof", action="store_true", help="stop when standard input ends")
    options = parser.parse_args(arguments)

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with Sandbox(options.state_dir.resolve(), control_plane=options.control_plane) as sandbox:
        if options.stop_on_eof:
            threading.Thread(target=_set_on_eof, args=(stop,), daemon=True).start()
        print(json.dumps(sandbox.description()), flush=True)
        stop.wait()
    return 0


def _set_on_eof(stop: threading.Event) -> None:
    # Not by way of sys.stdin, whose lock a thread must not hold when the interpreter ends.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
