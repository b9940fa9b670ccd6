"""What can go wrong with a certificate.

ServiceError
├── NotFound
│   └── CertificateNotFound  404  unknown, or not visible to this actor
└── Conflict
    └── IllegalStatus        409  not possible in the present status; names what is
"""

from collections.abc import Sequence
from typing import Any

from chassis.errors import Conflict, NotFound


class CertificateNotFound(NotFound):
    slug = "certificate-not-found"
    zh = "没有找到这个证照，或您无权查看。请核对证照标识。"
    en = "No such certificate, or it is not visible to you. Check the code."


class IllegalStatus(Conflict):
    slug = "certificate-status"
    zh = "证照当前状态为 {status}，不能这样做。可用操作：{possible}。"
    en = "The certificate is {status}, so this is not possible. Possible: {possible}."

    def __init__(self, status: str, actions: Sequence[str]) -> None:
        self.actions = list(actions)
        super().__init__(status=status, possible=", ".join(self.actions) or "–")

    def extensions(self) -> dict[str, Any]:
        return {"actions": self.actions}
