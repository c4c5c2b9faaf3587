"""Asks a running server, through a running Prometheus, for everything that alerts, dashboard and runbooks name.

    live.py ready PROMETHEUS                    whether it has scraped a server
    live.py traffic API WEBHOOK_SECRET          makes what a day brings: sales, refusals, repeats, mistakes
    live.py questions PROMETHEUS                asks, once the traffic has been scraped

A metric must be in Prometheus, or, if it appears only after an event that was not brought about here, in the list of the
documentation (docs/metrics.md, or the section of docs/running.md).
"""

import base64
import hashlib
import hmac
import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from promql import DEPLOY, groupings, rules, runbook_queries, selectors

ROOT = DEPLOY.parent
# Not ours, and not here: what has them.
FOREIGN = {"node_filesystem_avail_bytes": "node_exporter", "node_filesystem_size_bytes": "node_exporter"}
# Labels that a scrape adds.
SCRAPED = {"job", "instance", "le", "__name__", "quantile"}


def ask(url, method="GET", headers=None, body=None):
    """The status and the body, whatever they are."""
    request = urllib.request.Request(url, method=method, headers=headers or {}, data=body)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


# --- traffic


class Caller:
    """Somebody who is signed in, or nobody."""

    def __init__(self, api, token=None):
        self.api, self.token = api, token

    def send(self, method, path, body=None, key=None):
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if key:
            headers["Idempotency-Key"] = key
        status, text = ask(self.api + path, method, headers, None if body is None else json.dumps(body).encode())
        try:
            return status, json.loads(text)
        except ValueError:
            return status, {}


def register(api, name):
    body = {"email": f"{name}@example.com", "password": "correct horse battery", "username": name}
    status, answer = Caller(api).send("POST", "/api/auth/register", body)
    assert status == 201, (status, answer)
    return Caller(api, answer["tokens"]["access_token"] if "tokens" in answer else answer["access_token"]), answer


def find(answer, key):
    """The value of a key, wherever it is."""
    if isinstance(answer, dict):
        for name, value in answer.items():
            found = value if name == key else find(value, key)
            if found is not None:
                return found
    return None


def event(api, secret, name, body, sign=True):
    """An event of the payment provider, as Standard Webhooks has it."""
    text, stamp = json.dumps(body), str(int(time.time()))
    mac = hmac.new(base64.b64decode(secret), f"{name}.{stamp}.{text}".encode(), hashlib.sha256).digest()
    signature = base64.b64encode(mac if sign else bytes(32)).decode()
    headers = {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }
    return ask(f"{api}/api/webhooks/payments/bank", "POST", headers, text.encode())


def traffic(api, secret):
    ann, _ = register(api, "ann")
    bob, account = register(api, "bob")
    bob_id = find(account, "id")
    for number, (sign, cents) in enumerate([(True, 100_000), (True, 90_000), (False, 100_000)]):
        body = {"amount_cents": 100_000, "provider": "bank"}
        status, deposit = ann.send("POST", "/api/wallet/deposits", body, f"deposit-{number}")
        assert status == 201, (status, deposit)
        data = {"deposit_id": deposit["id"], "provider_tx_id": f"pi_{number}", "amount_cents": cents, "currency": "IDR"}
        event(api, secret, f"event-{number}", {"type": "payment.succeeded", "data": data}, sign)
    pay = {"to_user_id": bob_id, "amount_cents": 2500}
    for key, body in [("a", pay), ("a", pay), ("a", {**pay, "amount_cents": 1}), ("b", {**pay, "amount_cents": 10**9})]:
        ann.send("POST", "/api/wallet/transfer", body, key)
    Caller(api).send("POST", "/api/auth/login", {"email": "ann@example.com", "password": "wrong horse battery"})
    Caller(api).send("POST", "/api/auth/login", {"email": "ann@example.com", "password": "correct horse battery"})
    for path in ("/livez", "/readyz", "/api/health", "/api/content", "/nowhere"):
        Caller(api).send("GET", path)
    # More than a minute of the tier `free`.
    statuses = [bob.send("GET", "/api/wallet/balance")[0] for _ in range(12)]
    assert 200 in statuses and 429 in statuses, statuses
    status, balance = ann.send("GET", "/api/wallet/balance")
    assert status in (200, 429), balance
    print("traffic: two accounts, a deposit, one that is held, one that is forged, a transfer, a repeat, refusals, 429")


# --- questions


class Prometheus:
    """A running one."""

    def __init__(self, url):
        self.url = url

    def get(self, path, **parameters):
        query = urllib.parse.urlencode(parameters, doseq=True)
        status, text = ask(f"{self.url}/api/v1/{path}?{query}")
        answer = json.loads(text)
        return answer["data"] if answer["status"] == "success" else (status, answer["error"])

    def refusal(self, expression):
        """Why an expression cannot be evaluated, if it cannot."""
        answer = self.get("query", query=expression)
        return answer[1] if isinstance(answer, tuple) else None


