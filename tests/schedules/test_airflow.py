"""The Airflow task, as far as it can be told without Airflow."""

from __future__ import annotations

import ast
import shlex
from typing import Any

import pytest

from .calls import FOLDER, assert_is_nightly

#: Parameters of BashOperator that are no BaseOperator's.  [apache-airflow-providers-standard, docs]
BASH = {
    "bash_command",
    "env",
    "append_env",
    "output_encoding",
    "skip_on_exit_code",
    "cwd",
    "output_processor",
}
ANY_OPERATOR = {"task_id", "retries", "retry_delay"}


@pytest.fixture
def tree() -> ast.Module:
    path = FOLDER / "airflow_dag.py"
    return ast.parse(path.read_text(), path.name)


def called(tree: ast.Module, name: str) -> dict[str, ast.expr]:
    """The arguments of the one call of that name."""
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
    (found,) = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == name]
    assert found.args == []
    return {keyword.arg: keyword.value for keyword in found.keywords if keyword.arg}


def value(arguments: dict[str, ast.expr], name: str) -> Any:
    return ast.literal_eval(arguments[name])


def test_it_compiles_and_imports_what_it_calls(tree):
    compile(tree, "airflow_dag.py", "exec")
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]

    assert {(n.module, a.name) for n in imports for a in n.names} == {
        ("datetime", "datetime"),
        ("datetime", "timedelta"),
        ("airflow.providers.standard.operators.bash", "BashOperator"),
        ("airflow.sdk", "DAG"),
    }


def test_its_operator_has_only_parameters_that_there_are(tree):
    assert set(called(tree, "BashOperator")) <= BASH | ANY_OPERATOR


def test_its_command_line_is_one(tree):
    words = shlex.split(value(called(tree, "BashOperator"), "bash_command"))

    assert words[:2] == ["exec", "backfill"]
    assert_is_nightly(words[2:])


def test_refused_rows_skip_the_task_and_no_two_run_at_once(tree):
    task, dag = called(tree, "BashOperator"), called(tree, "DAG")

    assert value(task, "skip_on_exit_code") == 3
    assert (value(dag, "max_active_runs"), value(dag, "catchup")) == (1, False)


def test_its_secrets_are_files_beside_the_environment_of_the_worker(tree):
    task = called(tree, "BashOperator")

    assert set(value(task, "env")) == {"CUSTOMERIO_SITE_ID_FILE", "CUSTOMERIO_API_KEY_FILE"}
    assert value(task, "append_env") is True
