"""The strict reader: text stays text, what YAML hides is refused, and every fault has its place."""

from __future__ import annotations

import os
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.declare import DeclarationError, Problem
from workbench.declare.reader import MAX_BYTES, Document, read


def faults(text: str | Path) -> tuple[Problem, ...]:
    """The problems of a text, whether it could be read beside them or not."""
    try:
        return read(text).problems
    except DeclarationError as error:
        return error.problems


def only(text: str | Path) -> Problem:
    """The one problem of a text."""
    found = faults(text)
    assert len(found) == 1, [str(problem) for problem in found]
    return found[0]


def test_plain_values_stay_the_text_they_are() -> None:
    """No word, version, sexagesimal, octal or date turns into something else."""
    text = "no: no\nversion: 3.10\ntime: 22:22\nzip: 012\nday: 2024-01-01\ncountry: NO\nhex: 0x1f\nyes: Yes\n"
    assert read(text).data == {
        "no": "no",
        "version": "3.10",
        "time": "22:22",
        "zip": "012",
        "day": "2024-01-01",
        "country": "NO",
        "hex": "0x1f",
        "yes": "Yes",
    }


def test_nothing_is_none_and_quotes_make_text() -> None:
    """An empty value, `~` and `null` are nothing; in quotes they are text."""
    data = read("a:\nb: ~\nc: null\nd: \"null\"\ne: ''\n").data
    assert data == {"a": None, "b": None, "c": None, "d": "null", "e": ""}


def test_places_are_lines_and_columns_from_one() -> None:
    """Every key and value knows where it stands."""
    document = read("a: 1\nb:\n  - x\n  - {c: d}\n")
    assert document.keys[("b",)].line == 2
    assert (document.values[("b", 1, "c")].line, document.values[("b", 1, "c")].column) == (4, 9)
    assert document.problem(("b", 1, "c"), "wrong").where == "<text>:4:9"


@pytest.mark.parametrize(
    ("text", "column", "quoted"),
    [
        ("cron: */15 * * * *\n", 7, '"*/15 * * * *"'),
        ("cron: * * * * *  # always\n", 7, '"* * * * *"'),
        ("cron: @daily\n", 7, '"@daily"'),
        ("x: {{ y }}\n", 4, '"{{ y }}"'),
        ("p: {date: ${due - 1 day}}\n", 11, '"${due - 1 day}"'),
        ("title: a: b\n", 8, '"a: b"'),
        ("format: %d\n", 9, '"%d"'),
        ("code: `ls`\n", 7, '"`ls`"'),
        ("title: [red] alert\n", 8, '"[red] alert"'),
        ("list: [*/5, 1]\n", 8, '"*/5"'),
        ("- * * *\n", 3, '"* * *"'),
        ('say: a: "b"\n', 6, "'a: \"b\"'"),
    ],
)
def test_what_yaml_stumbles_over_wants_quotes(text: str, column: int, quoted: str) -> None:
    """Cron lines, templates, references and the like are answered with their quoted form at their place."""
    problem = only(text)
    assert problem.hint == f"put quotes round it: {quoted}"
    assert (problem.line, problem.column) == (1, column)


def test_what_it_tells_to_write_is_read() -> None:
    """The quoted form that is suggested reads as the text that was meant."""
    assert read('cron: "*/15 * * * *"\nx: "{{ y }}"\n').data == {"cron": "*/15 * * * *", "x": "{{ y }}"}
    assert read("say: 'a: \"b\"'\n").data == {"say": 'a: "b"'}


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("a:\n\tb: 1\n", "a tab where YAML wants spaces", 2),
        ("a: b\n c: d\n", "no key can be", 2),
        ("a: [1, 2\nb: 3\n", "the [ opened on line 1 is not closed", 2),
        ("a: 'x\n", "never closed", 2),
        ("a: 1\n---\nb: 2\n", "a second document begins here", 2),
        ("<<: {a: 1}\n", "merge key", 1),
        ("a: *b\n", "alias *b", 1),
        ("a: &b c\n", "anchor &b", 1),
        ("a: !!python/object/apply:os.system [ls]\n", "tag tag:yaml.org,2002:python", 1),
        ("a: !x y\n", "tag !x", 1),
        ("a: 1\n[b]: 3\n", "cannot be a key", 2),
        ("'': a\n", "a key is missing", 1),
        ("a: b\x00c\n", "control character U+0000", 1),
        ("a: 1\nb: \x1b[31m\n", "control character U+001B", 2),
        ('a: "\\0"\n', "control character U+0000", 1),
    ],
)
def test_faults_have_their_line_and_say_what_they_are(text: str, message: str, line: int) -> None:
    """What is refused is named, with its line."""
    problem = only(text)
    assert message in problem.message
    assert problem.line == line


