"""Forms: labelled lines that are checked while they are filled in, with what will happen below them.

Checking and carrying out call services, so both happen in threads; widgets are only touched here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Select, Static
from textual.worker import Worker, WorkerState

from workbench.errors import WorkbenchError
from workbench.services.bench import Bench
from workbench.services.command_lines import naming_home
from workbench.text import clean, one_line
from workbench.ui.commands import line as command_line
from workbench.ui.page import wrapped
from workbench.ui.widgets.chooser import Chooser
from workbench.ui.widgets.folds import unfolded

if TYPE_CHECKING:
    from workbench.ui.app import Workbench

R = TypeVar("R")
WIDTH = 70  # columns inside a form
FRAME = 8  # lines beside the fields and the error: border, title, buttons, and the lines above and below the form
LEAST = 3  # lines of the fields, however low the screen and long the error


@dataclass(frozen=True)
class Considered:
    """What a form says about itself: errors by field name, what will happen, and the same as a command line."""

    errors: Mapping[str, str] = field(default_factory=dict)
    preview: Content = field(default_factory=Content)
    command: str = ""


class Field(Vertical):
    """A labelled widget with room for an error below it."""

    def __init__(self, name: str, label: str, widget: Widget, hint: str = "") -> None:
        super().__init__(classes="field")
        self.field_name = name
        self.label = label
        self.widget = widget
        self.hint = hint
        self.must = False  # have a value, though none is chosen to begin with

    def compose(self) -> ComposeResult:
        """Label, widget, error."""
        with Horizontal(classes="fieldline"):
            yield Static(one_line(self.label, 18), classes="label", markup=False)
            yield self.widget
        yield Static(classes="error", markup=False)

    def on_mount(self) -> None:
        """Nothing is wrong yet."""
        self.complain("")

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def _come_or_gone(self) -> None:
        # By a class: `:focus-within` is not looked at again for what lies beside the focused widget.
        self.set_class(self.widget.has_focus, "-here")

    @property
    def open(self) -> bool:
        """Whether it may well be left without a value."""
        return isinstance(self.widget, Chooser) and not self.widget.needed and not self.must

    @property
    def value(self) -> str:
        """What was typed or chosen."""
        if isinstance(self.widget, Select):
            return "" if self.widget.is_blank() else str(self.widget.value)
        assert isinstance(self.widget, Input)
        return self.widget.value

    def explain(self, placeholder: str, hint: str) -> None:
        """Another example and hint, for what is typed now."""
        assert isinstance(self.widget, Input)
        self.widget.placeholder, self.hint = placeholder, hint
        self.complain("")

    def complain(self, text: str) -> None:
        """Show an error, or the hint where there is none."""
        line = self.query_one(".error", Static)
        line.update(Content(one_line(text or self.hint)))
        line.set_class(not text, "-hint")
        line.set_class(not (text or self.hint), "-none")


def line(name: str, label: str, value: str = "", *, placeholder: str = "", hint: str = "") -> Field:
    """A field to type in; a `placeholder` says what it is, for without colours it looks like a value."""
    return Field(name, label, Input(value, placeholder=placeholder, compact=True, select_on_focus=False), hint)


def choice(
    name: str, label: str, options: Sequence[str], value: str = "", *, prompt: str = "", hint: str = ""
) -> Field:
    """A field to choose in; with a `prompt` nothing can be chosen too, else the first option is where none is given."""
    return Field(name, label, Chooser(options, value, needed=not prompt, prompt=prompt or "none"), hint)


class Form(ModalScreen[R], Generic[R]):
    """Dismissed with what `carry_out` returned, None where it was left."""

    heading: ClassVar[str]
    verb: ClassVar[str]
    preview_first: ClassVar[bool] = False  # above the lines that are added later
    BINDINGS = [  # noqa: RUF012 - textual's way
        ("escape", "leave", "Leave"),
        ("ctrl+s", "accept", "Do it"),
        ("down", "app.focus_next", "Next field"),
        ("up", "app.focus_previous", "Field before"),
    ]

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.considered = Considered()
        self._touched = False
        self._error = ""

    # -- what a form says

    def fields(self) -> Iterable[Widget]:
        """The lines it begins with."""
        raise NotImplementedError

    def consider(self, values: Mapping[str, str]) -> Considered:
        """Check and preview; called in a thread after each change."""
        raise NotImplementedError

    def carry_out(self, values: Mapping[str, str]) -> R:
        """Do it; called in a thread. What it raises is shown in the form, which stays."""
        raise NotImplementedError

    async def changed(self, name: str, value: str) -> None:
        """A field has another value: others may depend on it."""

    # -- how it works

    def compose(self) -> ComposeResult:
        """Title, fields, preview, buttons."""
        with Vertical(classes="box form"):
            yield Static(self.heading, classes="title", markup=False)
            with VerticalScroll(id="fields", can_focus=False):
                yield from self.fields()
                if self.preview_first:
                    yield Static(id="preview", markup=False)
                yield Vertical(id="more")
                if not self.preview_first:
                    yield Static(id="preview", markup=False)
                yield Static(id="command", markup=False)
            yield Static(id="formerror", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button(f"{self.verb} (ctrl+s)", id="accept", variant="primary", compact=True)

    def on_mount(self) -> None:
        """The first field that is to be typed has the focus, else the first that is empty; no word lies on the form."""
        self.app.clear_notifications()
        self._tell("")
        self.query_one("#command").display = False
        fields = list(self.query(Field))
        waiting = [one for one in fields if not one.value and not one.open]
        typed = [one for one in waiting if isinstance(one.widget, Input)]
        for one in (typed or waiting or fields)[:1]:
            one.widget.focus()
        self.revise()

    def on_resize(self) -> None:
        """What fits is another."""
        self._make_room()

    def _make_room(self) -> None:
        """The error and the buttons stay in sight; the fields scroll where the screen is too low for all of them."""
        width, height = self.app.size
        room = max(LEAST, height - FRAME)
        if self._error:
            columns = max(1, min(WIDTH, width * 96 // 100 - 6))
            rows = sum(len(wrapped(one, columns)) for one in self._error.split("\n")) + 1
            room = max(LEAST, room - rows)
        self.query_one("#fields").styles.max_height = room

    def values(self) -> dict[str, str]:
        """All fields by name."""
        return {one.field_name: one.value for one in self.query(Field)}

    def field(self, name: str) -> Field:
        """One field."""
        return next(one for one in self.query(Field) if one.field_name == name)

    def put_options(self, name: str, options: Sequence[str], value: str = "") -> None:
        """Other options for a field to choose in."""
        select = self.field(name).widget
        assert isinstance(select, Chooser)
        select.put(options, value)

    @on(Input.Changed)
    @on(Select.Changed)
    async def _changed(self, event: Input.Changed | Select.Changed) -> None:
        event.stop()
        widget = event.control
        found = next((one for one in self.query(Field) if one.widget is widget), None)
        if found is not None:
            try:
                await self.changed(found.field_name, found.value)
            except WorkbenchError as error:
                found.complain(error.message)
        self.revise()

    @work(exclusive=True, group="revise", exit_on_error=False)
    async def revise(self) -> None:
        """Check what is there now and show what would happen."""
        values = self.values()
        considered = await asyncio.to_thread(self.consider, values)
        if values == self.values():
            self._show(considered)

    def _show(self, considered: Considered) -> None:
        self.considered = considered
        for one in self.query(Field):
            text = considered.errors.get(one.field_name, "")
            # A field that nobody has come to yet is not wrong, only empty.
            one.complain(text if self._touched or one.value or one.open else "")
        preview = self.query_one("#preview", Static)
        preview.update(considered.preview)
        preview.display = bool(considered.preview.plain)
        command = self.query_one("#command", Static)
        command.update(Content(f"$ {one_line(command_line(self.bench.home, considered.command))}"))
        command.display = bool(considered.command)
        self._tell("")

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.action_accept()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "accept":
            self.action_accept()
        else:
            self.dismiss(None)

    def action_leave(self) -> None:
        """Nothing is done."""
        self.dismiss(None)

    @work(exclusive=True, group="accept", exit_on_error=False)
    async def action_accept(self) -> None:
        """Check once more, then do it; errors stay in the form."""
        self._touched = True
        values = self.values()
        considered = await asyncio.to_thread(self.consider, values)
        self._show(considered)
        wrong = [one for one in self.query(Field) if considered.errors.get(one.field_name)]
        if wrong:
            unfolded(wrong[0].widget).focus()
            return
        button = self.query_one("#accept", Button)
        button.disabled = True
        try:
            done = await asyncio.to_thread(self.carry_out, values)
        except WorkbenchError as error:
            button.disabled = False
            self._refuse(error)
        else:
            self.dismiss(done)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A fault of ours is told as those of the program are; the form stays and can be left or tried again."""
        if event.state is WorkerState.ERROR:
            self.query_one("#accept", Button).disabled = False
            cast("Workbench", self.app).show_fault(event.worker)

    def _refuse(self, error: WorkbenchError) -> None:
        self._tell(naming_home("\n".join(filter(None, (error.message, error.hint))), self.bench.home.root))

    def _tell(self, text: str) -> None:
        """Why it was refused, above the buttons; empty: nothing."""
        self._error = clean(text)
        line_ = self.query_one("#formerror", Static)
        line_.update(Content(self._error))
        line_.display = bool(text)
        self._make_room()
