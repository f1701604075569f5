# One image, one process: `docker run -v syncer:/data -e SYNCER_WEB__TOKEN=… … syncer run`, or any other command of syncer.
# Relative paths of a configuration start at its own folder: one outside of /data names sqlite:////data/kombo.db.
# Base images are named by digest, and packages are installed by hash: what is built does not depend on the day.
ARG PYTHON=python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY deploy/requirements-build.txt deploy/requirements-runtime.txt ./
RUN python -m venv /build \
 && /build/bin/pip install --require-hashes --requirement requirements-build.txt \
 && python -m venv --without-pip /opt/syncer \
 && pip --python /opt/syncer/bin/python install --require-hashes --requirement requirements-runtime.txt
COPY pyproject.toml README.md LICENSE config.example.toml ./
COPY migrations migrations
COPY syncer syncer
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && pip --python /opt/syncer/bin/python install --no-deps --no-index /wheels/*.whl

FROM ${PYTHON}
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin syncer \
 && install --directory --owner syncer --group syncer /data
COPY --from=build /opt/syncer /opt/syncer
# The port is set here so that the health check and the service agree whatever the file says. The service
# listens to the container's network, and starts with a token only: SYNCER_WEB__TOKEN, or a file of that name
# in /run/secrets.
ENV PATH="/opt/syncer/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    SYNCER_WEB__HOST=0.0.0.0 \
    SYNCER_WEB__PORT=8484
USER syncer
WORKDIR /data
VOLUME /data
EXPOSE 8484
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"SYNCER_WEB__PORT\"]}/healthz', timeout=4)"]
CMD ["syncer", "run"]
