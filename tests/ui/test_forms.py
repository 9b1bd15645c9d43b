"""Forms: filled in by keys, checked while typing, errors where they belong, and what they ask of the services."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from repositories import repository, served
from textual import events
from textual.widgets import Select
from ui.seeding import Seed, notebook_text, story
from ui.staging import SHIPPED, SMALL

from workbench.errors import Refused
from workbench.model.run import ENDED, RunState
from workbench.model.session import Desired
from workbench.services import environments, groups, projects, runs, schedules, sessions
from workbench.ui import typeahead
from workbench.ui.modals.environment import EnvironmentForm
from workbench.ui.modals.form import Form
from workbench.ui.modals.project import CLONE, ProjectForm
from workbench.ui.modals.run import RunForm
from workbench.ui.modals.schedule import ScheduleForm
from workbench.ui.modals.schedule_parameters import ScheduleParameters
from workbench.ui.modals.session import SessionForm
from workbench.ui.modals.text import TextModal


async def filled(on: Any, kind: type[Form[Any]], field: str, text: str) -> None:
    """Wait for a form, put the cursor in a field, replace what is there."""
    form = await on.modal(kind)
    await on.until(lambda: any(one.field_name == field for one in form.query("Field")), f"the field {field}")
    widget = form.field(field).widget
    widget.focus()
    await on.press("ctrl+u", "ctrl+k", *["space" if character == " " else character for character in text])


def in_r(parameters: str) -> str:
    """A notebook in R with a parameters cell."""
    document = json.loads(notebook_text(parameters))
    document["metadata"] = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
    return json.dumps(document)


async def test_a_project_by_keys_from_an_empty_home(seed: Seed, stage: Callable[..., Any]) -> None:
    """An empty home says n; the form takes a name and shows what will be there; the project is then selected."""
    async with stage(SMALL) as on:
        await on.see("Press n to make one")
        await on.press("n")
        await filled(on, ProjectForm, "name", "Not a name")
        await on.see("lower-case letters, digits and hyphens")
        await filled(on, ProjectForm, "name", "sales")
        await on.see("with notebooks/, data/, project.yaml", "$ workbench projects new sales")
        await on.press("enter")
        await on.until(lambda: on.screen.listing.cursor == "sales", "the project")
        assert projects.get(seed.bench, "sales").path.is_dir()


async def test_a_refusal_stays_in_the_form(seed: Seed, stage: Callable[..., Any]) -> None:
    """A name that is taken is said in the form, which stays with what was typed."""
    seed.project("sales")
    async with stage() as on:
        await on.press("n")
        await filled(on, ProjectForm, "name", "sales")
        await on.press("ctrl+s")
        await on.see("there is a project sales already")
        assert isinstance(on.app.screen, ProjectForm)
        await on.press("escape")
        await on.until(lambda: on.app.screen is on.screen, "the list")


async def test_parameters_are_typed_from_the_notebook(seed: Seed, stage: Callable[..., Any], asked: list[str]) -> None:
    """Each parameter has a line with its default; a wrong value is said before anything is queued; what changed is run."""
    story(seed)
    async with stage(SMALL) as on:
        await on.select("sales")
        await on.press("r")
        form = await on.modal(RunForm)
        form.field("notebook").widget.value = "notebooks/report.ipynb"
        await filled(on, RunForm, "p:year", "soon")
        await on.see("year", "a whole number is expected, not 'soon'")
        await on.press("ctrl+s")
        assert isinstance(on.app.screen, RunForm)
        await filled(on, RunForm, "p:year", "2026")
        await filled(on, RunForm, "p:region", "42")
        await on.until(lambda: "-p year 2026" in form.considered.command, "the command")
        assert "-r region 42" in form.considered.command
        await on.press("ctrl+s")
        await on.until(lambda: on.app.current_mode == "runs" and on.screen.listing.cursor == "11", "the run")
        run = runs.get(seed.bench, 11)
        assert run.parameters == {"region": "42", "year": 2026}
        assert run.origin == "ui"
        assert "wake" in asked


async def test_a_run_is_changed_and_keeps_the_rest(seed: Seed, stage: Callable[..., Any], asked: list[str]) -> None:
    """A run once more with another parameter has the environment, limit, retries and name of the one before, unless
    other ones are written below "more"."""
    story(seed)
    first = {"environment": "r", "timeout": 2700.0, "retries": 2, "name": "monthly", "parameters": {"region": "north"}}
    number = seed.run(RunState.FAILED, reason="no", **first)
    async with stage() as on:
        await on.list("runs", rows=11)
        await on.select(str(number))
        await on.press("e")
        form = await on.modal(RunForm)
        await filled(on, RunForm, "p:year", "2027")
        await on.until(lambda: form.field("environment").value == "r", "the environment")
        assert form.field("k:timeout.run").value == "45m"
        form.field("k:retries.count").widget.value = "many"
        await on.until(lambda: "k:retries.count" in form.considered.errors, "the error")
        form.field("k:retries.count").widget.value = "3"
        form.field("k:priority").widget.value = "high"
        await on.until(lambda: "--priority high" in form.considered.command, "the command")
        form.field("k:keep_kernel").widget.value = "30m"
        for part in ("--environment r", "--timeout 45m", "--retries 3", "--keep 30m", "--name monthly", "-p year 2027"):
            await on.until(lambda part=part: part in form.considered.command, part)
        await on.press("ctrl+s")
        await on.until(lambda: on.screen.listing.cursor == str(number + 1), "the run")
    run = runs.get(seed.bench, number + 1)
    assert (run.environment, run.timeout, run.retries, run.priority, run.name) == ("r", 2700.0, 3, 10, "monthly")
    assert (run.parameters, run.terms.keep) == ({"region": "north", "year": 2027}, 1800.0)


async def test_a_form_with_many_lines_keeps_its_buttons(seed: Seed, stage: Callable[..., Any]) -> None:
    """At 80x24 a notebook with twenty parameters scrolls in the form; its buttons stay in sight."""
    folder = seed.project("sales")
    source = "\n".join(f"value_{number} = {number}  # what value {number} means" for number in range(20))
    (folder / "notebooks" / "many.ipynb").write_text(notebook_text(source))
    async with stage(SMALL) as on:
        await on.select("sales")
        await on.press("r")
        await on.modal(RunForm)
        await on.see("value_0: int", "Run (ctrl+s)", "Cancel")
        await filled(on, RunForm, "p:value_19", "5")
        await on.see("value_19: int", "Run (ctrl+s)")


async def test_a_session_says_what_will_happen(seed: Seed, stage: Callable[..., Any]) -> None:
    """The launch form shows environment, address and folders, and asks for the session once."""
    story(seed)
    async with stage() as on:
        await on.list("sessions", rows=2)
        await on.select("2")
        await on.press("n")
        await on.modal(SessionForm)
        await on.see(
            "weather-jupyter, which is stopped",
            "python, ready",
            "on this machine only",
            "$ workbench sessions start weather",
        )
        form = on.app.screen
        form.field("project").widget.value = "pricing"
        await on.see("http://pricing-jupyter.localhost, on a free port that it keeps")
        form.field("project").widget.value = "weather"
        await on.until(lambda: "start weather" in form.considered.command, "the command")
        await on.press("ctrl+s")
        await on.until(lambda: sessions.get(seed.bench, 2).desired is Desired.UP, "the wish")


async def test_a_session_form_offers_what_the_environment_has(seed: Seed, stage: Callable[..., Any]) -> None:
    """Its IDEs, the first one chosen, and what that can open: the apps of the project, or its notebooks."""
    (seed.bench.home.environments / "apps.yaml").write_text("python: {}\nides: [streamlit, jupyter]\n")
    folder = seed.project("sales", {"sales.ipynb": ""}, "environment: apps\n")
    (folder / "streamlit_app.py").write_text("")
    async with stage() as on:
        await on.select("sales")
        await on.press("3", "n")
        form = await on.modal(SessionForm)
        await on.until(lambda: form.field("file").value == "streamlit_app.py", "the app")
        await on.see("$ workbench sessions start sales --ide streamlit --file streamlit_app.py")
        form.field("ide").widget.value = "jupyter"
        await on.until(lambda: form.field("file").value == "the start page", "what the other opens")
        form.field("ide").widget.value = "streamlit"
        await on.until(lambda: form.field("file").value == "streamlit_app.py", "the app again")
        form.field("name").widget.value = "Not This"
        await on.see("Small letters")
        form.field("name").widget.value = "sales-two"
        await on.see("--name sales-two")
        await on.press("ctrl+s")
        await on.until(lambda: sessions.listing(seed.bench), "the session")
    (session,) = sessions.listing(seed.bench)
    assert (session.name, session.ide, session.file) == ("sales-two", "streamlit", "streamlit_app.py")


async def test_a_schedule_previews_its_times_while_typing(seed: Seed, stage: Callable[..., Any]) -> None:
    """Words and next times appear as the line is typed; a wrong line is said; the file is written."""
    story(seed)
    async with stage(SMALL) as on:
        await on.list("schedules", rows=2)
        await on.press("n")
        await filled(on, ScheduleForm, "name", "monthly")
        await filled(on, ScheduleForm, "when", "0 7 1 *")
        await on.see("a line has five fields")
        await filled(on, ScheduleForm, "when", "0 7 1 * *")
        await on.see("At 07:00 on the first day of every month", "Wed 2026-04-01 07:00")
        await on.press("ctrl+s")
        await on.until(lambda: on.screen.listing.cursor.endswith("/monthly"), "the schedule")
        assert schedules.get(seed.bench, "monthly").spec.cron == "0 7 1 * *"


async def test_whether_it_will_run_can_be_read(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a schedule was added, what may keep it from running is said with its remedy, until it was read."""
    story(seed)
    remedy = "Logging out ends it. To have it stay: loginctl enable-linger ann"
    monkeypatch.setattr(
        schedules, "tonight", lambda bench, spec: ["It will run as long as this machine is up.", remedy]
    )
    async with stage(SMALL) as on:
        await on.list("schedules", rows=2)
        await on.press("n")
        await filled(on, ScheduleForm, "name", "monthly")
        await filled(on, ScheduleForm, "when", "0 7 1 * *")
        await on.press("ctrl+s")
        await on.modal(TextModal)
        await on.see("It will run as long as this machine is up.", remedy)
        await on.press("escape")
        await on.until(lambda: on.screen.listing.cursor.endswith("/monthly"), "the schedule")


