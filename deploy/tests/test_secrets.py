"""Secrets are made once, fit the services' settings, and are never guessed."""

import json
from base64 import b64decode

import pytest

from chassis.vault import open_vault
from onenet import secret_keys
from onenet.databases import address, database_of
from onenet.failures import Unusable
from onenet.services import SERVICES
from onenet.state import Home


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path, tmp_path)


class TestSecrets:
    def test_the_second_start_has_the_same(self, home):
        first = secret_keys.open_secrets(home, SERVICES)
        assert secret_keys.open_secrets(home, SERVICES) == first

    def test_two_installations_share_nothing(self):
        one, other = secret_keys.new_secrets(SERVICES), secret_keys.new_secrets(SERVICES)
        assert one.postgres != other.postgres
        assert one.sample_password("a") != other.sample_password("a")
        assert one.sample_password("a") == one.sample_password("a") != one.sample_password("b")

    @pytest.mark.parametrize("sender", SERVICES)
    def test_what_one_seals_the_other_opens_and_nobody_else(self, sender):
        secrets = secret_keys.new_secrets(SERVICES)
        vaults = {
            name: open_vault(name, secrets.vault_keys[name], secrets.seal_keys_of(name))
            for name in SERVICES
        }
        for pair in secret_keys.SEALED_PAIRS:
            producer, consumer = pair.split(">")
            if producer == sender:
                box = vaults[producer].seal({"name": "张三"}, to=consumer)
                assert vaults[consumer].unseal(box, sender=producer) == {"name": "张三"}
                assert pair not in vaults["catalog"].seal_keys

    def test_keys_have_32_bytes(self):
        secrets = secret_keys.new_secrets(SERVICES)
        for value in secrets.vault_keys.values():
            assert len(b64decode(value.partition(":")[2])) == 32

    def test_data_without_its_secrets_is_not_started(self, home):
        (home.place / "pg").mkdir()
        with pytest.raises(Unusable, match="cannot be opened"):
            secret_keys.open_secrets(home, SERVICES)

    def test_secrets_of_another_version_are_refused(self, home):
        home.secrets.write_text(json.dumps({"postgres": "x"}))
        with pytest.raises(Unusable, match="another version"):
            secret_keys.open_secrets(home, SERVICES)

    def test_the_compose_environment_names_every_service(self):
        text = secret_keys.compose_environment(
            secret_keys.new_secrets(SERVICES), SERVICES, "https://onenet.test"
        )
        names = {line.partition("=")[0] for line in text.splitlines()}
        assert {f"{one.upper()}_OWNER_URL" for one in SERVICES} <= names


class TestAddresses:
    def test_only_database_and_role_change(self):
        server = "postgresql+asyncpg://root:p%40w@db.test:5433/postgres?sslmode=require"
        found = address(server, database="onenet_case", role="onenet_case_app", password="a/b")
        assert found == (
            "postgresql://onenet_case_app:a%2Fb@db.test:5433/onenet_case?sslmode=require"
        )

    def test_a_socket_stays_a_socket(self):
        passwords = {"onenet_case_app": "1", "onenet_case_owner": "2"}
        found = database_of("case", "postgresql://postgres:x@/postgres?host=/run/pg", passwords)
        assert found.app_url == "postgresql://onenet_case_app:1@/onenet_case?host=/run/pg"
        assert found.owner_url == "postgresql://onenet_case_owner:2@/onenet_case?host=/run/pg"
