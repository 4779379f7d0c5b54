"""What the README of the schedules says."""

from __future__ import annotations

import re

import yaml

from backfill.telemetry import metrics

from .calls import FOLDER

README = (FOLDER / "README.md").read_text()


def test_every_schedule_is_named():
    files = {path.name for path in FOLDER.iterdir() if path.is_file()} - {"README.md"}

    assert files == set(re.findall(r"\]\((\w[\w.]*)\)", README))


def test_its_alerts_are_yaml_and_ask_for_metrics_that_there_are(tmp_path):
    (rules,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    with metrics.Metrics(tmp_path / "job.prom", "job", lambda *_: None) as written:
        written.begins("people", 0)
        written._success_s = 1.0
        written.ends(metrics.Counts())
    there = (tmp_path / "job.prom").read_text()

    (group,) = yaml.safe_load(rules)["groups"]
    asked = {name for rule in group["rules"] for name in re.findall(r"backfill_\w+", rule["expr"])}
    assert len(group["rules"]) == 4
    assert [name for name in asked if f"\n{name}{{" not in there] == []
