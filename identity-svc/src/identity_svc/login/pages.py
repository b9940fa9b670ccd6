"""The sign-in page and the notice page, with a content security policy that loads nothing else."""

import base64
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

WORDS: Final[dict[str, dict[str, str]]] = {
    "zh": {
        "language": "zh-CN",
        "platform": "一网通办",
        "title": "统一身份认证",
        "username": "手机号、身份证号或用户名",
        "password": "密码",
        "button": "登录",
        "for_client": "登录后将返回：",
        "foot": "请确认网址正确后再输入密码。工作人员不会向您索要密码。",
        "wrong": "用户名或密码不正确，请核对后重试。",
        "paused": "失败次数过多，请在 {seconds} 秒后再试。",
        "begin_again": "登录页面已失效或请求有误。请返回原来的应用重新登录。",
        "foreign": "登录请求不是从本页面发出的，已拒绝。请返回原来的应用重新登录。",
        "signed_out": "您已安全退出。",
    },
    "en": {
        "language": "en",
        "platform": "One-Network",
        "title": "Sign in",
        "username": "Mobile number, identity number or username",
        "password": "Password",
        "button": "Sign in",
        "for_client": "You will return to: ",
        "foot": "Check the address before you type your password. Staff never ask for it.",
        "wrong": "The username or the password is not right. Check both and try again.",
        "paused": "Too many failed attempts. Try again in {seconds} seconds.",
        "begin_again": "This sign-in has expired or is not valid. Go back and begin again.",
        "foreign": "This sign-in did not come from this page and was refused. Begin again.",
        "signed_out": "You are signed out.",
    },
}


def sign_in_page(
    language: str, *, request: str, client: str, username: str, problem: str | None, seconds: int
) -> str:
    words = WORDS[language]
    sentence = words[problem].format(seconds=seconds) if problem else None
    return _render(
        "sign_in.html",
        words,
        {"request": request, "client": client, "username": username, "problem": sentence},
    )


def notice_page(language: str, sentence: str, detail: str | None = None) -> str:
    words = WORDS[language]
    return _render("notice.html", words, {"sentence": words[sentence], "detail": detail})


def headers(language: str, *, form_to: str = "") -> dict[str, str]:
    """`form_to` is the target of the redirect after the form; `form-action` covers it too."""
    policy = (
        f"default-src 'none'; style-src 'sha256-{_style_hash()}'; form-action 'self' {form_to};"
        " base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Content-Language": WORDS[language]["language"],
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def _render(template: str, words: Mapping[str, str], values: dict[str, Any]) -> str:
    return _templates().get_template(template).render(words=words, style=_style(), **values)


@lru_cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("identity_svc.login"), autoescape=True, undefined=StrictUndefined
    )


@lru_cache
def _style() -> str:
    return files("identity_svc.login").joinpath("templates/page.css").read_text("utf-8")


@lru_cache
def _style_hash() -> str:
    return base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
