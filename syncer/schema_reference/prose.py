"""Prose of docs/schema.md beside its tables and diagrams."""

from __future__ import annotations

TITLES = {
    "hris": "HRIS: employees",
    "ats": "ATS: hiring",
    "lms": "LMS: learning",
    "assessment": "Assessment",
    "sync": "Bookkeeping",
}

HEAD = """\
<!-- Made by `make docs` from the catalogue: change the meanings there, not here. -->

# Schema

Every table and view of the mirror. `syncer schema hris_employees` shows the same in a terminal, and its
`--format` gives JSON for programs, Mermaid for diagrams and DDL for databases. On PostgreSQL the meanings are
also the comments of tables and columns.

{contents}
- [Columns of every mirror table](#columns-of-every-mirror-table), [views](#views),
  [sensitive columns](#sensitive-columns)

## How to read it

A **mirror table** has a row for every record of one model. A list of other models' records inside a record is
a **link table** of two ids. Embedded records that have no list of their own at Kombo are a **child table**:
those of one parent alone have its id and their `position` and are replaced together with it; those that
several parents share are as fresh as the parent that came last. `<table>_live` is a **view** of the rows that
are not deleted.

- An arrow (→) says which `id` a column holds. Ids are unique within a table, not between tables.
- There are no foreign keys: the row that an id leads to may be filtered out, not offered or not read yet. Use
  `LEFT JOIN` where a row counts without it.
- Deleted records stay, with `remote_deleted_at` set. Join to the table rather than to its view where a
  manager who has left is still the manager.
- Join instead of reading embedded copies: Kombo sends an employee again when a group is added, but not when
  that group is renamed.
- A column is null where the tool tells nothing and where Kombo is set not to read it. It is also null where a
  value did not fit its type; then `document` has the value, and `sync_quarantine` the reason.
- Fixed sets of words are text, for tools send other words too.

{types}

On SQLite timestamps are text in UTC, such as `2026-01-31T09:30:00.000000Z`: they sort by time, and its date
functions read them. JSON is text that `json_extract` reads, and `->>` from SQLite 3.38 on.

```sql
SELECT e.first_name, e.last_name, g.name AS team, m.last_name AS manager
FROM hris_employees_live e
LEFT JOIN hris_employees_groups eg ON eg.employee_id = e.id
LEFT JOIN hris_groups_live g ON g.id = eg.group_id
LEFT JOIN hris_employees m ON m.id = e.manager_id;
```

```sql
SELECT i.organisation, i.tool, count(*) AS employees
FROM hris_employees_live e
JOIN mirror_integrations i ON i.integration_id = e.integration_id
GROUP BY i.organisation, i.tool;
```

In the diagrams a line leads from the table whose `id` it is to the table with the column that the line names.
Only keys and columns that join are shown. The [site](README.md) has the same joins as tables."""

COMMON = """\
The sections below list what else a mirror table has. `remote_id`, `changed_at` and `remote_deleted_at` are
null in models that do not tell them. `remote_id` is sensitive where a record is about one person.

Each column has a class, and by it is sensitive or not: [the list](privacy.md#what-is-sensitive)."""

LIVE = """\
Every mirror table has a view `<table>_live` with the same columns: its rows where `remote_deleted_at` is
null.

`mirror_freshness` says how far the mirror can be trusted, and a query can join it:

```sql
SELECT e.integration_id, count(*) AS employees, max(f.lag_seconds) AS lag_seconds
FROM hris_employees_live e
JOIN mirror_freshness f ON f.integration_id = e.integration_id AND f.model = 'hris_employees'
GROUP BY e.integration_id;
```

It leaves out streams that are no longer mirrored; their rows stay in the mirror as they were.

`mirror_integrations` says whose rows they are: `origin_id` is your own id of the customer, as
you gave it to Kombo when the tool was connected."""

SYNC = """\
How syncer knows where it stands. Read these tables freely and write none; their columns may change between
versions, and `syncer schema sync_streams` shows those of yours. For reports there are `mirror_freshness` and
`mirror_integrations`. `sync_schema_version` belongs to the migrations."""

SENSITIVE = """\
What a reporting role should not see unless it has to is marked **sensitive** above, with its class.
`<table>_live` shows what its table has and needs the same care. On PostgreSQL

```
syncer migrate --grant-read ROLE --without-sensitive
```

grants a role everything else, and gives it `<table>_safe` of every table to select from: live rows without
these columns, and of JSON the members that are known and not sensitive. Which class every column has, and
why: [personal data](privacy.md#what-is-sensitive)."""
