"""Settings for tests and for commands that only describe a service: fixed keys, no addresses."""

import inspect
import json
import typing
from base64 import b64encode
from itertools import permutations
from typing import Any

from pydantic import SecretStr

from chassis.settings import ServiceSettings

ISSUER = "http://onenet.test"
KEY = b64encode(b"test" * 8).decode()
SERVICES = ("catalog", "case", "identity", "exchange", "sample", "other")


def settings_of(create_service: Any, **changes: Any) -> ServiceSettings:
    """Settings of the class that `create_service` takes."""
    hints = typing.get_type_hints(create_service)
    name = next(iter(inspect.signature(create_service).parameters))
    kind = next(one for one in typing.get_args(hints[name]) if one is not type(None))
    values: dict[str, Any] = {
        "database_url": SecretStr("postgresql://nobody@localhost/none"),
        "nats_url": "nats://127.0.0.1:1",
        "files_url": "memory:///",
        "issuer": ISSUER,
        "keys_url": f"{ISSUER}/.well-known/jwks.json",
        "vault_keys": SecretStr(f"test:{KEY}"),
        "seal_keys": SecretStr(
            json.dumps({f"{a}>{b}": {"k1": KEY} for a, b in permutations(SERVICES, 2)})
        ),
        "worker": False,
    }
    found: ServiceSettings = kind(**values | changes)
    return found
