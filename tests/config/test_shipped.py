"""The configs, the schema and the sample data that ship with the package."""

import json
import re
import runpy
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import backfill.config
from backfill.config import json_schema, load

TOP = Path(__file__).parents[2]
CONFIGS = sorted({*(TOP / "configs").glob("*.yaml")} - {TOP / "configs" / "scenario.yaml"})
SCHEMA = Path(backfill.config.__file__).parent / "schema.json"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_shipped_config_holds_and_points_at_the_schema(path: Path):
    job = load(path)

    first = path.read_text(encoding="utf-8").splitlines()[0]
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / named).resolve() == SCHEMA.resolve()
    assert job.warnings == []


@pytest.mark.parametrize("name", ["migration", "nightly"])
def test_a_shipped_config_for_a_workspace_bounds_the_pace_and_lets_no_campaign_start(name: str):
    job = load(TOP / "configs" / f"{name}.yaml")

    assert {"requests_per_s", "operations_per_s"} <= job.destination.model_fields_set
    assert all(stream.campaigns != "allow" for stream in job.streams if stream.is_event)


def test_the_schema_for_editors_is_the_one_of_the_models():
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == json_schema(), "run `make schema`"


def test_every_key_of_a_config_is_in_the_reference():
    reference = (TOP / "configs" / "README.md").read_text(encoding="utf-8")

    schema = json_schema()
    models = [schema, *schema["$defs"].values()]
    keys = {key for model in models for key in model["properties"]}
    assert [key for key in sorted(keys) if not re.search(rf"\b{key}(`|:)", reference)] == []


def test_the_sample_data_is_what_its_script_writes(tmp_path: Path):
    folder = TOP / "sample_data"
    runpy.run_path(str(folder / "generate.py"))["write"](tmp_path)

    written = {path.name for path in tmp_path.iterdir()}
    assert written == {p.name for p in folder.iterdir()} - {"README.md", "generate.py"}
    for name in written - {"orders.parquet"}:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes(), name
    tables = [pq.read_table(at / "orders.parquet") for at in (tmp_path, folder)]
    # Compared as text: NaN is not equal to itself.
    assert str(tables[0].to_pylist()) == str(tables[1].to_pylist())


def test_the_demo_reads_every_file_of_the_sample_data():
    read = {
        Path(str(stream.source.path)).name for stream in load(TOP / "configs/demo.yaml").streams
    }

    data = {path.name for path in (TOP / "sample_data").iterdir()}
    assert read == data - {"README.md", "generate.py", "__pycache__"}
