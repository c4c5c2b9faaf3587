"""Holds what operators read against the binary: commands, arguments, routes, settings, links.

    pages.py BINARY API

A page that names a command which does not exist is found by whoever needs it most. Reads deploy/**/*.md and
docs/production.md; links of every page in docs, too.
"""

import json
import pathlib
import re
import subprocess
import sys
import tomllib
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "deploy").rglob("*.md")) + [ROOT / "docs" / "production.md"]
SETTINGS = tomllib.loads((ROOT / "config.default.toml").read_text())

complaints = []


def name(path):
    return path.relative_to(ROOT)


def slug(heading):
    """The anchor that a heading gets."""
    text = re.sub(r"`|\*|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(path):
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.S)
    return {slug(heading) for heading in re.findall(r"^#+ (.*)$", text, re.M)}


def check_links(path):
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        if not target.exists():
            complaints.append(f"{name(path)}: there is no {link}")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            complaints.append(f"{name(path)}: no heading for {link}")


def commands(text):
    """Each call of superapp: its words up to what is no subcommand or argument."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.S)) + "\n" + "\n".join(re.findall(r"`([^`\n]+)`", text))
    for line in blocks.splitlines():
        for call in re.findall(r"(?:^|[\s;&|(/])superapp ((?:[a-z-]+ ?|-)[^#;|&)]*)", line.split(" #")[0]):
            # `docker compose exec superapp superapp …` names the container first.
            words = call.split()
            yield words[1:] if words[0] == "superapp" else words


def check_commands(binary, path, known={}):
    for words in commands(path.read_text()):
        call = []
        for word in words:
            if not re.fullmatch(r"[a-z][a-z-]*", word) or len(call) == 2:
                break
            call.append(word)
        if not call or call[0] in ("serve",) and len(call) > 1:
            continue
        key = tuple(call)
        if key not in known:
            shown = subprocess.run([binary, *call, "--help"], capture_output=True, text=True, check=False)
            known[key] = shown.stdout if shown.returncode == 0 else None
        if known[key] is None:
            complaints.append(f"{name(path)}: there is no command `superapp {' '.join(call)}`")
            continue
        for argument in re.findall(r"(?<!\S)(--[a-z-]+)", " ".join(words)):
            if argument not in known[key]:
                complaints.append(f"{name(path)}: `superapp {' '.join(call)}` has no {argument}")


def check_routes(routes, path):
    for method, route in re.findall(r"\b(GET|POST|PUT|PATCH|DELETE) (/[a-z][^\s`?\"]*)", path.read_text()):
        if route in ("/metrics", "/path"):
            continue
        if method.lower() not in routes.get(route, {}):
            complaints.append(f"{name(path)}: there is no route {method} {route}")


def check_settings(path):
    for section, key in re.findall(r"`([a-z_]+)\.([a-z_]+)\b(?=[` =])", path.read_text()):
        if section in SETTINGS and key not in SETTINGS[section]:
            complaints.append(f"{name(path)}: there is no setting {section}.{key}")
    for section, key in re.findall(r"\bSUPERAPP_([A-Z]+)__([A-Z_]+)\b", path.read_text()):
        if key.lower() not in SETTINGS.get(section.lower(), {}):
            complaints.append(f"{name(path)}: there is no setting SUPERAPP_{section}__{key}")


binary, api = sys.argv[1:]
with urllib.request.urlopen(f"{api}/api/openapi.json", timeout=10) as answer:
    routes = json.load(answer)["paths"]
for page in PAGES:
    check_commands(binary, page)
    check_routes(routes, page)
    check_settings(page)
for page in PAGES + sorted((ROOT / "docs").glob("*.md")):
    check_links(page)
for complaint in sorted(set(complaints)):
    print(complaint, file=sys.stderr)
print(f"{len(PAGES)} pages read")
sys.exit(1 if complaints else 0)
