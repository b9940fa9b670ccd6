"""Manifests are valid, complete and restricted; only the wanted ways are open."""

import re
import shutil
import subprocess
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml

from .manifests import (
    CUSTOM,
    ENVIRONMENTS,
    GATEWAY_SECRET,
    K8S,
    NGINX,
    OBJECT_STORE,
    OPERATED_PORTS,
    OUTSIDE_PORTS,
    SECRETS,
    SERVICES,
    build,
    containers,
    given,
    is_ours,
    named,
    of_kind,
    pod,
    pods,
    pods_of,
    rendered,
    selects,
    service_of,
    variables,
)

KUSTOMIZATIONS = [*sorted(K8S.rglob("kustomization.yaml")), NGINX / "kustomization.yaml"]


@pytest.mark.parametrize("path", KUSTOMIZATIONS, ids=str)
def test_everything_a_kustomization_names_is_there(path):
    content = yaml.safe_load(path.read_text())
    wanted = [*content.get("resources", []), *content.get("components", [])]
    wanted += [one["path"] for one in content.get("patches", []) if "path" in one]
    for generator in content.get("configMapGenerator", []):
        wanted += [*generator.get("files", []), *generator.get("envs", [])]
    assert [one for one in wanted if not (path.parent / one).exists()] == []


def test_every_file_is_named_by_a_kustomization():
    used = "".join(path.read_text() for path in K8S.rglob("kustomization.yaml"))
    manifests = [one for one in K8S.rglob("*") if one.suffix in {".yaml", ".env", ".conf"}]
    files = [one for one in manifests if one.parent.name != "scan"]
    unused = [one.name for one in files if one.name not in used and one.stem != "kustomization"]
    assert unused == []


GENERATED = "platform|nats-config|gateway-nginx|gateway-nginx-upstream|trusted-proxies"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed here")
def test_kubectl_renders_the_same(environment):
    command = ["kubectl", "kustomize", K8S / "overlays" / environment]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    # kubectl adds a hash of their content to the names of generated ConfigMaps.
    text = re.sub(rf"\b({GENERATED})-[0-9a-z]{{10}}\b", r"\1", done.stdout.decode())
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
            ports = {port["name"] for one in pod(target)["containers"] for port in one["ports"]}
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
            for container in filter(is_ours, containers(one)):
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

    def test_everything_from_outside_goes_through_nginx(self, environment):
        service = named(environment, "Service", "gateway-api")
        policy = named(environment, "NetworkPolicy", "gateway")
        (nginx,) = [one for one in containers(gateway_of(environment)) if one["name"] == "nginx"]
        ports = {port["name"]: port["containerPort"] for port in nginx["ports"]}
        assert [port["targetPort"] for port in service["spec"]["ports"]] == ["public"]
        assert policy["spec"]["ingress"][0]["ports"] == [
            {"protocol": "TCP", "port": ports["public"]}
        ]
        for way in (of_kind(environment, "Ingress")[0], route(environment)):
            assert service["metadata"]["name"] in str(way["spec"])

    def test_the_gateway_outlives_the_nginx_before_it(self, environment):
        pauses = {
            one["name"]: one["lifecycle"]["preStop"]["sleep"]["seconds"]
            for one in containers(gateway_of(environment))
        }
        assert pauses["nginx"] < pauses["api"]

    def test_nginx_gets_the_one_configuration_of_the_repository(self, environment):
        pairs = {}
        for volume in pod(gateway_of(environment))["volumes"]:
            for source in volume.get("projected", {}).get("sources", []):
                asked = source["configMap"]
                content = named(environment, "ConfigMap", asked["name"])["data"]
                paths = {one["key"]: one["path"] for one in asked.get("items", [])}
                pairs |= {paths.get(key, key): text for key, text in content.items()}
        assert pairs.keys() == {
            "nginx.conf",
            "onenet.conf",
            "site/upstream.conf",
            "site/trusted-proxies.conf",
        }
        for name in ("nginx.conf", "onenet.conf"):
            assert pairs[name] == (NGINX / name).read_text()

    def test_the_gateway_believes_only_the_nginx_before_it(self, environment):
        settings = named(environment, "ConfigMap", "platform")["data"]
        assert settings["ONENET_TRUSTED_PROXIES"] == "127.0.0.1/32"

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


def gateway_of(environment: str) -> dict:
    return named(environment, "Deployment", "gateway-api")


def route(environment: str) -> dict:
    """The way in that an overlay may choose instead of the Ingress."""
    (found,) = build(K8S / "components" / "httproute")
    return found


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
        found.add(("gateway-api", f"{service}-api", 8000))
        for name in (f"{service}-api", f"{service}-worker"):
            found |= {(name, "postgres", 5432), (name, "identity-api", 8000), (name, "nats", 4222)}
    return found


def test_every_secret_is_documented():
    text = (K8S / "README.md").read_text()
    names = {f"{one}-{kind}" for one in SERVICES for kind in ("service", "owner")}
    names |= {f"postgres-{one}-{kind}" for one in SERVICES for kind in ("owner", "app")}
    for environment in ENVIRONMENTS:
        listed = [
            source
            for one in pods(environment)
            for container in containers(one)
            for source in container.get("envFrom", [])
        ]
        names |= {one["secretRef"]["name"] for one in listed if "secretRef" in one}
    keys = GATEWAY_SECRET.union(*SECRETS.values())
    keys |= set(re.findall(r"\$([A-Z]+_PASSWORD)", (K8S / "infra/nats/nats.conf").read_text()))
    assert [one for one in sorted(names | keys) if f"`{one}`" not in text] == []
