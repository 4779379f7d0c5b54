"""The CronJob."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
import yaml

from .calls import FOLDER, assert_is_nightly

TOP = FOLDER.parents[1]


@pytest.fixture
def cronjob() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "cronjob.yaml").read_text())


def pod(cronjob: dict[str, Any]) -> dict[str, Any]:
    return cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("version", ["1.31", kubernetes_validate.latest_version()])
def test_kubernetes_takes_it_and_knows_every_key(cronjob, version):
    kubernetes_validate.validate(cronjob, version, strict=True)


def test_its_arguments_are_a_command_line_after_the_images_entrypoint(cronjob):
    (container,) = pod(cronjob)["containers"]

    assert 'ENTRYPOINT ["backfill"]' in (TOP / "Dockerfile").read_text().splitlines()
    assert "command" not in container
    assert_is_nightly(container["args"])


def test_it_runs_as_the_user_of_the_image_in_the_folder_that_is_kept(cronjob):
    (container,) = pod(cronjob)["containers"]
    dockerfile = (TOP / "Dockerfile").read_text()

    assert f"--uid {pod(cronjob)['securityContext']['runAsUser']} " in dockerfile
    assert f"WORKDIR {container['workingDir']}\n" in dockerfile
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    kept = next(v for v in pod(cronjob)["volumes"] if v["name"] == mounts[container["workingDir"]])
    assert "persistentVolumeClaim" in kept


def test_its_secrets_are_files_that_are_mounted(cronjob):
    (container,) = pod(cronjob)["containers"]
    (secret,) = [v["name"] for v in pod(cronjob)["volumes"] if "secret" in v]
    (mount,) = [m for m in container["volumeMounts"] if m["name"] == secret]

    assert {v["name"]: v["value"] for v in container["env"]} == {
        f"CUSTOMERIO_{name.upper()}_FILE": f"{mount['mountPath']}/{name}"
        for name in ("site_id", "api_key")
    }


def test_no_two_run_at_once_and_codes_2_and_3_are_not_tried_again(cronjob):
    job = cronjob["spec"]["jobTemplate"]["spec"]
    (rule,) = [r for r in job["podFailurePolicy"]["rules"] if "onExitCodes" in r]

    assert cronjob["spec"]["concurrencyPolicy"] == "Forbid"
    assert (rule["action"], rule["onExitCodes"]["values"]) == ("FailJob", [2, 3])
    assert rule["onExitCodes"]["containerName"] == pod(cronjob)["containers"][0]["name"]
    assert pod(cronjob)["restartPolicy"] == "Never"
