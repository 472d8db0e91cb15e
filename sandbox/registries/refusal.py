"""An error answer of a registry."""

import json

from aiohttp import web


class RefusalError(Exception):
    """What a registry refuses, in the form of the OCI distribution specification ("Error Codes")."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None, detail: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}
        self.detail = detail

    def response(self) -> web.Response:
        """The answer: `{"errors": [{"code", "message"}]}`."""
        error = {"code": self.code, "message": str(self)}
        if self.detail:
            error["detail"] = self.detail
        return web.Response(
            status=self.status,
            headers=self.headers,
            text=json.dumps({"errors": [error]}),
            content_type="application/json",
        )
