"""The certificate: what a verification has found, as plain values for JSON."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from syncer.domain.verification.difference import Apart, Difference
from syncer.domain.verification.result import Findings, MirrorView, Sample, SourceView, Verification
from syncer.domain.verification.sampling import CONFIDENCE

#: Version of the certificate's form.
FORM = 1


def certificate(
    verifications: Iterable[Verification], *, made_at: datetime, version: str, kombo: dict[str, str]
) -> dict[str, Any]:
    """Make the certificate of some streams.

    version: the program's. kombo: the address of the API by environment.
    """
    streams = [certificate_of(each) for each in verifications]
    return {
        "certificate": FORM,
        "syncer": version,
        "made_at": _time(made_at),
        "kombo": kombo,
        "is_equal": bool(streams) and all(each.pop("is_well") for each in streams),
        "streams": streams,
    }


def certificate_of(found: Verification) -> dict[str, Any]:
    """Make the part of one stream."""
    return {
        "environment": found.environment,
        "integration": found.key.integration_id,
        "model": found.key.model,
        "verdict": found.verdict.value,
        "is_well": found.verdict.is_well,
        "reason": found.reason,
        "source": None if found.source is None else _source(found.source),
        "mirror": None if found.mirror is None else _mirror(found.mirror),
        **_findings(found.findings),
        "digest": None if found.digests is None else found.digests.source,
        "mirror_digest": None if found.digests is None else found.digests.mirror,
        "sample": None if found.sample is None else _sample(found.sample),
        "filters": dict(found.filters),
        "excluded": list(found.excluded),
        "pseudonymised": list(found.pseudonymised),
    }


def _findings(findings: Findings) -> dict[str, Any]:
    return {
        "differing": findings.differing,
        "differences": {each.value: findings.differences[each] for each in Difference},
        "unreadable": findings.unreadable,
        "apart": {each.value: findings.apart[each] for each in Apart},
        "examples": {kind.value: list(ids) for kind, ids in sorted(findings.examples.items())},
    }


def _source(source: SourceView) -> dict[str, Any]:
    return {
        "records": source.records,
        "live": source.live,
        "deleted": source.deleted,
        "without_id": source.unidentified,
        "pages": source.pages,
        "lookups": source.lookups,
        "began_at": _time(source.began_at),
        "ended_at": _time(source.ended_at),
    }


def _mirror(mirror: MirrorView) -> dict[str, Any]:
    return {
        "live": mirror.live,
        "deleted": mirror.deleted,
        "complete_as_of": _time(mirror.complete_as_of),
    }


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "rows": sample.rows,
        "of": sample.of,
        "differing_at_most": sample.at_most,
        "confidence": CONFIDENCE,
    }


def _time(moment: datetime | None) -> str | None:
    """Write a time in UTC with milliseconds, as Kombo does."""
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
