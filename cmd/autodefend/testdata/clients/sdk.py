"""What Prisma's Python SDK sends and relies on: one connection, JSON without a content type, pages by Total-Count, CSV by
its exact media type. The environment says where the Console is: CONSOLE, CONSOLE_USER, CONSOLE_PASSWORD."""

import base64
import http.client
import json
import os
import time
import urllib.parse

where = urllib.parse.urlsplit(os.environ["CONSOLE"])
user, password = os.environ["CONSOLE_USER"], os.environ["CONSOLE_PASSWORD"]
connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
headers = {"User-Agent": "python-requests/2.32.3", "Accept-Encoding": "gzip, deflate", "Accept": "*/*", "Connection": "keep-alive"}


def send(method, endpoint, query=None, body=None, extra=None):
    """One request; an empty body is sent for what Python takes for false, as the SDK does."""
    url = "/" + endpoint
    if query:
        url += ("&" if "?" in url else "?") + urllib.parse.urlencode(query, doseq=True)
    text = json.dumps(body) if body else None
    sent = dict(headers, **(extra or {}))
    if method != "GET" and text is None:
        sent["Content-Length"] = "0"
    connection.request(method, url, body=text, headers=sent)
    response = connection.getresponse()
    content = response.read()
    if response.headers.get("Content-Encoding") == "gzip":
        import gzip
        content = gzip.decompress(content)
    return response, content


def execute(method, endpoint, query=None, body=None):
    """The body as the SDK understands it."""
    response, content = send(method, endpoint, query, body)
    assert response.status < 400, (method, endpoint, response.status, content)
    if not content:
        return None
    if response.headers.get("Content-Type") == "text/csv":
        return content.decode("utf-8")
    return json.loads(content)


def pages(endpoint, query=None):
    """All elements of a list."""
    offset, limit = 0, 50
    while True:
        response, content = send("GET", f"{endpoint}?limit={limit}&offset={offset}", query)
        assert response.status == 200, (endpoint, response.status, content)
        total = int(response.headers["Total-Count"])
        yield from json.loads(content)
        offset += limit
        if offset >= total:
            return


token = execute("POST", "api/v1/authenticate", body={"username": user, "password": password})["token"]
headers["Authorization"] = f"Bearer {token}"
assert isinstance(execute("GET", "api/v1/version"), str)
assert send("GET", "api/v1/_ping")[0].status == 200

# A token says when it ends, as a number, and is renewed by either path.
claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
assert time.time() < claims["exp"] < time.time() + 24 * 3600, claims
for path in ("api/v1/renew", "api/v1/authenticate/renew"):
    assert execute("GET", path)["token"].count(".") == 2

# More collections than a page: read by pages, and at once by clients that know of none.
for i in range(60):
    assert execute("POST", "api/v1/collections", body={"name": f"team {i:02d}", "functions": [f"team{i:02d}-*"]}) is None
paged = [c["name"] for c in pages("api/v1/collections")]
whole = [c["name"] for c in execute("GET", "api/v1/collections")]
assert paged == whole and len(set(paged)) == 61, (len(paged), len(whole))
for i in range(60):
    assert execute("DELETE", "api/v1/collections/" + urllib.parse.quote(f"team {i:02d}")) is None

# So are lists that are short as a rule.
for i in range(55):
    assert execute("POST", "api/v1/groups", body={"groupName": f"group {i:02d}", "role": "auditor"}) is None
for endpoint in ("groups", "groups/names", "rbac/roles", "users", "credentials", "alert-profiles/names"):
    assert list(pages("api/v1/" + endpoint)) == execute("GET", "api/v1/" + endpoint), endpoint

# Policies as they are, with a rule more, and as they were. Writing what was read is no change.
for path in ("api/v1/policies/runtime/serverless", "api/v1/policies/firewall/app/serverless"):
    before = execute("GET", path)
    edited = dict(before, rules=[{"name": "from Python", "collections": [{"name": "All"}], "disabled": True, "ofANewerRelease": {"kept": [1.50, None]}}] + before["rules"])
    assert execute("PUT", path, body=edited) is None
    first = execute("GET", path)
    assert first["rules"][0]["ofANewerRelease"] == {"kept": [1.50, None]}, first["rules"][0]
    assert execute("PUT", path, body=first) is None
    assert execute("GET", path) == first
    assert execute("PUT", path, body=before) is None
    assert execute("GET", path)["rules"] == before["rules"]

