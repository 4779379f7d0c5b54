"""From a config file to a job, and what a config may not say."""

import traceback
from pathlib import Path

import pytest

from backfill.config import load
from backfill.errors import ConfigError
from backfill.mapping import rows_max

CONFIG = """\
destination:
  region: eu
checkpoint: state/x.checkpoint
rejects: out/rejects/
streams:
  - name: contacts
    source: contacts.csv
    person: {id: contact_id, email: email}
    attributes: {"*": true, total: {column: total, type: number}}
  - name: orders.v2
    source: orders.parquet
    person: {id: contact_id}
    event: {name: order_placed, timestamp: ordered_at, key: order_id}
"""

STREAM = """\
destination: {region: us}
streams:
  - name: people
    source: people.csv
    person: {id: id}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def complaint(path: Path, text: str, *overrides: str) -> ConfigError:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path, overrides)
    return caught.value


def test_paths_are_relative_to_the_config(config: Path):
    job = load(config)

    assert (job.path, job.base) == (config, config.parent)
    assert job.checkpoint == config.parent / "state/x.checkpoint"
    assert job.rejects == config.parent / "out/rejects"
    assert [stream.name for stream in job.streams] == ["contacts", "orders.v2"]


def test_what_is_not_said_has_defaults(config: Path):
    config.write_text(STREAM, encoding="utf-8")
    job = load(config)

    assert job.checkpoint == config.parent / "state/job.checkpoint"
    assert job.rejects == config.parent / "state/job.rejects"
    assert job.destination.requests_per_s == 1000
    assert (job.destination.operations_per_s, job.destination.concurrency) == (None, None)


def test_a_sandbox_is_a_path_from_the_config(config: Path):
    job = load(config, ["destination={sandbox: state/w.db, concurrency: auto}"])

    assert job.sandbox == config.parent / "state/w.db"
    assert job.destination.concurrency is None


def test_a_pace_above_the_limit_is_a_warning(config: Path):
    assert load(config, ["destination.requests_per_s=1000"]).warnings == []
    assert len(load(config, ["destination.requests_per_s=1001"]).warnings) == 1


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "~"])
def test_an_empty_config_lacks_its_parts(config: Path, text: str):
    error = complaint(config, text)

    assert "'destination' is missing" in error.what
    assert "'streams' is missing" in error.what


def test_a_config_that_is_a_list_is_told_to_be_a_mapping(config: Path):
    assert complaint(config, "- a\n- b").what == "expected a mapping, found a list"


def test_all_mistakes_are_told_at_once_with_their_lines_in_order(config: Path):
    text = CONFIG.replace("region: eu", "region: uss\n  requests_per_s: fast").replace(
        "person: {id: contact_id}", "person: {idd: contact_id}"
    )
    error = complaint(config, text.replace("type: number", "type: number, column: x"))

    lines = [line.strip().split(":")[0] for line in error.what.splitlines()[1:]]
    assert lines == [
        "line 2, destination.region",
        "line 3, destination.requests_per_s",
        "line 10, streams.contacts.attributes.total.column",
        "line 13, streams.orders.v2.person.idd",
    ]
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("old", "new", "where", "what", "fix"),
    [
        (
            "checkpoint:",
            "chekpoint:",
            "line 3, chekpoint",
            "unknown key 'chekpoint'",
            "did you mean 'checkpoint'?",
        ),
        (
            "type: number",
            "typ: number",
            "line 9, streams.contacts.attributes.total.typ",
            "unknown key 'typ'",
            "did you mean 'type'?",
        ),
        (
            "{id: contact_id, email: email}",
            "{mail: email}",
            "line 8, streams.contacts.person.mail",
            "unknown key 'mail'",
            "did you mean 'email'?",
        ),
        (
            "key: order_id",
            "key: 5",
            "line 13, streams.orders.v2.event.key",
            "expected text or a list, found a whole number",
            "put it in quotes",
        ),
        (
            "type: number",
            "type: nummber",
            "line 9, streams.contacts.attributes.total.type",
            "no such word",
            "did you mean 'number'?",
        ),
        (
            "    source: contacts.csv\n",
            "",
            "line 6, streams.contacts",
            "'source' is missing",
            "add source: …",
        ),
        (
            "region: eu",
            "region: eu\n  operations_per_s: 0",
            "line 3, destination.operations_per_s",
            "a number below 1",
            "write 1 or more",
        ),
        (
            "region: eu",
            "region: eu\n  requests_per_s: true",
            "line 3, destination.requests_per_s",
            "expected a whole number, found true or false",
            "write a whole number",
        ),
        (
            "region: eu",
            "region: eu\n  requests_per_s: 0.5",
            "line 3, destination.requests_per_s",
            "expected a whole number, found a number with a point",
            "write a whole number",
        ),
        (
            "region: eu",
            "region: eu\n  concurrency: many",
            "line 3, destination.concurrency",
            "expected 'auto' or a whole number, found text",
            "write 'auto' or a whole number",
        ),
        (
            "region: eu",
            "region: eu\n  concurrency: 1001",
            "line 3, destination.concurrency",
            "a number above 1000",
            "write 1000 or less",
        ),
        (
            "region: eu",
            "region: eu\n  give_up_after: soon",
            "line 3, destination.give_up_after",
            "give_up_after is a time, as 90s, 10m or 2h",
            "`backfill schema` tells what each key takes",
        ),
    ],
)
def test_a_mistake_is_told_in_plain_words(config: Path, old, new, where, what, fix):
    error = complaint(config, CONFIG.replace(old, new, 1))

    assert (error.where, error.what, error.fix) == (f"{config}, {where}", what, fix)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("region: eu", "{}", "a destination is either a region or a sandbox"),
        ("region: eu", "region: eu\n  sandbox: x.db", "either a region or a sandbox"),
        ("rejects: out/rejects/", "rejects: state/../state/x.checkpoint", "places of their own"),
        ("name: orders.v2", "name: Contacts", "two streams are named 'contacts'"),
        ("name: contacts", "name: a/b", "a name of other characters"),
        ("source: contacts.csv", "source: []", "a source without a path"),
        ("source: contacts.csv", 'source: ""', "a source without a path"),
        ("total: {", "_internal: {", "the attribute name '_internal'"),
        ("total: {", "cio_id: {", "the attribute name 'cio_id'"),
        ("total: {", f"{'é' * 76}: {{", "is 152 bytes"),
        ("person: {id: contact_id, email", "object: {id: x, type: 0}\n    x: {y", "whole number"),
        ("person: {id: contact_id, email", "object: {id: x, type: '01'}\n    x: {y", "whole"),
        ("name: order_placed", "name: 5", "an event's name is text"),
        ("name: order_placed", f"name: {'é' * 51}", "the event's name is over 100 bytes"),
        ("key: order_id", "name: x", "key 'name' stands twice"),
    ],
)
def test_what_the_api_or_the_files_would_not_bear_is_refused(config: Path, old, new, what):
    text = CONFIG.replace(old, new, 1)
    if "x: {y" in new:
        text = text.replace("\n    x: {y: email}", "")

    assert what in complaint(config, text).what


def test_a_device_platform_is_one_of_two(config: Path):
    text = STREAM + "    device: {token: token, platform: {value: windows}}"

    assert complaint(config, text).fix == "use one of: ios, android; or the name of a column"


def test_a_delivery_has_three_events(config: Path):
    text = STREAM.replace("person:", "delivery:") + "    event: {name: clicked}"

    assert complaint(config, text).fix == "use one of: opened, converted, delivered"


def test_more_attributes_than_the_api_takes_are_refused(config: Path):
    attributes = ", ".join(f"a{n}: c" for n in range(301))

    assert "301 attributes" in complaint(config, f"{STREAM}    attributes: {{{attributes}}}").what


@pytest.mark.parametrize("key", ["api_key", "site_id", "API-KEY", "password"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("checkpoint:", "{}: hunter2\ncheckpoint:"),
        ("region: eu", "region: eu\n  {}: hunter2"),
        ("blank: omit", "blank: omit\n    {}: hunter2"),
        ("{{id: contact_id}}", "{{id: contact_id, {}: hunter2}}"),
    ],
)
def test_a_credential_in_the_config_is_sent_to_the_environment(config: Path, key, old, new):
    text = CONFIG + "    blank: omit\n"
    error = complaint(config, text.replace(old.format(), new.format(key), 1))

    assert error.what == f"'{key}' does not belong into a config"
    assert "CUSTOMERIO_API_KEY in the environment" in error.fix


@pytest.mark.parametrize(
    "text",
    [
        CONFIG.replace("region: eu", "region: hunter2"),
        CONFIG.replace("region: eu", "region: eu\n  requests_per_s: hunter2"),
        CONFIG.replace("region: eu", "region: eu\n  api_key: hunter2"),
        CONFIG.replace("region: eu", "region: !x hunter2"),
        CONFIG.replace("region: eu", "region: !hunter2!x a"),
        CONFIG.replace("region: eu", "region: *hunter2"),
        CONFIG.replace("region: eu", "region: &hunter2 {a: &hunter2 eu}"),
        CONFIG.replace("region: eu", "region: 'hunter2\n\tx: ["),
        CONFIG.replace("key: order_id", "key: {x: hunter2}"),
        CONFIG.replace("total: {", "total: {value: hunter2, "),
        CONFIG + "  hunter2",
        CONFIG + "  hunter2: [",
    ],
)
def test_no_value_of_the_config_gets_into_an_error_or_its_causes(config: Path, text: str):
    error = complaint(config, text)

    assert "hunter2" not in "".join(traceback.format_exception(error))


def test_a_value_that_overrides_is_in_no_error(config: Path):
    error = complaint(config, CONFIG, "destination.api_key=hunter2", "destination.region=hunter2")

    assert "hunter2" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    ("override", "read"),
    [
        ("destination.requests_per_s=50", lambda job: job.destination.requests_per_s == 50),
        ("destination.operations_per_s=9", lambda job: job.destination.operations_per_s == 9),
        ("streams.contacts.blank=unset", lambda job: job.streams[0].blank == "unset"),
        ("streams.0.blank=unset", lambda job: job.streams[0].blank == "unset"),
        ("streams.orders.v2.campaigns=hold", lambda job: job.streams[1].campaigns == "hold"),
        ("streams.contacts.where=a = 'b'", lambda job: job.streams[0].where == "a = 'b'"),
        ("streams.contacts.exclude=[a, b]", lambda job: job.streams[0].exclude == ["a", "b"]),
        ("checkpoint=~", lambda job: job.checkpoint.name == "job.checkpoint"),
    ],
)
def test_set_replaces_one_value(config: Path, override: str, read):
    assert read(load(config, [override]))


def test_the_last_set_of_a_path_holds(config: Path):
    overrides = ["destination.requests_per_s=50", "destination.requests_per_s=60"]

    assert load(config, overrides).destination.requests_per_s == 60


def test_a_set_does_not_reach_what_shares_an_anchor(config: Path):
    shared = "name: b\n    source: x\n    person: *who"
    text = STREAM.replace("{id: id}", "&who {id: id}") + f"  - {shared}"
    config.write_text(text, encoding="utf-8")
    job = load(config, ["streams.people.person.id=other"])

    assert [s.person["id"].column for s in job.streams if s.person] == ["other", "id"]


@pytest.mark.parametrize(
    ("override", "where", "fix"),
    [
        ("destination.regoin=us", "job.yaml, --set destination.regoin", "did you mean 'region'?"),
        ("streams.contcts.blank=keep", "--set streams.contcts.blank", "did you mean 'contacts'?"),
        ("streams.7.blank=keep", "--set streams.7.blank", "use one of: contacts, orders.v2"),
        ("nowhere.blank=keep", "--set nowhere.blank", "use one of: destination, checkpoint"),
        ("checkpoint.x=1", "--set checkpoint.x", "a single value stands there"),
        ("destination.region", "--set", "write --set PATH=VALUE"),
        ("destination.region=[", "--set destination.region, line 1, column 2", "mind"),
    ],
)
def test_a_set_that_leads_nowhere_is_refused(config: Path, override, where, fix):
    with pytest.raises(ConfigError) as caught:
        load(config, [override])

    assert caught.value.where.endswith(where)
    assert caught.value.fix.startswith(fix)


@pytest.mark.parametrize(
    ("written", "seconds"), [("600", 600), ("1.5", 1.5), ("90s", 90), ("10m", 600), ("2 h", 7200)]
)
def test_give_up_after_takes_seconds_and_units(config: Path, written, seconds):
    config.write_text(CONFIG)

    job = load(config, [f"destination.give_up_after={written}"])

    assert job.destination.give_up_after == seconds


@pytest.mark.parametrize("written", ["101%", "-1", "many", "true", "5 rows", "1.5"])
def test_max_rejects_is_rows_or_a_share(config: Path, written):
    config.write_text(CONFIG)

    with pytest.raises(ConfigError) as caught:
        load(config, [f"max_rejects={written}"])

    assert "max_rejects is a number of rows, as 500, or a share of them, as 5%" in str(caught.value)


def test_a_share_of_rejects_is_of_the_rows_read():
    assert [rows_max("2.5 %", rows) for rows in (0, 39, 40, 1000)] == [0, 0, 1, 25]
    assert [rows_max(f"{share}%", 100) for share in range(101)] == list(range(101))
