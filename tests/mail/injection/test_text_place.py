"""Numbered corner cases D: where the paragraph goes in a plain text."""

from __future__ import annotations

import pytest

from careerrelay.mail.injection.text_place import text_place

from .places import assert_place


def test_case_081_above_the_sign_dashes() -> None:
    assert_place("""
        Dear Taro,
        thank you for your time.
        ¶

        --\N{SPACE}
        Hanako Sato, Recruiting
        Example Inc.
    """)


def test_case_081_above_the_first_of_two_signatures() -> None:
    assert_place("""
        Dear Taro,
        ¶

        --\N{SPACE}
        Hanako Sato

        --\N{SPACE}
        You get this mail from a mailing list.
    """)


@pytest.mark.parametrize(
    "line",
    [
        "Sent from my iPhone",
        "Get Outlook for iOS<https://aka.ms/o0ukef>",
        "Gesendet mit der GMX Mail App",
        "Envoyé depuis mon téléphone portable",
        "Enviado desde mi móvil",
        "iPhoneから送信",
        "私のスマートフォンから送信しました。",
    ],
)
def test_case_081_above_the_line_that_a_phone_adds(line: str) -> None:
    assert_place(f"Dear Taro,\nthank you.\n¶\n\n{line}")
    assert_place(f"Dear Taro,\nthis was not {line}, you know.\n¶")


def test_case_082_above_dashes_that_lost_their_blank() -> None:
    assert_place("""
        Dear Taro,
        ¶
        --
        Hanako Sato, Recruiting
    """)


def test_case_082_dashes_far_above_the_end_are_no_signature() -> None:
    assert_place("\n".join(["Dear Taro,", "", "--", *["A line of text."] * 40, "¶"]))


def test_case_083_above_the_attribution_of_a_quote() -> None:
    assert_place("""
        Thank you for your question.
        ¶

        On Sun, 22 Nov 2026 at 10:00, Taro Yamada <taro@example.jp> wrote:
        > When will I hear from you?
        >
        > Taro
    """)


def test_case_083_above_a_quote_without_attribution() -> None:
    assert_place("""
        Thank you for your question.
        ¶

        > When will I hear from you?
        > Taro
    """)


def test_case_083_quoted_lines_that_were_broken_stay_one_quote() -> None:
    assert_place("""
        Thank you.
        ¶

        On 22/11/2026 10:00, Taro Yamada wrote:
        > I would like to know when a decision about my application will be
        made
        > and whether I may send further documents.
    """)


@pytest.mark.parametrize(
    "attribution",
    [
        "On Sun, 22 Nov 2026 at 10:00, Taro Yamada\n<taro@example.jp> wrote:",
        "On Sun, 22 Nov 2026 at 10:00, Taro\nYamada\n<taro.yamada@example.jp>\nwrote:",
        "Am So., 22. Nov. 2026 um 10:00 Uhr schrieb Taro Yamada <\ntaro@example.jp>:",
        "Am 22.11.2026 um 10:00 schrieb Taro Yamada:",
        "Le dim. 22 nov. 2026 à 10:00, Taro Yamada <taro@example.jp> a\nécrit\xa0:",
        "Le 22/11/2026 à 10:00, Taro Yamada a écrit :",
        "вс, 22 нояб. 2026 г. в 10:00, Taro Yamada <\ntaro@example.jp>:",
        "22.11.2026 10:00, Taro Yamada пишет:",
        "22 ноября 2026 г., 10:00 пользователь Taro Yamada <\ntaro@example.jp> написал:",
        "2026年11月22日(日) 10:00 山田太郎 <taro@example.jp>:",
        "2026年11月22日(日) 10:00 山田太郎\n<taro@example.jp>:",
        "2026/11/22 10:00、山田太郎 <taro@example.jp>のメール:",
        "(2026/11/22 10:00), 山田 太郎 wrote:",
        "On 2026/11/22 10:00, 山田 太郎 wrote:",
        "2026年11月22日 10:00、山田太郎さんは書きました：",
        "El dom, 22 nov 2026 a las 10:00, Taro (<taro@example.jp>) escribió:",
        "Il giorno dom 22 nov 2026 alle ore 10:00 Taro <taro@example.jp> ha\nscritto:",
        "Em dom., 22 de nov. de 2026 às 10:00, Taro escreveu:",
        "Op zo 22 nov 2026 om 10:00 schreef Taro <taro@example.jp>:",
        "W dniu 22.11.2026 o 10:00, Taro Yamada pisze:",
        "Den 22 nov. 2026 10:00 skrev Taro Yamada:",
        "在 2026年11月22日 10:00，山田 <taro@example.jp> 写道：",
        "2026년 11월 22일 (일) 오전 10:00, 야마다 <taro@example.jp>님이 작성:",
        "Sun, 22 Nov 2026 10:00:00 +0900, Taro <taro@example.jp>:",
    ],
)
@pytest.mark.parametrize("sign", ["> ", ""], ids=["marked", "unmarked"])
def test_case_084_above_the_first_line_of_a_folded_attribution(attribution: str, sign: str) -> None:
    quoted = f"{sign}お世話になっております。\n{sign}選考の結果はいつ頃でしょうか。"
    assert_place(f"お問い合わせありがとうございます。\n¶\n\n{attribution}\n{quoted}")


