"""Manifests are valid, complete, restricted; alerts speak of metrics and pages that exist."""

import copy
import json
import re
import shutil
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml
from nats.errors import TimeoutError as NoAnswer

from chassis import consumer
from chassis.events import service_of as producer_of
from chassis.events import stream_of
from chassis.testing.servers import free_port
from chassis.testing.settings import settings_of
from gateway.settings import GatewaySettings

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
OBSERVABILITY = ROOT / "deploy/observability"
RUNBOOKS = ROOT / "docs/runbooks"
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
PASSWORD = "p1e5"


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
    places.append((pod(one) or {}, "serviceAccountName", "ServiceAccount"))
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
    for source in container["envFrom"]:
        if "secretRef" in source:
            found |= secret_keys(source["secretRef"]["name"])
        else:
            found |= set(named(environment, "ConfigMap", source["configMapRef"]["name"])["data"])
    return found


@pytest.mark.parametrize("path", sorted(K8S.rglob("kustomization.yaml")), ids=str)
def test_everything_a_kustomization_names_is_there(path):
    content = yaml.safe_load(path.read_text())
    wanted = [*content.get("resources", []), *content.get("components", [])]
    wanted += [one["path"] for one in content.get("patches", []) if "path" in one]
    for generator in content.get("configMapGenerator", []):
        wanted += [*generator.get("files", []), *generator.get("envs", [])]
    assert [one for one in wanted if not (path.parent / one).exists()] == []


def test_every_file_is_named_by_a_kustomization():
    used = "".join(path.read_text() for path in K8S.rglob("kustomization.yaml"))
    files = [one for one in K8S.rglob("*") if one.is_file() and one.suffix in {".yaml", ".env"}]
    unused = [one.name for one in files if one.name not in used and one.stem != "kustomization"]
    assert unused == []


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed here")
def test_kubectl_renders_the_same(environment):
    command = ["kubectl", "kustomize", K8S / "overlays" / environment]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    # kubectl adds a hash of their content to the names of generated ConfigMaps.
    text = re.sub(r"\b(platform|nats-config)-[0-9a-z]{10}\b", r"\1", done.stdout.decode())
    assert by_name(yaml.safe_load_all(text)) == by_name(rendered(environment))


def by_name(resources) -> dict:
    return {(one["kind"], one["metadata"]["name"]): one for one in resources}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