def test_syntax_errors_show_the_line_with_a_caret() -> None:
    """The picture has the line and a caret under the column."""
    problem = only("a: 1\nb: c: d\n")
    line, caret = problem.picture.splitlines()
    assert line == "    2 | b: c: d"
    assert line[caret.index("^")] == "c"


@pytest.mark.parametrize("text", ["", "---\n", "# only a comment\n", "- a\n- b\n", "word\n", "~\n"])
def test_the_top_is_a_mapping(text: str) -> None:
    """An empty file, a list and a single word are told that a mapping is expected."""
    assert only(text).message.startswith("expected a mapping")


def test_duplicate_keys_name_both_lines() -> None:
    """Two problems for a key that stands three times, each naming the first line."""
    found = faults("image: a\nb: 1\nimage: c\nimage: d\n")
    assert [problem.line for problem in found] == [3, 4]
    assert all("line 1" in problem.hint and "'image'" in problem.message for problem in found)


def test_all_faults_of_structure_come_at_once() -> None:
    """An alias, an anchor, a tag and a duplicate do not hide each other."""
    assert len(faults("a: *x\nb: &y 1\nc: !z 2\nd: 1\nd: 2\n")) == 4


def test_size_depth_and_bombs_are_refused_quickly(tmp_path: Path) -> None:
    """A file too large, nesting too deep and an alias bomb end within 100 ms each."""
    large = tmp_path / "large.yaml"
    with large.open("wb") as file:
        file.truncate(50_000_000)
    bomb = "a: &a [x, x]\n" + "".join(f"{new}: &{new} [*{old}, *{old}]\n" for old, new in pairwise("abcdefghi"))
    cases = (large, "a: " + "[" * 100_000, "".join(f"{' ' * n}a:\n" for n in range(1000)), bomb)
    for case in cases:
        begun = time.process_time()
        assert faults(case)
        assert time.process_time() - begun < 0.1
    assert "larger than 256 KB" in only(large).message
    assert "nested more than 20 deep" in only("a: " + "[" * 30).message


def test_twenty_levels_are_read() -> None:
    """The limit is where it is said to be."""
    assert not faults("a: " + "[" * 19 + "]" * 19)
    assert "20 deep" in only("a: " + "[" * 20 + "]" * 20).message


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    """Missing, a folder, a pipe without a writer, not UTF-8: each its own sentence, and no hang."""
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    wrong = tmp_path / "latin.yaml"
    wrong.write_bytes(b"a: 1\nb: caf\xe9\n")
    assert "no such file" in only(tmp_path / "none.yaml").message
    assert only(tmp_path).message == only(pipe).message == "not a file"
    assert (only(wrong).line, only(wrong).column) == (2, 7)


def test_a_byte_order_mark_and_windows_ends_are_read(tmp_path: Path) -> None:
    """Files of other editors are fine."""
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert read(path).data == {"a": "1", "b": "2"}


def test_problems_are_one_clean_line(tmp_path: Path) -> None:
    """Path, line, column, message and hint; control characters of the file do not reach a terminal."""
    path = tmp_path / "environments" / "x.yaml"
    problem = Problem(path, 12, 3, "unknown key 'prots'", "did you mean 'ports'?").labelled(tmp_path)
    assert str(problem) == "environments/x.yaml:12:3: unknown key 'prots': did you mean 'ports'?"
    hostile = Problem(path, 1, 1, "key '\x1b]0;x\x07\u202e'", "", excerpt="\x1b[31mred").described
    assert not set(hostile) & set("\x1b\x07\u202e")


def test_an_error_has_all_its_problems_in_order() -> None:
    """The text of an error has every problem; its message the first."""
    with pytest.raises(DeclarationError) as caught:
        read("b: \x01\na: \x02\n")
    assert [problem.line for problem in caught.value.problems] == [1, 2]
    assert str(caught.value).count("control character") == 2
    assert "(and 1 more)" in caught.value.message


def outcome(source: str | Path) -> Document | DeclarationError:
    """What reading it comes to."""
    try:
        return read(source)
    except DeclarationError as error:
        return error


YAMLISH = st.text(alphabet=st.sampled_from("ab:- \n\t[]{}*&!|>%@`'\"#,?$\\0~<=.é\u2028\x85\r\ud800\x00"), max_size=60)


@settings(max_examples=300, deadline=None)
@given(YAMLISH | st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever it is given, the reader answers with a document or a DeclarationError whose places exist."""
    answer = outcome(text)
    if isinstance(answer, DeclarationError):
        assert answer.problems
        assert str(answer)
    else:
        assert all(place.line >= 1 and place.column >= 1 for place in answer.values.values())


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """The same for files of any bytes."""
    path = tmp_path_factory.mktemp("bytes") / "x.yaml"
    path.write_bytes(content)
    assert len(content) < MAX_BYTES
    answer = outcome(path)
    assert str(answer) if isinstance(answer, DeclarationError) else answer.data is not None
