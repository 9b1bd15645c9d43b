"""A crontab of reports moved over: what its lines become, and why others do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from cli_home import Shell
from schedule_world import World

from workbench.model import crontab
from workbench.services import projects, schedules
from workbench.services.scheduling import crontab as importing
from workbench.services.scheduling.crontab import Left, Proposal

TABLE = """\
# reports
SHELL=/bin/bash
MAILTO="ann@acme.example, root"
REPORTS = {root}
CRON_TZ=Europe/Berlin
30 6 * * 1-5   cd {root} && papermill notebooks/sales.ipynb out/sales-$(date +\\%Y-\\%m-\\%d).ipynb -p region north -p rows 007 >> /tmp/sales.log 2>&1
30 6 * * 1-5   cd "$REPORTS" && timeout 2h /opt/venv/bin/papermill notebooks/sales.ipynb out/sales-south.ipynb -r region '${{north}}' -p day "$(date -d yesterday +\\%F)" --no-progress-bar
@daily         . /opt/venv/bin/activate; cd {root}/notebooks && flock /tmp/stock.lock nice -n 10 python3 -m papermill stock.ipynb - -f ../stock.yaml -y '{{limit: 3}}' --execution-timeout 600
-15 */6 * * *  bash -lc 'cd {root} && API=1 jupyter nbconvert --to html --execute --no-input --output-dir /srv/www notebooks/prices.ipynb --ExecutePreprocessor.timeout=300 && cp /srv/www/prices.html /mnt/'
CRON_TZ=America/New_York
0 18 * * sun   /usr/bin/env TZ=UTC conda run -n ds jupyter nbconvert --to notebook --inplace --execute {root}/notebooks/week.ipynb
0 5 1 * *      cd {root}; papermill notebooks/month.ipynb out/month-`date --date='last month' +\\%Y-\\%m`.ipynb -p host "$(hostname)"%input
"""  # six lines as people have them; the names alone are changed
OTHERS = """\
@reboot        papermill {root}/notebooks/sales.ipynb out.ipynb
*/5 * * *      papermill {root}/notebooks/sales.ipynb out.ipynb
61 * * * *     papermill {root}/notebooks/sales.ipynb out.ipynb
0 1 * * *      /usr/local/bin/backup.sh
0 1 * * *      certbot renew
0 1 * * *      papermill {elsewhere}/a.ipynb out.ipynb
0 1 * * *      papermill {root}/notebooks/none.ipynb out.ipynb
0 1 * * *      for r in north south; do papermill {root}/notebooks/sales.ipynb $r.ipynb -p region $r; done
0 1 * * *      papermill {root}/notebooks/$NAME.ipynb out.ipynb
0 1 * * *      papermill {root}/notebooks/sales.ipynb 'out.ipynb
0 1 * * *      jupyter nbconvert --to html {root}/notebooks/sales.ipynb
0 1 * * *      papermill --prepare-only {root}/notebooks/sales.ipynb out.ipynb
0 1 * * *      papermill {root}/notebooks/stock.ipynb out.ipynb -f {root}/none.yaml
0 1 * * *      [ "$(date +\\%u)" = 1 ] && papermill {root}/notebooks/stock.ipynb out.ipynb
0 1 * * *      papermill {root}/notebooks/stock.ipynb out.ipynb || papermill {root}/notebooks/week.ipynb out.ipynb
0 1 * * *      papermill {root}/notebooks/sales.ipynb out.ipynb -p nothing 3
"""
WHY = [
    "it runs when the machine starts, not at a time",
    "cron: ",
    "minute",
    "it runs no notebook that can be seen here",
    "it runs no notebook",
    "elsewhere/a.ipynb",
    "none.ipynb",
    "it has `for`, a part of a program",
    "$NAME is not set in the crontab",
    "a quote is not closed",
    "nbconvert without --execute runs no notebook",
    "--prepare-only",
    "its file of parameters is not there",
    'only where `[ "$(date +%u)" = 1 ]` holds',
    "fails",
    "notebooks/sales.ipynb has no parameter nothing",
]


@pytest.fixture
def root(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, with five notebooks."""
    monkeypatch.setenv("WORKBENCH_HOME", str(world.bench.home.root))
    monkeypatch.setenv("TZ", "Europe/London")
    path = projects.get(world.bench, "p").path
    for name, cell in {
        "sales": "region = ''\nrows = ''\nday = ''", "stock": "limit = 1\nstores = []", "prices": "a = 1", "week": "a = 1",
        "month": "host = ''",
    }.items():  # fmt: skip
        made = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": "python3", "display_name": "p", "language": "python"}}
        )
        made.cells = [nbformat.v4.new_code_cell(cell, metadata={"tags": ["parameters"]})]
        nbformat.write(made, path / "notebooks" / f"{name}.ipynb")
    (path / "stock.yaml").write_text("limit: 1\nstores: [a, b]\n")
    return path


