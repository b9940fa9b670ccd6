"""The table of all settings, from the classes that read them."""

from importlib import import_module
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from chassis.settings import ServiceSettings
from onenet.services import GATEWAY, SERVICES, package_of

MARK = "<!-- settings: written by `make contracts` -->\n"
HEADER = "| Variable | Read by | Default | What it is |\n| --- | --- | --- | --- |"


def settings_table() -> str:
    """Common settings once, then what each service adds."""
    rows = [_row(name, field, "every service") for name, field in _common().items()]
    for service in (*SERVICES, GATEWAY):
        for kind in _classes(service):
            own = kind.model_fields.items()
            rows += [_row(name, field, service) for name, field in own if name not in _common()]
    return "\n".join((HEADER, *rows))


def renewed(document: str) -> str:
    """The document with the present table after `MARK`."""
    return document.partition(MARK)[0] + MARK + settings_table() + "\n"


def _common() -> dict[str, FieldInfo]:
    return ServiceSettings.model_fields


def settings_class(service: str) -> type[BaseSettings]:
    """The class the service reads its settings with."""
    return _classes(service)[-1]


def _classes(service: str) -> list[type[BaseSettings]]:
    module = import_module(f"{package_of(service)}.settings")
    return [
        one
        for one in vars(module).values()
        if isinstance(one, type)
        and issubclass(one, BaseSettings)
        and one.__module__ == module.__name__
    ]


def _row(name: str, field: FieldInfo, reader: str) -> str:
    description = " ".join((field.description or "").split()).replace("|", "\\|")
    return f"| `ONENET_{name.upper()}` | {reader} | {_default(field)} | {description} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=True)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return "none" if value is None else f"`{value}`".replace("|", "\\|")
