# docker build --tag backfill .
# docker run --rm --volume "$PWD:/work" --env CUSTOMERIO_SITE_ID --env CUSTOMERIO_API_KEY \
#     --user "$(id -u):$(id -g)" backfill run migration.yaml
#
# Paths of the config are relative to it, so mount its folder with the data and the checkpoint.

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source

# pip compiles to bytecode what it installs; without it, imports take 3 to 5 times as long.
COPY requirements.lock requirements-dev.lock ./
RUN python -m venv --without-pip /opt/backfill \
    && pip --python /opt/backfill/bin/python install --require-hashes --requirement requirements.lock

# The release of hatchling that builds the package is locked too, with the development tools.
RUN pip install --require-hashes --requirement requirements-dev.lock
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip --python /opt/backfill/bin/python install --no-deps /wheels/*.whl

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home backfill
COPY --from=build /opt/backfill /opt/backfill
ENV PATH=/opt/backfill/bin:$PATH PYTHONUNBUFFERED=1
USER backfill
WORKDIR /work
ENTRYPOINT ["backfill"]
