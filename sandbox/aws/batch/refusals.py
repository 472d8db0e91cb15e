"""Batch's error answers.

Two forms are seen in the wild: a bare sentence, and `Error executing request, Exception : ..., RequestId: ...`
(for example pegasus-isi/pegasus#2086, ASFHyP3/hyp3#3041). Which one a check uses is kept as reported. Texts that
no source gives are marked "(our wording)" where they are written.
"""

from uuid import uuid4

from sandbox.aws.errors import AwsError


def client_exception(message: str, status: int = 400) -> AwsError:
    """A bare ClientException."""
    return AwsError("ClientException", message, status)


def execution_exception(message: str) -> AwsError:
    """A ClientException in the form `Error executing request, Exception : ...`."""
    return client_exception(f"Error executing request, Exception : {message}, RequestId: {uuid4()}")


def too_many_requests() -> AwsError:
    """Throttling: not among the modelled errors, 429 with this code and text (ASFHyP3/hyp3#1676)."""
    return AwsError("TooManyRequestsException", "Too Many Requests", 429)
