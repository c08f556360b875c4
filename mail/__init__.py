"""E-mail without a database: our texts, the message, the SMTP server, the hours.

``compose`` (templates and values), ``message`` (bytes), ``addresses``, ``smtp``, ``calendar``;
``linter`` with its rules in ``layout`` and ``wording`` and its words in ``findings``.
"""