def documented():
    """Each line of the table of metrics, by the names in its first cell."""
    page = next(path for path in (ROOT / "docs/metrics.md", ROOT / "docs/running.md") if path.exists())
    pages = page.read_text() + (ROOT / "docs/redis.md").read_text()
    lines = {}
    for line in pages.splitlines():
        cells = line.split("|")
        if len(cells) > 2:
            for name in re.findall(r"`([a-z_]+)(?:\{[^`]*\})?`", cells[1]):
                lines[name] = line
    return lines


def dashboard_queries():
    """Each query of the dashboards, with the title of its panel."""

    def walk(panels):
        for panel in panels:
            yield panel
            yield from walk(panel.get("panels", []))

    for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
        board = json.loads(path.read_text())
        for panel in walk(board["panels"]):
            for target in panel.get("targets", []):
                yield f"{path.name}: {panel['title']}", target["expr"]
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                inner = re.fullmatch(r"label_values\((.*),\s*\w+\)", variable["query"]["query"])
                yield f"{path.name}: ${variable['name']}", inner[1]


def plain(expression):
    """A query of the dashboard as Grafana would send it."""
    expression = re.sub(r"\$__(rate_interval|interval|range)", "1m", expression)
    return re.sub(r"\$\{?[a-z_]+\}?", ".*", expression)


def base(name, known):
    """The metric that a series of a histogram belongs to."""
    stem = re.sub(r"_(bucket|sum|count)$", "", name)
    return stem if name not in known and stem in known else name


class Names:
    """What is exported, with its labels, and what is only documented."""

    def __init__(self, prometheus):
        self.labels = {}
        for series in prometheus.get("series", **{"match[]": ['{job="superapp"}']}):
            self.labels.setdefault(series["__name__"], set()).update(series)
        self.lines = documented()
        self.unseen = set()

    def complaint(self, name, labels):
        """What is wrong with asking this metric for these labels, if something is."""
        ours = {"job" if label == "exported_job" else label for label in labels} - SCRAPED
        if name in FOREIGN:
            return None
        if name in self.labels:
            missing = labels - self.labels[name] - SCRAPED
            return f"{name} has no label {sorted(missing)}" if missing else None
        line = self.lines.get(base(name, self.lines))
        if line is None:
            return f"no server exports {name}, and the documentation does not know it"
        self.unseen.add(name)
        missing = {label for label in ours if f"`{label}`" not in line and f"{label}=" not in line}
        return f"{name} has no label {sorted(missing)}, says the documentation" if missing else None

    def complaints(self, where, expression):
        found = selectors(expression)
        for name, labels in found:
            complaint = self.complaint(name, set(labels))
            if complaint:
                yield f"{where}: {complaint}"
        # What is grouped by must be a label of one of them.
        known = set(SCRAPED) | {"mountpoint", "fstype"}
        for name, _ in found:
            known |= self.labels.get(name) or self.words(name)
        for label in groupings(expression) - known:
            yield f"{where}: no metric of it has the label {label}"

    def line(self, name):
        return self.lines.get(base(name, self.lines), "")

    def words(self, name):
        words = set(re.findall(r"[a-z_]+", self.line(name)))
        return words | ({"exported_job"} if "job" in words else set())


def is_ready(url):
    """Whether the server is scraped, so that what comes now is counted from its beginning."""
    try:
        answer = Prometheus(url).get("query", query='up{job="superapp"} == 1')
    except OSError:
        return False
    return bool(answer["result"])


def wait_for_the_traffic(prometheus):
    """Until the last thing that the traffic did has been scraped, and each rule evaluated after it."""
    for _ in range(100):
        answer = prometheus.get("query", query='sum(rate(http_requests_total{job="superapp",status="429"}[1m]))')
        healthy = all(rule["health"] != "unknown" for group in prometheus.get("rules")["groups"] for rule in group["rules"])
        if answer["result"] and healthy:
            return
        time.sleep(0.1)
    sys.exit("the traffic was not scraped")


def questions(url):
    prometheus = Prometheus(url)
    wait_for_the_traffic(prometheus)
    complaints = []
    for group in prometheus.get("rules")["groups"]:
        for rule in group["rules"]:
            if rule["health"] != "ok":
                complaints.append(f"{rule['name']}: {rule['health']} {rule.get('lastError', '')}")
    names = Names(prometheus)
    asked = [(rule["alert"], rule["expr"]) for rule in rules()]
    asked += list(runbook_queries())
    asked += [(where, plain(expression)) for where, expression in dashboard_queries()]
    for where, expression in asked:
        refusal = prometheus.refusal(expression)
        if refusal:
            complaints.append(f"{where}: {refusal}: {expression}")
        complaints += names.complaints(where, expression)
    for complaint in sorted(set(complaints)):
        print(complaint, file=sys.stderr)
    print(f"{len(asked)} queries asked of Prometheus; {len(names.labels)} series names of a live server")
    if names.unseen:
        print(f"documented, and not seen in this run: {' '.join(sorted(names.unseen))}")
    return 1 if complaints else 0


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "ready":
        sys.exit(not is_ready(*arguments))
    if what == "traffic":
        sys.exit(traffic(*arguments))
    sys.exit(questions(*arguments))
