"""What the calls of MLflow's REST API have in common: their addresses, arguments and errors."""

from collections.abc import Callable, Mapping
from typing import Any

from trainup.simulator.cloud.azure import Azure
from trainup.simulator.rest.routing import WORKSPACE, Request, Response, Route

BASE = f"/mlflow/{{version:v1.0|v2.0}}{WORKSPACE}/api/2.0"

Call = Callable[[Azure, Request], dict[str, Any]]


class MlflowError(Exception):
    """An error in MLflow's form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.response = Response(status, {"error_code": code, "message": message})


def with_errors(call: Call) -> Callable[[Azure, Request], Response]:
    """A handler that returns errors in MLflow's form."""

    def handler(azure: Azure, request: Request) -> Response:
        azure.get(request.workspace)
        try:
            return Response(200, call(azure, request))
        except MlflowError as error:
            return error.response

    return handler


def routes(calls: Mapping[tuple[str, str], Call]) -> tuple[Route, ...]:
    """The routes of calls, which are named by method and path."""
    return tuple(Route(method, f"{BASE}/mlflow/{path}", with_errors(call)) for (method, path), call in calls.items())


def arguments_of(request: Request) -> dict[str, Any]:
    """The arguments of a call: of GET in the query, of others in the body."""
    return dict(request.query) if request.method == "GET" else request.json()


def page(request: Request, name: str, items: list[Any], size: int) -> dict[str, Any]:
    """The items that a call asks for under a name, at most `size` where it does not say, and where the next begin."""
    arguments = arguments_of(request)
    try:
        first, most = int(arguments.get("page_token") or 0), int(arguments.get("max_results") or size)
    except ValueError as error:
        raise MlflowError(400, "INVALID_PARAMETER_VALUE", f"page_token and max_results are numbers: {error}") from error
    rest = {"next_page_token": str(first + most)} if first + most < len(items) else {}
    return {name: items[first : first + most], **rest}
