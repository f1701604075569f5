"""Responses to a scrape of /metrics, in the format that the client accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response


def encode_metrics(request: Request, registry: CollectorRegistry, metrics: Iterable[Metric]) -> Response:
    """Make the response of what the process counts, with metrics that were read for it."""
    encode, content_type = _encoder(request.headers.get("accept", ""))
    return Response(encode(_Scrape(registry, metrics)), headers={"Content-Type": content_type})


class _Scrape(Collector):
    """Metrics of one scrape: those of the process, and those that were read for it."""

    def __init__(self, registry: CollectorRegistry, metrics: Iterable[Metric]) -> None:
        self._registry = registry
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._registry.collect()
        yield from self._metrics


def _encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """Choose the format that the client accepts; the plain one where its header says nothing sensible."""
    try:
        return choose_encoder(accept)
    except TypeError:
        # The library compares the parts of a version, be they numbers or not.
        return choose_encoder("")
