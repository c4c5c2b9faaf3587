"""What a PromQL expression names: its metrics with the labels that are asked for, and the labels that it groups by.

Whether an expression is one at all is for Prometheus to say; this only reads names out of it.
"""

import pathlib
import re

import yaml

DEPLOY = pathlib.Path(__file__).resolve().parents[1]

# Words of the language that stand where a metric could.
WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan", "by", "without", "on", "ignoring", "group_left", "group_right"}
GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
SELECTOR = re.compile(r"\b([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{([^}]*)\})?")
MATCHER = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*\"((?:[^\"\\]|\\.)*)\"")


def selectors(expression):
    """Each metric with the matchers of its labels: [(name, {label: value})]."""
    text = GROUPING.sub(" ", re.sub(r"(?m)(^|\s)#.*$", "", expression))
    # Durations, and functions with their parenthesis, are no metrics.
    text = re.sub(r"\[[^\]]*\]|\boffset\s+\S+", " ", text)
    text = re.sub(r"\b[a-zA-Z_][a-zA-Z0-9_]*\s*\(", "(", text)
    found = []
    for match in SELECTOR.finditer(text):
        if match[1].lower() in WORDS or is_inside_braces(text, match.start()):
            continue
        found.append((match[1], {label: value for label, _, value in MATCHER.findall(match[2] or "")}))
    return found


def is_inside_braces(text, place):
    return text.rfind("{", 0, place) > text.rfind("}", 0, place)


def groupings(expression):
    """Every label that the expression groups or joins by."""
    names = set()
    for _, labels in GROUPING.findall(expression):
        names |= {label.strip() for label in labels.split(",") if label.strip()}
    return names


def rules():
    """Every rule of alerts.yaml."""
    document = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def runbook_queries():
    """Each query of the runbooks, with the page that it stands on; a line is a query."""
    for page in sorted((DEPLOY / "runbooks").glob("*.md")):
        for block in re.findall(r"```promql\n(.*?)```", page.read_text(), re.S):
            for line in block.splitlines():
                if line.strip():
                    yield page.name, line
