"""The parts of a run that need no kernel: journal, limits, huge messages, R code, kernels, publishing, results."""

from __future__ import annotations

import json
import os
import re
import resource
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.engines.base import Person, Workspace
from workbench.errors import Refused
from workbench.execution.allowance import Allowance, joined
from workbench.execution.course import Course
from workbench.execution.fence import hold, is_held
from workbench.execution.intake import shortened
from workbench.execution.job import Job, read_job, write_job
from workbench.execution.journal import Journal, Strand
from workbench.execution.kernels import choose_kernel
from workbench.execution.publishing import publish
from workbench.execution.redaction import Redaction
from workbench.execution.result import RESERVE_FILE, Result, read_result, reserve, write_result
from workbench.execution.verdict import judge, last_words
from workbench.model.environment import EngineName, KernelSpec, Limits, Revision
from workbench.model.event import Progress
from workbench.model.project import Mount
from workbench.model.run import Failure, RunState
from workbench.notebooks.document import parse
from workbench.supervisor.queue.runs import BLOCK


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job with something in every field."""
    space = Workspace(
        "home",
        "p",
        tmp_path,
        tmp_path / "notebooks",
        data=(Mount(Path("/srv"), "srv", True),),
        env={"A": "b"},
        limits=Limits(cpus=1.5, memory=10),
        person=Person(1, 2, "ann"),
    )
    kernel = KernelSpec("python3", "Python 3", "python", ("python", "-m", "x", "{connection_file}"), {"K": "v"})
    revision = Revision("id", EngineName.PROCESS, "/venv", packages=("a==1",), kernels=(kernel,), ides=("jupyter",))
    return Job(
        run=41,
        attempt=2,
        token="token",
        notebook="notebooks/é.ipynb",
        input=tmp_path / "input.ipynb",
        workspace=space,
        revision=revision,
        engine=EngineName.PROCESS,
        engine_options={"root": "/h"},
        parameters={"a": [1, None, "é"]},
        timeout=3.5,
        env={"X": "y"},
        published=tmp_path / "p" / "runs" / "2026-01-01T0000-é-41",
        record={"git": None},
        wake=Path("/w"),
    )


def test_a_job_is_read_as_it_was_written(job: Job, tmp_path: Path) -> None:
    """All of it, in a private folder."""
    folder = tmp_path / "41" / "2"
    write_job(folder, job)
    assert read_job(folder) == job
    assert [path.name for path in folder.iterdir()] == ["job.json"]
    (folder / "job.json").write_text("{}")
    with pytest.raises(ValueError, match="does not describe a job"):
        read_job(folder)


def test_a_result_is_written_once(tmp_path: Path) -> None:
    """The first stays, whole; the space kept aside for it is given back."""
    reserve(tmp_path)
    assert (tmp_path / RESERVE_FILE).stat().st_size > 100_000
    failure = Failure("ValueError", "é", 3, "x", "t")
    first = Result(RunState.FAILED, "token", "reason", failure=failure, seconds=1.5)
    assert write_result(tmp_path, first)
    assert not write_result(tmp_path, Result(RunState.SUCCEEDED, "late"))
    assert read_result(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_a_lock_tells_who_lives(tmp_path: Path) -> None:
    """Held is held, freed is free, and looking takes nothing."""
    assert not is_held(tmp_path)
    lock = hold(tmp_path)
    assert lock is not None
    assert is_held(tmp_path)
    assert hold(tmp_path) is None
    assert not os.get_inheritable(lock)
    os.close(lock)
    assert not is_held(tmp_path)


def test_a_progress_bar_leaves_its_last_state() -> None:
    """What a bare CR overwrites is not shown, also where it comes in pieces; the end is not lost."""
    strand = Strand()
    shown = [strand.feed(text) for text in ("begin\n 0%", "\r 50%", "\r100%", "\nnext \x1b[3", "1mred\x1b[0m\r\n")]
    assert "".join(shown) == "begin\n 0%100%\nnext red\n"
    assert strand.feed("\r 7%") == ""
    assert strand.finish() == " 7%"


@given(st.lists(st.text(alphabet="ab\n\r\x1b[31m;\x9b\x07é", max_size=8), max_size=8))
def test_nothing_unsafe_comes_out_of_a_stream(chunks: list[str]) -> None:
    """However a stream is cut, no control character but tab and newline is written."""
    strand = Strand()
    shown = "".join(strand.feed(chunk) for chunk in chunks) + strand.finish()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)


def test_a_secret_in_pieces_is_shown_to_nobody(tmp_path: Path) -> None:
    """Its beginning waits for the rest; where something else comes, or the cell ends, it is text as any other."""
    (tmp_path / "PASSWORD").write_text("hunter2hunter2")
    redaction = Redaction([tmp_path / "PASSWORD"])
    journal = Journal(tmp_path, redaction.shown)
    for text in ("it is hunter2h", "unter", "2, and h", "ere hunt"):
        journal.output(1, "stdout", text)
    assert "hunt" not in (tmp_path / "events.jsonl").read_text()
    journal.close()
    assert (tmp_path / "log.txt").read_text() == "it is [secret], and here hunt"
    assert redaction.count == 1
    content: dict[str, Any] = {"data": {"text/plain": "x"}, "metadata": {"note": "hunter2hunter2"}}
    redaction.message(content)
    assert content["metadata"] == {"note": "[secret]"}


def test_the_journal_is_bounded(tmp_path: Path) -> None:
    """Output over the limits is dropped with a marker, first in the events, then in the log; other events go on."""
    journal = Journal(tmp_path, events_limit=1000, log_limit=5000)
    for _ in range(100):
        journal.output(1, "stdout", "x" * 99 + "\n")
    journal.event(Progress.DONE, cell=1)
    journal.close()
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert sum(len(line.get("text", "")) for line in lines if line["kind"] == "output") == 1000
    assert [line["kind"] for line in lines[-2:]] == ["note", "done"]
    assert "log.txt" in lines[-2]["text"]
    log = (tmp_path / "log.txt").read_text()
    assert 5000 < len(log) < 5100
    assert "limited to 5.0 kB" in log


def test_a_full_disk_costs_lines_only(tmp_path: Path) -> None:
    """Where the files take nothing the journal goes on and says why."""
    (tmp_path / "log.txt").symlink_to("/dev/full")
    journal = Journal(tmp_path)
    journal.output(1, "stdout", "lost\n")
    journal.close()
    assert journal.problem == "No space left on device"


def test_a_torn_line_spoils_no_other(tmp_path: Path) -> None:
    """A line of which only a part found room is followed by whole ones."""
    journal = Journal(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        for _ in range(3):
            journal.event(Progress.NOTE, text="x" * 30)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    journal.event(Progress.DONE, cell=1)
    journal.close()
    first, torn, *_, last = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert json.loads(first)["kind"] == "note"
    assert not torn.endswith(b"}")
    assert json.loads(last)["kind"] == "done"


def test_lines_are_shorter_than_what_is_read_at_a_time(tmp_path: Path) -> None:
    """One huge message in wide characters, with a part held back before it, stops no reader."""
    journal = Journal(tmp_path)
    for text in ("\r" + "\U0001f600" * 99_999, "\U0001f600" * 300_000):
        journal.output(1, "stdout", text)
    journal.close()
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) > 1
    assert max(map(len, lines)) < BLOCK


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    """A stream message."""
    return {"msg_type": "stream", "content": {"name": name, "text": text}}


def test_an_allowance_cuts_text_and_leaves_out_what_is_too_rich() -> None:
    """The marker tells both; clearing frees the room."""
    allowance = Allowance(1000)
    message = stream("x" * 1500)
    assert allowance.admit(message)
    assert len(message["content"]["text"]) == 1000
    assert not allowance.admit(stream("more"))
    rich = {"msg_type": "display_data", "content": {"data": {"text/html": "y" * 20_000}}}
    assert not allowance.admit(rich)
    assert "504 B more of text were not kept here: see log.txt" in allowance.marker()
    assert "20.0 kB of rich output were left out" in allowance.marker()
    allowance.cleared()
    assert allowance.admit(stream("again"))
    assert Allowance(10).marker() == ""


def test_very_many_pieces_of_text_are_put_together() -> None:
    """The first stay as they came, which is papermill's way; then text of the same stream joins what is last."""
    outputs: list[dict[str, Any]] = []
    for number in range(1000):
        message = stream(f"{number}\n")
        if not joined(outputs, message):
            outputs.append({"output_type": "stream", **message["content"]})
    assert len(outputs) == 200
    assert "".join(output["text"] for output in outputs) == "".join(f"{number}\n" for number in range(1000))
    assert not joined(outputs, stream("x", "stderr"))


