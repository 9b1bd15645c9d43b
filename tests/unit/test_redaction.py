"""Secrets are left out of what is kept of a session's output."""

from __future__ import annotations

import pytest

from workbench.redaction import Redactor


@pytest.mark.parametrize(
    ("secret", "said", "kept"),
    [
        ("hunter2hunter2", "xhunter2hunter2x", "x[secret]x"),
        ("pw12", "login pw12, ok", "login [secret], ok"),
        ("pass", "postgres://me:pass@db", "postgres://me:[secret]@db"),
        ("pass", "it passes bypass", "it passes bypass"),
        ("yes", "yes", "yes"),
        ("first line\nand another", "and another first line", "[secret] [secret]"),
        ("a+b(c)d*", "a+b(c)d*", "[secret]"),
        ("", "nothing", "nothing"),
        ('p<&"\\word', '<b>p&lt;&amp;&quot;\\word</b> p&lt;&amp;"\\word', "<b>[secret]</b> [secret]"),
        ('p<&"\\word', '{"a": "p<&\\"\\\\word"} ', '{"a": "[secret]"} '),
        ("it's\\é/word", "\"it's\\\\é/word\" it's\\\\\\u00e9/word", '"[secret]" [secret]'),
        ("p@ss/word", "postgres://me:p%40ss%2Fword@db p%40ss/word", "postgres://me:[secret]@db [secret]"),
    ],
)
def test_what_is_hidden(secret: str, said: str, kept: str) -> None:
    """From 8 characters anywhere, from 4 where it stands by itself, below that not: it would be in every text."""
    assert Redactor([secret]).redact(said) == kept


def test_the_longest_comes_first() -> None:
    """A secret that holds another is hidden whole."""
    assert Redactor(["abcdefgh", "abcdefghij"]).redact("abcdefghij abcdefgh") == "[secret] [secret]"
