"""Command line: `python -m registry copy SOURCE DESTINATION [--platform OS/ARCH]... [--plain-http]`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from registry.client import RegistryClient
from registry.copy import copy_image
from registry.credentials import CredentialProvider, anonymous
from registry.docker_config import DockerConfig
from registry.errors import RegistryError
from registry.hosts import Hosts
from registry.progress import Progress
from registry.reference import Reference


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; gives the exit status: 0 done, 1 failed, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        source = Reference.parse(options.source)
        destination = Reference.parse(options.destination)
        hosts = Hosts.parse(os.environ.get("REGISTRY_HOSTS", ""), plain_http=options.plain_http)
        credentials = _credentials(options.authfile)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    with RegistryClient(hosts, credentials) as client:
        try:
            result = copy_image(client, source, destination, platforms=options.platform, progress=_print)
        except RegistryError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    print(
        f"{result.source} -> {result.destination}: {result.blobs_copied} blobs ({result.bytes_copied} bytes) "
        f"copied, {result.blobs_skipped} ({result.bytes_skipped} bytes) were there",
        file=sys.stderr,
    )
    print(result.digest)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m registry", description="Copy images between registries.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    copy = commands.add_parser(
        "copy",
        help="copy an image; the digest is printed on standard output, progress on standard error",
        epilog="REGISTRY_HOSTS=name=http://address,... reaches a registry at another address.",
    )
    copy.add_argument("source", metavar="SOURCE", help="image, such as public.ecr.aws/amazonlinux/amazonlinux:2")
    copy.add_argument("destination", metavar="DESTINATION", help="image, such as REGISTRY/REPOSITORY:TAG")
    copy.add_argument(
        "--platform",
        action="append",
        default=[],
        type=_platform,
        metavar="OS/ARCH",
        help="take this platform only; may be repeated (default: all)",
    )
    copy.add_argument("--plain-http", action="store_true", help="reach both registries over http")
    copy.add_argument(
        "--authfile",
        type=Path,
        metavar="FILE",
        help="credentials (default: REGISTRY_AUTH_FILE, else config.json in DOCKER_CONFIG or ~/.docker)",
    )
    return parser


def _platform(text: str) -> str:
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not OS/ARCH or OS/ARCH/VARIANT")
    return text


def _credentials(authfile: Path | None) -> CredentialProvider:
    path = authfile or DockerConfig.default_path()
    if authfile is None and not path.exists():
        return anonymous
    return DockerConfig.read(path)


def _print(progress: Progress) -> None:
    """One line for each blob and manifest that is done."""
    if progress.state not in ("started", "advanced"):
        print(f"{progress.state} {progress.digest} {progress.size} bytes", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
