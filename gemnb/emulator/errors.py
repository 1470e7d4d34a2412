"""Errors as Google's REST APIs give them (google.rpc.Status as JSON)."""

from __future__ import annotations

from typing import Final, TypeAlias

JSONValue: TypeAlias = "bool | int | float | str | list[JSONValue] | dict[str, JSONValue] | None"
"""Whatever JSON can say."""

RPC: Final = "type.googleapis.com/google.rpc."


class ApiError(Exception):
    """A request that is answered with an error.

    Attributes:
        code: the HTTP status.
        status: Google's word for it, such as INVALID_ARGUMENT.
        message: what is wrong, for people.
        details: Google's details; left out of the answer where there are none.
        headers: HTTP headers that go with the answer.
    """

    def __init__(
        self,
        code: int,
        status: str,
        message: str,
        details: tuple[JSONValue, ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.details = details
        self.headers = headers

    def body(self) -> dict[str, JSONValue]:
        """Return the answer's body."""
        error: dict[str, JSONValue] = {"code": self.code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = list(self.details)
        return {"error": error}


def invalid(message: str, field: str = "") -> ApiError:
    """Return 400 INVALID_ARGUMENT.

    Args:
        message: what is wrong, for people.
        field: the path of the wrong field, snake case as Google writes it; it goes into the details.
    """
    if not field:
        return ApiError(400, "INVALID_ARGUMENT", message)
    violations: list[JSONValue] = [{"field": field, "description": message}]
    return ApiError(400, "INVALID_ARGUMENT", message, ({"@type": f"{RPC}BadRequest", "fieldViolations": violations},))
