"""Typed models for TypeScript, Drizzle and Prisma, and what drizzle-kit makes of the database itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import make_url

from tests.support.tools import NODE_FOLDER, path_of

if TYPE_CHECKING:
    from tests.schema_reference.conftest import WriteModels

PROGRAM = Path(__file__).with_name("programs") / "reads.ts"
PAGE = (Path(__file__).parents[2] / "docs" / "programs.md").read_text(encoding="utf-8")
#: As a strict project of today has it. Libraries' own declarations name packages that nobody needs.
STRICT = ("--strict", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler")
VALIDATE = """
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
const prisma = createRequire(import.meta.url)("@prisma/prisma-schema-wasm");
for (const file of process.argv.slice(2)) {
  const prismaSchema = [[file, readFileSync(file, "utf8")]];
  prisma.validate(JSON.stringify({ prismaSchema, noColor: true }));
  const warnings = prisma.lint(JSON.stringify(prismaSchema));
  if (warnings !== "[]") throw new Error(warnings);
  const { datamodel } = JSON.parse(prisma.get_dmmf(JSON.stringify({ prismaSchema, noColor: true })));
  const members = (model) => model.fields.map((each) => each.name);
  const models = Object.fromEntries(datamodel.models.map((each) => [each.name, members(each)]));
  console.log(JSON.stringify(models));
}
"""


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with programs of Node. problems: what the compiler says of all files in it."""

    folder: Path
    problems: str

    def node(self, *arguments: str, **environ: str) -> list[Any]:
        """Run a program; give the values that it prints, one a line."""
        return [
            json.loads(line) for line in ran(self.folder, tool("node"), *arguments, **environ).splitlines()
        ]


def tool(name: str) -> str:
    found = path_of(name)
    assert found is not None
    return found


def ran(folder: Path, *command: str, **environ: str) -> str:
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def node_url(url: str) -> str:
    """Write a URL as Node's driver takes it, which would connect to a host where none is named."""
    made = make_url(url)
    return (
        str(url) if made.host else f"postgresql://{made.username}@/{made.database}?host={made.query['host']}"
    )


@pytest.fixture(scope="module")
def project(
    mirrors: dict[str, str], write_models: WriteModels, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """Every file that is generated and a program that reads the mirror with them, compiled at once."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "node_modules").symlink_to(NODE_FOLDER / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "reads.ts").write_text(PROGRAM.read_text("utf-8"), "utf-8")
    for number, block in enumerate(re.findall(r"```ts\n(.*?)```", PAGE, flags=re.DOTALL)):
        (folder / f"page_{number}.ts").write_text(block, "utf-8")
    (folder / "sqlite").mkdir()
    for dialect, place in (("postgresql", folder), ("sqlite", folder / "sqlite")):
        for form, name in (("typescript", "types.ts"), ("drizzle", "schema.ts"), ("prisma", "schema.prisma")):
            write_models(place / name, "--format", form, "--dialect", dialect)
    config = {
        "dialect": "postgresql",
        "out": "pulled",
        "introspect": {"casing": "preserve"},
        "dbCredentials": {"url": node_url(mirrors["postgresql"])},
    }
    (folder / "drizzle.config.json").write_text(json.dumps(config))
    ran(folder, tool("drizzle-kit"), "pull", "--config", "drizzle.config.json")
    files = [
        path.relative_to(folder).as_posix()
        for path in folder.glob("**/*.ts")
        if "node_modules" not in path.parts
    ]
    assert {"pulled/schema.ts", "sqlite/schema.ts", "reads.ts"} <= {*files}
    compiled = subprocess.run(
        [tool("tsc"), *STRICT, "--skipLibCheck", "--types", "node", *files],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return Project(folder, compiled.stdout)


pytestmark = [pytest.mark.tool(name) for name in ("node", "tsc", "drizzle-kit", "prisma-schema-wasm")]


def test_all_that_is_generated_and_what_drizzle_kit_pulls_compiles_strictly(project: Project) -> None:
    assert project.problems == ""


def test_a_program_with_drizzle_and_types_reads_the_mirror(project: Project, mirrors: dict[str, str]) -> None:
    [counts] = project.node("reads.js", MIRROR_URL=node_url(mirrors["postgresql"]))
    assert counts["pairs"] > 0
    assert counts["live"] > 0


def test_the_programs_of_the_page_print_rows(project: Project, mirrors: dict[str, str]) -> None:
    where = node_url(mirrors["postgresql"])
    types, drizzle = (project.node(f"page_{number}.js", DATABASE_URL=where) for number in (0, 1))
    assert all(isinstance(employee, str) for employee, _ in types)
    assert len(types) > 1
    assert any(manager for _, manager, _ in drizzle)
    assert any(groups for _, _, groups in drizzle)


def test_prisma_finds_nothing_wrong_with_its_schema_nor_to_warn_of(project: Project) -> None:
    (project.folder / "validate.mjs").write_text(VALIDATE)
    postgresql, sqlite = project.node("validate.mjs", "schema.prisma", "sqlite/schema.prisma")
    assert postgresql.keys() == sqlite.keys()
    assert {"manager_row", "employees_groups", "absences"} <= {*postgresql["HrisEmployee"]}
