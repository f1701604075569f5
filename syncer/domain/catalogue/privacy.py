"""Classes of what a record holds of people, and which of them a reporting role may see. Pure.

Each column of the catalogue has one, and each member of a JSON value that is shown in part. The rule is what
a company shows to everybody who works there (directory, org chart, calendar, job board), and besides only
numbers and states of records that name nobody.
"""

from __future__ import annotations

from enum import StrEnum


class Privacy(StrEnum):
    """Class of a column or member; the value is the word that documents and ``syncer schema`` use."""

    # Shown to a role without sensitive columns.
    KEY = "key"
    DIRECTORY = "directory"
    ORGANISATION = "organisation"
    POSTING = "posting"
    PROCESS = "process"
    TERMS = "terms"
    # Withheld from it.
    IDENTITY = "identity"
    CONTACT = "contact"
    IDENTIFIER = "identifier"
    PROTECTED = "protected"
    HEALTH = "health"
    PAY = "pay"
    ASSESSMENT = "assessment"
    FREE_TEXT = "free text"
    ACCESS = "access"
    COPY = "copy"
    UNKNOWN = "unknown"

    @property
    def is_sensitive(self) -> bool:
        """True where a role without sensitive columns must not see it."""
        return self not in SHOWN


#: Why it is bearable that everybody who reads reports sees this.
SHOWN: dict[Privacy, str] = {
    Privacy.KEY: "Kombo's ids, and times of the mirror itself: they name nobody",
    Privacy.DIRECTORY: "what directory and calendar show: name, work e-mail, job title, manager, absences",
    Privacy.ORGANISATION: "how the company is set up: groups, places, stages, roles, courses, skills",
    Privacy.POSTING: "what the job board shows to people who look for work",
    Privacy.PROCESS: "where something stands and since when: states, days, hours, counts",
    Privacy.TERMS: "terms of work without the pay: kind, hours, first and last day, currency",
}
#: What somebody would learn, or could do.
WITHHELD: dict[Privacy, str] = {
    Privacy.IDENTITY: "who a candidate is: today's employer and colleagues are not to know of an application",
    Privacy.CONTACT: "private addresses and numbers: where and how somebody is reached outside work",
    Privacy.IDENTIFIER: "what the state or another system knows a person by; may be an e-mail address",
    Privacy.PROTECTED: "age, sex, origin, family: what nobody may be treated differently for",
    Privacy.HEALTH: "why somebody is away, and how often: illness, care, birth of a child",
    Privacy.PAY: "what a person gets or is offered, and deductions, which tell of faith and debts",
    Privacy.ASSESSMENT: "what somebody thinks of a person: ratings, answers, reasons of a rejection, labels",
    Privacy.FREE_TEXT: "what people write, or name a file: it may say anything about anybody",
    Privacy.ACCESS: "addresses that open something (call, picture, file, record) for whoever has them",
    Privacy.COPY: "copies of other records, with all that is withheld there: join the table that has them",
    Privacy.UNKNOWN: "what nobody knows beforehand: a tool's own answers, a customer's fields, whole records",
}
