"""One OpenAPI document, and one AsyncAPI document, out of those of the services."""

from collections.abc import Mapping
from typing import Any

_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_SIGN_IN = {
    "type": "oauth2",
    "description": "OpenID Connect; see /.well-known/openid-configuration",
}

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_EVERYWHERE = {
    "400": "bad-path / bad-request",
    "401": "unauthenticated",
    "408": "request-timeout",
    "413": "too-large",
    "414": "uri-too-long",
    "429": "too-many-requests",
    "431": "headers-too-large",
    "502": "bad-gateway",
    "503": "upstream-unavailable / outcome-unknown / overloaded",
    "504": "deadline-exceeded",
}
"""What the gateway itself may answer to any request."""


def merged_openapi(documents: Mapping[str, dict[str, Any]], issuer: str) -> dict[str, Any]:
    """All paths; a component two services define differently gets its service's name in front."""
    paths: dict[str, Any] = {}
    components: dict[str, dict[str, Any]] = {}
    tags: dict[str, Any] = {}
    for service, document in sorted(documents.items()):
        names = _new_names(service, document, components)
        own = _renamed(document, names)
        for kind, entries in own.get("components", {}).items():
            for name, content in entries.items():
                new = names.get(f"#/components/{kind}/{name}", name).rpartition("/")[2]
                components.setdefault(kind, {})[new] = content
        for path, operations in own.get("paths", {}).items():
            paths.setdefault(path, {}).update(_tagged(service, operations))
        tags |= {tag["name"]: tag for tag in own.get("tags", [])}
    flow = {
        "authorizationUrl": f"{issuer}/oauth2/authorize",
        "tokenUrl": f"{issuer}/oauth2/token",
        "scopes": {"openid": "who you are", "profile": "your name", "cases": "your cases"},
    }
    sign_in = {**_SIGN_IN, "flows": {"authorizationCode": flow}}
    components.setdefault("securitySchemes", {})["onenet"] = sign_in
    used = {t for path in paths.values() for m in _METHODS for t in path.get(m, {}).get("tags", ())}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "One-Network 一网通办",
            "version": "1",
            "description": "One address for items, cases, identity and data exchange.",
        },
        "servers": [{"url": issuer}],
        "tags": [tags.get(name, {"name": name}) for name in sorted(used)],
        "paths": dict(sorted(paths.items())),
        "components": components,
    }


def merged_asyncapi(documents: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """All channels; the publisher's description of a channel wins over a reader's."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for service, document in sorted(documents.items()):
        messages |= document.get("components", {}).get("messages", {})
        for name, channel in document.get("channels", {}).items():
            if "messages" in channel or name not in channels:
                channels[name] = channel
        own = document.get("operations", {})
        operations |= {f"{service}: {name}": operation for name, operation in own.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "One-Network events", "version": "1"},
        "channels": dict(sorted(channels.items())),
        "operations": operations,
        "components": {"messages": messages},
    }


def _new_names(
    service: str, document: Mapping[str, Any], taken: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """References of this document that clash → what they become.

    A component that refers to a renamed one has changed as well, so it is looked at again.
    """
    names: dict[str, str] = {}
    while True:
        renamed = dict(names)
        for kind, entries in document.get("components", {}).items():
            for name, content in entries.items():
                other = taken.get(kind, {}).get(name)
                if other is not None and other != _renamed(content, names):
                    new = f"#/components/{kind}/{service.title()}{name}"
                    renamed[f"#/components/{kind}/{name}"] = new
        if renamed == names:
            return names
        names = renamed


def _renamed(content: Any, names: Mapping[str, str]) -> Any:
    """The same with its references renamed; discriminator mappings are references too."""
    if isinstance(content, dict):
        return {key: _renamed(value, names) for key, value in content.items()}
    if isinstance(content, list):
        return [_renamed(value, names) for value in content]
    if isinstance(content, str) and content.startswith("#/components/"):
        return names.get(content, content)
    return content


def _tagged(service: str, operations: dict[str, Any]) -> dict[str, Any]:
    return {
        method: operation
        | {
            "tags": operation.get("tags") or [service],
            "operationId": f"{service}_{operation.get('operationId', method)}",
            "responses": _with_own_answers(operation.get("responses", {})),
        }
        if method in _METHODS
        else operation
        for method, operation in operations.items()
    }


def _with_own_answers(responses: dict[str, Any]) -> dict[str, Any]:
    """A status the service answers in its own format may still come from here."""
    completed = dict(responses)
    for status, slugs in _EVERYWHERE.items():
        response = completed.get(status, {"description": slugs})
        completed[status] = response | {"content": response.get("content", {}) | _PROBLEM}
    return completed
