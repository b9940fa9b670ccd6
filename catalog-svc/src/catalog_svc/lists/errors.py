"""What can go wrong with a list.

ServiceError
└── NotFound
    └── ListNotFound
"""

from chassis.errors import NotFound


class ListNotFound(NotFound):
    slug = "list-not-found"
    zh = "没有清单 {kind}。可用：{known}。"
    en = "There is no list {kind}. Known lists: {known}."
