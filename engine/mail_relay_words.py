"""What to do about each code of the mail relay, one sentence in both languages."""

from __future__ import annotations

from collections.abc import Mapping

_SIGNED = {
    "en": "The mail is signed or encrypted by its sender, so nothing can be added: have rejection "
    "mails sent without S/MIME or PGP.",
    "ja": "署名または暗号化されたメールのため、追記できません。"
    "不採用メールはS/MIMEやPGPを使わずに送信してください。",
}
_SHAPE = {
    "en": "Mail programs would read this mail's structure in different ways: tell the ATS's "
    "vendor, or use another template.",
    "ja": "メールの構造が規格に沿わず、表示がメールソフトによって変わるおそれがあります。"
    "ATSの提供元に連絡するか、別のテンプレートをお使いください。",
}
_SPECIAL = {
    "en": "This is no ordinary letter (an invitation, a report or an automatic answer), so it "
    "goes on as it is; nothing needs to be done.",
    "ja": "通常の文面ではないメール（予定の招待、配信結果の通知、自動応答など）のため、"
    "そのまま転送しました。対応は不要です。",
}
_PLACE = {
    "en": "There is no place in the text where the link would be seen by everybody: simplify the "
    "template, or put the marker on a line of its own.",
    "ja": "リンクが確実に表示される位置が本文にありません。"
    "テンプレートを簡素にするか、目印を1行に単独で入れてください。",
}
_CHARSET = {
    "en": "The text is announced as ISO-2022-JP and leaves out the escapes that this wants, so "
    "some mail programs would show the link as other signs: have the ATS send its mails in UTF-8.",
    "ja": "本文がISO-2022-JPの規則どおりに書かれておらず、"
    "リンクが文字化けするおそれがあります。ATSの送信設定をUTF-8に変更してください。",
}
_OURS = {
    "en": "A fault of CareerRelay's own; the mail went on unchanged. Please report the code.",
    "ja": "CareerRelay側の不具合です。メールは変更せずに転送しました。"
    "このコードを添えてご連絡ください。",
}
_LARGE = {
    "en": "The mail is too large or too complex to be changed: leave attachments out of "
    "rejection mails.",
    "ja": "メールが大きすぎるか複雑すぎるため変更できません。"
    "不採用メールには添付ファイルを付けないでください。",
}
_UNTOLD = {
    "en": "The ATS had not told of a rejection when the mail passed: check the connection's web "
    "hooks or polling ('careerrelay doctor').",
    "ja": "メールの通過時に、ATSから不採用の情報が届いていませんでした。"
    "接続のWebhookや定期取得を確認してください（careerrelay doctor）。",
}

