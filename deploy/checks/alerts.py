"""Holds the alerts, their tests and their runbooks together: none without the others.

What the expressions find out is tested by promtool; whether their metrics exist is asked of a server by live.py.
"""

import re
import sys

import yaml

from promql import DEPLOY, rules, runbook_queries, selectors

PAGES = {page.stem: page.read_text() for page in (DEPLOY / "runbooks").glob("*.md") if page.stem != "README"}
# Foreign metrics, and the scrape job that has them.
JOBS = {"node_": "node"}
HEADINGS = ["## Look at", "## Do"]

complaints = []


def want(truth, complaint):
    if not truth:
        complaints.append(complaint)


def check_selectors(where, expression):
    found = selectors(expression)
    want(found, f"{where}: it names no metric")
    for name, labels in found:
        job = next((job for prefix, job in JOBS.items() if name.startswith(prefix)), "superapp")
        want(labels.get("job") == job, f'{where}: {name} may be somebody else\'s; ask for {{job="{job}"}}')
        # Prometheus renames it, because `job` is the target's.
        renamed = name.startswith("job_") and re.search(r"\b(?<!exported_)job\b", expression.replace(f'job="{job}"', ""))
        want(not renamed, f"{where}: the label `job` of {name} is called `exported_job`")


def check_rules():
    names = [rule["alert"] for rule in rules()]
    for rule in rules():
        name = rule["alert"]
        want(names.count(name) == 1, f"{name}: there are two")
        want(set(rule.get("labels", {})) == {"severity"}, f"{name}: it has no severity, or more")
        severity = rule.get("labels", {}).get("severity")
        want(severity in ("critical", "warning"), f"{name}: {severity} is no severity")
        notes = rule.get("annotations", {})
        want(set(notes) == {"summary", "runbook"}, f"{name}: it needs a summary and a runbook, and nothing else")
        want(notes.get("runbook") == f"deploy/runbooks/{name}.md", f"{name}: its runbook is another one's")
        check_selectors(name, rule["expr"])
        page = PAGES.get(name)
        want(page, f"{name}: it has no page in deploy/runbooks")
        if page:
            want(page.startswith(f"# {name}\n\n*{severity}.* "), f"{name}.md: it does not open with name and severity")
            want(re.findall(r"^## .*", page, re.M) == HEADINGS, f"{name}.md: it has other headings than {HEADINGS}")
            want(len(page.splitlines()) <= 40, f"{name}.md: it is longer than somebody reads at night")
    for name in sorted(set(PAGES) - set(names)):
        complaints.append(f"{name}.md: there is no such alert")
    for page, query in runbook_queries():
        check_selectors(page, query)


def check_tests():
    document = yaml.safe_load((DEPLOY / "prometheus" / "alerts.test.yaml").read_text())
    fires, silent = set(), set()
    for test in document["tests"]:
        for check in test["alert_rule_test"]:
            (fires if check["exp_alerts"] else silent).add(check["alertname"])
    names = {rule["alert"] for rule in rules()}
    for name in sorted(names - fires):
        complaints.append(f"{name}: no test lets it fire")
    for name in sorted(names - silent):
        complaints.append(f"{name}: no test keeps it silent")
    for name in sorted((fires | silent) - names):
        complaints.append(f"alerts.test.yaml: there is no alert {name}")


check_rules()
check_tests()
for complaint in complaints:
    print(complaint, file=sys.stderr)
print(f"{len(rules())} alerts, each with a page and tests")
sys.exit(1 if complaints else 0)
