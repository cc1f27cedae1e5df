"""What docker/check asks of the files that no other tool checks.

Prints the dashboard's queries as recording rules, so that promtool can say whether it reads them.
"""

import json
import re
import sys
import tomllib
from pathlib import Path

import yaml

DOCKER = Path(__file__).parent
ROOT = DOCKER.parent
# Labels that Prometheus adds, or that each histogram has.
EVERYWHERE = {"instance", "job", "le"}
# What Grafana puts in the place of its variables.
VARIABLES = {"$__rate_interval": "5m", "$budget": ".*"}

wrong: list[str] = []


def hold(true: object, otherwise: str) -> None:
    if not true:
        wrong.append(otherwise)


def text(name: str) -> str:
    return (DOCKER / name).read_text(encoding="utf-8")


def loaded(name: str):
    return yaml.safe_load(text(name))


def metrics() -> dict[str, set[str]]:
    """The labels of each metric, by the names that its series have."""
    listed = ROOT / "sql-tests" / "metrics.txt"
    known = {}
    for line in listed.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, kind, *labels = line.split()
        ends = ["_bucket", "_sum", "_count"] if kind == "histogram" else [""]
        known |= {name + end: set(",".join(labels).split(",")) - {""} for end in ends}
    hold(known, "sql-tests/metrics.txt lists no metric")
    return known


def queries_read_known_metrics(where: str, queries: list[str], known: dict[str, set[str]]) -> set[str]:
    """Says which metrics are read."""
    read = set()
    for query in queries:
        names = set(re.findall(r"\bnoisegate_\w+", query))
        read |= names
        for name in names - known.keys():
            wrong.append(f"{where}: there is no metric {name}")
        labels = set().union(EVERYWHERE, *(known.get(name, set()) for name in names))
        used = re.findall(r"[{,]\s*(\w+)\s*[=!]", query)
        for inside in re.findall(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)", query):
            used += re.findall(r"\w+", inside)
        for label in set(used) - labels:
            wrong.append(f"{where}: no metric there has the label {label}: {query}")
    return read


