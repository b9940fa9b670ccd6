"""Personal values as a screen may show them: enough to recognise, not enough to learn."""

_KEPT_NAME = 2


def mask_name(name: str) -> str:
    """张三 → 张*, 张三丰 → 张*丰."""
    if len(name) <= _KEPT_NAME:
        return name[:1] + "*" * (len(name) - 1)
    return name[0] + "*" * (len(name) - 2) + name[-1]


def mask_id_number(number: str) -> str:
    """511602199001011234 → 511602********1234."""
    return _keep(number, 6, 4)


def mask_mobile(number: str) -> str:
    """13800001234 → 138****1234."""
    return _keep(number, 3, 4)


def mask_value(value: object) -> str:
    """Any other personal value: at most the first and the last character stay."""
    text = str(value)
    return _keep(text, 1, 1) if len(text) > _KEPT_NAME else "*" * len(text)


def _keep(text: str, head: int, tail: int) -> str:
    if len(text) <= head + tail:
        return "*" * len(text)
    return text[:head] + "*" * (len(text) - head - tail) + text[-tail:]