# Credentials with the project of the SDK's address, scans, and auto-defend rules as the known script merges them.
assert execute("POST", "api/v1/credentials?project=Central+Console", body={"_id": "aws of Python", "type": "aws", "accountID": "AKIAEXAMPLE", "secret": {"plain": "never shown"}}) is None
shown = [c for c in execute("GET", "api/v1/credentials") if c["_id"] == "aws of Python"]
assert len(shown) == 1 and shown[0]["secret"].get("encrypted") and not shown[0]["secret"].get("plain"), shown
assert "never shown" not in json.dumps(shown)
rules = execute("GET", "api/v1/settings/serverless-auto-deploy") or []
runtimes = execute("GET", "api/v1/static/serverless-runtimes")
assert "python3.12" in runtimes, runtimes
rules.append({
    "name": "from Python", "awsRegionType": "regular", "runtimes": runtimes, "consoleAddr": "console.example.com",
    "credentialID": "aws of Python", "collections": [c for c in execute("GET", "api/v1/collections") if c["name"] == "All"],
    "proxy": {"httpProxy": "", "ca": "", "user": "", "noProxy": "", "password": {"encrypted": "", "plain": ""}}, "autodefend": {"dryRun": True},
})
assert execute("POST", "api/v1/settings/serverless-auto-deploy", body=rules) is None
got = execute("GET", "api/v1/settings/serverless-auto-deploy")
assert [r["name"] for r in got] == [r["name"] for r in rules] and got[-1]["runtimes"] == runtimes, got
assert execute("GET", "api/v1/credentials/" + urllib.parse.quote("aws of Python") + "/usages")[0]["type"] == "Serverless Auto-Deploy"
assert execute("POST", "api/v1/settings/serverless-auto-deploy", body=got) is None
assert execute("GET", "api/v1/settings/serverless-auto-deploy") == got
status = execute("GET", "api/v1/statuses/serverless-auto-deploy")["serverlessAutoDeploy"]
assert {"errors", "scanning", "specs"} <= set(status), status

# Audits of every kind that concerns functions, a table, and an incident that is acknowledged.
for kind, count in (("runtime/serverless", 70), ("firewall/app/serverless", 3), ("incidents", 1)):
    found = list(pages("api/v1/audits/" + kind))
    assert len(found) == count and len({a["_id"] for a in found}) == count, (kind, len(found))
    assert len(execute("GET", "api/v1/audits/" + kind)) == min(count, 50)
assert len(list(pages("api/v1/audits/runtime/serverless", {"function": ["orders", "billing"], "effect": "prevent,alert"}))) == 40
table = execute("GET", "api/v1/audits/incidents/download?")
assert isinstance(table, str) and len(table.splitlines()) == 2, table
incident = list(pages("api/v1/audits/incidents"))[0]
assert not incident.get("acknowledged") and incident["type"] == "function" and incident["category"] == "cryptoMiner", incident
assert execute("PATCH", "api/v1/audits/incidents/acknowledge/" + incident["_id"], body={"acknowledged": True}) is None
assert list(pages("api/v1/audits/incidents", {"acknowledged": "true"}))[0]["_id"] == incident["_id"]
assert list(pages("api/v1/audits/incidents", {"acknowledged": "false"})) == []
history = execute("GET", "api/v1/audits/mgmt")
assert history and {"time", "type", "username", "sourceIP", "api", "diff"} <= set(history[0]), history[:1]

# Functions, Defenders and discovery: lists, tables and scans.
for endpoint in ("serverless", "defenders", "defenders/names", "cloud/discovery/entities", "cloud/discovery/vms"):
    list(pages("api/v1/" + endpoint))
for endpoint in ("serverless/download?", "defenders/download?", "cloud/discovery/download"):
    assert isinstance(execute("GET", "api/v1/" + endpoint), str), endpoint
assert isinstance(execute("GET", "api/v1/cloud/discovery"), list)
for endpoint in ("serverless/scan", "serverless/stop", "cloud/discovery/scan", "cloud/discovery/stop"):
    assert execute("POST", "api/v1/" + endpoint) is None

# XSOAR: Basic authentication with each call, a test with a day for a time, and alerts that come once.
basic = {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode(), "Content-Type": "application/json"}


def xsoar(method, path, query=None):
    response, content = send(method, "api/v1/" + path, query, extra=basic)
    assert response.status == 200, (path, response.status, content)
    return json.loads(content) if content else None


assert xsoar("GET", "xsoar-alerts", {"to": "1970-01-01"}) == []
alerts = xsoar("GET", "xsoar-alerts")
assert len(alerts) == 73 and all({"kind", "type", "category", "time"} <= set(a) for a in alerts), len(alerts)
assert xsoar("GET", "demisto-alerts") == []
for path in ("alert-profiles/names", "current/collections", "defenders/names", "defenders/summary"):
    assert isinstance(xsoar("GET", path), list), path
xsoar("POST", "deployment/serverless/scan")
xsoar("POST", "deployment/serverless/stop")

# An error has a reason in JSON.
response, content = send("GET", "api/v1/audits/runtime/serverless", {"limit": "many"})
assert response.status == 400 and "limit" in json.loads(content)["err"], content
print("passed")