@pytest.mark.parametrize(
    "attribution",
    [
        "山田さんは書きました:",
        "山田太郎さんのメッセージ:",
        "Taro Yamada wrote:",
        "Quoting Taro Yamada <taro@example.jp>:",
        "山田太郎 <taro@example.jp>",
        "Taro Yamada kirjoitti:",
        "2026/11/22 10:00:",
    ],
)
def test_case_084_shorter_forms_count_directly_above_a_quote(attribution: str) -> None:
    assert_place(f"ありがとうございます。\n¶\n\n{attribution}\n\n> いつ頃でしょうか。")
    assert_place(f"ありがとうございます。\n\n{attribution}\nいつ頃でしょうか。\n¶")


@pytest.mark.parametrize(
    "line",
    [
        "On the following points we agree:",
        "In 2026 we will hire again:",
        "2026年11月22日（日）の面接について：",
        "面接の日時：",
        "連絡先 recruit@example.jp：",
    ],
)
def test_case_084_a_colon_alone_quotes_nobody(line: str) -> None:
    assert_place(f"山田様\n\n{line}\n本文が続きます。\n¶")


@pytest.mark.parametrize(
    "block",
    [
        "From: Taro Yamada <taro@example.jp>\nSent: Sunday, November 22, 2026 10:00 AM\n"
        "To: Hanako Sato <hanako@example.com>\nSubject: My application",
        "差出人: 山田太郎 <taro@example.jp>\n送信日時: 2026年11月22日 10:00\n"
        "宛先: 佐藤花子 <hanako@example.com>\nCC: 採用 <hr@example.com>\n件名: 応募の件",
        "送信者：山田太郎\n送信日時：2026/11/22 10:00\n宛先：佐藤花子\n件名：応募の件",
        "Von: Taro Yamada\nGesendet: 22. November 2026 10:00\nAn: Sato\nBetreff: Bewerbung",
        "De : Taro Yamada\nEnvoyé : dimanche 22 novembre 2026 10:00\nÀ : Sato\nObjet : Candidature",
        "От: Taro Yamada\nОтправлено: 22 ноября 2026 г. 10:00\nКому: Sato\nТема: Заявка",
        "*From:* Taro Yamada\n*Sent:* Sunday, 22 November 2026\n*To:* Sato\n*Subject:* Hello",
        "Date: Sun, 22 Nov 2026 10:00\nFrom: taro@example.jp\nTo: hr@example.com\nSubject: Hi",
    ],
)
@pytest.mark.parametrize(
    "rule", ["_" * 32 + "\n", "-" * 20 + "\n\n", ""], ids=["ruled", "far", "bare"]
)
def test_case_085_above_the_rule_of_an_outlook_block(block: str, rule: str) -> None:
    assert_place(f"Thank you.\n¶\n\n{rule}{block}\n\nWhen will I hear from you?\nTaro")


def test_case_085_labels_alone_make_no_header() -> None:
    assert_place("""
        山田様

        下記のとおり面接を行います。
        日時：2026年11月22日 10:00
        場所：東京
        件名：一次面接
        ¶
    """)


@pytest.mark.parametrize(
    "rule",
    [
        "-----Original Message-----",
        "----- Original Message -----",
        "-------- 元のメッセージ --------",
        "---------- Forwarded message ---------",
        "-------- 転送メッセージ --------",
        "-----Ursprüngliche Nachricht-----",
        "-----Message d'origine-----",
        "Begin forwarded message:",
        "----- Forwarded by Taro Yamada/Example on 2026/11/22 -----",
    ],
)
def test_case_086_above_the_rule_that_says_original_message(rule: str) -> None:
    assert_place(f"Thank you.\n¶\n\n{rule}\nFrom: taro@example.jp\n\nWhen will I hear?\n-- \nTaro")