REMEDIES: Mapping[str, Mapping[str, str]] = {
    **dict.fromkeys(("signed", "smime", "pgp_inline", "encrypted"), _SIGNED),
    **dict.fromkeys(
        ("calendar", "report", "digest", "partial", "amp", "auto_reply", "no_text_part"), _SPECIAL
    ),
    **dict.fromkeys(
        (
            "structure_ambiguous",
            "malformed_header",
            "duplicate_field",
            "encoded_multipart",
            "unknown_cte",
            "bad_base64",
            "bad_qp",
            "no_header_end",
        ),
        _SHAPE,
    ),
    **dict.fromkeys(("wide_charset", "uuencode", "html_not_visible", "html_open_comment"), _PLACE),
    "jis_state": _CHARSET,
    **dict.fromkeys(("too_complex", "too_large"), _LARGE),
    **dict.fromkeys(("self_check", "internal"), _OURS),
    **dict.fromkeys(("not_rejected", "unknown_recipient"), _UNTOLD),
    "multi_rcpt": {
        "en": "The mail had several recipients outside the company, and the milter cannot give "
        "each a link of their own: have the mail server take one recipient at a time "
        "(Postfix: smtpd_recipient_limit = 1).",
        "ja": "社外の宛先が複数あるメールのため、milterでは宛先ごとのリンクを入れられません。"
        "メールサーバーで宛先を1件ずつ受け付ける設定にしてください"
        "（Postfixの場合：smtpd_recipient_limit = 1）。",
    },
    "mta_forbids": {
        "en": "The mail server does not let the milter change header and body: allow both there.",
        "ja": "メールサーバーで、milterによるヘッダーと本文の変更が許可されていません。"
        "どちらも許可してください。",
    },
    "tnef": {
        "en": "The mail is in Outlook's own format (winmail.dat): switch it off for outside "
        "recipients in Exchange (remote domain, TNEFEnabled false).",
        "ja": "Outlook独自の形式（winmail.dat）のメールです。"
        "Exchangeのリモートドメインの設定で、社外あてのTNEFを無効にしてください。",
    },
    "dkim_foreign": {
        "en": "Another domain has signed the mail and nobody after us signs it again: set the "
        "route before the signature, or give the relay a DKIM key.",
        "ja": "他のドメインのDKIM署名があり、転送後に署名し直されません。"
        "署名より前の経路で中継するか、中継にDKIMの鍵を設定してください。",
    },
    "token_left": {
        "en": "The marker stands where it cannot be replaced, so the mail was not let through: "
        "put it into the text of the template, on a line of its own.",
        "ja": "目印を置き換えられない位置にあるため、メールを転送しませんでした。"
        "テンプレートの本文に、1行で単独で入れてください。",
    },
    "loop": {
        "en": "The mail has passed here before: keep mails that come from the relay out of the "
        "routing rule.",
        "ja": "同じメールが繰り返し通過しています。"
        "中継から戻るメールを、転送ルールの対象から外してください。",
    },
    "next_hop_refused": {
        "en": "The server the mails go on to refused this one for good: look for the cause there, "
        "then send the mail again from the ATS.",
        "ja": "転送先のサーバーがこのメールを拒否しました。"
        "転送先で原因を確認のうえ、ATSから送り直してください。",
    },
    "expired": {
        "en": "The server the mails go on to did not take this one for two days, or it could not "
        "be decided what it is to get: 'careerrelay doctor', then send it again from the ATS.",
        "ja": "2日間、転送先が受け取らなかったか、リンクの有無を判定できませんでした。"
        "'careerrelay doctor'で確認のうえ、ATSから送り直してください。",
    },
    "uncertain": {
        "en": "The server the mails go on to was given this one several times and never answered: "
        "look in its log whether it arrived before you send it again.",
        "ja": "転送先に何度か渡しましたが、応答がありませんでした。"
        "送り直す前に、届いていないかを転送先のログで確認してください。",
    },
    "relay_removed": {
        "en": "The mail relay was removed while this mail waited: send it again another way.",
        "ja": "待っている間にメール中継の設定が削除されました。別の方法で送り直してください。",
    },
    "no_mail": {
        "en": "No mail to this person passed the relay in the expected time: check the route, or "
        "whether the ATS sent a mail at all.",
        "ja": "想定の期間内に、この方へのメールが中継を通過しませんでした。"
        "メールの経路と、ATSからの送信の有無を確認してください。",
    },
    "strategy": {
        "en": "The connection's links do not go out by mail_relay: make it the first of its "
        "strategies.",
        "ja": "この接続のリンクの送り方がmail_relayになっていません。"
        "mail_relayを先頭の方法に設定してください。",
    },
    "internal_copy": {
        "en": "A copy for the company itself; nothing needs to be done.",
        "ja": "社内あての控えです。対応は不要です。",
    },
    "token_misspelt": {
        "en": "Something like the marker stands in the mail, and the applicant sees it: correct "
        "the spelling in the template.",
        "ja": "目印に似た文字列が本文に残り、応募者にもそのまま見えています。"
        "テンプレートの目印のつづりを直してください。",
    },
    "token_in_subject": {
        "en": "The marker stands in the subject, where nothing replaces it: put it into the text "
        "alone.",
        "ja": "件名に目印が入っています。件名の目印は置き換えられません。"
        "目印は本文にだけ入れてください。",
    },
    "no_marker": {
        "en": "The mail has no marker: put it into the template.",
        "ja": "目印がありません。テンプレートに入れてください。",
    },
}
_UNKNOWN = {
    "en": "The mail went on unchanged; please report the code.",
    "ja": "メールは変更せずに転送しました。このコードを添えてご連絡ください。",
}


def remedy(code: str, *, locale: str) -> str:
    """What to do about ``code``."""
    return REMEDIES.get(code, _UNKNOWN)["ja" if locale == "ja" else "en"]
