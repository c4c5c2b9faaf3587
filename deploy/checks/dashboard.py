"""Holds the dashboards together: ids, places, the variable for the data source, one query language.

Whether the queries find anything is asked of a server by live.py.
"""

import itertools
import json
import sys

from promql import DEPLOY, selectors

complaints = []


def want(truth, complaint):
    if not truth:
        complaints.append(complaint)


def overlap(one, other):
    a, b = one["gridPos"], other["gridPos"]
    beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
    above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
    return not (beside or above)


def check_panel(where, panel):
    place = panel["gridPos"]
    want(place["x"] + place["w"] <= 24, f"{where}: it stands out to the right")
    if panel["type"] in ("row", "alertlist"):
        return
    want(panel["datasource"]["uid"] == "${datasource}", f"{where}: its data source is not the variable")
    want(panel["fieldConfig"]["defaults"].get("unit"), f"{where}: its figures have no unit")
    letters = [target["refId"] for target in panel["targets"]]
    want(letters and len(letters) == len(set(letters)), f"{where}: its queries have no letters of their own")
    for target in panel["targets"]:
        want(target["datasource"]["uid"] == "${datasource}", f"{where}: a query has a data source of its own")
        want("[5m]" not in target["expr"], f"{where}: the window of a rate is $__rate_interval")
        for name, labels in selectors(target["expr"]):
            want(labels.get("job") == "superapp", f"{where}: {name} may be somebody else's")
            want("instance" in labels, f"{where}: {name} is not narrowed to the chosen servers")


def check_board(path):
    board = json.loads(path.read_text())
    want(board["schemaVersion"] >= 39, f"{path.name}: its schema is older than Grafana 11")
    want(board["uid"] and board["title"], f"{path.name}: it needs a uid and a title")
    want("id" not in board, f"{path.name}: the id of an export belongs to one Grafana alone")
    kinds = {variable["name"]: variable["type"] for variable in board["templating"]["list"]}
    want(kinds.get("datasource") == "datasource", f"{path.name}: it has no variable for its data source")
    panels = board["panels"]
    ids = [panel["id"] for panel in panels]
    want(len(ids) == len(set(ids)), f"{path.name}: two panels have one id")
    titles = [panel["title"] for panel in panels]
    want(len(titles) == len(set(titles)), f"{path.name}: two panels have one title")
    for one, other in itertools.combinations(panels, 2):
        want(not overlap(one, other), f"{path.name}: {one['title']} and {other['title']} overlap")
    for panel in panels:
        check_panel(f"{path.name}: {panel['title']}", panel)
    print(f"{path.name}: {len(panels)} panels")


for path in sorted((DEPLOY / "grafana" / "dashboards").glob("*.json")):
    check_board(path)
for complaint in complaints:
    print(complaint, file=sys.stderr)
sys.exit(1 if complaints else 0)
