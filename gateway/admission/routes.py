"""Routes whose endpoints declare their request bodies, and the OpenAPI contract that follows from them."""

import inspect
from collections.abc import Callable, Iterator
from functools import update_wrapper
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from gateway.admission.contract import PROBLEM, Problem, request_body, with_schemas
from gateway.admission.declared import Body, DeclaredBody


class BodyRoute(APIRoute):
    """A route that reads the body for its endpoint, if a parameter of the endpoint is annotated with a `Body`.

    It reads the body last. By then the framework has resolved every other parameter: the caller is authenticated and
    has the required role, and the path, the query and the headers are valid. The order of parameters does not matter.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.body: DeclaredBody | None = None
        if found := _declared(endpoint):
            name, self.body = found
            endpoint = _WithBody(endpoint, name, self.body)
            options["openapi_extra"] = request_body(self.body.media_types, self.body.model)
        super().__init__(path, endpoint, **options)
        if self.body_field is not None:
            raise TypeError(f"{path}: the framework would read the body without limits; declare it with `Body`")


async def _request_of(request: Request) -> Request:
    return request


class _WithBody:
    """An endpoint as the framework sees it: without the parameter of the body, which is read when it is called."""

    def __init__(self, endpoint: Callable[..., Any], name: str, body: DeclaredBody) -> None:
        update_wrapper(self, endpoint)
        self._endpoint, self._name, self._body = endpoint, name, body
        # The framework passes a plain Request parameter to one parameter only, which the endpoint may have itself.
        annotation = Annotated[Request, Depends(_request_of)]
        request = inspect.Parameter("request_", inspect.Parameter.KEYWORD_ONLY, annotation=annotation)
        signature = inspect.signature(endpoint)
        others = [parameter for parameter in signature.parameters.values() if parameter.name != name]
        self.__signature__ = signature.replace(parameters=[*others, request])

    async def __call__(self, *, request_: Request, **values: object) -> object:
        return await self._endpoint(**values, **{self._name: await self._body.read(request_)})


def api_router(tag: str, prefix: str = "") -> APIRouter:
    """A router for endpoints that may declare a body. Each of their errors is a problem (RFC 9457)."""
    return APIRouter(prefix=prefix, tags=[tag], responses=PROBLEM, route_class=BodyRoute)


def declared_bodies(app: FastAPI) -> Iterator[tuple[RouteContext, DeclaredBody]]:
    """The routes of an application that read a body, with their whole paths, in the order of the routes."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, BodyRoute) and route.body is not None:
            yield context, route.body


def describe(app: FastAPI) -> None:
    """Add to `app.openapi()` the schemas of the bodies and of the problem, which the framework does not know."""
    generate = app.openapi

    def with_bodies() -> dict[str, Any]:
        models = dict.fromkeys(body.model for _, body in declared_bodies(app) if body.model is not None)
        return with_schemas(generate(), [*models, Problem])

    app.openapi = with_bodies  # type: ignore[method-assign]  # the framework's documented way to extend the contract


def _declared(endpoint: Callable[..., Any]) -> tuple[str, DeclaredBody] | None:
    """The name of the parameter that is the body, and the body; None if there is none."""
    found: dict[str, DeclaredBody] = {}
    for name, parameter in inspect.signature(endpoint).parameters.items():
        annotation, *markers = get_args(parameter.annotation) or [parameter.annotation]
        for marker in markers:
            if isinstance(marker, Body):
                found[name] = marker.declared(annotation)
    if len(found) > 1:
        raise TypeError(f"{endpoint.__name__} declares several bodies: {', '.join(found)}")
    return next(iter(found.items()), None)
