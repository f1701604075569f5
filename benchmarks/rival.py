"""The same list by dlt's ``rest_api`` source, merged by id: what it did, as a line of JSON.

    .venv-bench/bin/python benchmarks/rival.py DATABASE_URL BASE_URL DIRECTORY

It runs with the packages of the group ``bench`` in an environment of its own (``make bench`` sets it up).
Directory: where dlt keeps its working files; a second run with the same one is dlt's second load.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
# Kombo's reset is in seconds; dlt's own patience with refusals is shorter.
os.environ["RUNTIME__REQUEST_MAX_ATTEMPTS"] = "10"

from urllib.parse import quote

import dlt
from dlt.sources.rest_api import rest_api_source
from sqlalchemy import make_url

INTEGRATION = "bench:000000000000000000000000"


def _with_host(url: str) -> str:
    """The URL as dlt wants it: with a host, be it a directory, and a password, be it none."""
    address = make_url(url)
    host = address.host or quote(str(address.query["host"]), safe="")
    return f"postgresql://{address.username}:{address.password or 'none'}@{host}/{address.database}"


def main() -> None:
    """Load once and say how it went."""
    url, base_url, directory = sys.argv[1:]
    source = rest_api_source(
        {
            "client": {
                "base_url": base_url,
                "headers": {"x-integration-id": INTEGRATION},
                "paginator": {"type": "cursor", "cursor_path": "data.next", "cursor_param": "cursor"},
            },
            "resources": [
                {
                    "name": "employees",
                    "primary_key": "id",
                    "write_disposition": "merge",
                    "endpoint": {"path": "hris/employees", "data_selector": "data.results"},
                }
            ],
        }
    )
    if url.startswith("sqlite"):
        destination = dlt.destinations.sqlalchemy(url)
    else:
        destination = dlt.destinations.postgres(_with_host(url))
    pipeline = dlt.pipeline("bench", pipelines_dir=directory, destination=destination, dataset_name="rival")
    start = time.perf_counter()
    pipeline.run(source)
    seconds = time.perf_counter() - start
    counts = pipeline.last_trace.last_normalize_info.row_counts
    said = {
        "seconds": seconds,
        "rows": counts["employees"],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "version": dlt.__version__,
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main()
