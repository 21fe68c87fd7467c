"""Options made from a request's model, one for each member: a member that is added to the model is an option at once."""

import inspect
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from types import GenericAlias, NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import typer
from annotated_types import Ge, Le
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

Command = Callable[..., None]


def with_options(model: type[BaseModel], names: Collection[str], target: str) -> Callable[[Command], Command]:
    """Gives a command an option for each of these members of `model`, and calls it with their values by name as the argument `target`.

    An option is named as its member, a repeatable one in the singular, and without `_id`: `--crime-type`, `--thread`. Its help is
    the member's description. Values have the members' types; an instant without a time zone is in UTC. A member that is not given
    and has no default is not among the values. The values are not validated beyond that.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command)
        fixed = [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for each in signature.parameters.values()
            if each.name != target
        ]
        options = [_option(name, model.model_fields[name]) for name in names]

        def run(**given: object) -> None:
            found = {name: _value(given.pop(name)) for name in names}
            command(**given, **{target: {name: value for name, value in found.items() if value is not None}})

        parameters = sorted([*fixed[:-1], *options, *fixed[-1:]], key=lambda each: each.default is not each.empty)
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        run.__doc__, run.__name__ = command.__doc__, command.__name__
        return run

    return decorate


def _option(name: str, member: FieldInfo) -> inspect.Parameter:
    annotation = _plain(member.annotation)
    is_many = get_origin(annotation) is tuple
    flag = (name.removesuffix("s") if is_many else name.removesuffix("_id")).replace("_", "-")
    low = [each.ge for each in member.metadata if isinstance(each, Ge) and isinstance(each.ge, int)]
    high = [each.le for each in member.metadata if isinstance(each, Le) and isinstance(each.le, int)]
    option = typer.Option(f"--{flag}", help=member.description, min=max(low, default=None), max=min(high, default=None))
    kind = GenericAlias(list, (_plain(get_args(annotation)[0]),)) if is_many else annotation
    if member.is_required():
        return _parameter(name, Annotated[kind, option], inspect.Parameter.empty)
    if is_many or member.default is None:
        return _parameter(name, Annotated[kind | None, option], None)
    return _parameter(name, Annotated[kind, option], member.default)


def _parameter(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _plain(annotation: object) -> Any:
    """The type without what is optional or constrained about it."""
    if annotation is AwareDatetime:
        return datetime
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        [kind] = [each for each in get_args(annotation) if each is not NoneType]
        return _plain(kind)
    return annotation


def _value(given: object) -> object:
    match given:
        case list():
            return tuple(given)
        case datetime(tzinfo=None):
            return given.replace(tzinfo=UTC)
    return given
