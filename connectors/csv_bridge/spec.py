"""What the CSV bridge reads, which settings it needs, and what is known of the ATSs it serves."""

from __future__ import annotations

from careerrelay import connectors as kit

from .words import Outcome

HRMOS_EXPORT = "https://atsguide.hrmos.co/hc/ja/articles/20859800186009"

CAPABILITIES = {
    kit.Capability.CSV_IMPORT: kit.reported(
        HRMOS_EXPORT,
        "HRMOS documents its export with a template of columns the company chooses. The headings "
        "of ジョブカン, sonar and Wantedly Hire are not documented, so the company maps them once.",
    ),
    kit.Capability.WEBHOOK: kit.missing(
        HRMOS_EXPORT, "None of these ATSs documents a webhook for applications."
    ),
    kit.Capability.REPORT: kit.missing(
        HRMOS_EXPORT,
        "None documents a way to write back; 'careerrelay csv registrations' gives a CSV with the "
        "ATS's own ids instead.",
    ),
    kit.Capability.FIELD_TOKEN: kit.missing(
        "https://help-hire.wantedly.com/hc/ja/articles/50592647821081",
        "HRMOS and Wantedly Hire list their mail variables, and no custom field is among them.",
    ),
    kit.Capability.ATS_MESSAGE: kit.missing(
        HRMOS_EXPORT, "Nothing can be sent through these ATSs from outside."
    ),
}

SETTINGS = (
    kit.Setting(
        "ats",
        "Which ATS the files come from.",
        "CSVを書き出すATS。",
        required=False,
        default="other",
        choices=("hrmos", "jobcan", "sonar", "wantedly_hire", "other"),
    ),
    kit.optional(
        "timezone",
        "Time zone of the dates in the files.",
        "CSVの日付のタイムゾーン。",
        default="Asia/Tokyo",
    ),
    kit.optional(
        "folder_limit",
        "How many new rejections one file in the watched folder may bring; a file with more waits "
        "until somebody confirms it on the page or by command.",
        "監視フォルダーのCSV1件で受け付ける新しい不採用の上限。超えるファイルは、画面またはコマンドで"
        "確認するまで取り込みません。",
        default="300",
    ),
    kit.SOURCE_CHANNELS,
    kit.DO_NOT_CONTACT_TAGS,
    kit.NOTICE_DELAY_DAYS,
)

COLUMNS = (
    kit.Column(
        "application_id",
        "The ATS's id of the application",
        "応募ID",
        ("応募ID", "応募番号", "選考ID", "application id"),
    ),
    kit.Column(
        "candidate_id",
        "The ATS's id of the person",
        "候補者ID",
        ("候補者ID", "応募者ID", "候補者番号", "応募者番号", "candidate id"),
    ),
    kit.Column(
        "email",
        "E-mail address",
        "メールアドレス",
        ("メールアドレス", "メール", "Eメール", "email", "e-mail", "email address", "mail"),
    ),
    kit.Column(
        "full_name", "The whole name", "氏名", ("氏名", "名前", "候補者名", "応募者名", "name")
    ),
    kit.Column("family_name", "Family name", "姓", ("姓", "last name", "family name")),
    kit.Column("given_name", "Given name", "名", ("名", "first name", "given name")),
    kit.Column("job_id", "The ATS's id of the job", "求人ID", ("求人ID", "求人番号", "job id")),
    kit.Column("job", "The job", "求人", ("求人", "求人名", "求人タイトル", "応募求人", "job")),
    kit.Column(
        "status",
        "Where the selection stands",
        "選考の状況",
        ("選考ステータス", "最終選考ステータス", "ステータス", "選考状況", "選考結果", "status"),
        choices=tuple(Outcome),
    ),
    kit.Column(
        "reason",
        "Reason for the end (only words of your list)",
        "終了の理由（登録した語のみ）",
        ("不採用理由", "不合格理由", "終了理由", "辞退理由", "reason"),
        choices=tuple(kit.RejectionSide),
    ),
    kit.Column(
        "source",
        "Where the application came from",
        "応募経路",
        ("応募経路", "流入経路", "応募媒体", "媒体", "source"),
    ),
    kit.Column("tags", "Labels or tags", "ラベル・タグ", ("応募ラベル", "ラベル", "タグ", "tags")),
    kit.Column(
        "applied_on", "Day of the application", "応募日", ("応募日", "応募日時", "applied on")
    ),
    kit.Column(
        "ended_on",
        "Day on which the selection ended, however it ended",
        "選考が終了した日（結果を問わない）",
        ("選考終了日", "判定結果入力日", "終了日", "ended on"),
    ),
    kit.Column("rejected_on", "Day of the rejection", "不合格日", ("不合格日", "不採用日")),
    kit.Column("withdrawn_on", "Day of the withdrawal", "辞退日", ("辞退日",)),
    kit.Column("hired_on", "Day of hiring", "入社日", ("入社日",)),
)

SPEC = kit.ConnectorSpec(
    name="csv_bridge",
    title="CSV",
    docs_url=HRMOS_EXPORT,
    capabilities=CAPABILITIES,
    settings=SETTINGS,
    notice_is_delayed=True,
    columns=COLUMNS,
    # https://hrmosedition.zendesk.com/hc/ja/articles/48522345861913
    paste_note={
        "en": "It needs no merge field: paste it as it is. HRMOS takes 10,000 characters.",
        "ja": "差し込み項目はなく、そのまま貼り付けられます。HRMOSの本文は10,000文字までです。",
    },
    notes=(
        "The file is read column by column as the company mapped it; every other column is "
        "dropped before anything is stored.",
        "Rejections from before the connection was made get no link.",
    ),
)