@given(st.text(min_size=1, max_size=40), st.integers(min_value=0, max_value=200), st.booleans())
def test_a_cut_message_is_still_a_message(text: str, length: int, escaped: bool) -> None:
    """Wherever the content of a stream message is cut, what is left is its beginning."""
    head = b'{"name": "stdout", "text": "'
    whole = json.dumps({"name": "stdout", "text": text}, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    left = json.loads(shortened(whole[: max(len(head), min(length, len(whole) - 2))]))
    beginning = left["text"].encode("utf-16", "surrogatepass")
    assert text.encode("utf-16", "surrogatepass").startswith(beginning)


@pytest.mark.parametrize(
    ("value", "r"),
    [
        ("é名🙂", '"\\u00e9\\u540d\\U0001f642"'),
        ('a"b\\c\n\t', '"a\\"b\\\\c\\n\\t"'),
        ("\x00\x1b", '"\\ufffd\\u001b"'),
        (float("nan"), "NaN"),
        (float("-inf"), "-Inf"),
        (1e22, "1e+22"),
        (True, "TRUE"),
        (None, "NULL"),
        ([1, "a"], 'list(1, "a")'),
        ([1, 2.5, float("inf")], "c(1, 2.5, Inf)"),
        (["é", None], 'c("\\u00e9", NA)'),
        ([True, 1], "list(TRUE, 1)"),
        ([None, None], "c(NA, NA)"),
        ([], "list()"),
        ([[1, 2], [3]], "list(c(1, 2), c(3))"),
        ([{"a": 1}, None], 'list(list("a" = 1), NULL)'),
        ({"é": [False]}, 'list("\\u00e9" = c(FALSE))'),
        ({"": 1, "b": ["x"]}, 'structure(list(1, c("x")), names = c("", "b"))'),
    ],
)
def test_r_reads_values_as_they_were(value: Any, r: str) -> None:
    """R code is ASCII, with escapes that R reads as characters and never as bytes."""
    from workbench.execution.translators import WorkbenchRTranslator

    assert WorkbenchRTranslator.codify({"x": value}) == f"# Parameters\nx = {r}\n"


PYTHON = KernelSpec("python3", "Python", "python", ())
R = KernelSpec("ir", "R", "R", ())


def chosen(
    kernels: tuple[KernelSpec, ...], wanted: str | None = None, preferred: str | None = None, **kernelspec: str
) -> str:
    """The kernel that a notebook with this kernelspec gets."""
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernelspec}, "cells": []}
    return choose_kernel(parse(json.dumps(content).encode(), title=""), kernels, wanted, preferred).name


