"""Holds compose.yaml, the Kubernetes manifests and the Dockerfile against the rules of the house.

Schemas are the business of compose-spec, kubernetes-validate and hadolint; here is what they do not know: that nothing
runs as root, that every bound is set, that a shutdown has the time it needs, and that each setting is one of ours.
"""

import json
import pathlib
import re
import sys
import tomllib

import compose_spec
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SETTINGS = tomllib.loads((ROOT / "config.default.toml").read_text())
DRAIN = SETTINGS["server"]["drain_timeout_seconds"]
# What the platform's own variables are called, which config.default.toml tells of in words.
PLAIN = {"DATABASE_URL", "DATABASE_READ_URL", "REDIS_URL", "JWT_SECRET", "SENTRY_DSN", "PORT", "RUST_LOG"}
# Read by the command line and not by the settings.
COMMAND_LINE = {"SUPERAPP_DATA_DIR", "SUPERAPP_CONFIG"}

complaints = []


def want(truth, complaint):
    """Notes a complaint, unless it is true."""
    if not truth:
        complaints.append(complaint)


def is_setting(name):
    """Whether a variable of the environment is one that superapp reads."""
    if name in PLAIN or name in COMMAND_LINE or name == "SUPERAPP_ENVIRONMENT":
        return True
    section, _, key = name.removeprefix("SUPERAPP_").lower().partition("__")
    return name.startswith("SUPERAPP_") and key in SETTINGS.get(section, {})


def check_settings(where, names):
    for name in names:
        want(is_setting(name), f"{where}: superapp has no setting {name}")


def pinned(where, image):
    """An image has a tag of a version or a digest; `latest` is somebody else's decision."""
    tag = image.rpartition(":")[2]
    want("@sha256:" in image or (":" in image and re.search(r"\d", tag)), f"{where}: {image} is of no certain version")


def seconds(text):
    found = re.fullmatch(r"(\d+)s", str(text))
    return int(found[1]) if found else 0


# --- compose.yaml


def interpolated(text):
    """The text as Docker Compose reads it, with a value in the place of each variable, and the required ones."""
    required = set()

    def value(match):
        if match[0] == "$$":
            return "$"
        name, default, message = match[1], match[2], match[3]
        if message:
            required.add(name)
        want(default is not None or message, f"compose.yaml: ${{{name}}} is neither required nor has a default")
        return default or f"{name.lower()}-0123456789abcdef"

    pattern = r"\$\$|\$\{([A-Z_]+)(?::-([^}]*))?(?::\?([^}]*))?\}"
    return re.sub(pattern, value, text), required


def check_service(name, service):
    where = f"compose.yaml: {name}"
    want(service.get("read_only") is True, f"{where}: the root is not read-only")
    want(service.get("cap_drop") == ["ALL"] and not service.get("cap_add"), f"{where}: it keeps capabilities")
    want("no-new-privileges:true" in service.get("security_opt", []), f"{where}: it can gain privileges")
    want(not service.get("privileged"), f"{where}: it is privileged")
    want(re.match(r"[1-9]\d*(:|$)", str(service.get("user", ""))), f"{where}: it has no user of its own")
    for bound in ("mem_limit", "pids_limit", "cpus", "healthcheck"):
        want(service.get(bound), f"{where}: it has no {bound}")
    for port in service.get("ports", []):
        want(str(port).startswith("127.0.0.1:"), f"{where}: {port} is open to others")
    for volume in service.get("volumes", []):
        if isinstance(volume, str):
            source, _, rest = volume.partition(":")
            volume = {"source": source, "read_only": rest.endswith(":ro")}
        source = volume["source"]
        want("docker.sock" not in source, f"{where}: it holds Docker's socket")
        want(source[0] not in "./" or volume.get("read_only"), f"{where}: it may write to {source}")
    if "build" not in service:
        pinned(where, service["image"])


def check_compose():
    text, required = interpolated((DEPLOY / "compose.yaml").read_text())
    document = yaml.safe_load(text)
    schema = {key: value for key, value in document.items() if not key.startswith("x-")}
    try:
        compose_spec.PyCompose.from_json(json.dumps(schema)).validate()
    except ValueError as error:
        complaints.append(f"compose.yaml: {error}")
    for name, service in document["services"].items():
        check_service(name, service)
    ours = document["services"]["superapp"]
    check_settings("compose.yaml", ours["environment"])
    want(seconds(ours["stop_grace_period"]) > DRAIN + 5, f"compose.yaml: superapp needs more than {DRAIN} s to stop")
    example = set(re.findall(r"^([A-Z_]+)=", (DEPLOY / "env.example").read_text(), re.M))
    want(required == example, f"env.example: {sorted(required ^ example)} is here or in compose.yaml, and not in both")


# --- Kubernetes


