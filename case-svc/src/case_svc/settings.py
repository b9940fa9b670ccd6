"""Settings of the case service alone: the legal numbers, each with the text it rests on."""

from typing import Final

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.database.sessions import process_of
from chassis.settings import ServiceSettings

LEGAL_BASIS: Final = {
    "notify_days": "行政许可法第三十二条第一款第四项：材料不齐或不符合法定形式的，"
    "当场或五日内一次告知，逾期不告知的，自收到申请材料之日起即为受理",
    "decision_days": "行政许可法第四十二条第一款：自受理之日起二十日内作出决定",
    "extension_days": "行政许可法第四十二条第一款：经本行政机关负责人批准，可以延长十日",
    "joint_extension_days": "行政许可法第四十二条第二款：联合、集中办理，"
    "经本级人民政府负责人批准，可以延长十五日",
    "delivery_days": "行政许可法第四十四条：自作出决定之日起十日内送达",
    "working_days": "行政许可法第八十二条：期限以工作日计算，不含法定节假日；"
    "民法典第二百零一条：开始的当日不计入",
    "special_procedures": "行政许可法第四十五条："
    "听证、招标、拍卖、检验、检测、检疫、鉴定和专家评审所需时间不计算在内",
    "correction_days": "办事指南载明的补正期限；全国没有统一数字",
    "overdue_correction": "地方政务服务规定：逾期不补正的，退件或视为撤回申请",
    "overdue_promise": "地方政务服务规定（容缺受理）：承诺期限内未补齐的，视为撤回申请",
}


class CaseSettings(ServiceSettings):
    """Settings of the case service; numbers of days are working days unless they say otherwise."""

    notify_days: int = Field(
        default=5, ge=1, description="Working days to accept or to give notice (许可法 32(4))"
    )
    decision_days: int = Field(
        default=20, ge=1, description="Decision limit of permits without one of their own (42 §1)"
    )
    extension_days: int = Field(default=10, ge=1, description="Longest extension (许可法 42 §1)")
    joint_extension_days: int = Field(
        default=15, ge=1, description="Longest extension in joint handling (许可法 42 §2)"
    )
    delivery_days: int = Field(
        default=10, ge=1, description="Working days from decision to delivery (许可法 44)"
    )
    correction_days: int = Field(
        default=30,
        ge=1,
        description="Calendar days for a correction where the guide names none (办事指南)",
    )
    overdue_correction: str = Field(
        default="returned",
        pattern="^(returned|withdrawn)$",
        description="What an overdue correction leads to: returned (退件) or withdrawn (视为撤回)",
    )
    overdue_promise_withdraws: bool = Field(
        default=True, description="A promised material that is overdue counts as withdrawal (容缺)"
    )
    remedies: str = Field(
        default="您可以自收到本决定之日起六十日内依法申请行政复议，"
        "或者自收到之日起六个月内向人民法院提起行政诉讼。",
        description="Remedies told with a non-acceptance (许可法 38; 行政复议法 20; 行政诉讼法 46)",
    )
    progress_attempts: int = Field(
        default=10, ge=1, description="Wrong query codes per case number before 429"
    )
    progress_attempts_address: int = Field(
        default=30, ge=1, description="Wrong query codes per client address before 429"
    )
    progress_window_seconds: int = Field(
        default=900, ge=1, description="Seconds after which wrong query codes are forgotten"
    )
    loop_seconds: float = Field(
        default=60, gt=0, description="Seconds between turns that look for passed deadlines"
    )
    file_limit_bytes: int = Field(
        default=50 * 1024 * 1024, gt=0, description="Largest file a citizen or officer may upload"
    )
    file_upload_minutes: int = Field(
        default=60, gt=0, description="After this an upload without a row counts as abandoned"
    )
    rating_contact_days: int = Field(
        default=1, description="Working days to contact who gave a bad rating"
    )
    rating_rectify_days: int = Field(
        default=5, description="Working days to rectify what a bad rating names"
    )
    rating_call_back_days: int = Field(
        default=3, description="Working days to call back after the rectification"
    )
    rating_basis: str = Field(
        default="国办发〔2019〕51号《关于建立政务服务“好差评”制度提高政务服务水平的意见》；"
        "GB/T 39734—2020；《优化营商环境条例》及地方时限（1 个工作日联系、5 个工作日整改）",
        description="Legal basis of the rating clocks",
    )
    light_remind_share: float = Field(
        default=0.5, ge=0, le=1, description="Share of a clock left at which a reminder is written"
    )
    light_warning_days: int = Field(
        default=1, ge=0, description="Working days left at which the light turns yellow"
    )
    card_answer_days: int = Field(
        default=2, ge=1, description="Working days a yellow card may stand before it turns red"
    )


def settings_of(session: AsyncSession) -> CaseSettings:
    settings = process_of(session).settings
    assert isinstance(settings, CaseSettings)
    return settings
