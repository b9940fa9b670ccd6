"""What can go wrong when an item is looked up.

NotFound
└── ItemNotFound   404  this service has no copy of such an item
"""

from chassis.errors import NotFound


class ItemNotFound(NotFound):
    slug = "item-not-found"
    zh = "没有找到事项 {item_id}。请在事项目录中核对。"
    en = "No such item {item_id}. Look it up in the catalogue."