async def test_pause_and_run_now(seed: Seed, stage: Callable[..., Any]) -> None:
    """p pauses and resumes, r runs at once; neither asks."""
    story(seed)
    async with stage() as on:
        await on.list("schedules", rows=2)
        await on.select("sales/nightly")
        await on.press("p")
        await on.see("‖ paused", "Paused sales/nightly")
        await on.press("p")
        await on.see("Resumed sales/nightly", "● active")
        await on.press("r")
        await on.see("Run 11 is queued")
        assert runs.get(seed.bench, 11).schedule == "sales/nightly"


async def test_an_environment_is_built_by_a_key(seed: Seed, stage: Callable[..., Any]) -> None:
    """r queues a build and shows its log; of one that is built it asks first."""
    seed.project("sales")
    seed.environment()
    async with stage() as on:
        await on.list("environments")
        await on.select("r")
        await on.press("r")
        await on.see("Build b2 of r is queued")
        await on.select("python")
        await on.press("r")
        await on.see("Build python again?", "nothing in its declaration changed")
        await on.press("n")
        assert len(environments.builds(seed.bench)) == 2


async def test_without_a_project_the_forms_say_what_to_do(seed: Seed, stage: Callable[..., Any]) -> None:
    """Running, starting and scheduling in an empty home say how to make a project."""
    async with stage(SMALL) as on:
        for mode in ("runs", "sessions", "schedules"):
            await on.list(mode, rows=0)
            await on.press("n")
            await on.see("There is no project yet.", "press 1, then n")
            await on.press("escape")


