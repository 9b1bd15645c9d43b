"""The detail pane: a line of tabs, and below it a page or a log of the selected thing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from workbench.ui import registry
from workbench.ui.page import Page
from workbench.ui.sources import Chunk, Source
from workbench.ui.widgets.logview import LogView
from workbench.ui.widgets.strips import Word, WordLine, tabs


class PageScroll(VerticalScroll, can_focus=True):
    """A page that scrolls by the keys that lists have."""

    class Resized(Message):
        """What it shows has another width."""

    BINDINGS = [  # noqa: RUF012 - textual's way
        ("j", "scroll_down", "Line down"),
        ("k", "scroll_up", "Line up"),
        ("g", "scroll_home", "To the top"),
        ("G,shift+g", "scroll_end", "To the end"),
        ("ctrl+f", "page_down", "Page down"),
        ("ctrl+b", "page_up", "Page up"),
    ]

    def on_resize(self) -> None:
        """Long lines follow the width."""
        self.post_message(self.Resized())


class RegisteredLog(LogView):
    """A log with the keys of the registry."""

    BINDINGS = registry.bindings(registry.of_logs())


class Detail(Vertical):
    """Shows what the screen tells it; the screen drops what is stale."""

    def compose(self) -> ComposeResult:
        """Tabs, the page, the log."""
        with Horizontal(id="tabline"):
            yield WordLine(id="tabs")
            yield Static(id="follow", markup=False)
        with PageScroll(id="page"):
            yield Static(id="text", markup=False)
        yield RegisteredLog(id="log")

    def on_mount(self) -> None:
        """Begin with a page."""
        self.log_view.display = False
        self.source: Source | None = None
        self.page = Page()
        self.shown = ("", "")

    @property
    def log_view(self) -> LogView:
        """The log, also while a page is shown."""
        return self.query_one("#log", LogView)

    @property
    def focus_target(self) -> PageScroll | LogView:
        """What takes the keys."""
        return self.log_view if self.log_view.display else self.query_one("#page", PageScroll)

    def put_tabs(self, names: Sequence[str], active: str) -> None:
        """Show these tabs; none hides the line."""
        line = self.query_one("#tabs", WordLine)
        line.put(tabs([(name, name) for name in names], active, gap=2) if names else [Word(" ")])

    def put_page(self, page: Page, shown: tuple[str, str]) -> None:
        """Show a page; the same thing's page keeps its place."""
        self.source = None
        self._show_log(shown=False)
        self.page = page
        self.lay_out()
        if shown != self.shown:
            self.shown = shown
            self.query_one("#page", PageScroll).scroll_home(animate=False)

    def lay_out(self) -> None:
        """Lay the page out in the width there is."""
        self.query_one("#text", Static).update(
            self.page.content(self.query_one("#page").scrollable_content_region.width)
        )

    def put_source(self, source: Source, zone: tzinfo) -> None:
        """Show a log from its beginning; times are told in `zone`."""
        self.source = source
        self._show_log(shown=True)
        self.log_view.begin(source.nothing, zone)
        self.say_follow()

    def grow(self, key: str, chunk: Chunk) -> None:
        """More lines, where they are of the source that is shown."""
        if self.source is not None and self.source.key == key:
            self.log_view.take(chunk)

    def say_follow(self) -> None:
        """Bring the log's state into the tab line."""
        log = self.log_view
        text = log.status + (" · wrap" if log.wrap else "") + (" · times" if log.timed else "") if log.display else ""
        label = self.query_one("#follow", Static)
        label.update(Content(text))
        label.set_class(log.following, "-following")

    def on_page_scroll_resized(self) -> None:
        """Lines are cut anew."""
        self.lay_out()

    def on_log_view_changed(self) -> None:
        """The log moved or grew."""
        self.say_follow()

    def _show_log(self, *, shown: bool) -> None:
        page = self.query_one("#page", PageScroll)
        focused = page.has_focus or self.log_view.has_focus
        self.log_view.display, page.display = shown, not shown
        self.say_follow()
        if focused:
            self.focus_target.focus()
