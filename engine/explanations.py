"""Reason codes in words, as CLI and console tell them to a company."""

from __future__ import annotations

from collections.abc import Mapping

from ..models.decisions import ReasonCode

EXPLANATIONS: Mapping[ReasonCode, Mapping[str, str]] = {
    ReasonCode.LINK: {
        "en": "Rejected by the company: the applicant gets the link.",
        "ja": "企業側の判断による不採用のため、リンクをお送りします。",
    },
    ReasonCode.NOT_REJECTED: {
        "en": "The case is not rejected.",
        "ja": "不採用になっていない応募です。",
    },
    ReasonCode.WITHDRAWN: {
        "en": "The applicant withdrew.",
        "ja": "応募者による辞退です。",
    },
    ReasonCode.HIRED: {"en": "The applicant was hired.", "ja": "採用になった応募です。"},
    ReasonCode.OFFER_RESCINDED: {
        "en": "An offer was taken back: no case for an automatic mail.",
        "ja": "内定取消にあたるため、自動のご案内は行いません。",
    },
    ReasonCode.TEST_OR_DUPLICATE: {
        "en": "A test, or a second record of the same application.",
        "ja": "テスト用、または重複した応募です。",
    },
    ReasonCode.AGENT_SCOUT_SCHOOL: {
        "en": "The applicant came through an agency, a scout service or a school, whose business "
        "they are.",
        "ja": "人材紹介会社・スカウトサービス・学校を経由した応募のため、ご案内しません。",
    },
    ReasonCode.UNDER_18: {"en": "The applicant is under 18.", "ja": "18歳未満の応募者です。"},
    ReasonCode.DISABILITY_QUOTA: {
        "en": "An application for a disability quota, without consent to be referred.",
        "ja": "障害者雇用枠の応募で、ご案内への同意がありません。",
    },
    ReasonCode.INTERNAL: {
        "en": "An internal application.",
        "ja": "社内からの応募です。",
    },
    ReasonCode.MISCONDUCT: {
        "en": "The case ended because of misconduct.",
        "ja": "不正行為を理由に終了した応募です。",
    },
    ReasonCode.DISPUTE: {
        "en": "The case is in dispute.",
        "ja": "係争中の応募です。",
    },
    ReasonCode.PRIVATE: {
        "en": "The ATS marks the case as confidential; the company may switch this rule off.",
        "ja": "ATSで非公開とされている応募です（このルールは企業側で無効にできます）。",
    },
    ReasonCode.DO_NOT_CONTACT: {
        "en": "The ATS marks the applicant as not to be contacted.",
        "ja": "ATSで連絡不可とされている応募者です。",
    },
    ReasonCode.SUPPRESSED: {
        "en": "The applicant asked for no more mails.",
        "ja": "応募者が配信停止を希望しています。",
    },
    ReasonCode.NO_ADDRESS: {
        "en": "The ATS has no e-mail address of the applicant.",
        "ja": "応募者のメールアドレスがATSにありません。",
    },
    ReasonCode.ERASED: {
        "en": "The applicant's data were erased.",
        "ja": "応募者の個人情報は削除済みです。",
    },
    ReasonCode.UNREJECTED: {
        "en": "The rejection was taken back meanwhile.",
        "ja": "その後、不採用が取り消されました。",
    },
    ReasonCode.UNMAPPED_REASON: {
        "en": "Neither the ATS nor the reason map says what the rejection reason means: map it "
        "with 'careerrelay reasons map'.",
        "ja": "不採用理由の意味がATSからも理由の対応表からも判断できません。"
        "「careerrelay reasons map」で対応付けてください。",
    },
    ReasonCode.TOO_OLD: {
        "en": "The rejection is older than the company's retention period.",
        "ja": "不採用の日から、企業の保存期間を過ぎています。",
    },
    ReasonCode.BEFORE_START: {
        "en": "Rejected before this connection began: the applicant had their answer long ago.",
        "ja": "この接続の利用を始める前の不採用です（すでに結果をお伝え済みのため、"
        "ご案内しません）。",
    },
    ReasonCode.ALREADY_COUNTED: {
        "en": "The applicant registered through this company before.",
        "ja": "この企業のリンクからすでにご登録いただいた方です。",
    },
}


def explain(code: str, *, locale: str) -> str:
    """The code in words; the code itself where it is none of a decision's."""
    if code not in set(ReasonCode):
        return code
    return EXPLANATIONS[ReasonCode(code)][locale if locale == "ja" else "en"]
