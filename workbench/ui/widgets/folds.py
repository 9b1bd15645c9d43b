"""What is folded away in a form, opened again where it is needed."""

from __future__ import annotations

from textual.widget import Widget
from textual.widgets import Collapsible


def unfolded(widget: Widget) -> Widget:
    """The widget, with all that it is folded away in open."""
    for one in widget.ancestors:
        if isinstance(one, Collapsible):
            one.collapsed = False
    return widget
