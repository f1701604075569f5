"""The settings that steer a run, as the use cases take them."""

from __future__ import annotations

from syncer.config.settings import Settings
from syncer.domain.catalogue.lookup import catalogue
from syncer.domain.records.exclude import exclusions
from syncer.domain.streams.deletions import Brakes
from syncer.sync.context import Rules


def rules_of(settings: Settings) -> Rules:
    """The rules that follow from the settings."""
    return Rules(
        page_size=settings.kombo.page_size,
        overlap=settings.sync.overlap,
        lease=settings.sync.lease,
        full_every=settings.sync.full_every,
        keep_anonymised=settings.deletions.after_anonymisation == "keep",
        brakes=Brakes(settings.deletions.max_share, settings.deletions.max_rows),
        filters={name: dict(settings.sync.for_model(name).filters) for name in catalogue()},
        exclusions=exclusions(settings.privacy.exclude),
    )