class TestEnvironment:
    def test_resources_are_valid(self, environment):
        for one in rendered(environment):
            if one["apiVersion"] != CUSTOM:
                kubernetes_validate.validate(one, "1.33", strict=True)

    def test_nothing_is_there_twice_or_outside_the_namespace(self, environment):
        found = [(one["kind"], one["metadata"]["name"]) for one in rendered(environment)]
        assert len(found) == len(set(found))
        (namespace,) = of_kind(environment, "Namespace")
        homes = {one["metadata"].get("namespace") for one in rendered(environment)}
        assert homes == {None, namespace["metadata"]["name"]}
        labels = namespace["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"

    def test_no_secret_is_in_the_repository(self, environment):
        assert of_kind(environment, "Secret") == []
        for one in of_kind(environment, "ConfigMap"):
            secret = {key for keys in SECRETS.values() for key in keys}
            assert secret.isdisjoint(one["data"])

    def test_every_pod_is_restricted(self, environment):
        for one in pods(environment):
            inside = pod(one)
            assert inside["automountServiceAccountToken"] is False
            account = named(environment, "ServiceAccount", inside["serviceAccountName"])
            assert account["automountServiceAccountToken"] is False
            assert inside["securityContext"]["runAsNonRoot"] is True
            assert inside["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
            for container in containers(one):
                context = container["securityContext"]
                assert context["readOnlyRootFilesystem"] is True
                assert context["allowPrivilegeEscalation"] is False
                assert context["capabilities"] == {"drop": ["ALL"]}
                assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
                assert "memory" in container["resources"]["limits"]
                assert ":" in container["image"]

    def test_every_process_is_probed(self, environment):
        for one in pods(environment):
            for container in pod(one)["containers"]:
                ports = {port["name"] for port in container["ports"]}
                for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                    assert container[probe]["httpGet"]["port"] in ports

    def test_selectors_never_meet(self, environment):
        for one in pods(environment):
            assert pods_of(environment, one["spec"]["selector"]) == [one]

    def test_every_service_leads_to_one_workload(self, environment):
        for one in of_kind(environment, "Service"):
            (target,) = pods_of(environment, {"matchLabels": one["spec"]["selector"]})
            ports = {port["name"] for port in pod(target)["containers"][0]["ports"]}
            assert {port["targetPort"] for port in one["spec"]["ports"]} <= ports

    def test_every_workload_has_a_budget_and_every_api_an_autoscaler(self, environment):
        budgets = of_kind(environment, "PodDisruptionBudget")
        kept = [pods_of(environment, one["spec"]["selector"]) for one in budgets]
        assert all(len(one) == 1 for one in kept)
        everyone = sorted(one["metadata"]["name"] for one in pods(environment))
        assert sorted(one[0]["metadata"]["name"] for one in kept) == everyone
        for one in of_kind(environment, "HorizontalPodAutoscaler"):
            target = named(environment, "Deployment", one["spec"]["scaleTargetRef"]["name"])
            assert "replicas" not in target["spec"]
        assert len(of_kind(environment, "HorizontalPodAutoscaler")) == len(SERVICES) + 1

    def test_every_variable_is_a_setting(self, environment):
        platform = set(named(environment, "ConfigMap", "platform")["data"])
        everyone = set().union(*(variables(one)[0] for one in (*SERVICES, "gateway")))
        assert platform <= everyone
        for one in of_kind(environment, "Deployment"):
            known, required = variables(service_of(one))
            for container in containers(one):
                found = given(environment, container)
                assert found - platform - OBJECT_STORE <= known
                assert required <= found

    def test_only_migrations_know_the_owner(self, environment):
        for one in of_kind(environment, "Deployment"):
            for container in pod(one)["containers"]:
                assert "ONENET_MIGRATION_DATABASE_URL" not in given(environment, container)
            if service_of(one) != "gateway":
                (migration,) = pod(one)["initContainers"]
                assert migration["command"] == ["python", "-m", f"{service_of(one)}_svc"]
                assert "ONENET_MIGRATION_DATABASE_URL" in given(environment, migration)

    def test_addresses_are_those_of_the_services(self, environment):
        settings = named(environment, "ConfigMap", "platform")["data"]
        hosts = {urlsplit(settings[f"ONENET_{one.upper()}_URL"]).hostname for one in SERVICES}
        hosts.add(urlsplit(settings["ONENET_KEYS_URL"]).hostname)
        names = {one["metadata"]["name"] for one in of_kind(environment, "Service")}
        assert hosts == {f"{one}-api" for one in SERVICES} <= names
        (ingress,) = of_kind(environment, "Ingress")
        host = urlsplit(settings["ONENET_ISSUER"]).hostname
        assert ingress["spec"]["rules"][0]["host"] == host
        assert ingress["spec"]["tls"][0]["hosts"] == [host]

    def test_every_port_of_a_network_policy_exists(self, environment):
        for one in of_kind(environment, "NetworkPolicy"):
            for asked, selector in doors(one):
                open_ports = OUTSIDE_PORTS
                if selector is not None and "cnpg.io/cluster" in str(selector):
                    open_ports = OPERATED_PORTS
                elif selector is not None:
                    open_ports = ports_of(environment, selector)
                assert {port["port"] for port in asked} <= open_ports, one["metadata"]["name"]

    def test_the_network_lets_through_what_is_needed_and_no_more(self, environment):
        """Who may reach whom, as (from, to, port), policies of both sides agreeing."""
        assert flows(environment) == wanted_flows()

    def test_the_database_has_room_for_every_pool(self, environment):
        size = int(named(environment, "ConfigMap", "platform")["data"]["ONENET_POOL_SIZE"])
        processes = 0
        for service in SERVICES:
            scaler = named(environment, "HorizontalPodAutoscaler", f"{service}-api")
            worker = named(environment, "Deployment", f"{service}-worker")
            # A rolling update has one pod more of each.
            processes += scaler["spec"]["maxReplicas"] + worker["spec"]["replicas"] + 2
        (cluster,) = of_kind(environment, "Cluster")
        room = int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])
        assert processes * size * 2 <= room - 50  # a pool may overflow to twice its size

    def test_every_database_has_two_roles(self, environment):
        (cluster,) = of_kind(environment, "Cluster")
        spec = cluster["spec"]
        assert cluster["apiVersion"] == CUSTOM
        roles = {one["name"]: one["passwordSecret"]["name"] for one in spec["managed"]["roles"]}
        made = " ".join(spec["bootstrap"]["initdb"]["postInitSQL"])
        for service in SERVICES:
            database = named(environment, "Database", service)["spec"]
            assert database["cluster"]["name"] == cluster["metadata"]["name"]
            assert database["name"] == f"onenet_{service}"
            assert database["owner"] == f"onenet_{service}_owner"
            entry = f"onenet_{service} onenet_{service}_owner,onenet_{service}_app"
            assert any(entry in line for line in spec["postgresql"]["pg_hba"])
            for kind in ("owner", "app"):
                assert roles[f"onenet_{service}_{kind}"] == f"postgres-{service}-{kind}"
                assert f"CREATE ROLE onenet_{service}_{kind}" in made
        assert len(roles) == 2 * len(SERVICES)
        assert spec["postgresql"]["pg_hba"][-1] == "host all /^onenet_ all reject"


