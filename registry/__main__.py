"""Command line: `python -m registry copy SOURCE DESTINATION` and `python -m registry inspect REFERENCE`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

from registry.client import RegistryClient
from registry.copy import copy_image
from registry.credentials import CredentialProvider, anonymous
from registry.docker_config import DockerConfig
from registry.errors import RegistryError
from registry.hosts import Hosts
from registry.inspect import describe, find_manifest
from registry.progress import Progress
from registry.progress_bar import ProgressBar
from registry.reference import TAG_RULE, Reference, is_tag

_ENDS = ("copied", "mounted", "skipped", "pushed")
_INTERRUPTED = 130
_EPILOG = "REGISTRY_HOSTS=name=http://address,... reaches a registry at another address."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        The exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        images = [Reference.parse(text) for text in options.images]
        hosts = Hosts.parse(os.environ.get("REGISTRY_HOSTS", ""), plain_http=options.plain_http)
        credentials = _credentials(options.authfile)
    except (ValueError, OSError) as error:
        _tell(f"error: {error}")
        return 2
    with RegistryClient(hosts, credentials) as client:
        try:
            options.command(client, options, *images)
            sys.stdout.flush()
        except RegistryError as error:
            _tell(f"error: {error}")
            return 1
        except BrokenPipeError:
            # Nobody reads the answer (`| head`). Python would try to write it once more at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except KeyboardInterrupt:
            _tell("interrupted: the tag is as it was; a repetition sends only what is missing")
            # Without waiting for the client's threads: a silent registry may hold them for minutes.
            os._exit(_INTERRUPTED)
    return 0


def _copy(client: RegistryClient, options: argparse.Namespace, source: Reference, destination: Reference) -> None:
    bar = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    with ProgressBar(sys.stderr) if bar else nullcontext(_print) as progress:
        result = copy_image(
            client,
            source,
            destination,
            platforms=options.platform,
            also_tags=options.also_tag,
            include_referrers=options.include_referrers,
            progress=progress,
        )
    referrers = f", {result.referrers_copied} referrers pushed" if options.include_referrers else ""
    _tell(
        f"{result.source} -> {result.destination}: {result.blobs_copied} blobs ({result.bytes_copied} bytes) "
        f"copied, {result.blobs_skipped} ({result.bytes_skipped} bytes) were there{referrers}"
    )
    print(result.digest)


def _inspect(client: RegistryClient, options: argparse.Namespace, image: Reference) -> None:
    if options.raw:
        sys.stdout.buffer.write(find_manifest(client, image, options.platform).content)
    else:
        print(json.dumps(describe(client, image, options.platform), indent=2))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m registry", description="Copy images between registries, and look at them; no Docker needed."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    copy = commands.add_parser(
        "copy",
        help="copy an image; the digest is printed on standard output, progress on standard error",
        epilog=_EPILOG,
    )
    copy.set_defaults(command=_copy)
    copy.add_argument(
        "images", action="append", metavar="SOURCE", help="image, such as public.ecr.aws/amazonlinux/amazonlinux:2"
    )
    copy.add_argument("images", action="append", metavar="DESTINATION", help="image, such as REGISTRY/REPOSITORY:TAG")
    copy.add_argument(
        "--platform",
        action="append",
        default=[],
        type=_platform,
        metavar="OS/ARCH",
        help="take this platform only; may be repeated (default: all)",
    )
    copy.add_argument(
        "--also-tag",
        action="append",
        default=[],
        type=_tag,
        metavar="TAG",
        help="give the copy this tag too; may be repeated",
    )
    copy.add_argument(
        "--include-referrers",
        action="store_true",
        help="take signatures, attestations and whatever else refers to the image along",
    )
    inspect = commands.add_parser(
        "inspect", help="show digest, size, platforms or layers, and referrers as JSON", epilog=_EPILOG
    )
    inspect.set_defaults(command=_inspect)
    inspect.add_argument("images", action="append", metavar="REFERENCE", help="image")
    inspect.add_argument("--raw", action="store_true", help="print the manifest's bytes as they are")
    inspect.add_argument("--platform", type=_platform, metavar="OS/ARCH", help="show this platform's image")
    for command in (copy, inspect):
        command.add_argument("--plain-http", action="store_true", help="reach registries over http")
        command.add_argument(
            "--authfile",
            type=Path,
            metavar="FILE",
            help="credentials (default: REGISTRY_AUTH_FILE, else what docker login or podman login wrote)",
        )
    return parser


def _platform(text: str) -> str:
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not OS/ARCH or OS/ARCH/VARIANT")
    return text


def _tag(text: str) -> str:
    if not is_tag(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no tag: {TAG_RULE}")
    return text


def _credentials(authfile: Path | None) -> CredentialProvider:
    path = authfile or DockerConfig.default_path()
    if authfile is None and not path.exists():
        return anonymous
    return DockerConfig.read(path)


def _print(progress: Progress) -> None:
    """One line for each blob and manifest that is done."""
    if progress.state in _ENDS:
        _tell(f"{progress.state} {progress.digest} {progress.size} bytes")


def _tell(line: str) -> None:
    """Write a line to standard error, at once: blobs end in several threads.

    That nobody reads it any more (`2>&1 | head`) is no reason to give a copy up.
    """
    with suppress(BrokenPipeError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
