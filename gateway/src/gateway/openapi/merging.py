"""One OpenAPI document, and one AsyncAPI document, out of those of the services."""

import json
from collections.abc import Mapping
from typing import Any


def merged_openapi(documents: Mapping[str, dict[str, Any]], issuer: str) -> dict[str, Any]:
    """All paths; a component two services define differently gets its service's name in front."""
    paths: dict[str, Any] = {}
    components: dict[str, dict[str, Any]] = {}
    for service, document in sorted(documents.items()):
        own = _renamed(service, document, components)
        for kind, entries in own.get("components", {}).items():
            components.setdefault(kind, {}).update(entries)
        for path, operations in own["paths"].items():
            paths.setdefault(path, {}).update(_tagged(service, operations))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "One-Network 一网通办",
            "version": "1",
            "description": "One address for items, cases, identity and data exchange.",
        },
        "servers": [{"url": issuer}],
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
        for name, channel in document["channels"].items():
            if "messages" in channel or name not in channels:
                channels[name] = channel
        operations |= {f"{service}: {name}": one for name, one in document["operations"].items()}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "One-Network events", "version": "1"},
        "channels": dict(sorted(channels.items())),
        "operations": operations,
        "components": {"messages": messages},
    }


def _renamed(
    service: str, document: dict[str, Any], taken: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    text = json.dumps(document, ensure_ascii=False)
    for kind, entries in document.get("components", {}).items():
        for name, content in entries.items():
            other = taken.get(kind, {}).get(name)
            if other is not None and other != content:
                new = f"{service.title()}{name}"
                text = text.replace(f'"#/components/{kind}/{name}"', f'"#/components/{kind}/{new}"')
                text = text.replace(f'"{name}": {{', f'"{new}": {{')
    found: dict[str, Any] = json.loads(text)
    return found


def _tagged(service: str, operations: dict[str, Any]) -> dict[str, Any]:
    return {
        method: one
        | {"tags": one.get("tags") or [service], "operationId": f"{service}_{one['operationId']}"}
        if isinstance(one, dict) and "operationId" in one
        else one
        for method, one in operations.items()
    }
