"""A careful template to be spoiled in one place, and the linter's answer."""

from __future__ import annotations

from careerrelay.mail.compose import Kind
from careerrelay.mail.findings import Finding
from careerrelay.mail.linter import lint

GOOD = """{{candidate_name}} 様

{{company_name}} 採用担当の{{recruiter_name}}です。
このたびはご応募いただき、誠にありがとうございました。
慎重に検討いたしました結果、今回は採用を見送らせていただく
こととなりました。

EXTRA

{{#relay_block}}
{{relay_operator_name}}（{{agency_license_no}}）のご案内です。

{{relay_link}}

ご不要の場合はお知らせください。

{{optout_link}}
{{/relay_block}}

FAR











末筆ながら、御礼申し上げます。
REMOTE
{{signature}}
"""


def template(extra: str = "", *, far: str = "", remote: str = "") -> str:
    return GOOD.replace("EXTRA", extra).replace("FAR", far).replace("REMOTE", remote)


def findings(text: str, **changes) -> list[Finding]:
    options = {
        "subject": "【{{company_name}}】選考結果のご連絡",
        "kind": Kind.GENERAL,
        "locale": "ja",
    }
    return lint(text, **(options | changes))


def codes(text: str, **changes) -> set[str]:
    return {f.code for f in findings(text, **changes)} - {"confirm_fact"}
