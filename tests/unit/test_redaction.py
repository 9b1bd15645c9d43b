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
        ("hunter2hunter2", "\x1b[31mhunt\x1b[1;32mer2hunter2\x1b[0m!", "\x1b[31m[secret]\x1b[0m!"),
        ("hunter2hunter2", "68756e74657232" * 2, "[secret]"),
        ("hunter2hunter2", "aHVudGVyMmh1bnRlcjI=", "[secret]I="),
        ("hunter2hunter2", "Basic bWU6aHVudGVyMmh1bnRlcjI=", "Basic bWU6[secret]I="),
        ("p?>p?>p?>", "eHA_PnA_PnA_Pg cD8+cD8+cD8+", "eH[secret]g [secret]"),
        ("p@ss/word", "postgres://me:p%40ss%2Fword@db p%40ss/word", "postgres://me:[secret]@db [secret]"),
    ],
)
def test_what_is_hidden(secret: str, said: str, kept: str) -> None:
    """From 8 characters anywhere, from 4 where it stands by itself, below that not: it would be in every text."""
    assert Redactor([secret]).redact(said) == kept


def test_the_beginning_of_a_secret_is_seen() -> None:
    """What ends with it waits for more; what does not, and what is no secret, does not wait."""
    redactor = Redactor(["hunter2hunter2"])
    assert redactor.begun("it is hunter2") == 7
    assert redactor.begun("hunter2 is it") == 0
    assert Redactor([]).begun("hunter2") == 0


def test_the_longest_comes_first() -> None:
    """A secret that holds another is hidden whole."""
    assert Redactor(["abcdefgh", "abcdefghij"]).redact("abcdefghij abcdefgh") == "[secret] [secret]"
