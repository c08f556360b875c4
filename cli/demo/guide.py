"""What the demo prints for people: where to look and what to do, in both languages."""

from __future__ import annotations

from collections.abc import Mapping

TEXT = """\
CareerRelay デモ / CareerRelay demo

  サンドボックスATS   Sandbox ATS   {ats}
  みんなの受信箱       Mailbox       {mailbox}
  サーバー             Server        {server}

お試しの手順
  1. サンドボックスATSを開き、応募者の「不採用にする」を押します。
  2. 受信箱を開くと、ATSが送った不採用メールが届いています。本文のリンクを開きます。
  3. 登録フォームを送り、受信箱に届く確認メールのボタンかコードで確認します。
  4. ATSでその方のページを開くと、同意した方だけメモとタグが付いています。
  5. 登録が10名になると、無料紹介枠を1つ獲得します。件数は次のコマンドで確認できます。

What to do
  1. Open the sandbox ATS and press "Reject" beside an applicant.
  2. Open the mailbox: the ATS's rejection mail is there. Open the link in it.
  3. Send the form, then confirm by the button or the code of the mail that follows.
  4. Open that person in the ATS: note and tag are there only with their consent.
  5. Ten registrations earn one free placement slot. The count:

     careerrelay --config {config} slots show {company}

終了するには Ctrl-C を押します。 / Press Ctrl-C to stop."""


def guide(urls: Mapping[str, str], *, company: str) -> str:
    """The text with its addresses."""
    return TEXT.format(company=company, **urls)
