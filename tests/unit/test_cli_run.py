"""`run`'s parameters are what papermill's command would pass, and what a run says passes through unharmed."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import pytest

from workbench.cli import filters
from workbench.cli.runs.given import Given
from workbench.cli.terminal.output import Cell, width
from workbench.errors import Refused

VALUES = [
    "3", "-3", "007", "1_000", "1e5", "nan", "inf", "2.50", "True", "true", "None", "none", "", " 5 ", "3.10", "a b",
    "2025-01-02", "0x10", "1,5", "ü", "[1, 2]",
]  # fmt: skip
YAML = """
norway: no
port: 22:22
date: 2025-01-02
when: 2025-01-02 06:30:00
version: 3.10
octal: 012
words: ["yes", yes, ~, null, 1e3, 1.0e+3, .inf]
deep: {a: [1, {b: 2}]}
"""


def papermills(
    values: list[tuple[str, str]], raw: list[tuple[str, str]], files: list[str], yamls: list[str], encoded: list[str]
) -> dict[str, object]:
    """The parameters that papermill's command makes of the same options."""
    from click.testing import CliRunner
    from papermill import cli

    seen: dict[str, object] = {}

    def take(**given: object) -> None:
        seen.update(given["parameters"])  # type: ignore[call-overload]

    args = ["in.ipynb", "out.ipynb"]
    for option, pairs in (("-p", values), ("-r", raw)):
        for name, value in pairs:
            args += [option, name, value]
    for option, texts in (("-f", files), ("-y", yamls), ("-b", encoded)):
        for text in texts:
            args += [option, text]
    patch = pytest.MonkeyPatch()
    with patch.context() as context:
        context.setattr(cli, "execute_notebook", take)
        result = CliRunner().invoke(cli.papermill, args, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return seen


@pytest.mark.filterwarnings("ignore")
def test_parameters_are_typed_as_papermill_types_them(tmp_path: Path) -> None:
    """-p -r -f -y -b give the values that papermill's own command gives, the same option winning over the other."""
    file = tmp_path / "values.yaml"
    file.write_text(YAML)
    values = [(f"v{number}", text) for number, text in enumerate(VALUES)] + [("port", "8888")]
    raw = [(f"r{number}", text) for number, text in enumerate(VALUES)]
    yamls = ["{a: 1, b: [no, 012], c: 2025-01-02}", "a: 2"]
    encoded = [base64.b64encode(b"a: 9\nz: 2025-01-02").decode()]
    given = Given(values=values, raw=raw, files=[str(file)], yaml=yamls, base64=encoded)
    expected = papermills(values, raw, [str(file)], yamls, encoded)
    mine = given.read()
    assert list(mine) == list(expected)
    assert {name: repr(value) for name, value in mine.items()} == {
        name: repr(value) for name, value in expected.items()
    }


def test_base64_may_be_wrapped() -> None:
    """What the `base64` command prints for a long text, lines and all, is read."""
    text = base64.encodebytes(b"names: [" + b"abcdefgh, " * 30 + b"end]").decode()
    assert "\n" in text.strip()
    assert len(Given(base64=[text]).read()["names"]) == 31


@pytest.mark.parametrize("text", ["- 1", "just words", "{a: 1", "a: !!python/object:os.system {}", "1: x"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    """YAML that holds no names with values, or asks for objects, is refused and names the option."""
    with pytest.raises(Refused) as caught:
        Given(yaml=[text]).read()
    assert caught.value.title == "-y"


def test_yaml_that_cannot_be_read_is_explained() -> None:
    """In our words and with its place, as in a declaration, not in those of the parser."""
    for text, told in (
        ("a: [", "line 1, column 5: a quote or bracket is opened and never closed"),
        ("date: {{ ds }}", "line 1, column 7: YAML cannot read {{ ds }} as text"),
        ("a: b: c", "line 1, column 4: YAML cannot read b: c as text"),
        ("a: 1\n b: 2", "line 2, column 3: YAML syntax: a `:` where no key can be; check the indentation"),
        ("- 1\nb: 2", "line 2, column 1: YAML syntax: the lines do not fit together; check the indentation"),
        ("a: 'x", "line 1, column 6: a quote or bracket is opened and never closed"),
    ):
        with pytest.raises(Refused) as caught:
            Given(yaml=[text]).read()
        assert caught.value.message == told
        assert caught.value.title == "-y"


def test_an_alias_bomb_is_refused() -> None:
    """A few lines of aliases that mean billions of values are refused at once."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(Refused, match="values"):
        Given(yaml=["\n".join(lines)]).read()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("45m", 2700), ("1h30m", 5400), ("2d", 172800), ("1.5h", 5400), ("1w", 604800)],
)
def test_lengths_need_units(text: str, expected: float) -> None:
    """Lengths of time are written with their unit."""
    assert filters.seconds(text) == expected


@pytest.mark.parametrize("text", ["45", "m", "", "4 m", "-3m", "3x", "1h 30m"])
def test_lengths_without_units_are_refused(text: str) -> None:
    """A bare number could mean anything."""
    with pytest.raises(ValueError, match="no length of time"):
        filters.seconds(text)


def test_since_is_read_in_the_homes_zone() -> None:
    """A date is a date of the home's zone; a length is so long ago."""
    now, zone = datetime(2025, 11, 21, 23, 30, tzinfo=UTC), ZoneInfo("Europe/Berlin")
    assert filters.since("today", now, zone) == datetime(2025, 11, 21, 23, 0, tzinfo=UTC)
    assert filters.since("2025-11-20", now, zone) == datetime(2025, 11, 19, 23, 0, tzinfo=UTC)
    assert filters.since("2025-11-20T06:30", now, zone) == datetime(2025, 11, 20, 5, 30, tzinfo=UTC)
    assert filters.since("2025-11-20T06:30Z", now, zone) == datetime(2025, 11, 20, 6, 30, tzinfo=UTC)
    assert filters.since("2h", now, zone) == datetime(2025, 11, 21, 21, 30, tzinfo=UTC)
    with pytest.raises(click.BadParameter):
        filters.since("9999999999w", now, zone)


def test_columns_count_what_a_terminal_shows() -> None:
    """Wide and combining characters keep columns aligned."""
    assert [width(text) for text in ("abc", "日本", "e\u0301", Cell("● on").text)] == [3, 4, 1, 4]


def test_a_file_without_end_is_refused() -> None:
    """A device named as a file of parameters is read up to a limit, not until memory is full."""
    with pytest.raises(Refused, match="larger than"):
        Given(files=["/dev/zero"]).read()
