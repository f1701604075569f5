"""Sections on what is kept of the records: ``[deletions]``, ``[privacy]``, ``[history]``, ``[changes]``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from syncer.config.exclusions import exclusion, pseudonymised
from syncer.config.pseudonym_key import PseudonymKeyFile, has_key
from syncer.config.section import Section, passes
from syncer.config.values import PositiveDuration, Retention, list_of_texts
from syncer.config.written import Written
from syncer.domain.catalogue.lookup import select_models
from syncer.domain.errors import UsageError
from syncer.domain.records.exclusions import Exclusion, exclusions, replaceable, with_pseudonyms
from syncer.domain.records.pseudonyms import Pseudonyms


def _models_with_history(glob: str) -> None:
    try:
        select_models((glob,))
    except UsageError as error:
        raise UsageError(f"{error} Native and added lists have no history.") from None


class Deletions(Section):
    """Effect of deletions on rows, and the brakes on inferred ones."""

    after_anonymisation: Literal["follow", "keep"] = Field(
        default="follow",
        description='When Kombo blanks a deleted record after 14 days: "follow" blanks our row too, "keep"'
        " keeps its last values.",
    )
    max_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="A full walk that misses more than this share of a stream's rows (0 to 1), and more than"
        " `max_rows`, is held until `syncer reconcile --approve` lets it pass. A native list is held, too,"
        " that lacks more than half of its rows where these are five or more.",
    )
    max_rows: int = Field(default=50, ge=0, description="The number of rows that goes with `max_share`.")
    forget_after: PositiveDuration | None = Field(
        default=None,
        description="Remove rows whole that have been deleted at the source for so long, in all their places."
        " Without it they stay, marked.",
    )


class Privacy(Section):
    """Members of records whose values never enter the mirror: removed, or replaced by pseudonyms."""

    exclude: Annotated[
        tuple[Annotated[str, BeforeValidator(exclusion)], ...],
        BeforeValidator(partial(list_of_texts, example="hris_employees.ssn")),
    ] = Field(
        default=(),
        description='Members that are never stored, such as `["hris_employees.ssn", "*.remote_data"]`; `*` is'
        " every model, at any depth. Of a `[[passthrough]]`: NAME.MEMBER, as the tool calls it.",
    )
    pseudonym_key_file: PseudonymKeyFile = Field(
        default=None,
        description="A file that holds the key of pseudonyms, 32 characters or more that nobody guesses: make"
        " it by `(umask 077; openssl rand -hex 32 > FILE)`, and keep it.",
    )
    pseudonymise: Annotated[
        tuple[Annotated[str, BeforeValidator(pseudonymised)], ...],
        BeforeValidator(partial(list_of_texts, example="hris_employees.work_email")),
        AfterValidator(has_key),
    ] = Field(
        default=(),
        description="Members whose values are replaced by pseudonyms, equal ones by equal ones, such as"
        ' `["*.work_email"]`; written as in `exclude`, which goes before. Texts alone: no ids, numbers, dates'
        " and times.",
    )

    def exclusions(self, native_lists: Collection[str]) -> frozenset[Exclusion]:
        """Resolve what is removed and what is replaced; native_lists: names of those that there are."""
        removed, key = exclusions(self.exclude, native_lists), self.pseudonym_key_file
        if key is None or not self.pseudonymise:
            return removed
        replaced = replaceable(self.pseudonymise, native_lists)
        return with_pseudonyms(removed, replaced, Pseudonyms.of_key(key.get_secret_value()))

    def secrets(self) -> tuple[str, ...]:
        """Collect every text that must never be shown."""
        key = self.pseudonym_key_file
        return () if key is None else (key.get_secret_value(),)


class History(Section):
    """Models of which the mirror keeps what it said, and for how long."""

    models: Annotated[
        tuple[Annotated[str, passes(_models_with_history)], ...],
        BeforeValidator(partial(list_of_texts, example="hris_employments")),
        Written("list of globs"),
    ] = Field(
        default=(),
        description="Models of which every version of a row is kept, in tables <table>_history, such as"
        ' ["hris_employments"].',
    )
    keep: Retention = Field(
        default=None, description='For how long ended versions are kept: "forever" or a duration.'
    )


class Changes(Section):
    """Lists whose changes the change feed tells, and for how long."""

    models: Annotated[
        tuple[Annotated[str, Field(min_length=1)], ...],
        BeforeValidator(partial(list_of_texts, example="hris_*")),
        Written("list of globs"),
    ] = Field(
        default=(),
        description="Lists whose changes are told in the table mirror_changes, as globs over models and"
        ' native lists such as ["hris_*"].',
    )
    keep: PositiveDuration = Field(default=timedelta(days=7), description="For how long changes are kept.")
    before: bool = Field(default=False, description="Keep the former values of members that changed, too.")
    notify: bool = Field(
        default=False,
        description="PostgreSQL: notify the channel syncer_changes of the newest number, once in each"
        " transaction (with a schema other than public: syncer_changes_SCHEMA).",
    )
