# One image, one process: `docker run -v syncer:/data -e SYNCER_WEB__TOKEN=… … syncer run`, or any other command of syncer.
# It writes to /data alone, and to /tmp where SQLite needs room for a large query: the root may be read-only.
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
# Nothing installs packages here any more.
RUN groupadd --system --gid 10001 syncer \
 && useradd --system --uid 10001 --gid 10001 --home-dir /data --shell /usr/sbin/nologin syncer \
 && install --directory --owner syncer --group syncer /data \
 && python -m pip uninstall --yes --quiet --root-user-action ignore pip \
 && rm -rf /usr/local/lib/python3.*/ensurepip
COPY --from=build /opt/syncer /opt/syncer
# The port is set here so that the health check and the service agree whatever the file says. The service
# listens to the container's network, and starts with a token only: SYNCER_WEB__TOKEN, or a file of that name
# in /run/secrets.
ENV PATH="/opt/syncer/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    SYNCER_WEB__HOST=0.0.0.0 \
    SYNCER_WEB__PORT=8484
# By number: an orchestrator that is to see that nobody is root does not read /etc/passwd.
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8484
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"SYNCER_WEB__PORT\"]}/readyz', timeout=4)"]
CMD ["syncer", "run"]
# Last: what is told of a build changes none of the layers above.
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="syncer" \
      org.opencontainers.image.description="Keeps a local SQL database equal to what the Kombo unified HR API holds" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/python:3.13-slim-trixie"