def doors(policy: dict) -> list[tuple[list[dict], dict | None]]:
    """Ports of a policy's rules with the selector of the pods they lead to; None: outside."""
    spec = policy["spec"]
    found = [(rule["ports"], spec["podSelector"]) for rule in spec.get("ingress", [])]
    for rule in spec.get("egress", []):
        for peer in rule["to"]:
            inside = "podSelector" in peer and "namespaceSelector" not in peer
            found.append((rule["ports"], peer["podSelector"] if inside else None))
    return found


def ports_of(environment: str, selector: dict) -> set[int]:
    found = pods_of(environment, selector)
    assert found, selector
    listed = [container["ports"] for one in found for container in pod(one)["containers"]]
    return {port["containerPort"] for ports in listed for port in ports}


def flows(environment: str) -> set[tuple[str, str, int]]:
    workloads = {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"]
        for one in pods(environment)
    } | {"postgres": {"cnpg.io/cluster": "postgres"}}
    policies = [one["spec"] for one in of_kind(environment, "NetworkPolicy")]
    assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} in policies
    leaving = allowed(policies, workloads, "egress", "to")
    entering = {
        (other, one, port) for one, other, port in allowed(policies, workloads, "ingress", "from")
    }
    return leaving & entering


def allowed(policies, workloads, direction, side) -> set[tuple[str, str, int]]:
    return {
        (name, other, port["port"])
        for name, labels in workloads.items()
        for policy in policies
        if selects(policy["podSelector"], labels)
        for rule in policy.get(direction, [])
        for peer in rule[side]
        if "podSelector" in peer and "namespaceSelector" not in peer
        for other, others in workloads.items()
        if selects(peer["podSelector"], others)
        for port in rule["ports"]
    }


def wanted_flows() -> set[tuple[str, str, int]]:
    found = {("gateway-api", "nats", 4222), ("nats", "nats", 6222)}
    found |= {("postgres", "postgres", port) for port in (5432, 8000)}
    for service in SERVICES:
        found |= {("gateway-api", f"{service}-api", 8000), (f"{service}-worker", "nats", 4222)}
        for name in (f"{service}-api", f"{service}-worker"):
            found |= {(name, "postgres", 5432), (name, "identity-api", 8000)}
    return found


