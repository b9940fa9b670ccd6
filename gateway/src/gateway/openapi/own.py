"""What the gateway answers itself, as OpenAPI."""

from typing import Any

_PROBLEM = {"description": "problem", "content": {"application/problem+json": {}}}
_OPERATOR = {"security": [{"onenet": []}], "tags": ["operations"]}


def _json(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": {}}}}


OWN: dict[str, Any] = {
    "paths": {
        "/api/v1/cases/{case_id}/stream": {
            "get": {
                "operationId": "stream_progress",
                "tags": ["cases"],
                "summary": "Live progress of a case",
                "description": (
                    "Server-sent events: `open`, then one event per step with `type`, `time` and"
                    " `sequence`, nothing personal. Come back with `Last-Event-ID` and nothing is"
                    " missed. Ends when the token expires."
                ),
                "security": [{"onenet": []}],
                "parameters": [
                    {
                        "name": "case_id",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string", "format": "uuid"},
                    },
                    {"name": "Last-Event-ID", "in": "header", "schema": {"type": "integer"}},
                ],
                "responses": {
                    "200": {"description": "the stream", "content": {"text/event-stream": {}}},
                    "401": _PROBLEM,
                    "404": _PROBLEM,
                    "503": _PROBLEM,
                },
            }
        },
        "/api/v1/operations/dead-letters": {
            "get": {
                **_OPERATOR,
                "operationId": "list_all_dead_letters",
                "summary": "Dead letters of all services",
                "description": "`away` names services that did not answer.",
                "responses": {"200": _json("the rows of all services"), "403": _PROBLEM},
            }
        },
        "/api/v1/operations/outbox": {
            "get": {
                **_OPERATOR,
                "operationId": "show_all_outboxes",
                "summary": "Events that wait for the bus, by service",
                "responses": {"200": _json("one row per service"), "403": _PROBLEM},
            }
        },
        "/livez": {
            "get": {
                "operationId": "live",
                "tags": ["health"],
                "summary": "The gateway answers",
                "responses": {"200": _json("alive")},
            }
        },
        "/readyz": {
            "get": {
                "operationId": "ready",
                "tags": ["health"],
                "summary": "Whether every part of the network is ready",
                "responses": {"200": _json("all ready"), "503": _json("the parts that are not")},
            }
        },
    }
}
