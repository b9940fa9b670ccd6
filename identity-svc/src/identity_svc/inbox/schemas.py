"""Answers of the inbox."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from identity_svc.inbox.models import Message
from identity_svc.inbox.rules.wording import worded


class LinksOut(BaseModel):
    case: str
    reading: str


class MessageOut(BaseModel):
    message_id: UUID
    kind: str
    title: str
    text: str
    case_id: UUID
    case_no: str
    happened_at: datetime
    read_at: datetime | None
    links: LinksOut

    @classmethod
    def of(cls, message: Message, language: str) -> "MessageOut":
        title, text = worded(
            message.kind,
            language,
            item_name=message.item_name,
            case_no=message.case_no,
            outcome=message.outcome,
        )
        return cls(
            message_id=message.id,
            kind=message.kind,
            title=title,
            text=text,
            case_id=message.case_id,
            case_no=message.case_no,
            happened_at=message.happened_at,
            read_at=message.read_at,
            links=LinksOut(
                case=f"/api/v1/cases/{message.case_id}",
                reading=f"/api/v1/me/messages/{message.id}/reading",
            ),
        )
