"""A question before something that cannot be undone: names the thing and the effect; Cancel has the focus."""

from __future__ import annotations

from dataclasses import dataclass, field

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from workbench.text import clean, one_line


@dataclass(frozen=True)
class Question:
    """`title` is the question with the thing's name, `effect` what happens; `choices` are verbs, the first is `y`.

    `command` is the same as a command line. With `type_name`, that has to be typed first.
    """

    title: str
    effect: str
    choices: tuple[tuple[str, str], ...]  # value, button
    command: str = ""
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
                yield Static(f"Type {ask.type_name} to go on:", markup=False)
                yield Input(id="typed")
            if ask.command:
                yield Static(f"$ workbench {one_line(ask.command)}", classes="command", markup=False)
            with Horizontal(classes="buttons"):
                yield Button(ask.keep if ask.type_name else f"{ask.keep} (n)", id="cancel", compact=True)
                for index, (value, label) in enumerate(ask.choices):
                    text = f"{label} (y)" if index == 0 and not ask.type_name else label
                    yield Button(
                        text,
                        variant="default" if ask.quiet else "error",
                        name=value,
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
            self.dismiss(self.question.choices[0][0])

    def action_copy(self) -> None:
        """The same act as a command line."""
        if self.question.command:
            self.app.copy_to_clipboard(f"workbench {self.question.command}")
            self.app.notify("Copied the command line", markup=False)