def test_the_kernel_is_the_named_one_else_the_one_of_the_language() -> None:
    """By name, by language, the only one there is; and a refusal that lists them."""
    other = KernelSpec("py-dev", "Dev", "python", ())
    assert chosen((PYTHON, R), name="ir") == "ir"
    assert chosen((PYTHON, R), name="conda-env-x", language="python") == "python3"
    assert chosen((PYTHON, R, other), name="conda-env-x", language="python") == "python3"
    assert chosen((R,)) == "ir"
    assert chosen((PYTHON, R), wanted="ir", name="python3") == "ir"
    for kernels, spec in (((PYTHON,), {"name": "ir"}), ((PYTHON, R), {}), ((), {"name": "python3"})):
        with pytest.raises(Refused) as caught:
            chosen(kernels, **spec)
        assert "There are: " in caught.value.hint


def test_the_environments_own_kernel_comes_before_a_guess() -> None:
    """Where the notebook's is not there or it names none; never one of another language, and never over its own."""
    other = KernelSpec("py-dev", "Dev", "python", ())
    known = (PYTHON, R, other)
    assert chosen(known, preferred="py-dev", name="conda-env-x", language="python") == "py-dev"
    assert chosen(known, preferred="py-dev") == "py-dev"
    assert chosen(known, preferred="py-dev", name="python3", language="python") == "python3"
    assert chosen(known, preferred="ir", name="conda-env-x", language="python") == "python3"
    assert chosen(known, preferred="gone", name="conda-env-x", language="python") == "python3"
    assert chosen(known, wanted="ir", preferred="py-dev") == "ir"