def test_every_secret_is_documented():
    text = (K8S / "README.md").read_text()
    names = {f"{one}-{kind}" for one in SERVICES for kind in ("service", "owner")}
    names |= {f"postgres-{one}-{kind}" for one in SERVICES for kind in ("owner", "app")}
    for environment in ENVIRONMENTS:
        listed = [
            source for one in pods(environment) for c in containers(one) for source in c["envFrom"]
        ]
        names |= {one["secretRef"]["name"] for one in listed if "secretRef" in one}
    keys = GATEWAY_SECRET.union(*SECRETS.values())
    keys |= set(re.findall(r"\$([A-Z]+_PASSWORD)", (K8S / "infra/nats/nats.conf").read_text()))
    assert [one for one in sorted(names | keys) if f"`{one}`" not in text] == []


@pytest.fixture
def bus(tmp_path):
    """NATS with the users of nats.conf, alone."""
    port = free_port()
    text = (K8S / "infra/nats/nats.conf").read_text()
    text = re.sub(r"\ncluster \{.*?\n\}\n", "\n", text, flags=re.DOTALL)
    text = text.replace("0.0.0.0:4222", f"127.0.0.1:{port}").replace("/data", str(tmp_path))
    config = tmp_path / "nats.conf"
    config.write_text(text.replace('http: "0.0.0.0:8222"', ""))
    users = {f"{name.upper()}_PASSWORD": PASSWORD for name in (*SERVICES, "gateway", "operator")}
    binary = Path(sys.executable).parent / "nats-server"
    with subprocess.Popen(
        [binary, "-c", config], env={"POD_NAME": "nats-0", **users}, stderr=subprocess.DEVNULL
    ) as server:
        yield f"127.0.0.1:{port}"
        server.terminate()


def reactions_of(service: str) -> consumer.Reactions:
    create = import_module(f"{service}_svc.main").create_service
    return consumer.merged(create(settings_of(create)).subscriptions)


async def test_bus_users_may_do_their_work_and_nothing_else(bus):
    names = (*SERVICES, "gateway")
    clients = {
        one: await consumer.connect(f"nats://{one}:{PASSWORD}@{bus}", name=one) for one in names
    }
    streams = {one: client.jetstream(timeout=2) for one, client in clients.items()}
    for one in SERVICES:
        await consumer.ensure_stream(streams[one], one)
    for one in SERVICES:
        reactions = reactions_of(one)
        for producer in consumer.producers(reactions):
            subjects = [f"onenet.{name}.*" for name in reactions if producer_of(name) == producer]
            await reads(streams[one], streams[producer], one, stream_of(producer), subjects)
    for one in names:
        for other in set(SERVICES) - {one}:
            with pytest.raises(NoAnswer):
                await streams[one].publish(f"onenet.{other}.x.y.v1.z", b"{}", timeout=0.2)
    with pytest.raises(NoAnswer):
        await clients["case"].request("$JS.API.STREAM.DELETE.IDENTITY", b"", timeout=0.2)
    for client in clients.values():
        await client.close()


async def reads(mine, theirs, durable: str, stream: str, subjects: list[str]) -> None:
    await consumer.ensure_stream(mine, stream.lower())
    await consumer.ensure_consumer(mine, stream=stream, durable=durable, subjects=subjects)
    subscription = await mine.pull_subscribe_bind(consumer=durable, stream=stream)
    await theirs.publish(subjects[0].replace("*", "entity"), b"{}", stream=stream)
    (message,) = await subscription.fetch(1, timeout=2)
    await message.ack_sync(timeout=2)


