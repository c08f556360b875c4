"""Mails of the milter's tests, and their people."""

from __future__ import annotations

TARO, HANAKO, COLLEAGUE = "taro@example.com", "hanako@example.com", "boss@example.jp"
MARKED = (
    b"Received: from ats\r\nMessage-ID: <1@example.jp>\r\nFrom: HR <hr@example.jp>\r\n"
    b"Subject: a\r\n b\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
    b"Hello,\r\n\r\n{{career_relay_link}}\r\n\r\nHR\r\n"
)
PLAIN = MARKED.replace(b"{{career_relay_link}}\r\n\r\n", b"")
SIGNED = PLAIN.replace(b"text/plain;", b"multipart/signed; boundary=x;")
