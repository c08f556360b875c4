"""Who plays: an invented company, an invented operator and invented people.

Addresses end in example.jp; nothing leaves the machine anyway.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

COMPANY = "mihon"
COMPANY_NAME = "株式会社みほん商事"
COMPANY_SENDER = "saiyo@mihon.example.jp"
OPERATOR_NAME = "株式会社みほんキャリア"
OPERATOR_SENDER = "no-reply@careerrelay.example.jp"
LICENCE = "00-ユ-000000"
JOBS = ("法人営業", "経理")
WE_REJECTED = "ご経験と募集内容の相違"


@dataclass(frozen=True, slots=True)
class Applicant:
    """One person. ``named``: may the company learn the name. ``by_code``: how it confirms."""

    family: str
    given: str
    email: str
    named: bool = True
    by_code: bool = False

    @property
    def full_name(self) -> str:
        return f"{self.family} {self.given}"


def _person(number: int, family: str, given: str, local: str) -> Applicant:
    # Every third wishes not to be named, every second types the code.
    return Applicant(
        family, given, f"{local}@example.jp", named=number % 3 != 0, by_code=number % 2 == 0
    )


TEN = tuple(
    _person(number, *names)
    for number, names in enumerate(
        (
            ("見本", "太郎", "taro.mihon"),
            ("試験", "花子", "hanako.shiken"),
            ("例示", "一郎", "ichiro.reiji"),
            ("仮名", "美咲", "misaki.kamei"),
            ("架空", "健太", "kenta.kakuu"),
            ("練習", "彩", "aya.renshu"),
            ("模擬", "大輔", "daisuke.mogi"),
            ("想定", "由美", "yumi.sotei"),
            ("事例", "翔", "sho.jirei"),
            ("記入", "結衣", "yui.kinyu"),
        ),
        start=1,
    )
)
WITHDRAWN = Applicant("辞退", "明", "akira.jitai@example.jp")
UNREJECTED = Applicant("再考", "恵", "megumi.saiko@example.jp")
RELAYED = Applicant("中継", "千夏", "chinatsu.chukei@example.jp")
RELAYED_WITHDRAWN = Applicant("再辞退", "誠", "makoto.saijitai@example.jp")
INVITED = Applicant("面接", "早紀", "saki.mensetsu@example.jp")
OWN_MAIL = Applicant("別口", "直樹", "naoki.betsuguchi@example.jp", by_code=True)

_FAMILIES = ("佐藤", "鈴木", "高橋", "田中", "伊藤", "渡辺", "山本", "中村")
_GIVENS = ("陽菜", "悠人", "美月", "颯太", "葵", "蓮", "さくら")


def newcomers() -> Iterator[Applicant]:
    """People for the form of the page, a new one each time."""
    for number in count(1):
        family = _FAMILIES[number % len(_FAMILIES)]
        given = _GIVENS[number % len(_GIVENS)]
        yield Applicant(family, given, f"applicant{number}@example.jp")