# Prometheus and its client library make these; all others must be declared in the code.
BUILT_IN = {"up", "process_open_fds", "process_max_fds"}
BUILT_IN |= {"process_resident_memory_bytes", "process_cpu_seconds_total"}
TARGET_LABELS = {"job", "pod", "le"}
WORDS = {"sum", "max", "min", "by", "on", "rate", "or", "and", "unless", "offset", "bool", "absent"}
WORDS |= {"topk", "min_over_time", "histogram_quantile"}
ALERTS = [
    rule
    for group in yaml.safe_load((OBSERVABILITY / "rules.yml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS = json.loads((OBSERVABILITY / "dashboard.json").read_text())["panels"]
EXPRESSIONS = [one["expr"] for one in ALERTS]
EXPRESSIONS += [target["expr"] for panel in PANELS for target in panel["targets"]]


@cache
def declared() -> dict[str, set[str]]:
    """Series the code exposes, each with its labels."""
    pattern = re.compile(r'= (Counter|Gauge|Histogram)\(\s*"(\w+)",\s*"[^"]*"(?:,\s*\[([^]]*)\])?')
    endings = {"Counter": ["_total"], "Gauge": [""], "Histogram": ["_bucket", "_count", "_sum"]}
    found = {}
    for path in ROOT.glob("*/src/**/*.py"):
        for kind, name, labels in pattern.findall(path.read_text()):
            for ending in endings[kind]:
                found[name + ending] = set(re.findall(r"\w+", labels))
    return found


def series_of(expression: str) -> set[str]:
    """Names in an expression that are neither labels, values, durations nor functions."""
    text = re.sub(r"\{.*?\}|\[.*?\]|\b(?:by|on) \([^)]*\)", " ", expression)
    return set(re.findall(r"(?<![\w.])[a-z_][\w:]*", text)) - WORDS


def labels_of(expression: str) -> set[str]:
    lists = re.findall(r"\b(?:by|on) \(([^)]*)\)", expression)
    matchers = re.findall(r"\{(.*?)\}", expression)
    words = re.findall(r"\w+", " ".join(lists))
    return {*words, *re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", " ".join(matchers))}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_exists(expression):
    recorded = {one["record"] for one in ALERTS if "record" in one}
    used = series_of(expression)
    assert used
    assert used - recorded - BUILT_IN - declared().keys() == set()
    known = set().union(*(declared().get(one, set()) for one in used))
    if not used & recorded:
        assert labels_of(expression) - known <= TARGET_LABELS


def test_every_metric_is_watched_or_shown():
    used = set().union(*map(series_of, EXPRESSIONS))
    stems = {one.removesuffix("_bucket") for one in used}
    unseen = [
        one
        for one in declared()
        if one.removesuffix("_count").removesuffix("_sum").removesuffix("_bucket") not in stems
    ]
    assert unseen == []


def test_every_alert_has_its_page_and_every_page_its_alert():
    alerts = [one for one in ALERTS if "alert" in one]
    for one in alerts:
        assert one["annotations"]["runbook"] == f"docs/runbooks/{one['alert']}.md"
        assert one["labels"]["severity"] in {"critical", "warning"}
    pages = {path.stem for path in RUNBOOKS.glob("*.md")} - {"README"}
    assert {one["alert"] for one in alerts} == pages
    index = (RUNBOOKS / "README.md").read_text()
    assert [one for one in pages if f"({one}.md)" not in index] == []


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_runbooks_name_what_exists(path):
    text = path.read_text()
    for other in re.findall(r"\]\((\w+\.md)\)", text):
        assert (path.parent / other).exists()
    workloads = {one["metadata"]["name"] for one in pods("production")}
    assert set(re.findall(r"deploy/([a-z]+-[a-z]+)", text)) <= workloads
    known = set().union(*(variables(one)[0] for one in (*SERVICES, "gateway")))
    assert set(re.findall(r"ONENET_[A-Z_]+", text)) <= known
    routes = {re.sub(r"\{[^}]*\}", "_", one) for one in paths()}
    for route in re.findall(r"/api/v1/[\w/{}-]*", text):
        plain = route.replace("{service}", "case").replace("DEAD_LETTER_ID", "_")
        assert plain in routes | {"/api/v1/operations/outbox", "/api/v1/operations/dead-letters"}


@cache
def paths() -> list[str]:
    found: list[str] = []
    for service in SERVICES:
        found += json.loads((ROOT / f"{service}-svc/openapi.json").read_text())["paths"]
    return found