@pytest.mark.parametrize("key", ["escape", "ctrl+q"])
async def test_a_form_can_always_be_left(seed: Seed, stage: Callable[..., Any], key: str) -> None:
    """esc leaves a form and nothing is done; ctrl+q leaves the program from anywhere."""
    async with stage() as on:
        await on.press("n")
        await on.modal(ProjectForm)
        await on.press(*"abc", key)
        await on.until(
            lambda: (on.app.screen is not None and not isinstance(on.app.screen, ProjectForm)) or not on.app.is_running,
            "it to close",
        )
        assert projects.listing(seed.bench) == []


async def test_what_is_needed_has_no_empty_choice(seed: Seed, stage: Callable[..., Any]) -> None:
    """Project, notebook and kind of time offer their options and nothing else; an environment may be left open."""
    story(seed)
    async with stage() as on:
        await on.select("sales")
        await on.press("t")
        form = await on.modal(ScheduleForm)
        await on.until(lambda: form.field("notebook").value, "a notebook")
        for name in ("project", "notebook", "kind"):
            assert Select.NULL not in form.field(name).widget._legal_values
        await on.press("escape", "r")
        form = await on.modal(RunForm)
        await on.until(lambda: len(form.field("environment").widget._legal_values) > 2, "environments")
        assert Select.NULL in form.field("environment").widget._legal_values


