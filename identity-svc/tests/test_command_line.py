import asyncio

import pytest
from typer.testing import CliRunner

from identity_svc.__main__ import cli

from .factories import claims_of, sign_in

ARGUMENTS = ["create-admin", "--username", "first.admin", "--region", "51"]


@pytest.fixture
def run(concurrent_process, monkeypatch):
    """The command in a thread of its own, on the database of `concurrent_client`."""
    url = concurrent_process.engine.url.render_as_string(hide_password=False)
    settings = concurrent_process.settings
    monkeypatch.setenv("ONENET_DATABASE_URL", url)
    monkeypatch.setenv("ONENET_VAULT_KEYS", settings.vault_keys.get_secret_value())
    monkeypatch.setenv("ONENET_SEAL_KEYS", settings.seal_keys.get_secret_value())
    for name in ("nats_url", "files_url", "issuer", "keys_url"):
        monkeypatch.setenv(f"ONENET_{name.upper()}", getattr(settings, name))

    async def invoke(password, arguments=ARGUMENTS):
        return await asyncio.to_thread(CliRunner().invoke, cli, arguments, input=password)

    return invoke


async def test_first_admin_is_made_once_and_signs_in(concurrent_client, run):
    first = await run("a good password\n")
    assert first.exit_code == 0, first.output
    assert "is platform administrator" in first.output
    again = await run("another password\n")
    assert again.exit_code == 0
    assert "exists already" in again.output
    tokens = await sign_in(concurrent_client, "first.admin", "a good password")
    claims = claims_of(tokens["access_token"])
    assert claims["roles"] == ["platform_admin"]
    assert (claims["department"], claims["region"]) == (None, "510000000000")


@pytest.mark.parametrize(
    ("password", "arguments", "sentence"),
    [
        ("short\n", ARGUMENTS, "8 to 128"),
        ("a good password\n", [*ARGUMENTS[:-1], "5x"], "region"),
        ("a good password\n", ["create-admin", "--username", "1x", "--region", "51"], "username"),
    ],
)
async def test_bad_input_gets_one_sentence(run, password, arguments, sentence):
    refused = await run(password, arguments)
    assert refused.exit_code == 1
    assert sentence in refused.output
    assert "Traceback" not in refused.output
