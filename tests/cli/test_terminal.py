"""What AWS says never reaches a terminal as it came."""

from __future__ import annotations

import pytest

from fluo_audit.cli import terminal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, with ümlaut and 日本", "plain text, with ümlaut and 日本"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\rb\nc\td", "a\\rb\\nc\\td"),
        ("evil\u202egpj.exe", "evil\\u202egpj.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("c1 \x9b31m", "c1 \\x9b31m"),
        ("[bold]markup[/bold]", "[bold]markup[/bold]"),
    ],
)
def test_control_and_direction_characters_become_visible(text: str, shown: str):
    assert terminal.clean(text) == shown


def test_a_table_shows_markup_and_escapes_as_text(capsys):
    terminal.table(["A", "B"], [["[/x]", "\x1b[31mred"], ["[link=http://x]y[/link]", "ok"]])

    out = capsys.readouterr().out
    assert "[/x]" in out
    assert "[link=http://x]y[/link]" in out
    assert "\x1b" not in out


def test_nothing_is_cut_in_a_pipe(capsys):
    long = "word " * 400

    terminal.marked_rows([("exception", "name", long)])

    assert long.strip() in capsys.readouterr().out


def test_progress_in_a_pipe_is_one_line_a_source(capsys):
    progress = terminal.Progress(quiet=False)

    progress.update("events", "page 1")
    progress.update("events", "page 2")
    progress.finish("events", "2 records")

    assert capsys.readouterr().err == "events            2 records\n"