async def test_typing_on_after_a_choice_loses_nothing(seed: Seed, stage: Callable[..., Any]) -> None:
    """Enter in a list of choices, tab and text at once: the text is in the next field."""
    story(seed)
    async with stage(SMALL) as on:
        await on.select("sales")
        await on.press("t")
        form = await on.modal(ScheduleForm)
        form.field("kind").widget.focus()
        await on.press("enter", "down", "down", "enter", "tab", "2", "h")
        await on.until(lambda: form.field("when").value == "2h", "the text in its field")
        assert form.field("kind").value == "every"


async def test_what_arrives_together_goes_where_it_was_meant(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A choice, a tab and text that arrive at once, as over a slow line, are taken one after the other."""
    monkeypatch.setattr(typeahead, "PATIENCE", 30.0)  # a busy machine may take longer than keys wait
    story(seed)
    async with stage(SMALL) as on:
        await on.select("sales")
        await on.press("t")
        form = await on.modal(ScheduleForm)
        await on.until(lambda: form.focused is form.field("name").widget, "the name")
        typed = [*"weekly", "tab", "enter", "down", "down", "enter", "tab", "2", "h", "tab", "ctrl+u", "ctrl+k"]
        for key in [*typed, *"UTC"]:
            on.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await on.until(lambda: form.field("timezone").value == "UTC", "the last of it")
        assert {name: form.field(name).value for name in ("name", "kind", "when")} == {
            "name": "weekly", "kind": "every", "when": "2h",
        }  # fmt: skip


async def test_a_fault_in_a_form_is_shown(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours while a form checks or acts is told with its traceback, logged, and leaves the form usable."""

    def broken(*args: Any, **more: Any) -> Any:
        raise ZeroDivisionError("division [/by] zero")

    async with stage() as on:
        await on.press("n")
        form = await on.modal(ProjectForm)
        await filled(on, ProjectForm, "name", "sales")
        with monkeypatch.context() as patch:
            patch.setattr(projects, "create", broken)
            await on.press("ctrl+s")
            await on.modal(TextModal)
            await on.see("Internal error", "ZeroDivisionError: division [/by] zero")
        assert "division" in caplog.text
        await on.press("escape", "ctrl+s")
        await on.until(lambda: on.screen.listing.cursor == "sales", "the project")
        await on.press("r")
        form = await on.modal(RunForm)
        with monkeypatch.context() as patch:
            patch.setattr(type(form), "consider", broken)
            form.revise()
            await on.modal(TextModal)
            await on.see("Internal error")


async def test_packages_are_of_the_language_of_the_base(seed: Seed, stage: Callable[..., Any]) -> None:
    """What is based on an R environment gets R packages, and the form says which are asked for."""
    async with stage() as on:
        await on.list("environments", rows=SHIPPED)
        await on.press("n")
        form = await on.modal(EnvironmentForm)
        await filled(on, EnvironmentForm, "name", "tidy")
        form.field("extends").widget.value = "r"
        await filled(on, EnvironmentForm, "packages", "data.table")
        await on.see("R packages of CRAN")
        await on.press("ctrl+s")
        await on.until(lambda: on.screen.listing.cursor == "tidy", "the environment")
        spec = environments.spec(seed.bench, "tidy")
        assert "data.table" in spec.r.packages
        assert not (spec.python and spec.python.packages)


async def test_a_form_begins_where_typing_begins(seed: Seed, stage: Callable[..., Any]) -> None:
    """Opened from a project, a schedule's form begins at its name, and no word of before lies on its buttons."""
    story(seed)
    async with stage(SMALL) as on:
        await on.select("sales")
        on.app.desk.say("something that passed")
        await on.see("something that passed")
        await on.press("t")
        form = await on.modal(ScheduleForm)
        await on.until(lambda: form.focused is form.field("name").widget, "the name")
        await on.gone("something that passed")
        await on.press("ctrl+s")
        await on.see("it needs a name", "e.g. 30 6 * * mon-fri", "it needs a time: minute hour day month weekday")
        on.app.desk.say("said meanwhile")
        await on.see("said meanwhile", "Add (ctrl+s)", "Cancel")


async def test_the_time_zone_is_asked_once(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first schedule's form proposes the machine's zone and says that it is kept; then it is the home's."""
    seed.project("sales", {"report.ipynb": ""})
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    async with stage() as on:
        await on.select("sales")
        await on.press("t")
        form = await on.modal(ScheduleForm)
        await on.see("Asia/Tokyo will be kept as this home's time zone")
        await filled(on, ScheduleForm, "name", "monthly")
        await filled(on, ScheduleForm, "timezone", "Tokyo")
        await on.see("Did you mean Asia/Tokyo?")
        await filled(on, ScheduleForm, "timezone", "Asia/Tokyo")
        await filled(on, ScheduleForm, "when", "0 7 1 * *")
        await on.until(lambda: form.considered.command, "the command")
        await on.press("ctrl+s")
        await on.until(lambda: on.screen.listing.cursor.endswith("/monthly"), "the schedule")
        assert seed.bench.settings.timezone == "Asia/Tokyo"


async def test_a_removed_project_is_not_replaced_by_another(seed: Seed, stage: Callable[..., Any]) -> None:
    """A run of a project that went meanwhile is refused by name; no other project stands in the form instead."""
    seed.project("doomed", {"report.ipynb": ""})
    seed.project("other", {"report.ipynb": ""})
    async with stage() as on:
        await on.select("doomed")
        shutil.rmtree(seed.bench.home.projects / "doomed")
        await on.press("r")
        await on.see("doomed: there is no such project any more")
        assert not isinstance(on.app.screen, RunForm)


async def test_a_refusal_leaves_the_buttons_in_sight(
    seed: Seed, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 80x24, with all times shown and a refusal of several lines, its buttons, the header and the footer are seen."""
    story(seed)

    def refuse(*args: Any, **more: Any) -> Any:
        raise Refused("The first reason why this cannot be. " * 4 + "LAST WORD", hint="A remedy. " * 9 + "END")

    monkeypatch.setattr(schedules, "add", refuse)
    async with stage(SMALL) as on:
        await on.select("sales")
        await on.press("t")
        form = await on.modal(ScheduleForm)
        await filled(on, ScheduleForm, "name", "monthly")
        await filled(on, ScheduleForm, "when", "0 7 1 * *")
        await on.until(lambda: form.considered.command, "the command")
        await on.press("ctrl+s")
        await on.see("LAST WORD", "END", "Cancel", "Add (ctrl+s)")
        box = form.query_one(".box").region
        assert box.y >= 1
        assert box.bottom <= on.app.size.height - 1


async def test_a_schedule_may_run_elsewhere(seed: Seed, stage: Callable[..., Any]) -> None:
    """A notebook in R is refused before anything is asked for, until an environment that has R is chosen."""
    folder = seed.project("sales")
    (folder / "notebooks" / "report.ipynb").write_text(in_r("year <- 2025"))
    async with stage(SMALL) as on:
        await on.select("sales")
        await on.press("r")
        await on.see("It is in R, which python lacks: choose another environment.")
        await on.press("escape", "t")
        form = await on.modal(ScheduleForm)
        await on.see("It is in R, which python lacks: choose another environment.")
        await filled(on, ScheduleForm, "name", "monthly")
        await filled(on, ScheduleForm, "when", "0 7 1 * *")
        await on.press("ctrl+s")
        await on.until(lambda: form.focused is form.field("environment").widget, "what is to be changed")
        form.field("environment").widget.value = "r"
        await on.until(lambda: "--environment r" in form.considered.command, "the command")
        await on.press("ctrl+s")
        await on.until(lambda: on.screen.listing.cursor.endswith("/monthly"), "the schedule")
        assert schedules.get(seed.bench, "monthly").spec.environment == "r"


async def test_a_form_begins_with_a_notebook_that_can_run(seed: Seed, stage: Callable[..., Any]) -> None:
    """The first notebook that the project's environment can run stands in the form; later the one that ran last."""
    folder = seed.project("sales", {"churn.ipynb": "months = 12", "report.ipynb": "year = 2025"})
    (folder / "notebooks" / "broken.ipynb").write_text("{")
    (folder / "notebooks" / "arima.ipynb").write_text(in_r("year <- 2025"))
    async with stage(SMALL) as on:
        await on.select("sales")
        await on.press("r")
        form = await on.modal(RunForm)
        await on.until(lambda: form.field("notebook").value == "notebooks/churn.ipynb", "what can run")
        await on.press("escape")
        seed.run()
        await on.press("t")
        form = await on.modal(ScheduleForm)
        await on.until(lambda: form.field("notebook").value == "notebooks/report.ipynb", "what ran last")


async def test_what_a_parameter_means_is_read_to_its_end(seed: Seed, stage: Callable[..., Any]) -> None:
    """A long comment beside a parameter is wrapped below its line, not cut."""
    seed.project("sales", {"report.ipynb": f"year = 2025  # {'the year that is reported, ' * 3}from January on"})
    async with stage(SMALL) as on:
        await on.select("sales")
        await on.press("r")
        await filled(on, RunForm, "p:year", "2026")
        await on.see("reported, from January on")


async def test_typing_in_an_open_list_goes_to_what_is_typed(seed: Seed, stage: Callable[..., Any]) -> None:
    """Letters typed in an open list go to the option that holds them, wherever; what looks like markup is only text."""
    seed.project("sales", dict.fromkeys(("arima.ipynb", "churn.ipynb", "report [b].ipynb"), ""))
    async with stage(SMALL) as on:
        await on.select("sales")
        await on.press("r")
        form = await on.modal(RunForm)
        await on.until(lambda: form.field("notebook").value == "notebooks/arima.ipynb", "a notebook")
        form.field("notebook").widget.focus()
        await on.press("enter", *"rep", "enter")
        await on.until(lambda: form.field("notebook").value == "notebooks/report [b].ipynb", "what was typed")
        await on.see("notebooks/report [b].ipynb")


async def test_a_time_of_another_kind_goes(seed: Seed, stage: Callable[..., Any]) -> None:
    """Where the kind of time changes, a text that is none of the new kind goes and nothing is called wrong."""
    story(seed)
    async with stage(SMALL) as on:
        await on.select("sales")
        await on.press("t")
        form = await on.modal(ScheduleForm)
        await filled(on, ScheduleForm, "when", "0 7 1 * *")
        await on.see("At 07:00 on the first day")
        form.field("kind").widget.focus()
        form.field("kind").widget.value = "every"
        await on.until(lambda: not form.field("when").value, "the text to go")
        await filled(on, ScheduleForm, "when", "2026-04-01 07:00")
        form.field("kind").widget.focus()
        form.field("kind").widget.value = "once, at"
        await on.see("Wed 2026-04-01 07:00")
        assert form.field("when").value == "2026-04-01 07:00"


async def test_what_will_happen_stays_beside_an_error(seed: Seed, stage: Callable[..., Any]) -> None:
    """A wrong value of one parameter takes nothing away of what is said about the rest."""
    story(seed)
    async with stage() as on:
        await on.select("sales")
        await on.press("r")
        form = await on.modal(RunForm)
        form.field("notebook").widget.value = "notebooks/report.ipynb"
        await filled(on, RunForm, "p:year", "soon")
        await on.see("a whole number is expected", "runs in", "usually")
        assert not form.considered.command


async def test_a_repository_by_its_address(seed: Seed, stage: Callable[..., Any], tmp_path: Path) -> None:
    """The form for a project takes an address too, refuses what is none, and shows what was found in the clone."""
    files = {"requirements.txt": "idna\n", "Project.toml": "", "postBuild": "#!/bin/sh\nexit 1\n"}
    repository(tmp_path / "forge" / "theirs", files)
    with served(tmp_path / "forge") as address:
        async with stage() as on:
            await on.press("n")
            form = await on.modal(ProjectForm)
            await on.until(lambda: any(one.field_name == "kind" for one in form.query("Field")), "the field kind")
            form.field("kind").widget.value = CLONE
            await filled(on, ProjectForm, "address", "ext::sh")
            await on.see("protocol that is not used here")
            await filled(on, ProjectForm, "address", f"{address}/theirs/.git")
            await filled(on, ProjectForm, "name", "theirs")
            await on.see("Nothing in it is run", "$ workbench projects add http://127.0.0.1")
            await on.press("ctrl+s")
            await on.modal(TextModal)
            await on.see("Found in theirs", "requirements.txt: Python packages", "Project.toml is not read")
    assert (seed.bench.home.projects / "theirs" / "postBuild").exists()


async def test_standard_files_are_imported_by_keys(seed: Seed, stage: Callable[..., Any], tmp_path: Path) -> None:
    """`i` among environments takes a folder, writes the declaration, and says what was taken over and what was not."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "requirements.txt").write_text("idna\n")
    (tmp_path / "theirs" / "default.nix").write_text("")
    async with stage() as on:
        await on.press("2")
        await on.list("environments")
        await on.press("i")
        await on.see("Import: a folder or the address of a repository")
        on.app.screen.query_one("#line").value = str(tmp_path / "theirs")
        await on.press("enter")
        await on.modal(TextModal)
        await on.see("Imported theirs", "requirements.txt: Python packages", "default.nix is not read")
    assert (seed.bench.home.environments / "theirs.yaml").exists()


async def test_declared_parameters_are_chosen_and_marked(seed: Seed, stage: Callable[..., Any]) -> None:
    """What the project declares is a form: choices to choose from, what has to be given is marked, ranges are said."""
    declared = (
        "environment: python\nparameters:\n  notebooks/report.ipynb:\n    region: {choices: [north, south], required: true}\n"
        "    rows: {type: integer, min: 1, max: 9, default: 3, help: how many}\n"
    )
    seed.project("sales", {"report.ipynb": ""}, declared)
    async with stage(SMALL) as on:
        await on.select("sales")
        await on.press("r")
        form = await on.modal(RunForm)
        await on.until(lambda: any(one.field_name == "p:rows" for one in form.query("Field")), "the parameters")
        await filled(on, RunForm, "p:rows", "3")
        await on.see("region*: text", "rows: integer", "1 to 9 · how many")
        await filled(on, RunForm, "p:rows", "10")
        await on.see("10 is out of range: 1 to 9")
        await filled(on, RunForm, "p:rows", "4")
        await on.press("ctrl+s")
        await on.see("it has to be given")
        form.field("p:region").widget.value = "south"
        await on.until(lambda: "-p region south -p rows 4" in form.considered.command, "the command")
        await on.press("ctrl+s")
        await on.until(lambda: on.app.current_mode == "runs", "the run")
        assert runs.last(seed.bench).parameters == {"region": "south", "rows": 4}


async def test_a_session_needs_a_tool_of_its_environment(seed: Seed, stage: Callable[..., Any]) -> None:
    """Where the environment has none, the form says so and what to write; it starts nothing."""
    (seed.bench.home.environments / "bare.yaml").write_text("extends: minimal\n")
    seed.project("plain", declaration="environment: bare\n")
    async with stage() as on:
        await on.select("plain")
        await on.press("i")
        await on.modal(SessionForm)
        await on.see("Environment bare has no IDE.", "ides: [jupyter]")
        await on.press("ctrl+s")
        await on.see("its environment has none")
        assert sessions.listing(seed.bench) == []


async def test_several_values_become_one_group(seed: Seed, stage: Callable[..., Any]) -> None:
    """A line of the form takes several values: what they become is said before, and X cancels all of it after asking."""
    story(seed)
    async with stage() as on:
        await on.select("sales")
        await on.press("r")
        form = await on.modal(RunForm)
        form.field("notebook").widget.value = "notebooks/report.ipynb"
        await on.until(lambda: any(one.field_name == "sweep" for one in form.query("Field")), "the parameters")
        form.field("sweep").widget.value = "yeer=1,2"
        await on.see("did you mean year")
        form.field("sweep").widget.value = "year=2024..2026 region=EU,US"
        await on.see("6 runs: year 2024, 2025, 2026; region EU, US")
        assert "--sweep year=2024..2026 --sweep region=EU,US" in form.considered.command
        await on.press("ctrl+s")
        await on.see("g1: 6 runs are queued")
        assert groups.standing(seed.bench, 1).size == 6
        await on.see("year = 2024", "region = EU")
        await on.press("X")
        await on.see("Cancel group g1 report?")
        await on.press("y")
        await on.see("g1: 6 runs cancelled")
        with seed.bench.store.write() as connection:
            connection.execute("UPDATE runs SET state = 'cancelled' WHERE group_id = 1 AND id % 3 = 0")
            connection.execute("UPDATE runs SET state = 'succeeded' WHERE group_id = 1 AND id % 3 > 0")
        await on.until(lambda: on.screen.current.state in ENDED, "their end")
        await on.press("R")
        await on.see("g1 again as g2: 2 runs")
        assert groups.standing(seed.bench, 2).size == 2


async def test_parameters_of_a_schedule_are_changed_in_a_form(seed: Seed, stage: Callable[..., Any]) -> None:
    """v shows what a schedule gives its notebook; what is saved is in its file, references are shown for its next time."""
    story(seed)
    async with stage() as on:
        await on.list("schedules", rows=2)
        await on.select("sales/nightly")
        await on.press("v")
        form = await on.modal(ScheduleParameters)
        await on.until(lambda: any(one.field_name == "p:year" for one in form.query("Field")), "the parameters")
        form.field("p:region").widget.value = "${due - 1 dya}"
        await on.see("cannot be read")
        form.field("p:region").widget.value = "${due - 1 day:%d.%m.}"
        await on.see("region will be 02.03.")
        form.field("p:year").widget.value = "2030"
        await on.until(lambda: "schedules set sales/nightly" in on.app.screen.considered.command, "the command")
        await on.press("ctrl+s")
        await on.see("next 02.03.", "year = 2030")
        spec = schedules.get(seed.bench, "sales/nightly").spec
        assert spec
        assert spec.parameters == {"region": "${due - 1 day:%d.%m.}", "year": 2030}
