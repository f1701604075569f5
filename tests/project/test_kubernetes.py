"""Manifests of Kubernetes: valid by its schemas, restricted, and configured with what the program reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from syncer import __version__
from syncer.cli import group
from syncer.config.loading import load_settings

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
FILES = sorted(FOLDER.rglob("*.yaml"))
#: The oldest that is maintained, and the newest that the schemas know.
VERSIONS = ("1.33", "1.37")


def manifest(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return found


def pods() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the specification of each pod, with the name of its file."""
    for file in FILES:
        spec = manifest(str(file.relative_to(FOLDER)))
        while "template" in spec.get("spec", {}) or "jobTemplate" in spec.get("spec", {}):
            spec = spec["spec"].get("template") or spec["spec"]["jobTemplate"]
        if "containers" in spec.get("spec", {}):
            yield file.name, spec["spec"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_manifest_follows_the_schemas_of_kubernetes(file: Path, version: str) -> None:
    # To import it takes seconds, and this module is imported in every run of any test.
    import kubernetes_validate

    kubernetes_validate.validate(manifest(str(file.relative_to(FOLDER))), version, strict=True)


def test_every_pod_is_what_the_restricted_standard_allows_and_writes_nowhere_but_to_a_tmp() -> None:
    names = [name for name, _ in pods()]
    assert sorted(names) == [
        *("backfill.yaml", "check.yaml", "cronjob.yaml", "deployment.yaml", "migrate.yaml", "reconcile.yaml"),
        "worker.yaml",
    ]
    for name, pod in pods():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        [container] = pod["containers"]
        written = [volume["name"] for volume in pod["volumes"] if not {"configMap", "secret"} & volume.keys()]
        # Large bodies of the gateway's calls, for as long as they are under way.
        assert written == (["tmp"] if name == "deployment.yaml" else []), name
        assert all(volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if volume["name"] in written)
        places = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
        assert places == ["/tmp"] * len(written), name
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, name
        assert container["image"].endswith(f":{__version__}"), name
        assert container["resources"]["limits"].keys() == {"memory"}, name


def test_every_pod_runs_a_command_of_the_program_as_the_user_of_the_image() -> None:
    dockerfile = (FOLDER.parents[1] / "Dockerfile").read_text(encoding="utf-8")
    for name, pod in pods():
        program, command = pod["containers"][0]["args"]
        assert (program, command in group.commands) == ("syncer", True), name
        user = f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"
        assert f"\nUSER {user}\n" in dockerfile, name


def test_the_service_is_probed_and_an_update_keeps_one_at_work() -> None:
    spec = manifest("deployment.yaml")["spec"]
    [container] = spec["template"]["spec"]["containers"]
    probed = {probe: container[f"{probe}Probe"]["httpGet"]["path"] for probe in ("liveness", "readiness")}
    assert probed == {"liveness": "/healthz", "readiness": "/readyz"}
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    labels = spec["template"]["metadata"]["labels"]
    for name in ("service.yaml", "poddisruptionbudget.yaml"):
        selector = manifest(name)["spec"]["selector"]
        assert selector.get("matchLabels", selector) == labels


def test_a_worker_is_probed_at_the_port_that_it_is_given() -> None:
    [container] = manifest("examples/worker.yaml")["spec"]["template"]["spec"]["containers"]
    [port] = [each["value"] for each in container["env"] if each["name"] == "SYNCER_WORKERS__PORT"]
    assert container["ports"] == [{"name": "metrics", "containerPort": int(port)}]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}


def test_the_program_reads_configuration_and_secrets_as_kubernetes_mounts_them(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(manifest("configmap.yaml")["data"]["config.toml"], encoding="utf-8")
    # A volume is a folder of links into one that is replaced as a whole.
    secrets = tmp_path / "secrets"
    (secrets / "..2026_11_29").mkdir(parents=True)
    (secrets / "..data").symlink_to("..2026_11_29")
    for name, value in manifest("examples/secret.yaml")["stringData"].items():
        (secrets / "..data" / name).write_text(value.replace(" ", "-"), encoding="utf-8")
        (secrets / name).symlink_to(f"..data/{name}")
    settings = load_settings(config, {}, secrets)
    assert settings.api_key() == "key-of-Kombo"
    assert settings.database.url.get_secret_value().startswith("postgresql://syncer:password@")
    assert settings.web.token.get_secret_value()
    assert "syncer.syncer.svc" in settings.web.hosts
