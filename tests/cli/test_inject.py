"""careerrelay inject: one mail, or a folder of them, with the paragraph put in."""

from __future__ import annotations

import email
import email.policy
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from careerrelay.cli.inject_files import Mailbag
from careerrelay.cli.inject_paragraph import USUAL_TEXTS, paragraph_of
from careerrelay.cli.main import root
from careerrelay.models.errors import ConfigurationError

URL = "https://relay.example.jp/r/abc.def"
HEAD = "From: hr@example.jp\r\nTo: taro@example.com\r\nSubject: =?utf-8?b?6YG46ICD57WQ5p6c?=\r\n"
UTF8 = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
PLAIN = (
    f"{HEAD}{UTF8}Content-Transfer-Encoding: 8bit\r\n\r\n"
    "山田様\r\n\r\n今回は見送らせていただきます。\r\n"
).encode()
MARKED = PLAIN.replace(
    "今回は".encode(), "ご案内：\r\n{{career_relay_link}}\r\n\r\n今回は".encode()
)
SIGNED = (
    f"{HEAD}MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n"
    "--b\r\n\r\nHello\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--b--\r\n"
).encode()


def run(*args: str | Path, code: int = 0, stdin: bytes | None = None) -> Result:
    done = CliRunner().invoke(root, ["--lang", "en", "inject", *map(str, args)], input=stdin)
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done


def text_of(message: bytes) -> str:
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    return parsed.get_content().replace("\r\n", "\n")


@pytest.fixture
def mail(tmp_path: Path) -> Path:
    path = tmp_path / "in.eml"
    path.write_bytes(PLAIN)
    return path


def test_the_paragraph_follows_the_text_in_the_usual_words(mail: Path, tmp_path: Path) -> None:
    done = run("--link", URL, mail, tmp_path / "out.eml")
    text = text_of((tmp_path / "out.eml").read_bytes())
    assert text.startswith("山田様\n\n今回は見送らせていただきます。\n")
    assert text.count(USUAL_TEXTS["ja"].format(link=URL)) == 1
    assert done.stdout == "injected (append)\n"


def test_english_words_where_english_is_asked_for(mail: Path, tmp_path: Path) -> None:
    run("--link", URL, "--language", "en", mail, tmp_path / "out.eml")
    text = text_of((tmp_path / "out.eml").read_bytes())
    assert USUAL_TEXTS["en"].format(link=URL) in text


def test_a_marker_makes_room_for_the_paragraph(mail: Path, tmp_path: Path) -> None:
    mail.write_bytes(MARKED)
    assert run("--link", URL, mail, tmp_path / "out.eml").stdout.startswith("replaced")
    text = text_of((tmp_path / "out.eml").read_bytes())
    assert "{{" not in text
    assert text.splitlines().count(URL) == 1
    assert text.endswith("今回は見送らせていただきます。\n")


def test_another_marker_can_be_named(mail: Path, tmp_path: Path) -> None:
    mail.write_bytes(MARKED.replace(b"{{career_relay_link}}", b"%RELAY_LINK%"))
    done = run("--link", URL, "--marker", "%RELAY_LINK%", mail, tmp_path / "out.eml")
    assert done.stdout.startswith("replaced")


def test_a_mail_that_has_the_link_is_left_as_it_is(mail: Path, tmp_path: Path) -> None:
    once, twice = tmp_path / "once.eml", tmp_path / "twice.eml"
    run("--link", URL, mail, once)
    assert run("--link", URL, once, twice).stdout.startswith("already")
    assert twice.read_bytes() == once.read_bytes()


def test_a_signed_mail_is_written_as_it_was_with_the_code_told(mail: Path, tmp_path: Path) -> None:
    mail.write_bytes(SIGNED)
    done = run("--link", URL, "--json", mail, tmp_path / "out.eml")
    told = json.loads(done.stdout)
    assert (told["status"], told["code"]) == ("refused", "signed")
    assert (tmp_path / "out.eml").read_bytes() == SIGNED