def found(world: World, text: str, **more: Any) -> list[Proposal | Left]:
    return list(importing.proposals(world.bench, text, **more))


def test_six_lines_as_people_have_them(world: World, root: Path) -> None:
    """Times, zones, folders, quotes, dates, limits and outputs are taken over; what has no place here is named."""
    made = found(world, TABLE.format(root=root))
    first, second, stock, prices, week, month = made
    assert isinstance(month, Left)
    assert month.why == "what `hostname` says is not known before it runs"
    told = {"failure": ["ann@acme.example"]}
    assert isinstance(first, Proposal)
    assert first.data == {
        "notebook": "notebooks/sales.ipynb", "cron": "30 6 * * 1-5", "timezone": "Europe/Berlin",
        "parameters": {"region": "north", "rows": "007"}, "notify": told,
        "deliver": [{"to": "out/sales-${due}.ipynb", "what": "notebook"}],
    }  # fmt: skip
    assert first.notes == (
        "REPORTS: set in the crontab; put it into `env:` of the environment", "MAILTO=root is no mail address",
    )  # fmt: skip
    assert isinstance(second, Proposal)
    assert second.name == "sales-2"
    assert second.data["parameters"] == {"region": "$${north}", "day": "${due - 1 day}"}
    assert second.data["timeout"] == "2h"
    assert isinstance(stock, Proposal)
    assert stock.line.cron == "0 0 * * *"
    assert stock.data["parameters"] == {"limit": 3, "stores": ["a", "b"]}
    assert (stock.data["overlap"], stock.data["timeout"]) == ("queue", {"cell": "600s"})
    assert "deliver" not in stock.data
    assert isinstance(prices, Proposal)
    assert prices.data["deliver"] == [{"to": "/srv/www/prices.html", "what": "report", "code": False}]
    assert "left out: cp /srv/www/prices.html /mnt/" in prices.notes
    assert "API: set for the command; put it into `env:` of the environment" in prices.notes
    assert isinstance(week, Proposal)
    assert (week.zone, week.notebook, week.line.cron) == ("America/New_York", "notebooks/week.ipynb", "0 18 * * sun")
    assert [word for word in ("--inplace", "conda run") if any(word in text for text in week.notes)] == [
        "--inplace", "conda run",
    ]  # fmt: skip


def test_what_is_not_understood_says_why(world: World, root: Path, tmp_path: Path) -> None:
    """Each with its line; nothing is guessed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.ipynb").write_bytes((root / "notebooks" / "week.ipynb").read_bytes())
    made = found(world, OTHERS.format(root=root, elsewhere=elsewhere))
    assert len(made) == len(WHY)
    for one, why in zip(made, WHY, strict=True):
        assert isinstance(one, Left), one
        assert why in one.why, one
    assert isinstance(made[5], Left)
    assert "projects add" in made[5].hint


def test_the_machine_s_table_has_accounts(world: World, root: Path) -> None:
    """`/etc/crontab` names who runs a line; without CRON_TZ the machine's zone holds."""
    text = f"17 * * * * root cd {root} && papermill notebooks/prices.ipynb out/p.ipynb\n"
    (one,) = found(world, text, with_user=True)
    assert isinstance(one, Proposal)
    assert (one.zone, one.line.user, one.line.cron) == ("Europe/London", "root", "17 * * * *")
    assert one.notes == ("it ran as root; its runs are yours",)
    (line,) = crontab.read("0 0 * * *\n")
    assert line.problem


def test_nothing_is_written_before_it_is_asked_for(
    world: World, root: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The command shows, writes with --write, and finds the second time that they are there."""
    shell = Shell(capsys, bench=world.bench)
    table = tmp_path / "crontab"
    table.write_text(TABLE.format(root=root) + OTHERS.format(root=root, elsewhere=tmp_path))
    out = shell("schedules", "import", str(table))
    assert shell.code == 0, shell.err
    assert "p/sales-2  would be: At 06:30 on Monday through Friday, Europe/Berlin time" in out
    assert "timeout: 2h" in out
    assert "not moved: it runs no notebook" in out
    assert "Nothing was written. To write 5 schedules" in shell.err
    assert schedules.listing(world.bench) == []
    out = shell("schedules", "import", str(table), "--write")
    assert shell.code == 0, shell.err
    assert "Wrote 5 schedules" in out
    keys = {view.key for view in schedules.listing(world.bench)}
    assert keys == {"p/sales", "p/sales-2", "p/stock", "p/prices", "p/week"}
    again = json.loads(shell("schedules", "import", str(table), "--json"))
    assert [one["state"] for one in again if one["schedule"]] == ["there"] * 5
    assert {one["schedule"] for one in again if one["schedule"]} == keys
