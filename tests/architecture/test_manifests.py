"""The manifests are valid, complete and keep to the restricted profile."""

import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

K8S = Path(__file__).parents[2] / "k8s"
KUSTOMIZATIONS = sorted(K8S.rglob("kustomization.yaml"))
PATCHES = {"migrate.yaml"}
RESOURCES = sorted(
    path
    for path in K8S.rglob("*.yaml")
    if path.name != "kustomization.yaml" and path.name not in PATCHES
)


def name(path: Path) -> str:
    return str(path.relative_to(K8S))


@pytest.mark.parametrize("path", RESOURCES, ids=name)
def test_resource_is_valid(path):
    for document in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(document, "1.33", strict=True)


@pytest.mark.parametrize("path", KUSTOMIZATIONS, ids=name)
def test_everything_a_kustomization_names_is_there(path):
    content = yaml.safe_load(path.read_text())
    named = [*content.get("resources", []), *content.get("components", [])]
    named += [patch["path"] for patch in content.get("patches", []) if "path" in patch]
    assert [one for one in named if not (path.parent / one).exists()] == []


@pytest.mark.parametrize("path", RESOURCES, ids=name)
def test_containers_run_restricted(path):
    document = yaml.safe_load(path.read_text())
    if document["kind"] != "Deployment":
        return
    pod = document["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"]["drop"] == ["ALL"]
        assert "memory" in container["resources"]["limits"]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed here")
def test_overlays_render():
    for overlay in sorted((K8S / "overlays").iterdir()):
        done = subprocess.run(["kubectl", "kustomize", overlay], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
