"""What Prisma's Terraform providers send: they create, look their thing up in the whole list, change and delete it, and
take every answer to a write that isn't 200 with an empty body for a failure. The environment says where the Console is:
CONSOLE, CONSOLE_USER, CONSOLE_PASSWORD."""

import hashlib
import json
import os
import urllib.error
import urllib.parse
import urllib.request

console = os.environ["CONSOLE"]
token = ""


def request(method, path, body=None, query=None):
    """Paths are escaped as Go's URL.String does it."""
    url = console + "/api/v1/" + urllib.parse.quote(path, safe="/:@&=+$,;*'()!~")
    if query:
        url += "?" + urllib.parse.urlencode(query)
    data = json.dumps(body, separators=(",", ":")).encode() if body is not None else None
    r = urllib.request.Request(url, data=data, method=method)
    r.add_header("Authorization", "Bearer " + token)
    r.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(r, timeout=60) as response:
            content = response.read()
            assert response.status == 200, (method, path, response.status)
    except urllib.error.HTTPError as e:
        raise AssertionError((method, path, e.code, e.read())) from e
    if method in ("PUT", "DELETE") or method == "POST" and path != "authenticate":
        assert content == b"", (method, path, content)
    return json.loads(content) if content else None


def find(path, key, name, query=None):
    found = [e for e in request("GET", path, query=query) if e.get(key) == name]
    assert len(found) <= 1, found
    return found[0] if found else None


def lives(path, key, name, made, changed, update="PUT", at=None, look=None):
    """One thing from its creation to its end: what was sent is in what is read."""
    request("POST", path, made)
    for sent in (None, changed):
        if sent is not None:
            request(update, path if at is None else f"{path}/{at}", sent)
        have = find(path, key, name, look)
        assert have is not None, (path, name)
        for member, value in (sent or made).items():
            if member not in ("password", "secret"):
                assert have.get(member) == value, (path, member, value, have.get(member))
    request("DELETE", f"{path}/{name}")
    assert find(path, key, name) is None, (path, name)


token = request("POST", "authenticate", {"username": os.environ["CONSOLE_USER"], "password": os.environ["CONSOLE_PASSWORD"]})["token"]

lives("collections", "name", "of terraform", {"name": "of terraform", "functions": ["a-*"], "color": "#AABBCC", "codeRepos": ["*"]},
      {"name": "of terraform", "functions": ["b-*"], "labels": ["env:prod"], "description": "changed"}, at="of terraform")
lives("rbac/roles", "name", "of terraform", {"name": "of terraform", "description": "d", "perms": [{"name": "policyRuntimeServerless", "readWrite": True}, {"name": "monitorServerless"}]},
      {"name": "of terraform", "description": "changed", "perms": [{"name": "monitorServerless"}]})
lives("users", "username", "of-terraform", {"username": "of-terraform", "authType": "basic", "password": "a long enough password 1", "role": "auditor",
                                           "permissions": [{"collections": ["All"], "project": "Central Console"}]},
      {"username": "of-terraform", "authType": "basic", "password": "another password, long 2", "role": "operator"})
lives("groups", "groupName", "of terraform", {"groupName": "of terraform", "role": "auditor", "user": [{"username": os.environ["CONSOLE_USER"]}]},
      {"groupName": "of terraform", "role": "operator", "oidcGroup": True}, at="of terraform")
lives("credentials", "_id", "of terraform", {"_id": "of terraform", "type": "aws", "accountID": "AKIAEXAMPLE", "apiToken": {}, "secret": {"plain": "s3cret"}},
      {"_id": "of terraform", "type": "aws", "accountID": "AKIAOTHER", "apiToken": {}, "secret": {"plain": "s4cret"}, "description": "changed"}, update="POST")
request("POST", "credentials", {"_id": "of terraform", "type": "aws", "useAWSRole": True, "apiToken": {}, "secret": {}})
assert isinstance(find("credentials", "_id", "of terraform").get("tokens", []), (list, type(None))), "a list for Go"

