"""What can go wrong with messages.

ServiceError
└── NotFound
    └── MessageNotFound
"""

from chassis.errors import NotFound


class MessageNotFound(NotFound):
    slug = "message-not-found"
    zh = "没有找到该消息。"
    en = "No such message."
