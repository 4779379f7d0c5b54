"""A stream's facts in a line: as wide as the terminal, or as long as it takes in a log. Pure."""

from __future__ import annotations

from backfill.progress.tally import Tally

#: Columns of the bar without its brackets: fewer show nothing, more are air.
_BAR_MIN, _BAR_MAX = 5, 30


def on_terminal(tally: Tally, now_s: float, width: int) -> str:
    """What is known of a stream that is under way, in at most `width` columns.

    What there is no room for is left out: the bar first, then exact figures, then the facts from
    the last to the first.
    """
    rate, left_s, total = tally.rate(now_s), tally.left_s(now_s), tally.total
    percent = "" if tally.percent is None else f"{tally.percent}%"
    rest = [
        f"{tally.rejected:,} rejected",
        "" if left_s is None else f"{clock(left_s)} left",
        f"limit: {tally.limited_by}" if tally.limited_by else "",
    ]
    exact = [
        f"{tally.done:,}" + ("" if total is None else f" of ~{total:,}"),
        "" if rate is None else f"{rate:,.0f}/s",
    ]
    rounded = [
        short(tally.done) + ("" if total is None else f" of ~{short(total)}"),
        "" if rate is None else f"{short(rate)}/s",
    ]
    bar_of = None if tally.percent is None else tally.percent / 100
    return _fitted([tally.name, percent], bar_of, [[*exact, *rest], [*rounded, *rest]], width)


def ended_on_terminal(tally: Tally, now_s: float, width: int) -> str:
    """The line a finished stream leaves, fitted as `on_terminal` is."""
    rate = tally.mean_rate(now_s)
    rest = [f"{tally.rejected:,} rejected", f"in {clock(now_s - tally.began_s)}"]
    exact = [f"{tally.done:,} rows", f"{rate:,.0f}/s"]
    rounded = [f"{short(tally.done)} rows", f"{short(rate)}/s"]
    return _fitted([tally.name, "100%"], 1.0, [[*exact, *rest], [*rounded, *rest]], width)


def in_log(tally: Tally, now_s: float) -> str:
    """What is known of a stream that is under way."""
    rate, left_s, total = tally.rate(now_s), tally.left_s(now_s), tally.total
    facts = [
        f"{tally.done:,}{'' if total is None else f' of about {total:,}'} rows done"
        + ("" if tally.percent is None else f" ({tally.percent}%)"),
        "" if rate is None else f"{rate:,.0f} rows/s",
        f"{tally.rejected:,} rejected",
        "" if left_s is None else f"{clock(left_s)} left",
        f"limited by {tally.limited_by}" if tally.limited_by else "",
    ]
    return f"{tally.name}: " + ", ".join(filter(None, facts))


def ended_in_log(tally: Tally, now_s: float) -> str:
    """The line of a finished stream."""
    rate, took = tally.mean_rate(now_s), clock(now_s - tally.began_s)
    facts = f"{tally.done:,} rows done, {rate:,.0f} rows/s, {tally.rejected:,} rejected, in {took}"
    return f"{tally.name}: ends, {facts}"


def clock(seconds: float) -> str:
    """Seconds as m:ss, or h:mm:ss from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def short(number: float) -> str:
    """A number in at most five characters: 999, 12.3k, 1.2M."""
    units = iter(("", "k", "M", "G"))
    unit = next(units)
    while round(number) >= 1000 and unit != "G":
        number, unit = number / 1000, next(units)
    return f"{number:.1f}{unit}" if unit and number < 99.95 else f"{number:.0f}{unit}"


def _fitted(head: list[str], bar_of: float | None, choices: list[list[str]], width: int) -> str:
    """The first choice that fits, with a bar where there is room; else what fits of the last."""
    for facts in choices:
        line = _joined([*head, *facts])
        room = min(width - len(line) - len("  []"), _BAR_MAX)
        if bar_of is not None and room >= _BAR_MIN:
            full = round(bar_of * room)
            return _joined([*head, f"[{'#' * full}{'-' * (room - full)}]", *facts])
        if len(line) <= width:
            return line
    facts = list(choices[-1])
    while facts and len(_joined([*head, *facts])) > width:
        facts.pop()
    return _joined([*head, *facts])[:width]


def _joined(parts: list[str]) -> str:
    return "  ".join(filter(None, parts))