# A cloud account: an array that adds or replaces, looked up by a search.
account = {"credentialId": "of terraform", "credential": {"apiToken": {}, "secret": {}}, "discoveryEnabled": True, "agentlessScanSpec": {}, "serverlessScanSpec": {}, "awsRegionType": "regular"}
request("PUT", "cloud-scan-rules", [account])
assert find("cloud-scan-rules", "credentialId", "of terraform", {"search": "of terraform"})["discoveryEnabled"] is True
account.pop("discoveryEnabled")
request("PUT", "cloud-scan-rules", [account])
assert not find("cloud-scan-rules", "credentialId", "of terraform", {"search": "of terraform"}).get("discoveryEnabled")
request("DELETE", "cloud-scan-rules/of terraform")
request("DELETE", "credentials/of terraform")

# Custom rules: the client takes the largest number there is and one more, among more than a page of them.
ids = []
for i in range(55):
    number = max([r["_id"] for r in request("GET", "custom-rules")], default=0) + 1
    request("PUT", f"custom-rules/{number}", {"_id": number, "name": f"rule {i}", "type": "processes", "script": 'proc.name = "wget"', "message": "%proc.name", "vulnIds": None})
    ids.append(number)
assert len(set(ids)) == 55
request("PUT", f"custom-rules/{ids[0]}", {"_id": ids[0], "name": "rule 0", "type": "processes", "script": 'proc.name = "curl"'})
rules = {r["_id"]: r for r in request("GET", "custom-rules")}
assert len(rules) == 55 and rules[ids[0]]["script"] == 'proc.name = "curl"' and rules[ids[1]]["script"] == 'proc.name = "wget"'
for number in ids:
    request("DELETE", f"custom-rules/{number}")

# Alert profiles: every policy is always sent, and POST changes too.
off = {"enabled": False, "allRules": False}
profile = {"_id": "of terraform", "name": "of terraform", "webhook": {"enabled": True, "url": "https://hooks.example.com/a", "json": '{"m":"#message"}'},
           "policy": {name: dict(off) for name in ("admission", "cloudDiscovery", "codeRepoVulnerability", "containerRuntime", "defender", "incident", "waasHealth")}}
profile["policy"]["serverlessRuntime"] = {"enabled": True, "allRules": True}
profile["policy"]["serverlessAppFirewall"] = {"enabled": True, "allRules": False, "rules": ["a"]}
lives("alert-profiles", "name", "of terraform", profile, dict(profile, webhook=dict(profile["webhook"], enabled=False)), update="POST")

# The firewall's provider hashes what it reads, and writes only when that differs from what it read before.
def digest():
    return hashlib.sha256(json.dumps(request("GET", "policies/firewall/app/serverless"), sort_keys=True).encode()).hexdigest()


policy = request("GET", "policies/firewall/app/serverless")
effect = {"effect": "alert", "exceptionFields": []}
rule = {"name": "of terraform", "owner": "", "modified": "0001-01-01T00:00:00Z", "previousName": "", "notes": "", "disabled": False, "windows": False, "readTimeoutSeconds": 5,
        "collections": [{"name": "All"}],
        "applicationsSpec": [{"appID": "app-0001", "sqli": effect, "xss": effect, "lfi": effect, "cmdi": effect, "codeInjection": effect, "body": {"inspectionSizeBytes": 131072},
                              "networkControls": {"subnets": {"enabled": False, "fallbackEffect": "alert", "alert": None}}}]}
request("PUT", "policies/firewall/app/serverless", dict(policy, rules=[rule] + policy["rules"]))
first = digest()
stored = request("GET", "policies/firewall/app/serverless")["rules"][0]
assert stored["owner"] and not stored["modified"].startswith("0001"), stored
assert digest() == first
request("PUT", "policies/firewall/app/serverless", request("GET", "policies/firewall/app/serverless"))
assert digest() == first
request("PUT", "policies/firewall/app/serverless", policy)
print("passed")
