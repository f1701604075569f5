// A program on both typed models: its types are checked, and it reads a mirror.
import assert from "node:assert/strict";
import { and, eq, isNull } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import pg from "pg";
import * as schema from "./schema.js";
import { type Database, type HrisEmployee, type HrisEmployeeLive, relations } from "./types.js";

const client = new pg.Client({ connectionString: process.env.MIRROR_URL });
await client.connect();

// Rows as the driver gives them are what the types say.
const { rows } = await client.query<HrisEmployee>("SELECT * FROM hris_employees WHERE start_date IS NOT NULL");
const one: HrisEmployee = rows[0]!;
const began: Date | null = one.start_date;
const hours: string | null = one.weekly_hours;
assert(began instanceof Date && one.mirrored_at instanceof Date);
assert(hours === null || typeof hours === "string");
assert.equal((one.document as { id: string }).id, one.id);
const living = (await client.query<HrisEmployeeLive>("SELECT * FROM hris_employees_live LIMIT 1")).rows[0]!;
const marked: null = living.remote_deleted_at;
assert.equal(marked, null);
// @ts-expect-error A column that there is not is an error before anything runs.
assert.equal(living.no_such_column, undefined);

const table: keyof Database = relations.hris_employees.group_rows.table;
assert.equal(table, "hris_groups");

// Drizzle: a join through the link table, its relational query, and a view.
const db = drizzle(client, { schema });
const { hrisEmployees, hrisEmployeesGroups, hrisEmployeesLive, hrisGroups } = schema;
const joined = await db
  .select({ employee: hrisEmployees.id, group: hrisGroups.name })
  .from(hrisEmployees)
  .innerJoin(hrisEmployeesGroups, eq(hrisEmployeesGroups.employee_id, hrisEmployees.id))
  .innerJoin(hrisGroups, and(eq(hrisGroups.id, hrisEmployeesGroups.group_id), isNull(hrisGroups.remote_deleted_at)));
const found = await db.query.hrisEmployees.findMany({
  with: { manager_row: true, employees_groups: { with: { group: true } } },
});
const groups = found.flatMap((employee) =>
  employee.employees_groups
    .filter((pair) => pair.group?.remote_deleted_at === null)
    .map((pair) => ({ employee: employee.id, group: pair.group!.name })),
);
assert(joined.length > 0);
const sorted = (pairs: typeof joined) => pairs.map((each) => JSON.stringify(each)).sort();
assert.deepEqual(sorted(groups), sorted(joined));
assert(found.some((employee) => employee.manager_row?.id === employee.manager_id));
const live = await db.select().from(hrisEmployeesLive);
const first: Date = live[0]!.first_seen_at;
assert(first instanceof Date);
assert.equal(live.length, found.filter((employee) => employee.remote_deleted_at === null).length);
await client.end();
console.log(JSON.stringify({ pairs: joined.length, live: live.length }));
