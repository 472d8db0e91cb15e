"""Errors as an AWS service answers them."""


class AwsError(Exception):
    """An error answer of an AWS service: code, message, HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
