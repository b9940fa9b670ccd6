"""The secrets of a folder's platform, created once: passwords, vault keys, seal keys."""

import hashlib
import hmac
import json
import secrets
from base64 import b32encode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from onenet.databases import database_of, roles_of
from onenet.failures import Unusable
from onenet.state import Home, read_json, write_json

# producer>consumer of sealed members
SEALED_PAIRS: Final = ("identity>case", "identity>exchange", "case>exchange", "case>identity")
KEY_BYTES: Final = 32


@dataclass(frozen=True)
class Secrets:
    postgres: str
    nats: str
    roles: Mapping[str, str]
    vault_keys: Mapping[str, str]
    seal_keys: Mapping[str, Mapping[str, str]]
    sample_seed: str

    def seal_keys_of(self, service: str) -> str:
        """The keys of the pairs this service belongs to, in the format of its setting."""
        mine = {pair: keys for pair, keys in self.seal_keys.items() if service in pair.split(">")}
        return json.dumps(mine)

    def sample_password(self, account: str) -> str:
        """Constant for an account, different in each installation."""
        digest = hmac.digest(self.sample_seed.encode(), account.encode(), hashlib.sha256)
        text = b32encode(digest).decode().lower()
        return "-".join(text[start : start + 4] for start in (0, 4, 8))


def new_secrets(services: tuple[str, ...]) -> Secrets:
    return Secrets(
        postgres=secrets.token_hex(24),
        nats=secrets.token_hex(24),
        roles={role: secrets.token_hex(24) for role in roles_of(services)},
        vault_keys={service: f"v1:{_key()}" for service in services},
        seal_keys={pair: {"k1": _key()} for pair in SEALED_PAIRS},
        sample_seed=secrets.token_hex(24),
    )


def open_secrets(home: Home, services: tuple[str, ...]) -> Secrets:
    """The secrets of an earlier start, or new ones at the first."""
    stored = read_json(home.secrets)
    if stored is None:
        if (home.place / "pg").exists():
            raise Unusable(
                f"{home.secrets} is missing, and without it the data beside it cannot be opened:"
                " put it back from a copy, or forget all data with `make reset`."
            )
        created = new_secrets(services)
        write_json(home.secrets, asdict(created))
        return created
    try:
        return Secrets(**stored)
    except TypeError:
        raise Unusable(
            f"{home.secrets} is of another version: put back the one that belongs to this data,"
            " or forget all data with `make reset`."
        ) from None


def compose_environment(secrets_: Secrets, services: tuple[str, ...], issuer: str) -> str:
    """The lines of compose.yaml's .env."""
    pairs = ",".join(f"{role}:{password}" for role, password in secrets_.roles.items())
    lines = [
        f"ONENET_ISSUER={issuer}",
        f"POSTGRES_PASSWORD={secrets_.postgres}",
        f"NATS_PASSWORD={secrets_.nats}",
        f"ONENET_ROLE_PASSWORDS={pairs}",
    ]
    server = "postgresql://postgres@postgres:5432/postgres"
    for service in services:
        database = database_of(service, server, secrets_.roles)
        lines += [
            f"{service.upper()}_DATABASE_URL={database.app_url}",
            f"{service.upper()}_OWNER_URL={database.owner_url}",
            f"{service.upper()}_VAULT_KEYS={secrets_.vault_keys[service]}",
            f"{service.upper()}_SEAL_KEYS='{secrets_.seal_keys_of(service)}'",
        ]
    return "\n".join(lines)


def _key() -> str:
    return b64encode(secrets.token_bytes(KEY_BYTES)).decode()
