"""What a sandbox was asked to change."""

from sandbox.remote import RemoteSandbox


def mutating(sandbox: RemoteSandbox) -> list[str]:
    """The operations that change something, of the calls that were recorded."""
    return [str(call["operation"]) for call in sandbox.calls() if call["mutating"]]