def rules() -> list[dict]:
    groups = loaded("prometheus/rules.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def each_alert_is_tested() -> None:
    told: dict[str, set[bool]] = {}
    for test in loaded("prometheus/rules_test.yml")["tests"]:
        for case in test["alert_rule_test"]:
            told.setdefault(case["alertname"], set()).add(bool(case.get("exp_alerts")))
    names = [rule["alert"] for rule in rules()]
    hold(len(names) == len(set(names)), "two alerts have one name")
    for name in names:
        hold(told.get(name) == {True, False}, f"{name} is not tested both firing and not firing")
    for rule in rules():
        hold(rule["labels"].get("severity") in ("page", "ticket"), f"{rule['alert']} has no severity")
    for name in told.keys() - set(names):
        wrong.append(f"rules_test.yml tests {name}, which is no alert")


def test_series() -> list[str]:
    tests = loaded("prometheus/rules_test.yml")["tests"]
    return [series["series"] for test in tests for series in test.get("input_series", [])]


def dashboard_queries() -> list[str]:
    dashboard = json.loads(text("grafana/dashboard.json"))
    source = loaded("grafana/provisioning/datasources/prometheus.yaml")["datasources"][0]
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    numbers = [panel["id"] for panel in dashboard["panels"]]
    hold(len(numbers) == len(set(numbers)), "two panels of the dashboard have one id")
    variables = dashboard["templating"]["list"]
    found = []
    for panel in panels:
        hold(panel["targets"] and panel["title"] and panel["description"], f"panel {panel['id']} is not complete")
        for of in (panel, *panel["targets"]):
            hold(of["datasource"]["uid"] == source["uid"], f"panel {panel['title']} reads another data source")
        found += [target["expr"] for target in panel["targets"]]
    return found + [variable["definition"] for variable in variables]


def as_rules(queries: list[str]) -> str:
    """Recording rules, of which promtool knows whether they can be read."""
    found = []
    for number, query in enumerate(queries):
        if query.startswith("label_values("):
            continue
        for variable, value in VARIABLES.items():
            query = query.replace(variable, value)
        hold("$" not in query, f"the dashboard has an unknown variable: {query}")
        found.append({"record": f"panel:{number}", "expr": query})
    return yaml.safe_dump({"groups": [{"name": "dashboard", "rules": found}]}, width=1000)


def reach(service: dict) -> set[str]:
    return set(service["networks"])


def networks_keep_apart(services: dict) -> None:
    """Who shares a network can talk, so this is who may reach whom."""
    on = {name: {other for other, it in services.items() if reach(it) & {name}} for name in ("analysts", "source", "shadow", "ledger")}
    hold(on["analysts"] == {"noisegate"}, "analysts reach more than the proxy")
    for database in ("source", "shadow", "ledger"):
        hold(on[database] == {database, "init", "noisegate"}, f"others than the proxy reach {database}")
        hold(reach(services[database]) == {database}, f"{database} is on more networks than its own")
        internal = loaded("compose.yaml")["networks"][database].get("internal")
        hold(internal, f"the network {database} leads outside")
        hold("ports" not in services[database], f"{database} is published")
    for name in services:
        for port in services[name].get("ports", []):
            hold(str(port).startswith("127.0.0.1:"), f"{name} is published to the world: {port}")


def services_are_kept_small(services: dict) -> None:
    for name, service in services.items():
        image = service["image"]
        hold(re.search(r":(local|v?\d[\w.-]*)$", image), f"{name}: {image} is not pinned to a version")
        hold("no-new-privileges:true" in service["security_opt"] and service["cap_drop"] == ["ALL"], f"{name} may gain powers")
        hold(not service.get("privileged") and service.get("network_mode") is None, f"{name} is privileged")
        if not image.startswith("postgres:"):
            hold(service.get("read_only") and "cap_add" not in service, f"{name} may write to its image")
        for variable, value in service.get("environment", {}).items():
            secret = re.search(r"PASSWORD|SECRET|TOKEN", variable) and not re.search(r"_FILE$", variable)
            hold(not secret, f"{name}: {variable} is a secret in the environment: {value}")


def what_is_named_exists(compose: dict) -> None:
    services, volumes = compose["services"], compose["volumes"]
    made = re.search(r"passwords=\((.*?)\n\)", text("setup"), re.S).group(1)
    made = set(re.sub(r"#.*", "", made).split()) | {"certificate", "key"}
    hold(set(compose["secrets"]) == made, "docker/setup and compose.yaml disagree on the secrets")
    granted = set()
    for name, service in services.items():
        granted |= set(service.get("secrets", []))
        for volume in service.get("volumes", []):
            of, at, *how = volume.split(":")
            if of.startswith("."):
                hold((DOCKER / of).exists(), f"{name}: {of} does not exist")
                hold(how == ["ro"], f"{name}: {of} could be changed from the container")
            else:
                hold(of in volumes, f"{name}: there is no volume {of} for {at}")
        for other, how in service.get("depends_on", {}).items():
            healthy = how["condition"] != "service_healthy" or "test" in services[other].get("healthcheck", {})
            hold(healthy, f"{name} waits for the health of {other}, which has none")
    hold(granted == set(compose["secrets"]), "a secret is not declared, or nobody has it")


def policy_fits(compose: dict) -> None:
    """The policy's hosts are services, and its files are secrets of those who read it."""
    server = tomllib.loads(text("policy.toml"))["server"]
    for key in ("source", "shadow", "ledger"):
        host = re.search(r"@([^/:]+)", server[key]).group(1)
        hold(host == key, f"policy.toml: {key} is at {host}")
    files = set(re.findall(r'"/run/secrets/(\w+)"', text("policy.toml")))
    for name in ("init", "noisegate"):
        missing = files - set(compose["services"][name]["secrets"])
        hold(not missing, f"{name} has not the secrets {sorted(missing)} of the policy")
    mounted = [volume.split(":")[1] for volume in compose["services"]["noisegate"]["volumes"]]
    hold(server["state"] in mounted, "the proxy's state is on no volume")
    administrators = {"source_admin", "shadow_admin", "ledger_admin"}
    hold(not administrators & set(compose["services"]["noisegate"]["secrets"]), "the proxy has an administrator's password")


def image_sees_what_it_includes() -> None:
    """What the sources include from outside their folder is let through to the build."""
    let = [line[1:] for line in text("Dockerfile.dockerignore").splitlines() if line.startswith("!")]
    for path in (ROOT / "src").rglob("*.rs"):
        if path.name == "tests.rs" or "tests" in path.parts:
            continue
        for name in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', path.read_text(encoding="utf-8")):
            included = (path.parent / name).resolve().relative_to(ROOT.resolve()).as_posix()
            seen = any(included == it or included.startswith(it + "/") for it in let)
            hold(seen, f"the image's build does not see {included}, which {path.name} includes")
    for name in let:
        hold((ROOT / name).exists(), f"Dockerfile.dockerignore names {name}, which does not exist")


def main() -> int:
    known = metrics()
    queries = dashboard_queries()
    read = queries_read_known_metrics("dashboard.json", queries, known)
    read |= queries_read_known_metrics("rules.yml", [rule["expr"] for rule in rules()], known)
    queries_read_known_metrics("rules_test.yml", test_series(), known)
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in read}
    for name in {re.sub(r"_(bucket|sum|count)$", "", name) for name in known} - shown:
        wrong.append(f"{name} is in no panel and no rule")
    each_alert_is_tested()
    compose = loaded("compose.yaml")
    networks_keep_apart(compose["services"])
    services_are_kept_small(compose["services"])
    what_is_named_exists(compose)
    policy_fits(compose)
    image_sees_what_it_includes()
    print(as_rules(queries))
    for line in wrong:
        print(f"docker/: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
