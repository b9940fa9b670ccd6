"""The manifests as kustomize would render them, and questions to ask of them."""

import copy
from functools import cache
from importlib import import_module
from pathlib import Path

import yaml

from chassis.testing.settings import settings_of
from gateway.settings import GatewaySettings

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
NGINX = ROOT / "deploy" / "nginx"
ENVIRONMENTS = ("dev", "production")
SERVICES = ("catalog", "case", "identity", "exchange")
SECRETS = {
    "service": {"ONENET_DATABASE_URL", "ONENET_NATS_URL", "ONENET_VAULT_KEYS", "ONENET_SEAL_KEYS"},
    "owner": {"ONENET_MIGRATION_DATABASE_URL"},
    "files": {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT", "AWS_REGION"},
}
GATEWAY_SECRET = {"ONENET_NATS_URL"}
OBJECT_STORE = SECRETS["files"]  # read by the storage library, not by a settings class
OPERATED_PORTS = {5432, 8000, 9187}  # pods the database operator makes
OUTSIDE_PORTS = {53, 443, 6443, 9000}  # names, the Kubernetes API, object storage
CUSTOM = "postgresql.cnpg.io/v1"


# A renderer of the few shapes of kustomize that are used here, so that the rules below hold where
# kubectl is not installed; where it is, a test compares the two.


@cache
def rendered(environment: str) -> list[dict]:
    return build(K8S / "overlays" / environment)


def build(folder: Path, into: list[dict] | None = None) -> list[dict]:
    """The resources of a kustomization; a component's are joined to those it is applied to."""
    asked = yaml.safe_load((folder / "kustomization.yaml").read_text())
    found = [] if into is None else into
    for name in asked.get("resources", []):
        path = folder / name
        more = build(path) if path.is_dir() else yaml.safe_load_all(path.read_text())
        found += [one for one in more if one]
    found += [configuration(folder, one) for one in asked.get("configMapGenerator", [])]
    for name in asked.get("components", []):
        build(folder / name, found)
    for change in asked.get("patches", []):
        text = change.get("patch") or (folder / change["path"]).read_text()
        for one in found:
            if is_target(one, change["target"]):
                patch(one, yaml.safe_load(text))
    names = {(one["kind"], one["metadata"]["name"]) for one in found}
    for one in found:
        finish(one, asked, names)
    return found


def configuration(folder: Path, asked: dict) -> dict:
    pairs = {Path(name).name: (folder / name).read_text() for name in asked.get("files", [])}
    for name in asked.get("envs", []):
        lines = (folder / name).read_text().split()
        pairs |= dict(line.split("=", 1) for line in lines)
    metadata = {"name": asked["name"]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": pairs}


def is_target(one: dict, target: dict) -> bool:
    label, _, value = target.get("labelSelector", "").partition("=")
    return (
        one["kind"] == target["kind"]
        and target.get("name") in {None, one["metadata"]["name"]}
        and (not label or one["metadata"].get("labels", {}).get(label) == value)
    )


def patch(one: dict, operations: list[dict]) -> None:
    """RFC 6902, as far as it is used: what is replaced or removed must be there."""
    for step in operations:
        *way, last = [part.replace("~1", "/") for part in step["path"].split("/")[1:]]
        place = one
        for part in way:
            place = place[int(part) if isinstance(place, list) else part]
        key = int(last) if isinstance(place, list) and last != "-" else last
        if step["op"] == "add" and isinstance(place, list):
            place.insert(len(place) if key == "-" else key, copy.deepcopy(step["value"]))
        elif step["op"] == "remove":
            del place[key]
        else:
            assert step["op"] == "add" or place[key] is not None
            place[key] = copy.deepcopy(step["value"])


def finish(one: dict, asked: dict, names: set[tuple[str, str]]) -> None:
    """Namespace, prefix with the references that follow it, labels, images."""
    metadata = one["metadata"]
    if "namespace" in asked and one["kind"] != "Namespace":
        metadata["namespace"] = asked["namespace"]
    if prefix := asked.get("namePrefix"):
        metadata["name"] = prefix + metadata["name"]
        follow(one, prefix, names)
    for label in asked.get("labels", []):
        spread(one, label["pairs"])
    tags = {image["name"]: image["newTag"] for image in asked.get("images", [])}
    for container in containers(one):
        if container["image"] in tags:
            container["image"] += f":{tags[container['image']]}"


def follow(one: dict, prefix: str, names: set[tuple[str, str]]) -> None:
    spec = one.get("spec", {})
    places = [(spec.get("scaleTargetRef", {}), "name", "Deployment")]
    inside = pod(one) or {}
    places.append((inside, "serviceAccountName", "ServiceAccount"))
    for volume in inside.get("volumes", []):
        sources = volume.get("projected", {}).get("sources", [])
        places += [(source["configMap"], "name", "ConfigMap") for source in sources]
    for rule in spec.get("rules", []):
        paths = rule["http"]["paths"]
        places += [(path["backend"]["service"], "name", "Service") for path in paths]
    for place, key, kind in places:
        if (kind, place.get(key)) in names:
            place[key] = prefix + place[key]


def spread(one: dict, labels: dict) -> None:
    one["metadata"].setdefault("labels", {}).update(labels)
    spec = one.get("spec", {})
    if one["kind"] == "Service":
        spec["selector"].update(labels)
    if "matchLabels" in spec.get("selector", {}):
        spec["selector"]["matchLabels"].update(labels)
    if inside := pod(one):
        spec["template"]["metadata"]["labels"].update(labels)
        for constraint in inside.get("topologySpreadConstraints", []):
            constraint["labelSelector"]["matchLabels"].update(labels)


def pod(one: dict) -> dict | None:
    if one["kind"] not in {"Deployment", "StatefulSet"}:
        return None
    return one["spec"]["template"]["spec"]


def containers(one: dict) -> list[dict]:
    inside = pod(one) or {}
    return inside.get("initContainers", []) + inside.get("containers", [])


def is_ours(container: dict) -> bool:
    """Whether it runs the platform's image, and so reads settings."""
    return container["image"].split(":")[0] == "onenet"


def of_kind(environment: str, *kinds: str) -> list[dict]:
    return [one for one in rendered(environment) if one["kind"] in kinds]


def named(environment: str, kind: str, name: str) -> dict:
    return next(one for one in of_kind(environment, kind) if one["metadata"]["name"] == name)


def pods(environment: str) -> list[dict]:
    return of_kind(environment, "Deployment", "StatefulSet")


def selects(selector: dict, labels: dict) -> bool:
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(
        one["operator"] == "In" and labels.get(one["key"]) in one["values"]
        for one in selector.get("matchExpressions", [])
    )


def pods_of(environment: str, selector: dict) -> list[dict]:
    found = pods(environment)
    return [
        one for one in found if selects(selector, one["spec"]["template"]["metadata"]["labels"])
    ]


def settings_class(service: str) -> type:
    if service == "gateway":
        return GatewaySettings
    create = import_module(f"{service}_svc.main").create_service
    return type(settings_of(create))


def variables(service: str) -> tuple[set[str], set[str]]:
    """What the service's settings class knows, and what of it has no default."""
    fields = settings_class(service).model_fields.items()
    known = {f"ONENET_{name.upper()}" for name, _ in fields}
    return known, {f"ONENET_{name.upper()}" for name, field in fields if field.is_required()}


def service_of(one: dict) -> str:
    return one["metadata"]["labels"]["app.kubernetes.io/name"]


def secret_keys(name: str) -> set[str]:
    if name == "gateway-service":
        return GATEWAY_SECRET
    return SECRETS[name.rpartition("-")[2]]


def given(environment: str, container: dict) -> set[str]:
    """The environment variables a container is given, from wherever."""
    found = {one["name"] for one in container.get("env", [])}
    for source in container.get("envFrom", []):
        if "secretRef" in source:
            found |= secret_keys(source["secretRef"]["name"])
        else:
            found |= set(named(environment, "ConfigMap", source["configMapRef"]["name"])["data"])
    return found
