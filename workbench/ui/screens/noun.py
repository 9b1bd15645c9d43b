"""The screen of one noun: list, filter and detail pane, and the way keys reach the registry.

header · modes · list (2fr) │ detail (3fr) · keys        below 100 columns: list above, detail below
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from workbench.text import one_line
from workbench.ui import messages, registry
from workbench.ui.actions import PROGRAM
from workbench.ui.feed import Wanted
from workbench.ui.needs import entries
from workbench.ui.nouns.base import Noun
from workbench.ui.page import Page
from workbench.ui.reach import Reach
from workbench.ui.tone import Tone
from workbench.ui.widgets.detail import Detail
from workbench.ui.widgets.header import HeaderLine
from workbench.ui.widgets.lines import HELP, MODES, KeyLine, ModeLine
from workbench.ui.widgets.listing import Listing
from workbench.ui.widgets.listpane import ListPane
from workbench.ui.widgets.needsstrip import NeedsStrip
from workbench.ui.widgets.strips import WordLine

if TYPE_CHECKING:
    from workbench.ui.app import Workbench

TICK = 1.0  # seconds between two drawings of ages


class NounScreen(Screen[None]):
    """List and detail of one noun; subclasses name the noun and its keys."""

    noun_class: ClassVar[type[Noun[Any]]]
    leads: ClassVar[bool] = False  # the first screen says what needs somebody
    AUTO_FOCUS = "#list"

    def __init__(self) -> None:
        super().__init__()
        self.noun = self.noun_class()
        self.reach = Reach(self)
        self._tabs: dict[str, str] = {}  # tab names by set of tabs, so that moving keeps the tab
        self.full = False
        self._wish = ""

    @property
    def bench_app(self) -> Workbench:
        """The program, typed."""
        return cast("Workbench", self.app)

    @property
    def listing(self) -> Listing:
        """The list."""
        return self.pane.listing

    @property
    def pane(self) -> ListPane:
        """The list with its filter and title."""
        return self.query_one("#listpane", ListPane)

    @property
    def detail(self) -> Detail:
        """The detail pane."""
        return self.query_one("#detail", Detail)

    @property
    def current(self) -> Any | None:
        """The selected thing."""
        return self.listing.current

    def compose(self) -> ComposeResult:
        """Lay it out."""
        app = self.bench_app
        yield Static("This terminal is too small: 60 columns and 15 lines are needed.", id="tiny", markup=False)
        with Container(id="all"):
            yield HeaderLine(app.bench.home.root, app.read_only)
            yield ModeLine(self.noun.mode)
            yield NeedsStrip()
            with Container(id="panes"):
                yield ListPane(self.noun, app.bench.now)
                yield Detail(id="detail")
            yield KeyLine()

    def on_mount(self) -> None:
        """Say what there is before anything was read."""
        self.set_interval(TICK, self._tick)
        self.call_after_refresh(self._draw_keys)
        self.show_state()

    def on_screen_resume(self) -> None:
        """Back on this mode: read it anew, with the same thing selected."""
        self.bench_app.feed.look(self.noun)
        self._inspect()

    # -- what the threads say

    @on(messages.Listed)
    def _listed(self, message: messages.Listed) -> None:
        if message.mode != self.noun.mode:
            return
        self.pane.show(message.items)
        if self._wish and self.listing.select(self._wish):
            self._wish = ""
        self._inspect()
        self.refresh_bindings()
        self._draw_keys()

    @on(messages.Detailed)
    def _detailed(self, message: messages.Detailed) -> None:
        if (message.mode, message.key, message.tab) != self._wanted_name():
            return
        if isinstance(message.body, Page):
            self.detail.put_page(message.body, (message.key, message.tab))
        else:
            self.detail.put_source(message.body, self.bench_app.bench.zone)
        self._draw_keys()

    @on(messages.Grown)
    def _grown(self, message: messages.Grown) -> None:
        self.detail.grow(message.source, message.chunk)

    @on(messages.Overviewed)
    def show_state(self) -> None:
        """Draw what the program last saw of the home, and of its supervisor."""
        seen, hung = self.bench_app.overviewed, self.bench_app.hung
        self.query_one(HeaderLine).show(seen, hung)
        if self.leads:
            self.query_one(NeedsStrip).show(entries(seen, hung))

    @on(NeedsStrip.Asked)
    def _needs(self) -> None:
        self.action_act("program.needs")

    @on(messages.Trouble)
    def _trouble(self, message: messages.Trouble) -> None:
        error = message.error
        if message.key and (message.mode, message.key, message.tab) == self._wanted_name():
            page = Page().text(error.message, Tone.BAD).hint(error.hint, self.bench_app.bench.home.root)
            self.detail.put_page(page, (message.key, message.tab))
        elif not message.key:
            self.bench_app.say_trouble(error)

    # -- the selected thing

    @on(ListPane.Narrowed)  # a move that typing in the filter makes ends at the pane, which is its sender
    @on(Listing.Moved)
    def _moved(self) -> None:
        self._inspect()
        self.refresh_bindings()
        self._draw_keys()

    @on(Listing.Opened)
    def _opened(self) -> None:
        self.open_detail()

    def tabs(self) -> tuple[str, ...]:
        """The tabs of the selected thing."""
        return self.noun.tabs_of(self.current) if self.current is not None else ()

    def tab(self) -> str:
        """The tab that is shown."""
        names = self.tabs()
        chosen = self._tabs.get(self.noun.mode, "")
        return chosen if chosen in names else (names[0] if names else "")

    def choose_tab(self, name: str) -> None:
        """Show this tab from now on."""
        self._tabs[self.noun.mode] = name
        self._inspect()

    def step_tab(self, by: int) -> None:
        """The next tab or the one before."""
        names = self.tabs()
        if names:
            self.choose_tab(names[(names.index(self.tab()) + by) % len(names)])

    def _wanted_name(self) -> tuple[str, str, str]:
        return (self.noun.mode, self.listing.cursor, self.tab())

    def _inspect(self) -> None:
        item, detail = self.current, self.detail
        detail.put_tabs(self.tabs(), self.tab())
        crumbs = (self.noun.title, *self.noun.crumbs(item)) if item is not None else ()
        detail.border_title = Content(one_line(" > ".join(crumbs))) if crumbs else None
        if item is None:
            detail.put_page(Page(), ("", ""))
        if self.is_current or self.bench_app.noun_screen is self:
            wanted = Wanted(self.noun, item, self.tab()) if item is not None else None
            self.bench_app.feed.inspect(wanted)

    def wish(self, key: str, tab: str = "") -> None:
        """Select this thing, now or when the list that holds it has come."""
        if tab:
            self._tabs[self.noun.mode] = tab
        self._wish = "" if self.listing.select(key) else key
        self._inspect()

    # -- levels: list, detail, full screen

    def open_detail(self) -> None:
        """The keys go to the detail, which fills the screen where there is one pane only."""
        if self.current is not None:
            self.add_class("-detail")
            self.detail.focus_target.focus()

    def back(self) -> None:
        """One level back; never leaves the program."""
        if self.full:
            self.toggle_full()
        elif self.has_class("-detail") or self.detail.has_focus_within:
            self.remove_class("-detail")
            self.listing.focus()
        elif self.pane.filtering:
            self.pane.close_filter()
        else:
            self.forget_marks()

    def toggle_full(self) -> None:
        """The detail over everything but header and keys, or beside the list again."""
        self.full = not self.full
        self.set_class(self.full, "-full")
        if self.full:
            self.open_detail()

    def open_filter(self) -> None:
        """Type to narrow the list."""
        self.remove_class("-detail", "-full")
        self.full = False
        self.pane.open_filter()

    # -- actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Acts that do not apply are inert; in read-only those that change anything are gone."""
        if action != "act" or not parameters or not self.is_mounted:
            return True
        return self.reach.state(registry.BY_ID[str(parameters[0])])

    def action_act(self, name: str) -> None:
        """Do an action of the registry."""
        self.bench_app.perform(self, registry.BY_ID[name])

    # -- lines

    @on(WordLine.Chosen)
    def _word(self, message: WordLine.Chosen) -> None:
        name = message.control.id
        if name == "tabs":
            self.choose_tab(message.value)
        elif name == "modes":
            self.bench_app.go(message.value)
        elif name == "keys" and self.check_action("act", (message.value,)):
            self.action_act(message.value)

    def _draw_keys(self) -> None:
        bound = self.reach.bound()
        fits = [action for action in bound if action.rank and not (action.seldom and not self.reach.live(action))]
        shown = sorted(fits, key=lambda action: action.rank)
        # The line of modes shows how to go there, and ? itself is at the end.
        seen = {HELP, *(f"{PROGRAM}.{mode}" for mode, _ in MODES)}
        others = sum(1 for action in bound if action not in fits and action.id not in seen)
        self.query_one(KeyLine).show([(action, self.reach.live(action)) for action in shown], others)

    @on(events.DescendantFocus)
    def _focus_moved(self) -> None:
        self._draw_keys()

    def forget_marks(self) -> None:
        """What was marked is done."""
        self.listing.clear_marks()
        self.say_marks()

    def say_marks(self) -> None:
        """Marks have changed."""
        self.pane.say()
        self.refresh_bindings()
        self._draw_keys()

    def _tick(self) -> None:
        if self.is_current:
            self.listing.refresh()
