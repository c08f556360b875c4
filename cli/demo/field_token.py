"""The first story: ten applicants of an ATS that shows the link in its own rejection mail."""

from __future__ import annotations

from dataclasses import dataclass

from . import cast
from .browser import Browser, Page
from .cast import Applicant
from .stage import Stage, add_company, connect
from .steps import Step, Steps, expect, wait_for
from .visitor import Visitor
from .witness import Witness

BATCH = 10


@dataclass(slots=True)
class Case:
    """One applicant's case in the ATS, and the link on the record."""

    person: Applicant
    id: int
    candidate_id: int
    link: str = ""


class FieldTokenStory:
    """Plays it in order; each method is a step or two."""

    def __init__(self, stage: Stage, steps: Steps, *, ats_secret: str | None) -> None:
        self._stage = stage
        self._steps = steps
        self._ats_secret = ats_secret
        self._witness = Witness(stage)
        self._browser = Browser()
        self._cases: list[Case] = []
        self._visitors: list[Visitor] = []

    def play(self) -> None:
        """Raises StepFailedError at the first step that is not as it should be."""
        self._open_doors()
        self._set_up()
        self._apply()
        self._reject()
        self._change_minds()
        self._scan()
        self._register()
        self._confirm()
        self._report()

    def _open_doors(self) -> None:
        stage = self._stage
        with self._steps.step(
            "A1",
            "server, sandbox ATS and mailbox answer",
            "サーバー・サンドボックスATS・受信箱が応答する",
        ) as step:
            urls = (f"{stage.product.url}/readyz", stage.ats_url, stage.mailbox_url)
            seen = [self._browser.get(url).status for url in urls]
            expect("the three pages", expected=[200, 200, 200], seen=seen)
            expect("mails before the story", expected=[], seen=self._witness.mails())
            step.note("3 x HTTP 200, mailbox empty", "HTTP 200が3件、受信箱は空")

    def _set_up(self) -> None:
        with self._steps.step(
            "A2", "company and connection by command; the ATS tests its web hook",
            "コマンドで導入企業と接続を登録し、ATSがWebhookの確認通信を送る",
        ) as step:  # fmt: skip
            add_company(self._stage)
            url = connect(self._stage, ats_secret=self._ats_secret)
            ping = self._stage.ats.deliveries[0].status
            expect("the answer to the ATS's signed web hook test", expected=200, seen=ping)
            step.note(f"{url} answers 200", f"{url} が200を返した")
        with self._steps.step(
            "A3", "a web hook nobody signed is refused", "署名のないWebhookは拒否される"
        ) as step:
            status = self._browser.post(url, {"action": "reject_candidate"}).status
            expect("the answer to a forged web hook", expected=401, seen=status)
            step.note("HTTP 401", "HTTP 401")

    def _apply(self) -> None:
        with self._steps.step(
            "A4", "ten people apply; each record has its own link, before any decision",
            "10名が応募し、判定の前に、候補者ごとのリンクが項目に入る",
        ) as step:  # fmt: skip
            jobs = self._stage.ats.job_ids
            for number, person in enumerate(cast.TEN):
                self._cases.append(self._new_case(person, job=jobs[number % len(jobs)]))
            for case in self._cases:
                self._find_link(case)
            links = {case.link for case in self._cases}
            expect("different links", expected=BATCH, seen=len(links))
            statuses = {self._browser.get(link).status for link in links}
            expect("links before the rejection", expected={404}, seen=statuses)
            longest = max(map(len, links))
            step.note(
                f"10 links, at most {longest} characters, not open yet: HTTP 404",
                f"リンク10件、最長{longest}文字、まだ開けない（HTTP 404）",
            )

    def _new_case(self, person: Applicant, *, job: int) -> Case:
        ats = self._stage.ats
        id_ = ats.apply(person.given, person.family, emails=[person.email], job_id=job)
        return Case(person, id_, ats.application(id_)["candidate_id"])

    def _find_link(self, case: Case) -> None:
        prefix = self._witness.relay_prefix
        page = wait_for(
            lambda: self._witness.record(case.candidate_id),
            lambda page: page.see("link").startswith(prefix),
            expected=f"a link {prefix}... on the record of {case.person.email}",
        )
        case.link = page.see("link")

    def _press(self, case: Case, action: str) -> None:
        """A button on the candidate's page in the ATS."""
        page = self._browser.submit(self._witness.record(case.candidate_id), action=f"/{action}")
        expect(f"the page after '{action}'", expected=200, seen=page.status)

    def _reject(self) -> None:
        with self._steps.step(
            "A5", "Reject is pressed ten times; the ATS's own mails bring the links",
            "「不採用にする」を10回押すと、ATSの不採用メールでリンクが届く",
        ) as step:  # fmt: skip
            for case in self._cases:
                self._press(case, "reject")
            for case in self._cases:
                self._check_letter(case)
            subject = self._witness.mails(cast.TEN[0].email)[0]["subject"]
            step.note(f"10 mails: {subject} ...", f"メール10通：{subject} ほか")

    def _check_letter(self, case: Case) -> None:
        letter = self._witness.wait_letter(case.person.email)
        link = letter.link(self._witness.relay_prefix)
        expect(f"the link in the mail to {case.person.email}", expected=case.link, seen=link)
        Visitor(case.person, self._witness).open(case.link)

    def _change_minds(self) -> None:
        """The withdrawal is looked at last, when a later web hook has been worked off."""
        withdrawn = self._new_case(cast.WITHDRAWN, job=self._stage.ats.job_ids[0])
        self._find_link(withdrawn)
        self._press(withdrawn, "withdraw")
        with self._steps.step(
            "A6", "a rejection is taken back: the link in the mail shuts again",
            "不採用を取り消すと、届いたメールのリンクは使えなくなる",
        ) as step:  # fmt: skip
            self._take_back(self._new_case(cast.UNREJECTED, job=self._stage.ats.job_ids[1]))
            step.note("HTTP 200, then 404", "HTTP 200 → 404")
        with self._steps.step(
            "A7", "somebody withdrew: no mail, and the link stays shut",
            "辞退された方：メールは届かず、リンクも開けないまま",
        ) as step:  # fmt: skip
            expect("the link", expected=404, seen=self._browser.get(withdrawn.link).status)
            mails = self._witness.mails(withdrawn.person.email)
            expect("mails", expected=[], seen=mails)
            step.note("HTTP 404, 0 mails", "HTTP 404、メール0通")

    def _take_back(self, case: Case) -> None:
        self._find_link(case)
        self._press(case, "reject")
        self._check_letter(case)
        self._press(case, "unreject")
        wait_for(
            lambda: self._browser.get(case.link).status,
            lambda status: status == 404,
            expected="HTTP 404 for the link of an un-rejected person",
        )

    def _scan(self) -> None:
        with self._steps.step(
            "A8", "a mail scanner opens a link (HEAD, GET, GET): nothing changes",
            "メールの自動検査がリンクを開いても（HEAD・GET・GET）、何も変わらない",
        ) as step:  # fmt: skip
            case = self._cases[0]
            mails = len(self._witness.mails())
            scanner = Browser(language="en")
            pages = [scanner.head(case.link), scanner.get(case.link), scanner.get(case.link)]
            expect("the answers", expected=[200, 200, 200], seen=[p.status for p in pages])
            expect("mails", expected=mails, seen=len(self._witness.mails()))
            record = self._witness.record(case.candidate_id)
            expect("notes and tags", expected=(0, 0), seen=_amounts(record))
            expect("what counts", expected=(0, 0, BATCH), seen=self._witness.counts())
            step.note(
                "3 x HTTP 200; no mail, no note",
                "HTTP 200が3件、メールもメモも増えない",
            )

    def _register(self) -> None:
        self._visitors = [Visitor(case.person, self._witness) for case in self._cases]
        with self._steps.step(
            "A9", "the form wants the choice about the name, and its own token",
            "フォームは、お名前の通知についての選択と、画面のトークンを求める",
        ) as step:  # fmt: skip
            self._visitors[0].register_carelessly(self._cases[0].link)
            step.note("2 x HTTP 422", "HTTP 422が2件")
        with self._steps.step(
            "A10", "ten people fill in the form; each gets a mail to prove the mailbox",
            "10名がフォームを送り、確認メールが届く",
        ) as step:  # fmt: skip
            pairs = zip(self._visitors, self._cases, strict=True)
            subject = {visitor.register(case.link).subject for visitor, case in pairs}.pop()
            named = sum(case.person.named for case in self._cases)
            step.note(
                f"10 mails: {subject}; {named} may be named, {BATCH - named} not",
                f"10通：{subject}。お名前の通知に同意{named}名、同意なし{BATCH - named}名",
            )

    def _confirm(self) -> None:
        with self._steps.step(
            "A11", "nine confirm, by button or by code (a wrong code is refused)",
            "9名がボタンまたは確認コードで確認する（誤ったコードは受け付けない）",
        ) as step:  # fmt: skip
            *nine, tenth = self._visitors
            for visitor in nine:
                visitor.confirm()
            expect("what counts", expected=(9, 0, 1), seen=self._witness.counts())
            step.note("9 counted, 1 to the next slot", "カウント9、次の無料紹介枠まであと1")
        with self._steps.step(
            "A12", "the tenth confirms: the first slot", "10人目の確認で、最初の無料紹介枠"
        ) as step:
            tenth.confirm()
            expect("what counts", expected=(10, 1, BATCH), seen=self._witness.counts())
            step.note("10 counted, 1 slot", "カウント10、無料紹介枠1")

    def _report(self) -> None:
        with self._steps.step(
            "A13", "the ATS records tell of those who wish to be named, and of nobody else",
            "お名前の通知に同意した方だけが、ATSの記録に反映される",
        ) as step:  # fmt: skip
            self._check_named(step)
            for case in self._cases:
                if not case.person.named:
                    self._check_anonymous(case)

    def _check_named(self, step: Step) -> None:
        named = [case for case in self._cases if case.person.named]
        for case in named:
            page = wait_for(
                lambda case=case: self._witness.record(case.candidate_id),
                lambda page: bool(page.see("note")),
                expected=f"a note on the record of {case.person.email}",
            )
            expect("notes and tags", expected=(1, 1), seen=_amounts(page))
            expect("the link field", expected=case.link, seen=page.see("link"))
        last = self._witness.record(named[-1].candidate_id).see("note")
        tag = self._witness.record(named[-1].candidate_id).see("tag")
        if "無料紹介枠を1つ獲得" not in last:
            expect("the tenth note", expected="無料紹介枠を1つ獲得", seen=last)
        others = len(self._cases) - len(named)
        step.note(
            f"{len(named)} records with note and tag ({tag}), {others} without",
            f"メモとタグ「{tag}」が{len(named)}名、なしが{others}名",
        )

    def _check_anonymous(self, case: Case) -> None:
        page = self._witness.record(case.candidate_id)
        expect("notes and tags without consent", expected=(0, 0), seen=_amounts(page))


def _amounts(page: Page) -> tuple[int, int]:
    return len(page.marked.get("note", ())), len(page.marked.get("tag", ()))
