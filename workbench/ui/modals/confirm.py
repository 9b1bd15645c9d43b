"""A question before something that cannot be undone: names the thing and the effect; Cancel has the focus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from workbench.text import clean, one_line
from workbench.ui.commands import Steps, line

if TYPE_CHECKING:
    from workbench.ui.app import Workbench


@dataclass(frozen=True)
class Answer:
    """A button: `value` is handed back, `command` does the same from a shell."""

    value: str
    label: str
    command: Steps = ""


@dataclass(frozen=True)
class Question:
    """`title` is the question with the thing's name, `effect` what happens; the first of `choices` is `y`.

    With `type_name`, that has to be typed first.
    """

    title: str
    effect: str
    choices: tuple[Answer, ...]
    type_name: str = ""
    keep: str = "Cancel"
    quiet: bool = field(default=False)  # nothing is lost: no warning colour


class Confirm(ModalScreen[str]):
    """Dismissed with the chosen value, empty for Cancel."""

    BINDINGS = [  # noqa: RUF012 - textual's way
        ("escape,n", "no", "No"),
        ("y", "yes", "Yes"),
        ("left", "app.focus_previous", "Button before"),
        ("right", "app.focus_next", "Next button"),
        ("Y,shift+y", "copy", "Copy the command line"),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        """Title, effect, buttons."""
        ask = self.question
        with VerticalScroll(classes="box question", can_focus=False):
            yield Static(one_line(ask.title), classes="title", markup=False)
            yield Static(clean(ask.effect), classes="effect", markup=False)
            if ask.type_name:
                yield Static(f"Type {ask.type_name} to go on:", classes="ask", markup=False)
                yield Input(id="typed")
            if lines := [self._line(answer) for answer in ask.choices if answer.command]:
                shown = "\n".join(f"$ {one_line(line)}" for line in lines)
                yield Static(shown, classes="command", markup=False)
            with Horizontal(classes="buttons"):
                yield Button(ask.keep if ask.type_name else f"{ask.keep} (n)", id="cancel", compact=True)
                for index, answer in enumerate(ask.choices):
                    text = f"{answer.label} (y)" if index == 0 and not ask.type_name else answer.label
                    yield Button(
                        text,
                        variant="default" if ask.quiet else "error",
                        name=answer.value,
                        disabled=bool(ask.type_name),
                        compact=True,
                    )

    def on_mount(self) -> None:
        """Nothing happens by an enter too many."""
        self.query_one("#typed" if self.question.type_name else "#cancel").focus()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        self.dismiss("" if event.button.id == "cancel" else event.button.name or "")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        for button in self.query(Button).exclude("#cancel"):
            button.disabled = event.value != self.question.type_name

    def action_no(self) -> None:
        """Leave everything as it is."""
        self.dismiss("")

    def action_yes(self) -> None:
        """The first choice, where no name has to be typed."""
        if not self.question.type_name:
            self.dismiss(self.question.choices[0].value)

    def action_copy(self) -> None:
        """The command line of the button that has the focus, else of the first."""
        able = [answer for answer in self.question.choices if answer.command]
        focused = getattr(self.focused, "name", None)
        if able:
            answer = next((one for one in able if one.value == focused), able[0])
            self.app.copy_to_clipboard(self._line(answer))
            self.app.notify("Copied the command line", markup=False)

    def _line(self, answer: Answer) -> str:
        return line(cast("Workbench", self.app).bench.home, answer.command)