@pytest.mark.parametrize(
    ("name", "message", "reason"),
    [
        ("ValueError", "bad\nworse", "ValueError: bad worse (cell 1)"),
        ("AssertionError", "", "AssertionError (cell 1)"),
        ("ERROR", "Error in f(): böse\n", "Error in f(): böse (cell 1)"),
        ("StdinNotImplementedError", "raw_input", "asked for input in cell 1"),
    ],
)
def test_a_reason_is_one_line_in_the_languages_own_words(
    job: Job, tmp_path: Path, name: str, message: str, reason: str
) -> None:
    """Python's errors by name and message; R's, which have no name, by message alone."""
    cell = {"cell_type": "code", "source": "x", "metadata": {}}
    error = {"output_type": "error", "ename": name, "evalue": message, "traceback": []}
    journal = Journal(tmp_path)
    verdict = judge(Course(job, journal), {"cells": [{**cell, "outputs": [error]}]}, None)
    journal.close()
    assert (verdict.state, verdict.reason) == (RunState.FAILED, reason)


def test_publishing_is_whole_or_nothing(job: Job, tmp_path: Path) -> None:
    """Nothing half is seen, not even where it fails; `latest` follows, and a file of that name is left alone."""
    attempt = tmp_path / "attempt"
    attempt.mkdir()
    (attempt / "output.ipynb").write_text("{}")
    with pytest.raises(FileNotFoundError):
        publish(job, attempt, {})
    (tmp_path / "p").mkdir()
    place = publish(job, attempt, {"a": 1})
    runs = place.parent
    assert (runs / ".gitignore").read_text() == "*\n"
    assert sorted(path.name for path in runs.iterdir()) == [".gitignore", place.name, "latest"]
    (attempt / "log.txt").mkdir()
    with pytest.raises(OSError, match="directory"):
        publish(job, attempt, {})
    assert sorted(path.name for path in runs.iterdir()) == [".gitignore", place.name, "latest"]
    (attempt / "log.txt").rmdir()
    (runs / "latest").unlink()
    (runs / "latest").write_text("a person's")
    assert publish(job, attempt, {}).name == f"{place.name}-2"
    assert (runs / "latest").read_text() == "a person's"


def test_last_words_are_the_kernels_own(tmp_path: Path) -> None:
    """What ipykernel prints at each start is left out of what a kernel that died said last."""
    greeting = (
        "NOTE: When using the `ipython kernel` entry point, Ctrl-C will not work.\n\nTo exit, you will have to explicitly"
        " quit this process\n\nTo connect another client to this kernel, use:\n    --existing /run/k/kernel.json\n"
    )
    path = tmp_path / "output.txt"
    for said in ("", "Fatal Python error: Aborted\n"):
        path.write_text(greeting + said)
        assert last_words(SimpleNamespace(output=path)) == said.strip()
