"""The program: its modes, its threads, and the one place where actions are carried out and errors shown."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.worker import Worker, WorkerState

from workbench.errors import WorkbenchError
from workbench.services.bench import Bench, open_bench
from workbench.services.command_lines import naming_home
from workbench.text import one_line
from workbench.ui import journal, registry
from workbench.ui.actions import Action
from workbench.ui.desk import Desk, told
from workbench.ui.feed import Feed
from workbench.ui.messages import Overviewed
from workbench.ui.palette import RegistryCommands
from workbench.ui.screens import SCREENS
from workbench.ui.screens.noun import NounScreen
from workbench.ui.themes import DARK, LIGHT, greys
from workbench.ui.typeahead import TypeAhead

REVIVE = 3.0  # seconds between two looks at whether the supervisor still lives

log = logging.getLogger(__name__)


class Workbench(TypeAhead):
    """Five modes over one bench."""

    TITLE = "workbench"
    CSS_PATH = "styles/app.tcss"
    MODES: ClassVar[dict[str, Any]] = dict(SCREENS)
    DEFAULT_MODE = "projects"
    COMMANDS: ClassVar[set[Any]] = {RegistryCommands}
    ENABLE_COMMAND_PALETTE = True
    SUSPENDED_SCREEN_CLASS = "-covered"  # what is said is shown by the screen on top alone
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny-wide"), (60, "-narrow"), (100, "-wide")]  # noqa: RUF012 - textual's way
    VERTICAL_BREAKPOINTS = [(0, "-tiny-high"), (15, "-high")]  # noqa: RUF012 - textual's way
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "leave", "Quit", show=False, priority=True)]

    def __init__(self, bench: Bench, *, read_only: bool = False) -> None:
        super().__init__()
        self.bench = bench
        self.read_only = read_only
        self.desk = Desk(self, bench)
        self.feed = Feed(bench, self._deliver)
        self.overviewed: Overviewed | None = None
        self._last_trouble = ""
        self._moves: set[tuple[str, int, int]] = set()
        self.hung = ""  # what is wrong with a supervisor that does not answer, and what helps
        self._doing: set[tuple[str, tuple[str, ...]]] = set()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        if self.theme == "textual-dark":
            self.theme = DARK.name

    def on_mount(self) -> None:
        """Start reading, and see to it that schedules fire."""
        self._watch()
        self._fill()
        if not self.read_only:
            self._ensure()
        self.set_interval(REVIVE, self._revive)

    def on_unmount(self) -> None:
        """End the threads; what runs goes on without this program."""
        self.feed.stop()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our greys, of whatever theme is chosen."""
        return {**super().get_theme_variable_defaults(), **greys(self.current_theme)}

    @property
    def noun_screen(self) -> NounScreen:
        """The list screen of this mode, whatever lies over it."""
        for screen in self.screen_stack:
            if isinstance(screen, NounScreen):
                return screen
        raise LookupError("no list screen is mounted yet")

    # -- threads

    @work(thread=True, exit_on_error=False, group="watch")
    def _watch(self) -> None:
        self.feed.watch()

    @work(thread=True, exit_on_error=False, group="fill")
    def _fill(self) -> None:
        self.feed.fill()

    @work(thread=True, exit_on_error=False, group="ensure")
    def _ensure(self) -> None:
        from workbench.services.supervision import control

        try:
            control.ensure(self.bench)
        except WorkbenchError as error:
            self.call_from_thread(self.say_trouble, error)

    @work(thread=True, exit_on_error=False, group="ensure", exclusive=True)
    def _revive(self) -> None:
        """A supervisor that was killed while this is open is started again; one that was stopped is left alone. One that hangs
        is told once."""
        from workbench.services.supervision import control

        try:
            if not self.read_only and control.revive(self.bench):
                self.call_from_thread(self.desk.warn, "The supervisor had ended. It is started again.")
            wrong, remedy = control.hangs(self.bench)
            said = f"{wrong[:1].upper()}{wrong[1:]}. Try: {remedy}" if wrong else ""
            if bool(said) != bool(self.hung):
                self.call_from_thread(self._tell_hung, said)
        except WorkbenchError as error:
            self.call_from_thread(self.say_trouble, error)

    def _tell_hung(self, said: str) -> None:
        """Once in a toast, and above everything else for as long as it is so."""
        self.hung = said
        if said:
            self.desk.warn(said)
        if any(isinstance(screen, NounScreen) for screen in self.screen_stack):
            self.noun_screen.show_state()

    def _deliver(self, message: Message) -> None:
        """From the threads to the screen that is up, and to the program what it keeps."""
        self.post_message(Delivery(message))

    def on_delivery(self, delivery: Delivery) -> None:
        """Hand a message of the threads to the list screen."""
        message = delivery.message
        if isinstance(message, Overviewed):
            self.overviewed = message
            self._tell_moves(message)
        if any(isinstance(screen, NounScreen) for screen in self.screen_stack):
            self.noun_screen.post_message(message)

    def _tell_moves(self, seen: Overviewed) -> None:
        """Once for each session whose port another program had: bookmarks and tunnels lead elsewhere."""
        moved = {(one.name, one.moved_from, one.port) for one in seen.overview.up if one.moved_from}
        for name, before, now in sorted(moved - self._moves):
            self.desk.warn(f"{name}: port {before} was taken by another program, so it is at {now} this time")
        self._moves |= moved

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A fault of ours: say it with all that is known, and go on reading."""
        if event.state is not WorkerState.ERROR:
            return
        self.show_fault(event.worker)
        if event.worker.group in ("watch", "fill"):
            self.set_timer(5, self._watch if event.worker.group == "watch" else self._fill)

    # -- actions

    def perform(self, screen: NounScreen, action: Action) -> None:
        """Carry out an action for what is selected on `screen`; the same act on the same things only once at a time."""
        items = screen.reach.targets(action)
        if action.on_item and not items:
            return
        if self.read_only and action.changes:
            self.desk.warn("Read-only: nothing is changed here.")
            return
        if obstacle := screen.reach.obstacle(action):
            self.desk.warn(obstacle)
            return
        name = (action.id, tuple(screen.noun.key(item) for item in items))
        if name in self._doing:
            return
        try:
            outcome = action.run(self.desk, items)
        except WorkbenchError as error:
            self.show_error(error)
            return
        if inspect.isawaitable(outcome):
            self._doing.add(name)
            self._await(outcome, name)

    def reach_for(self, action: Action) -> None:
        """An action by its name: of another screen it leads there, and is done where no thing has to be chosen for it."""
        screen = self.noun_screen
        if action in screen.reach.actions():
            if screen.reach.live(action) or screen.reach.obstacle(action):
                self.perform(screen, action)
            else:
                self.desk.warn(
                    f"{action.verb}: not for what is selected." if action.on_item else f"{action.verb}: not now."
                )
            return
        self.go(action.area)
        if action.on_item:
            self.desk.say(f"Choose one, then {action.shown_key}: {action.verb}")
        else:
            self.call_after_refresh(lambda: self.perform(self.noun_screen, action))

    @work(exit_on_error=False, group="act")
    async def _await(self, outcome: Any, name: tuple[str, tuple[str, ...]]) -> None:
        try:
            await outcome
        except WorkbenchError as error:
            self.show_error(error)
        finally:
            self._doing.discard(name)

    def go(self, mode: str, key: str = "", tab: str = "") -> None:
        """Show a list, with this thing selected where it is in it."""
        if mode != self.current_mode:
            self.switch_mode(mode)
        if key:
            self.call_after_refresh(self._select, mode, key, tab)

    def _select(self, mode: str, key: str, tab: str) -> None:
        screen = self.noun_screen
        if screen.noun.mode == mode:
            screen.wish(key, tab)

    def action_leave(self) -> None:
        """ctrl+q: as q, also from a form."""
        self.perform(self.noun_screen, registry.BY_ID["program.quit"])

    # -- errors

    def show_error(self, error: WorkbenchError) -> None:
        """An error that needs reading."""
        from workbench.ui.modals.text import TextModal

        log.warning("%s", told(error))
        text = naming_home("\n\n".join(filter(None, (error.message, error.hint))), self.bench.home.root)
        self.push_screen(TextModal(error.title or "That did not work", text))

    def show_fault(self, worker: Worker[Any]) -> None:
        """What a worker of the program or of a form did not expect; a fault of ours with all that is known."""
        error = worker.error
        log.error("worker %s failed", worker.group, exc_info=error)
        if isinstance(error, WorkbenchError):
            self.show_error(error)
            return
        import traceback

        whole = "".join(traceback.format_exception(error)) if error else ""
        said = "".join(traceback.format_exception_only(error)).strip() if error else "no more is known"
        text = f"This is a fault of workbench itself: {said}"
        self.show_error(WorkbenchError(text, title="Internal error", hint=whole))

    def say_trouble(self, error: WorkbenchError) -> None:
        """An error of reading, which may come again and again: said once."""
        text = naming_home(told(error), self.bench.home.root)
        if text != self._last_trouble:
            self._last_trouble = text
            log.warning("%s", text)
            self.notify(one_line(text, 300), severity="error", markup=False, timeout=8)


class Delivery(Message):
    """A message on its way from a thread to the list screen."""

    def __init__(self, message: Message) -> None:
        self.message = message
        super().__init__()


def run(home: Path | None = None, *, read_only: bool = False) -> None:
    """Open the home and show it until the person leaves. Raises `WorkbenchError` where it cannot be opened."""
    bench = open_bench(home, origin="ui", create=not read_only)
    journal.begin(bench.home)
    try:
        Workbench(bench, read_only=read_only).run()
    finally:
        bench.close()
