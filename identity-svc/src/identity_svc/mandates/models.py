"""Tables of this room."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis import clock
from identity_svc.mandates.errors import StatutoryMandate
from identity_svc.mandates.rules.lifecycle import Action, Role, State, step
from identity_svc.tables import Base

_RUNNING = "status IN ('pending', 'active')"


class Mandate(Base):
    """Granted by a company or by a person, never by both."""

    __tablename__ = "mandate"
    __table_args__ = (
        CheckConstraint("num_nonnulls(company_id, grantor_person_id) = 1", name="one_grantor"),
        CheckConstraint("valid_from <= valid_to", name="dates_in_order"),
        Index("ix_mandate_running", "valid_to", postgresql_where=text(_RUNNING)),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=clock.new_id)
    company_id: Mapped[UUID | None] = mapped_column(ForeignKey("company.id"), index=True)
    grantor_person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"), index=True)
    grantee_person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[str] = mapped_column(Text)
    powers: Mapped[list[str]] = mapped_column(ARRAY(Text))
    item_codes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    status: Mapped[str] = mapped_column(Text)
    granted_by: Mapped[UUID]
    granted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=clock.now)
    ended_by: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(default=1)

    @property
    def grantor_id(self) -> UUID:
        """The company's or the person's; a constraint of the table sees to exactly one."""
        grantor = self.company_id or self.grantor_person_id
        assert grantor is not None
        return grantor

    def move(self, action: Action) -> None:
        if action is Action.REVOKE and self.role == Role.LEGAL_REPRESENTATIVE:
            raise StatutoryMandate
        self.status = step(State(self.status), action)
        self.version += 1