def check_container(where, container):
    security = container.get("securityContext", {})
    want(security.get("allowPrivilegeEscalation") is False, f"{where}: it can gain privileges")
    want(security.get("readOnlyRootFilesystem") is True, f"{where}: the root is not read-only")
    want(security.get("capabilities") == {"drop": ["ALL"]}, f"{where}: it keeps capabilities")
    resources = container.get("resources", {})
    want("memory" in resources.get("limits", {}), f"{where}: it has no bound on memory")
    want({"cpu", "memory"} <= set(resources.get("requests", {})), f"{where}: it requests nothing")
    pinned(where, container["image"])
    check_settings(where, [variable["name"] for variable in container.get("env", [])])


def check_pod(where, spec):
    security = spec.get("securityContext", {})
    want(security.get("runAsNonRoot") is True and security.get("runAsUser", 0) > 0, f"{where}: it may run as root")
    want(security.get("seccompProfile") == {"type": "RuntimeDefault"}, f"{where}: it has no seccomp profile")
    want(spec.get("automountServiceAccountToken") is False, f"{where}: it holds a token for the cluster")
    want(not any(spec.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")), f"{where}: it shares the host's")
    for container in spec["containers"]:
        check_container(f"{where}: {container['name']}", container)


def check_deployment(spec):
    pod = spec["template"]["spec"]
    container = pod["containers"][0]
    paths = {"livenessProbe": "/livez", "readinessProbe": "/readyz", "startupProbe": "/livez"}
    for probe, path in paths.items():
        want(container.get(probe, {}).get("httpGet", {}).get("path") == path, f"Deployment: {probe} is not {path}")
    pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    want(pause >= 3, "Deployment: it ends before load balancers have heard of it")
    grace = pod.get("terminationGracePeriodSeconds", 30)
    want(grace >= pause + DRAIN + 5, f"Deployment: {grace} s are too few for {pause} s of pause and {DRAIN} s of drain")
    want(spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0, "Deployment: a roll-out takes servers away")
    want(spec["replicas"] >= 2, "Deployment: a single server is an outage at each drain")


def check_kubernetes():
    found = {}
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            found[document["kind"]] = document
            pod = document.get("spec", {}).get("template", {}).get("spec")
            if pod:
                check_pod(f"kubernetes/{path.name}", pod)
            if document["kind"] == "Secret":
                check_settings(path.name, document["stringData"])
                want(not any(document["stringData"].values()), f"kubernetes/{path.name}: it holds a secret")
    check_deployment(found["Deployment"]["spec"])
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = {
        "Service": found["Service"]["spec"]["selector"],
        "PodDisruptionBudget": found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        "NetworkPolicy": found["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        "Deployment": found["Deployment"]["spec"]["selector"]["matchLabels"],
    }
    for kind, selector in selectors.items():
        want(selector.items() <= labels.items(), f"{kind}: it selects no pod of ours")
    ports = {port["name"] for port in found["Deployment"]["spec"]["template"]["spec"]["containers"][0]["ports"]}
    want({port["targetPort"] for port in found["Service"]["spec"]["ports"]} <= ports, "Service: a port leads nowhere")
    named = {port["name"] for port in found["Service"]["spec"]["ports"]}
    want({end["port"] for end in found["ServiceMonitor"]["spec"]["endpoints"]} <= named, "ServiceMonitor: no such port")
    want({"Ingress", "Egress"} == set(found["NetworkPolicy"]["spec"]["policyTypes"]), "NetworkPolicy: one side is open")
    for name in found["Kustomization"]["resources"]:
        want((DEPLOY / "kubernetes" / name).is_file(), f"kustomization.yaml: there is no {name}")


# --- Dockerfile


def check_dockerfile():
    text = (DEPLOY / "Dockerfile").read_text()
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    want(f"FROM rust:{version}" in text, f"Dockerfile: it does not build with Rust {version}")
    last = text[text.rindex("\nFROM ") :]
    pinned_base = re.search(r"FROM (\S+)", last)[1]
    want("distroless" in pinned_base and pinned_base.endswith(":nonroot"), "Dockerfile: the last stage has a shell or is root's")
    want(re.search(r"^USER 65532:65532$", last, re.M), "Dockerfile: it has no user by number")
    want("RUN" not in re.findall(r"^[A-Z]+", last, re.M), "Dockerfile: a stage without a shell runs something")
    for word in ("--locked", "COPY .cargo .cargo", "HEALTHCHECK", "STOPSIGNAL SIGTERM"):
        want(word in text, f"Dockerfile: no {word}")
    check_settings("Dockerfile", re.findall(r"\b(SUPERAPP_\w+)=", last))
    # What is copied must not be ignored, and what the build reads must be copied.
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.M):
        for path in source.split():
            want((ROOT / path).exists(), f"Dockerfile: there is no {path}")
            want(f"!{path}" in ignored, f".dockerignore: it keeps {path} out")


check_compose()
check_kubernetes()
check_dockerfile()
for unit in sorted(DEPLOY.glob("*.service")):
    check_settings(unit.name, re.findall(r"^Environment=(\w+)=", unit.read_text(), re.M))
for example in sorted(DEPLOY.glob("*.env.example")):
    check_settings(example.name, re.findall(r"^(\w+)=", example.read_text(), re.M))
for complaint in complaints:
    print(complaint, file=sys.stderr)
sys.exit(1 if complaints else 0)
