"""A night's import as an Airflow task (Airflow 3; of Airflow 2, `airflow.operators.bash`).

Exit code 3, finished with rows refused, makes the task `skipped`: visible and not tried again, for
a second run would find all done, end with 0 and hide them. What comes after it goes on with the
trigger rule `none_failed`. 1 is resumable and tried again; 2 needs a person, and fails after the
retries. When the task is ended Airflow sends SIGTERM: requests in flight finish, all is saved.
"""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    dag_id="crm_nightly",
    schedule="30 4 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,  # the second of two would end with 2
):
    BashOperator(
        task_id="backfill",
        bash_command="exec backfill run nightly.yaml --yes --json --log-format json",
        cwd="/srv/crm",
        env={
            "CUSTOMERIO_SITE_ID_FILE": "/run/secrets/customerio_site_id",
            "CUSTOMERIO_API_KEY_FILE": "/run/secrets/customerio_api_key",
        },
        append_env=True,
        skip_on_exit_code=3,
        retries=3,
        retry_delay=timedelta(minutes=10),
    )
