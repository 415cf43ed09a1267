"""Option groups: a command's options as the fields of values, so that a command of many is called with a few."""

from collections.abc import Callable
from dataclasses import MISSING, fields
from inspect import Parameter, Signature
from typing import Any

import typer


def with_options(*groups: type[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes a command of a function that takes the context and a value of each group.

    Its options are the groups' fields in their order: dataclasses, each field an Annotated option with its default.
    """
    declared = [
        Parameter(field.name, Parameter.KEYWORD_ONLY, default=_default_of(field), annotation=field.type)
        for group in groups
        for field in fields(group)
    ]
    context = Parameter("context", Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    signature = Signature([context, *declared])  # refuses a name that two groups have

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        def command(context: typer.Context, **given: Any) -> None:
            function(context, *(group(**{one.name: given[one.name] for one in fields(group)}) for group in groups))

        command.__name__, command.__doc__, command.__module__ = function.__name__, function.__doc__, function.__module__
        command.__signature__ = signature  # type: ignore[attr-defined]  # Typer reads a command's options from it
        command.__annotations__ = {one.name: one.annotation for one in signature.parameters.values()}
        return command

    return decorate


def _default_of(field: Any) -> Any:
    return Parameter.empty if field.default is MISSING else field.default
