import pytest
from sqlalchemy import event

from exchange_svc.main import create_service


@pytest.fixture(scope="session")
def service_factory():
    return create_service


@pytest.fixture
def statements(process):
    """The statements that were sent, without those about savepoints; a test clears it first."""
    sent = []

    def note(_connection, _cursor, statement, *_):
        if statement.split(maxsplit=1)[0].upper() in {"SELECT", "INSERT", "UPDATE", "DELETE"}:
            sent.append(statement)

    event.listen(process.engine.sync_engine, "before_cursor_execute", note)
    yield sent
    event.remove(process.engine.sync_engine, "before_cursor_execute", note)
