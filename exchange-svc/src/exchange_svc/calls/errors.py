"""What can go wrong when the ledger is checked.

NotFound
└── NoSuchPlace   404  the ledger has no entry there
"""

from chassis.errors import NotFound


class NoSuchPlace(NotFound):
    slug = "no-such-ledger-place"
    zh = "访问账本没有第 {after} 条。请从 after=0 或上次返回的 next 开始。"
    en = "The ledger has no entry {after}. Begin at after=0 or at the `next` of the last answer."