@pytest.mark.parametrize(
    ("message", "code", "english", "japanese"),
    [
        (SIGNED, "signed", "without S/MIME or PGP", "S/MIMEやPGPを使わずに"),
        (
            SIGNED.replace(b"Hello", b"{{career_relay_link}}"),
            "token_left",
            "do not send",
            "送信しない",
        ),
    ],
)
def test_what_to_do_about_a_mail_that_is_as_it_was_is_told(
    mail: Path, tmp_path: Path, message: bytes, code: str, english: str, japanese: str
) -> None:
    mail.write_bytes(message)
    told = run("--link", URL, mail, tmp_path / "out.eml").stdout.splitlines()
    assert told[0].startswith(f"refused ({code})")
    assert english in told[1]
    words = ["--lang", "ja", "inject", "--link", URL, str(mail), str(tmp_path / "out.eml")]
    assert japanese in CliRunner().invoke(root, words).stdout
    assert (tmp_path / "out.eml").read_bytes() == message


def test_a_pipe_gets_the_mail_and_nothing_else() -> None:
    done = run("--link", URL, "-", "-", stdin=PLAIN)
    assert URL in text_of(done.stdout_bytes)
    assert done.stderr == "injected (append)\n"
    assert "cannot be stdout" in run("--link", URL, "--json", "-", "-", stdin=PLAIN, code=2).stderr


def test_the_words_come_from_a_file(mail: Path, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("ご登録はこちら：{link} をご覧ください。\n", encoding="utf-8")
    run("--link", URL, "--paragraph", words, mail, tmp_path / "out.eml")
    text = text_of((tmp_path / "out.eml").read_bytes())
    assert f"ご登録はこちら：\n\n{URL}\n\nをご覧ください。\n" in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Register.", f"Register.\n\n{URL}"),
        ("Register:\n{{career_relay_link}}\nThanks.", f"Register:\n\n{URL}\n\nThanks."),
        ("{{ relay_link }}\nThanks.", f"{URL}\n\nThanks."),
        (f"Register:\n\n\n\n{URL}\n", f"Register:\n\n{URL}"),
    ],
)
def test_the_link_gets_a_line_of_its_own(tmp_path: Path, words: str, expected: str) -> None:
    path = tmp_path / "words.txt"
    path.write_text(words)
    made = paragraph_of(URL, language="en", file=path, ascii_file=None)
    assert made.text == made.ascii_text == expected


def test_ascii_words_of_ones_own_serve_where_japanese_does_not(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("Register here: {link}")
    made = paragraph_of(URL, language="ja", file=None, ascii_file=words)
    assert made.ascii_text == f"Register here:\n\n{URL}"
    assert made.text == USUAL_TEXTS["ja"].format(link=URL)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (b"{link} and {link}", "once only"),
        (b"{lnk}", "{lnk} is unknown"),
        (b" \n", "is empty"),
        (b"\xff{link}", "as UTF-8 text"),
        (b"> quoted\n{link}", "must not begin with '>'"),
    ],
)
def test_words_that_cannot_be_used_are_told(
    mail: Path, tmp_path: Path, words: bytes, problem: str
) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(words)
    done = run("--link", URL, "--paragraph", path, mail, tmp_path / "out.eml", code=2)
    assert problem in done.stderr
    assert not (tmp_path / "out.eml").exists()