def test_case_087_above_the_dashes_of_yahoo() -> None:
    assert_place("""
        Thank you.
        ¶

        --------------------------------------------
        On Sun, 11/22/26, Taro Yamada <taro@example.jp> wrote:

         Subject: My application
         When will I hear from you?
    """)


def test_case_088_bottom_posted_reply_ends_at_the_end() -> None:
    assert_place("""
        On Sun, 22 Nov 2026 at 10:00, Taro Yamada <taro@example.jp> wrote:
        > When will I hear from you?

        Today: we have decided for someone else.
        ¶
    """)


def test_case_088_bottom_posted_below_an_outlook_block() -> None:
    assert_place("""
        -----Original Message-----
        From: taro@example.jp
        When will I hear from you?

        Today.
        ¶
    """)


def test_case_089_interleaved_reply_ends_above_its_signature() -> None:
    assert_place("""
        Hello Taro,

        On Sun, 22 Nov 2026 at 10:00, Taro Yamada <taro@example.jp> wrote:
        > When will I hear from you?

        Today.

        > May I apply again?

        Of course.
        ¶

        --\N{SPACE}
        Hanako
    """)


def test_case_089_rest_of_an_interleaved_quote_at_the_end() -> None:
    assert_place("""
        Hello Taro,
        > When will I hear from you?

        Today.

        > Yours, Taro
        ¶
    """)


def test_case_090_one_quoted_line_in_the_middle() -> None:
    assert_place("""
        Hello Taro, you asked

        > May I apply again?

        and the answer is yes.
        ¶
    """)


QUOTE = "On Sun, 22 Nov 2026 at 10:00, Taro Yamada <taro@example.jp> wrote:\n> When?"
SIGNATURE = "-- \nHanako Sato"


@pytest.mark.parametrize("below", [f"{QUOTE}\n\n{SIGNATURE}", f"{SIGNATURE}\n\n{QUOTE}"])
def test_case_091_above_whichever_comes_first(below: str) -> None:
    assert_place(f"Thank you.\n¶\n\n{below}")


def test_case_091_a_list_footer_below_the_quote_changes_nothing() -> None:
    assert_place(f"Thank you.\n¶\n\n{QUOTE}\n\n{'_' * 40}\nSome list mailing list")


@pytest.mark.parametrize("lines", [[], [""], ["", "  ", "\t", ""]])
def test_case_092_empty_body(lines: list[str]) -> None:
    assert text_place(lines) == 0


def test_case_093_no_final_line_end() -> None:
    assert text_place(["Dear Taro,", "Goodbye."]) == 2
    assert text_place(["Dear Taro,", "Goodbye.", ""]) == 2


def test_case_094_flowed_stuffing_is_no_quote() -> None:
    stuffed = "\n".join(["Compare the numbers ", "", " > 5 is good", " > 9 is better"])
    assert_place(f"{stuffed}\n¶", is_flowed=True)
    assert_place(stuffed.replace("\n\n", "\n¶\n\n"))


def test_case_095_flowed_japanese_reply() -> None:
    assert_place(
        """
        お問い合わせいただき、誠に \

        ありがとうございます。
        ¶

        2026年11月22日(日) 10:00 山田太郎 \

        <taro@example.jp>:
        > いつ頃でしょうか。
        """.replace("\n\n        あ", "\n        あ").replace("\n\n        <", "\n        <"),
        is_flowed=True,
    )


HOSTILE = (
    *("", "a", ">", "> a:", "-- a", "-----", "a:", "From:", "-- ", "--", "━━━━━", "-" * 9),
    *("On 1 wrote:", "On 1 " + "wrote " * 70, "2026/1/1 " * 50 + "a@:", "From: a\nTo: b"),
    *("株式会社" * 20, "a" * 100_000 + ":"),
)


@pytest.mark.parametrize("line", HOSTILE)
def test_case_097_one_megabyte_of_anything(line: str) -> None:
    """Any superlinear step would keep this from ever ending."""
    lines = f"Hello\n{line}\n".split("\n") * (1_000_000 // (len(line) + 8))
    assert 0 < text_place(lines) <= len(lines)
