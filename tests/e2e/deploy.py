#!/usr/bin/env python3
"""deploy FOLDER CHECK [ARGUMENT…]: looks at the manifests of deploy/ as Argo and Kubernetes would. Prints what is
wrong, and exits with 1. `args WORK` prints the container's arguments for a run outside a cluster, and
`workflow REGISTRY` the workflow as JSON with modules of that registry."""

import json
import os
import sys

import yaml

folder, check = sys.argv[1:3]
faults = []


def documents(name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return list(yaml.safe_load_all(file))


def expect(holds, words):
    if not holds:
        faults.append(words)


def quantity(text):
    """Bytes, or millis of a core."""
    units = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "G": 10**9, "M": 10**6}
    for unit, factor in units.items():
        if str(text).endswith(unit):
            return float(str(text)[:-len(unit)]) * factor
    return float(text[:-1]) / 1000 if str(text).endswith("m") else float(text)


plugin = documents("plugin.yaml")[0]
sidecar = plugin["spec"]["sidecar"]
container = sidecar["container"]
account = plugin["metadata"]["name"] + "-executor-plugin"


def option(name, otherwise=None):
    args = container["args"]
    return args[args.index(name) + 1] if name in args else otherwise


def objects():
    """Every document is an object that Kubernetes could take."""
    for name in sorted(set(os.listdir(folder)) - {"Dockerfile"}):
        expect(name.endswith(".yaml"), f"{name}: is no YAML")
        for document in documents(name):
            for field in ("apiVersion", "kind", "metadata"):
                expect(field in document, f"{name}: a document has no {field}")
            names = {"name", "generateName"} & set(document["metadata"])
            expect(names, f"{name}: {document['kind']}: has no name")


def executor_plugin():
    """What Argo's controller wants of an ExecutorPlugin (pkg/plugins/spec), and of a neighbour in its pod."""
    expect((plugin["apiVersion"], plugin["kind"]) == ("argoproj.io/v1alpha1", "ExecutorPlugin"), "its kind")
    ports = [port["containerPort"] for port in container.get("ports", [])]
    expect(ports, "no port: the agent calls the first one")
    for port in ports:
        expect(port > 1024 and port not in (8080, 8081, 8443), f"port {port} is one that others take")
    expect(option("--listen", "").rpartition(":")[2] == str(ports[0]), "--listen is not its first port")
    probe = container["livenessProbe"]["httpGet"]
    expect((probe["path"], probe["port"]) == ("/healthz", ports[0]), "the probe asks something else than /healthz")
    for kind in ("requests", "limits"):
        for what in ("cpu", "memory"):
            expect(what in container["resources"].get(kind, {}), f"resources.{kind}.{what} is missing")
    # One more: while steps run, an image of a module may be made.
    steps = (1 + float(option("--concurrency", "inf"))) * quantity(option("--max-memory", "1G").replace("M", "Mi")
                                                             .replace("G", "Gi"))
    expect(steps + 64 * 2**20 <= quantity(container["resources"]["limits"]["memory"]),
           "the memory limit is less than --concurrency + 1 times --max-memory and 64M for the server")
    for mount in container["volumeMounts"]:
        expect(mount["name"] == "var-run-argo", f"volume {mount['name']} is none of the agent's pod")
        expect(mount["subPath"] != container["name"], "that folder of the volume is where Argo puts the token")
        expect(option("--work-dir", "").startswith(mount["mountPath"]), "--work-dir cannot be written to")
        expect(option("--cache-dir", "").startswith(mount["mountPath"]), "--cache-dir cannot be written to")
        expect(not mount["mountPath"].startswith("/var/run/argo"), "Argo mounts the token there itself")
    expect("--no-auth" not in container["args"], "--no-auth lets every neighbour in")


def restricted():
    """Kubernetes' pod security standard of that name, and nothing to write to but the volume."""
    wanted = {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
              "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}
    context = container["securityContext"]
    for field, value in wanted.items():
        expect(context.get(field) == value, f"securityContext.{field} is {context.get(field)}, not {value}")
    expect(context.get("runAsUser", 0) > 0, "securityContext.runAsUser is root")
    expect("privileged" not in context, "securityContext.privileged is there")


def config_map():
    """`argo executor-plugin build` would make the same of plugin.yaml."""
    found = documents(f"{plugin['metadata']['name']}-executor-plugin-configmap.yaml")[0]
    data = found["data"]
    expect(found["kind"] == "ConfigMap" and found["metadata"]["name"] == account, "its name")
    expect(found["metadata"]["labels"] == {"workflows.argoproj.io/configmap-type": "ExecutorPlugin"}, "its label")
    expect(set(data) == {"sidecar.container", "sidecar.automountServiceAccountToken"}, f"its keys: {sorted(data)}")
    expect(yaml.safe_load(data["sidecar.container"]) == container, "sidecar.container is not plugin.yaml's")
    automount = str(sidecar.get("automountServiceAccountToken", False)).lower()
    expect(data["sidecar.automountServiceAccountToken"] == automount, "automountServiceAccountToken is another")


def rbac():
    """The service account by the name that Argo looks for, with leave to get named objects and no more."""
    kinds = {}
    for document in documents("artifacts-rbac.yaml"):
        kinds.setdefault(document["kind"], {})[document["metadata"]["name"]] = document
    expect(list(kinds["ServiceAccount"]) == [account], f"the service account is not {account}")
    secret = kinds["Secret"].get(f"{account}.service-account-token", {})
    expect(secret.get("type") == "kubernetes.io/service-account-token", "no Secret holds its token")
    expect(secret["metadata"]["annotations"] == {"kubernetes.io/service-account.name": account},
           "the Secret is of another account")
    for name, role in kinds["Role"].items():
        for rule in role["rules"]:
            expect(rule["verbs"] == ["get"], f"{name}: may do more than get")
            expect(rule.get("resourceNames"), f"{name}: may get any of {rule['resources']}")
            expect(set(rule["resources"]) <= {"configmaps", "secrets"}, f"{name}: {rule['resources']}")
    for name, binding in kinds["RoleBinding"].items():
        expect(binding["roleRef"]["kind"] == "Role" and binding["roleRef"]["name"] in kinds["Role"],
               f"{name}: binds a role that is not there")
        expect(binding["roleRef"]["apiGroup"] == "rbac.authorization.k8s.io", f"{name}: apiGroup")
        for subject in binding["subjects"]:
            expect((subject["kind"], subject["name"]) == ("ServiceAccount", account), f"{name}: of whom")
    bound = {binding["roleRef"]["name"] for binding in kinds["RoleBinding"].values()}
    expect(bound == set(kinds["Role"]), "a role is bound to nobody")
    expect("ClusterRole" not in kinds and "ClusterRoleBinding" not in kinds, "rights on the whole cluster")


def args():
    mount = container["volumeMounts"][0]["mountPath"]
    for word in container["command"][1:] + container["args"]:
        print(word.replace(mount, sys.argv[3]).replace(":3000", "127.0.0.1:0"))


def workflow():
    document = documents("workflow.yaml")[0]
    document["metadata"].update({"name": "deployed", "namespace": "argo", "uid": "0a1b2c3d"})
    print(json.dumps(document).replace("registry.example.org", sys.argv[3]))


{check.__name__: check for check in (objects, executor_plugin, restricted, config_map, rbac, args, workflow)}[check]()
for fault in faults:
    print(fault)
sys.exit(1 if faults else 0)