def test_what_cannot_be_used_is_named(mail: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.eml"
    for link in ("ftp://x", "x", "example.jp/r/a", "e"):
        assert "url:" in run("--link", link, mail, out, code=2).stderr
    assert "marker:" in run("--link", URL, "--marker", "x", mail, out, code=2).stderr
    missing = tmp_path / "no.eml"
    assert f"cannot read the file {missing}" in run("--link", URL, missing, out, code=2).stderr
    nowhere = tmp_path / "no" / "out.eml"
    assert f"{nowhere} cannot be written" in run("--link", URL, mail, nowhere, code=2).stderr
    words = run("--link", URL, "--paragraph", missing, mail, out, code=2).stderr
    assert f"cannot read the file {missing}" in words
    assert "go with --batch" in run("--link", URL, "--all", mail, out, code=2).stderr
    with pytest.raises(ConfigurationError):
        paragraph_of("", language="ja", file=None, ascii_file=None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    mails = tmp_path / "in"
    (mails / "sub").mkdir(parents=True)
    (mails / "a.eml").write_bytes(PLAIN)
    (mails / "sub" / "b.EML").write_bytes(SIGNED)
    (mails / "sub" / "日本語.eml").write_bytes(MARKED)
    (mails / "c.txt").write_bytes(PLAIN)
    return mails


def lines(report: Path) -> dict[str, dict]:
    return {told["file"]: told for told in map(json.loads, report.read_text().splitlines())}


def test_a_folder_is_treated_and_each_mail_reported(folder: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "out", tmp_path / "report.jsonl"
    done = run("--link", URL, "--batch", folder, out, "--report", report)
    told = lines(report)
    assert {name: (line["status"], line["code"]) for name, line in told.items()} == {
        "a.eml": ("injected", "append"),
        "sub/b.EML": ("refused", "signed"),
        "sub/日本語.eml": ("replaced", "marker"),
    }
    assert all(set(t) == {"file", "status", "code", "notes", "milliseconds"} for t in told.values())
    assert all(line["milliseconds"] > 0 for line in told.values())
    assert URL in text_of((out / "a.eml").read_bytes())
    assert (out / "sub" / "b.EML").read_bytes() == SIGNED
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()) == sorted(told)
    assert "refused\tsigned\t1" in done.stdout
    assert not list(tmp_path.glob("*.part"))


def test_any_file_where_all_are_wanted(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(folder / "pipe")
    done = run("--link", URL, "--batch", "--all", folder, tmp_path / "out", "--report", "-")
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == [
        "a.eml", "c.txt", "sub/b.EML", "sub/日本語.eml",
    ]  # fmt: skip


def test_counts_for_programs(folder: Path, tmp_path: Path) -> None:
    told = json.loads(run("--link", URL, "--batch", "--json", folder, tmp_path / "out").stdout)
    assert {"status": "refused", "code": "signed", "mails": 1} in told


def test_a_file_that_cannot_be_read_is_a_line_and_the_rest_goes_on(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "0.eml").symlink_to(folder / "nowhere")
    report = tmp_path / "report.jsonl"
    run("--link", URL, "--batch", folder, tmp_path / "out", "--report", report, code=1)
    told = lines(report)
    assert (told["0.eml"]["status"], told["0.eml"]["code"]) == ("failed", "unreadable")
    assert told["a.eml"]["status"] == "injected"


def test_a_file_that_cannot_be_written_is_a_line_and_leaves_nothing_behind(
    folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / "a.eml").mkdir(parents=True)
    report = tmp_path / "report.jsonl"
    run("--link", URL, "--batch", folder, out, "--report", report, code=1)
    assert (lines(report)["a.eml"]["status"], lines(report)["a.eml"]["code"]) == (
        "failed", "unwritable",
    )  # fmt: skip
    assert not list(out.glob(".careerrelay-*"))


def test_a_file_of_any_name_is_told(folder: Path, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.eml")).write_bytes(PLAIN)
    report = tmp_path / "report.jsonl"
    run("--link", URL, "--batch", folder, tmp_path / "out", "--report", report)
    assert "\udcff\udcfe.eml" in lines(report)


def test_a_mail_over_the_limit_is_copied_without_being_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("careerrelay.cli.inject_files.LARGEST", len(PLAIN) - 1)
    read: list[Path] = []
    whole = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda self: read.append(self) or whole(self))
    report, out = tmp_path / "report.jsonl", tmp_path / "out"
    run("--link", URL, "--batch", folder, out, "--report", report)
    assert (lines(report)["a.eml"]["status"], lines(report)["a.eml"]["code"]) == (
        "refused", "too_large",
    )  # fmt: skip
    assert folder / "a.eml" not in read
    assert whole(out / "a.eml") == PLAIN


def test_permissions_are_kept(mail: Path, tmp_path: Path) -> None:
    mail.chmod(0o640)
    run("--link", URL, mail, tmp_path / "out.eml")
    assert (tmp_path / "out.eml").stat().st_mode & 0o777 == 0o640


def test_a_folder_inside_the_other_is_refused(folder: Path, tmp_path: Path) -> None:
    for target in (folder, folder / "out", tmp_path):
        assert "IN and OUT" in run("--link", URL, "--batch", folder, target, code=2).stderr
    missing = tmp_path / "missing"
    told = run("--link", URL, "--batch", missing, tmp_path / "out", code=1).stderr
    assert f"there is no folder {missing}" in told


def test_a_report_that_cannot_be_written_stops_it_before_any_mail(
    folder: Path, tmp_path: Path
) -> None:
    report = tmp_path / "in" / "a.eml" / "report.jsonl"
    done = run("--link", URL, "--batch", folder, tmp_path / "out", "--report", report, code=2)
    assert f"{report} cannot be written" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_listed_is_a_line(folder: Path, tmp_path: Path) -> None:
    bag = Mailbag(folder, tmp_path / "out", every=False)
    seen = [line.code for line in bag._folder(Path("gone"), lambda message: (message, None))]  # type: ignore[arg-type]
    assert seen == ["unreadable"]
