"""The page's text: whole, self-contained, and nothing in it but what may be told."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from backfill.reporting.facts import facts
from backfill.reporting.page import page
from backfill.reporting.settings import MASK, masked

from .runs import HOSTILE, history, identity, job, log, saved


class Read(HTMLParser):
    """The elements of a page, the text of each script, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        self.words.append(data)


def made(tmp_path, *, planned=None, of=None, told=None, label="people.csv") -> str:
    found = facts(of or saved(label=label), log() if told is None else told)
    return page(job(tmp_path), identity(label), found, planned)


def test_names_and_remarks_that_look_like_markup_stay_text(tmp_path):
    html = made(tmp_path, told=log(remarks=(HOSTILE,)), label=HOSTILE)

    read = Read(html)
    assert len(read.scripts) == 2
    assert [tag for tag, _ in read.tags if tag in ("img", "iframe", "link", "object")] == []
    assert HOSTILE in "".join(read.words)
    assert not any(name.startswith("on") for _, attributes in read.tags for name in attributes)


def test_the_data_of_the_charts_ends_no_script(tmp_path):
    from backfill.reporting.drawing import as_script

    told = as_script({"name": "</script><!--<script>\u2028&"})

    assert not set("<>&\u2028") & set(told)
    assert json.loads(told) == {"name": "</script><!--<script>\u2028&"}


def test_a_name_that_is_no_text_or_turns_the_text_around_is_shown_all_the_same(tmp_path):
    html = made(tmp_path, label="na\udcffme\u202e.csv")

    assert "na[U+DCFF]me[U+202E].csv" in html
    assert html.encode()


def test_the_policy_names_the_one_script_and_lets_the_page_fetch_nothing(tmp_path):
    read = Read(made(tmp_path))

    (policy,) = [a["content"] for tag, a in read.tags if a.get("http-equiv")]
    digest = base64.b64encode(hashlib.sha256(read.scripts[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert [a for _, a in read.tags if "src" in a or "href" in a] == []


def test_uplot_keeps_its_licence_in_the_page(tmp_path):
    assert "github.com/leeoniya/uPlot (v1.6.32)" in made(tmp_path)


def test_no_value_of_the_config_and_no_digest_of_the_site_is_told(tmp_path):
    html = made(tmp_path)

    hidden = ("value-of-a-where", "value-of-a-constant", "digest-of-the-site", " 17")
    assert [word for word in hidden if word in html] == []
    assert all(word in html for word in ("plan", "full_name", "order_id", "track-eu.customer.io"))


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("status != 'it''s' OR n IN (1, 2)", f"status <> {MASK} OR n IN ({MASK}, {MASK})"),
        ("\"odd column\" LIKE '%x' -- jane", f'"odd column" LIKE {MASK}'),
        ("CAST(n AS INT) BETWEEN -3 AND 4", f"CAST(n AS INT) BETWEEN -{MASK} AND {MASK}"),
        ("not ( a", MASK),
    ],
)
def test_a_condition_is_told_without_its_literals(condition, told):
    assert masked(condition) == told


def test_the_counts_of_every_stream_and_their_total_are_in_the_table(tmp_path):
    html = made(tmp_path)

    (table,) = re.findall(r'<table id="counts">(.*?)</table>', html, re.DOTALL)
    rows = [re.findall(r"<t[hd][^>]*>([^<]+)<", row) for row in table.split("<tr>")[2:]]
    assert rows == [
        ["people", "100", "90", "7", "3", "0", "90"],
        ["orders", "20", "20", "0", "0", "0", "20"],
        ["total", "120", "110", "7", "3", "0", "110"],
    ]


def test_every_number_of_the_charts_is_in_a_table_for_who_runs_no_script(tmp_path):
    told = log()

    html = made(tmp_path, told=told)

    found = facts(saved(), told)
    (table,) = re.findall(r'<table id="course">(.*?)</table>', html, re.DOTALL)
    assert table.count("<tr") - 1 == len(found.axis)


def test_a_plan_is_compared_and_a_job_without_one_is_told_how_to_make_it(tmp_path):
    with_plan = made(tmp_path, planned={"rows": {"read": 130}, "requests": 28})

    assert re.search(r"rows read</th>.*?>130<.*?>120<.*?>\u221210<.*?>\u22127.7 %<", with_plan)
    assert "retries, which no plan foresees" in with_plan
    assert "backfill plan crm.yaml" in made(tmp_path)


def test_a_run_without_requests_says_so_and_draws_nothing(tmp_path):
    html = made(tmp_path, told=history())

    assert "No request was made." in html
    assert "<script" not in html


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("completed", "Completed, cut by --limit"),
        ("held", "Events held back"),
        ("stopped", "Stopped"),
        ("interrupted", "Interrupted"),
    ],
)
def test_the_state_is_said_in_words(tmp_path, state, said):
    assert f">{said}</p>" in made(tmp_path, of=saved(state))


def test_what_stopped_the_run_stands_at_the_top(tmp_path):
    why = "stopped: the API does not accept the key; CUSTOMERIO_API_KEY; check it"

    html = made(tmp_path, told=log(remarks=("something else", why)))

    assert html.index('class="callout bad">the API does not accept the key') < html.index("<h2>")


def test_a_page_of_a_hundred_thousand_requests_is_smaller_than_300_kb(tmp_path):
    assert len(made(tmp_path, told=log(100_000)).encode()) < 300_000
