#!/usr/bin/env python3
"""Counts nodes, pods and accelerators of a cluster, independently of watchbell.

Reads the JSON of `kubectl get nodes -o json` and `kubectl get pods -A -o json` (or one file with both: a List, or an object
with `nodes` and `pods`), from files or from stdin, and prints the numbers that `watchbell snapshot -o json` must show. It is
written from the rules of Kubernetes (component-helpers `PodRequests`, apimachinery `quantity.go`, the makers' labels), with the
standard library alone; with `--compare SNAPSHOT` it compares its own numbers with a snapshot field by field and exits with 1
if any differs.

    kubectl get nodes -o json > n; kubectl get pods -A -o json > p; tests/count.py n p
    watchbell snapshot -o json > s; tests/count.py --compare s --context prod-a n p
    tests/count.py --accelerator example.com/npu=device n p
    tests/count.py --simulate large            (after `cargo build --release`; any scenario, `huge` takes half an hour)

Objects that are no objects, are of another kind or have no name are counted as unreadable and count nowhere else.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from fractions import Fraction

NANO = Fraction(1, 10**9)
I64 = 2**63 - 1
# A pod can ask for at most 10^22 base units of a resource: far above any machine, and sums stay exact.
MOST_ASKED = Fraction(10**22)

BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(.*)", re.DOTALL | re.ASCII)
EXPONENT = re.compile(r"[eE]([+-]?[0-9]+)", re.ASCII)


# ---------------------------------------------------------------------------------------------------------------- quantities


def quantity(value):
    """A quantity as a Fraction of base units; None if it is none."""
    if isinstance(value, bool) or value is None or isinstance(value, (dict, list)):
        return None
    if isinstance(value, float):
        # Written by Go and by Rust without an exponent for the sizes that occur.
        value = format(value, "f").rstrip("0").rstrip(".") if value == value else ""
    text = str(value)
    if not text:
        return None
    sign, whole, fraction, suffix = NUMBER.fullmatch(text).groups()
    fraction = fraction or ""
    digits = Fraction(int((whole + fraction) or "0"), 10 ** len(fraction))
    binary = False
    exponent = EXPONENT.fullmatch(suffix)
    if suffix in BINARY:
        digits *= 2 ** BINARY[suffix]
        binary = True
    elif suffix in DECIMAL:
        digits *= power_of_ten(DECIMAL[suffix])
    elif exponent:
        power = int(exponent.group(1))
        if not -(2**63) <= power < 2**63:
            return None
        if digits and power > 60:
            digits = MOST_ASKED * 10**6
        elif digits and power < -60:
            digits = NANO
        else:
            digits *= power_of_ten(power)
    else:
        return None
    # Rounded up to a billionth, so that a little is never nothing.
    digits = Fraction(-((-digits * 10**9) // 1), 10**9)
    if binary:
        digits = min(digits, Fraction(I64))
    return -digits if sign == "-" else digits


def power_of_ten(power):
    return Fraction(10**power) if power >= 0 else Fraction(1, 10**-power)


def whole(amount):
    """Base units, rounded away from zero, within 64 bits: upstream's `Value`."""
    size = -((-abs(amount)) // 1)
    return int(max(-(2**63), min(I64, size if amount >= 0 else -size)))


def i64(number):
    return max(-(2**63), min(I64, number))


def decimal(amount):
    """The exact decimal of a Fraction with at most nine places."""
    nano = amount * 10**9
    assert nano.denominator == 1, amount
    sign = "-" if nano < 0 else ""
    units, rest = divmod(abs(int(nano)), 10**9)
    text = "%s%d.%09d" % (sign, units, rest)
    return text.rstrip("0").rstrip(".")


# ----------------------------------------------------------------------------------------------------------- reading leniently


def obj(value):
    return value if isinstance(value, dict) else {}


def arr(value):
    return value if isinstance(value, list) else []


def text(value):
    return value if isinstance(value, str) else ""


def amounts(value):
    """A map of quantities; what cannot be read is left out."""
    read = {name: quantity(amount) for name, amount in obj(value).items()}
    return {name: amount for name, amount in read.items() if amount is not None}


def invisible(name):
    """Whether nothing of a name can be seen: such a name is none."""
    return not re.sub("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]", "", name)


def readable(objects, kind):
    """The objects that count, and how many do not."""
    kept = [
        o
        for o in objects
        if isinstance(o, dict) and text(o.get("kind")) in ("", kind) and not invisible(text(obj(o.get("metadata")).get("name")))
    ]
    return kept, len(objects) - len(kept)


# ------------------------------------------------------------------------------------------------------------- pods and requests


def add(a, b):
    return {name: a.get(name, Fraction(0)) + b.get(name, Fraction(0)) for name in {**a, **b}}


def most(a, b):
    return {name: max(a[name], b[name]) if name in a and name in b else a.get(name, b.get(name)) for name in {**a, **b}}


def extended(name):
    return "/" in name and "kubernetes.io/" not in name and not name.startswith("requests.")


def requests_of(container):
    """`requests`, and for an extended resource that has none its limit."""
    resources = obj(container.get("resources"))
    asked = amounts(resources.get("requests"))
    limits = amounts(resources.get("limits"))
    return {**{name: amount for name, amount in limits.items() if extended(name)}, **asked}


def claims_of(pod):
    """What claims take of the node's own resources: once for the pod, and for each container that refers to them."""
    once, each = {}, {}
    for claim in map(obj, arr(obj(pod.get("status")).get("nodeAllocatableResourceClaimStatuses"))):
        once = add(once, amounts(claim.get("resources")))
        for taken in map(obj, arr(claim.get("mapping")) + arr(claim.get("overhead"))):
            name = text(taken.get("name"))
            for field in ("quantity", "perPod"):
                once = add(once, amounts({name: taken.get(field)}))
            for container in arr(claim.get("containers")):
                each[container] = add(each.get(container, {}), amounts({name: taken.get("perContainer")}))
    return once, each


def served(pod, container):
    """Extended resources of a container that a claim serves: they are counted among the devices of the claim."""
    mappings = map(obj, arr(obj(obj(pod.get("status")).get("extendedResourceClaimStatus")).get("requestMappings")))
    return {text(m.get("resourceName")) for m in mappings if text(m.get("containerName")) == text(container.get("name"))}


def aggregate(pod, held, claimed=True):
    """max(apps + sidecars, the peak of the init containers in their order), and what claims take beside them."""
    spec = obj(pod.get("spec"))
    once, each = claims_of(pod) if claimed else ({}, {})

    def asks(container):
        by_claim = served(pod, container)
        own = {name: amount for name, amount in held(container).items() if name not in by_claim}
        return add(own, each.get(text(container.get("name")), {}))

    total = {}
    for container in arr(spec.get("containers")):
        total = add(total, asks(obj(container)))
    sidecars, peak = {}, {}
    for container in arr(spec.get("initContainers")):
        container = obj(container)
        asked = asks(container)
        if text(container.get("restartPolicy")) == "Always":
            total = add(total, asked)
            sidecars = add(sidecars, asked)
            peak = most(peak, sidecars)
        else:
            peak = most(peak, add(asked, sidecars))
    return add(most(total, peak), once)


# What a pod asks for, once it is known and the rest of the pod is thrown away.
ASKED = "asked"


def effective_requests(pod):
    """What `kubectl describe node` and the scheduler count for a pod, per resource."""
    if ASKED in pod:
        return pod[ASKED]
    spec, status = obj(pod.get("spec")), obj(pod.get("status"))
    statuses = [obj(s) for s in arr(status.get("containerStatuses")) + arr(status.get("initContainerStatuses"))]
    pending = [obj(c) for c in arr(status.get("conditions")) if text(obj(c).get("type")) == "PodResizePending"]
    infeasible = bool(pending) and text(pending[0].get("reason")) == "Infeasible"

    def status_of(container):
        same = [s for s in statuses if text(s.get("name")) == text(container.get("name"))]
        return same[0] if same else {}

    def from_spec(container):
        return requests_of(container)

    def allocated(container):
        held = status_of(container).get("allocatedResources")
        if isinstance(held, dict):
            return amounts(held)
        return {} if infeasible else from_spec(container)

    def actuated(container):
        held = obj(status_of(container).get("resources")).get("requests")
        return amounts(held) if isinstance(held, dict) else allocated(container)

    # The maximum of the three sums, not the sum of three maxima. What a container runs with has its claims in it.
    asked = most(aggregate(pod, actuated, claimed=False), aggregate(pod, allocated))
    if not infeasible:
        asked = most(asked, aggregate(pod, from_spec))
    for name, amount in amounts(obj(spec.get("resources")).get("requests")).items():
        if name in ("cpu", "memory") or name.startswith("hugepages-"):
            asked[name] = amount
    asked = add(asked, amounts(spec.get("overhead")))
    return {name: max(-MOST_ASKED, min(MOST_ASKED, amount)) for name, amount in asked.items()}


def counts(pod):
    return text(obj(pod.get("status")).get("phase")) not in ("Succeeded", "Failed")


def node_of(pod):
    return text(obj(pod.get("spec")).get("nodeName"))


def controller(pod):
    owners = [obj(o) for o in arr(obj(pod.get("metadata")).get("ownerReferences"))]
    return next((o for o in owners if o.get("controller") is True), {})


# -------------------------------------------------------------------------------------------------------------------- accelerators

DEVICE, SLICE, SHARED, AUX = "device", "slice", "shared", "aux"

KINDS = {
    DEVICE: """nvidia.com/gpu amd.com/gpu gpu.intel.com/i915 gpu.intel.com/xe habana.ai/gaudi aws.amazon.com/neuron
        aws.amazon.com/neurondevice google.com/tpu cambricon.com/mlu hygon.com/dcu metax-tech.com/gpu mthreads.com/gpu
        iluvatar.ai/gpu kunlunxin.com/xpu enflame.com/gcu birentech.com/gpu vastaitech.com/va aliyun.com/gpu-count""",
    SLICE: "aws.amazon.com/neuroncore",
    SHARED: """nvidia.com/gpu.shared volcano.sh/vgpu-number cambricon.com/vmlu hygon.com/dcunum metax-tech.com/sgpu
        mthreads.com/vgpu kunlunxin.com/vxpu enflame.com/drs-gcu""",
    AUX: """nvidia.com/gpumem nvidia.com/gpumem-percentage nvidia.com/gpucores nvidia.com/priority amd.com/gpumem amd.com/gpucores
        volcano.sh/vgpu-memory volcano.sh/vgpu-cores gpu.intel.com/i915_monitoring gpu.intel.com/xe_monitoring
        gpu.intel.com/millicores gpu.intel.com/memory.max gpu.intel.com/tiles hygon.com/dcumem hygon.com/dcucores
        metax-tech.com/vcore metax-tech.com/vmemory mthreads.com/sgpu-memory mthreads.com/sgpu-core kunlunxin.com/vxpu-memory
        enflame.com/gcu-memory aliyun.com/gpu-mem tencent.com/vcuda-core tencent.com/vcuda-memory""",
}
NAMES = {name: kind for kind, names in KINDS.items() for name in names.split()}

PATTERNS = [
    (r"nvidia\.com/mig-.*\.shared", SHARED),
    (r"nvidia\.com/mig-.*", SLICE),
    (r"nvidia\.com/[A-Z].*", DEVICE),
    (r"amd\.com/spx_nps.*", DEVICE),
    (r"amd\.com/[dtqc]px_nps.*", SLICE),
    (r"huawei\.com/Ascend[^-]*", DEVICE),
    (r"huawei\.com/Ascend[^-]*-(memory|core)", AUX),
    (r"huawei\.com/Ascend[^-]*-.*", SLICE),
    (r"iluvatar\.ai/.*-vgpu", SHARED),
    (r"iluvatar\.ai/.*\.(vMem|vCore)", AUX),
    (r"cambricon\.com/.*\.smlu\..*", AUX),
    (r"tke\.cloud\.tencent\.com/qgpu-.*", AUX),
]


def label(node, key):
    return text(obj(obj(node.get("metadata")).get("labels")).get(key))


def hami_split(node):
    """Devices and shares of HAMi's annotation of a node; None if it says nothing that can be read."""
    written = text(obj(obj(node.get("metadata")).get("annotations")).get("hami.io/node-nvidia-register"))
    try:
        if written.lstrip().startswith("["):
            each = [device.get("count", 0) for device in json.loads(written)]
        else:
            each = [int(device.split(",")[1]) for device in written.split(":") if device]
    except (ValueError, IndexError, AttributeError):
        return None
    whole_numbers = all(isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 2**32 for count in each)
    return (len(each), sum(each)) if each and whole_numbers else None


def hami(node):
    """Whether nvidia.com/gpu counts shares that HAMi hands out."""
    split = hami_split(node)
    if split:
        return split[0] != split[1]
    return any("nvidia.com/" + name in capacity_of(node) for name in ("gpumem", "gpumem-percentage", "gpucores"))


def mig_invalid(node):
    return "-MIG-INVALID" in label(node, "nvidia.com/gpu.product")


def shares(node, base):
    return label(node, base + ".sharing-strategy") in ("time-slicing", "mps")


def kind_on(node, resource, extra):
    """device, slice, shared, aux, or None for what is no accelerator."""
    if resource in extra:
        return extra[resource]
    kind = NAMES.get(resource)
    for pattern, found in PATTERNS:
        if kind is None and re.fullmatch(pattern, resource, re.DOTALL):
            kind = found
    if resource == "nvidia.com/gpu":
        if shares(node, resource) or hami(node):
            return SHARED
        product = label(node, "nvidia.com/gpu.product")
        if label(node, "nvidia.com/mig.strategy") == "single" and "-MIG-" in product and not mig_invalid(node):
            return SLICE
    # One silicon under two names counts under one.
    if resource == "aws.amazon.com/neurondevice" and "aws.amazon.com/neuron" in capacity_of(node):
        return AUX
    return kind


def natural(value):
    """A label that is a number of things; None otherwise."""
    if not re.fullmatch(r"\+?[0-9]+", value, re.ASCII) or int(value) > I64:
        return None if not re.fullmatch(r"-0+", value, re.ASCII) else 0
    return int(value)


def expected(node, resource):
    """How many devices the labels promise; None where they cannot say."""
    base = resource[: -len(".shared")] if resource.endswith(".shared") else resource
    is_whole = base == "nvidia.com/gpu"
    if not is_whole and not base.startswith("nvidia.com/mig-"):
        return None
    if is_whole and (label(node, "nvidia.com/mig.strategy") == "mixed" or mig_invalid(node)):
        return None
    if is_whole and hami(node):
        split = hami_split(node)
        return split[1] if split and base == resource else None
    count = natural(label(node, base + ".count"))
    if count is None:
        return None
    shared, renamed = shares(node, base), base != resource
    if shared:
        if not renamed and base + ".shared" in capacity_of(node):
            return None
        replicas = natural(label(node, base + ".replicas"))
        product = None if replicas is None else count * replicas
        return None if product is None or product > I64 else product
    return None if renamed else count


def capacity_of(node):
    return amounts(obj(node.get("status")).get("capacity"))


def allocatable_of(node):
    """`status.allocatable`, or the capacity where nothing of it can be read."""
    return amounts(obj(node.get("status")).get("allocatable")) or capacity_of(node)


def accelerators(node, requested, extra):
    """One row for each resource that the node announces, its labels promise or its pods ask for."""
    capacity, allocatable = capacity_of(node), allocatable_of(node)
    labels = obj(obj(node.get("metadata")).get("labels"))
    promised = [key[: -len(".count")] for key in labels if key.endswith(".count")]
    rows = []
    for resource in sorted({*capacity, *allocatable, *promised, *requested}):
        kind = kind_on(node, resource, extra)
        if kind in (None, AUX):
            continue
        asked = requested.get(resource, Fraction(0))
        promise = expected(node, resource)
        announced = resource in capacity or resource in allocatable
        if not announced and not (resource in promised and promise is not None and promise > 0) and asked == 0:
            continue
        all_ = whole(capacity.get(resource, allocatable.get(resource, Fraction(0))))
        healthy = whole(allocatable.get(resource, Fraction(0)))
        known = promise is not None and (announced or promise > 0)
        rows.append(
            {
                "resource": resource,
                "kind": kind,
                "capacity": all_,
                "allocatable": healthy,
                "requested": whole(asked),
                "free": i64(healthy - whole(asked)),
                "withdrawn": i64(max(0, i64(all_ - healthy))),
                "missing": max(0, promise - all_) if known else None,
                "overRequested": i64(max(0, whole(asked) - healthy)),
                "exact": asked,
                "announced": all_ > 0,
            }
        )
    return rows


# ------------------------------------------------------------------------------------------------------------------- the cluster


def ready(node):
    """Ready, NotReady or Unknown."""
    found = [obj(c) for c in arr(obj(node.get("status")).get("conditions")) if text(obj(c).get("type")) == "Ready"]
    if not found or text(found[0].get("status")) in ("Unknown", ""):
        return "Unknown"
    return "Ready" if text(found[0].get("status")) == "True" else "NotReady"


def pods_told_apart(pods):
    return {
        "bound": len(pods),
        "terminating": sum(obj(p.get("metadata")).get("deletionTimestamp") is not None for p in pods),
        "daemonSet": sum(text(controller(p).get("kind")) == "DaemonSet" for p in pods),
        "static": sum("kubernetes.io/config.mirror" in obj(obj(p.get("metadata")).get("annotations")) for p in pods),
    }


def summed(maps):
    total = {}
    for one in maps:
        total = add(total, one)
    return total


def resources(requested, allocatable, capacity):
    names = {*requested, *allocatable, *capacity, "cpu", "memory", "pods"}
    show = lambda amounts_, name: decimal(amounts_[name]) if name in amounts_ else None
    return {
        name: {
            "requested": decimal(requested.get(name, Fraction(0))),
            "allocatable": show(allocatable, name),
            "capacity": show(capacity, name),
        }
        for name in names
    }


def latest(objects):
    """Of two objects with one key the last: what a store that is keyed by name holds."""
    held = {}
    for o in objects:
        meta = obj(o.get("metadata"))
        held[(text(meta.get("namespace")), text(meta.get("name")))] = o
    return list(held.values())


def count(nodes, pods, extra):
    nodes, bad_nodes = readable(nodes, "Node")
    # The server leaves finished pods out of what watchbell lists, so a finished one is nowhere, readable or not.
    pods, bad_pods = readable([p for p in pods if not isinstance(p, dict) or counts(p)], "Pod")
    nodes, pods = latest(nodes), latest(pods)
    bound = [p for p in pods if node_of(p)]
    by_node = {}
    for pod in bound:
        by_node.setdefault(node_of(pod), []).append(pod)
    items, all_rows = {}, []
    for node in nodes:
        name = text(obj(node.get("metadata")).get("name"))
        here = by_node.get(name, [])
        requested = summed(map(effective_requests, here))
        capacity, allocatable = capacity_of(node), allocatable_of(node)
        rows = accelerators(node, requested, extra)
        all_rows += rows
        cordoned = obj(node.get("spec")).get("unschedulable") is True
        places = allocatable.get("pods")
        places = whole(places) if places is not None and 0 <= whole(places) < 2**32 else None
        requested = {**requested, "pods": Fraction(len(here))}
        items[name] = {
            "status": ready(node) + (",SchedulingDisabled" if cordoned else ""),
            "pods": {**pods_told_apart(here), "allocatable": places},
            "resources": resources(requested, allocatable, capacity),
            "migInvalid": mig_invalid(node),
            "accelerators": [{k: v for k, v in row.items() if k not in ("exact", "announced")} for row in rows],
            "amounts": (requested, allocatable, capacity),
        }
    known = [item["amounts"] for item in items.values()]
    states = [item["status"] for item in items.values()]
    return {
        "nodes": {
            "total": len(nodes),
            "ready": sum(s.startswith("Ready") for s in states),
            "notReady": sum(s.startswith("NotReady") for s in states),
            "unknown": sum(s.startswith("Unknown") for s in states),
            "cordoned": sum(s.endswith(",SchedulingDisabled") for s in states),
            "unreadable": bad_nodes,
        },
        "pods": {
            **pods_told_apart(bound),
            "allocatable": sum(item["pods"]["allocatable"] or 0 for item in items.values()),
            "unscheduled": len(pods) - len(bound),
            "orphaned": sum(len(there) for name, there in by_node.items() if name not in items),
            "unreadable": bad_pods,
        },
        "resources": resources(*(summed(each) for each in zip(*known))) if known else {},
        "accelerators": total_accelerators(all_rows),
        "items": {name: {k: v for k, v in item.items() if k != "amounts"} for name, item in items.items()},
    }


def total_accelerators(rows):
    totals = []
    for resource, kind in sorted({(row["resource"], row["kind"]) for row in rows}, key=lambda key: (key[0], order(key[1]))):
        same = [row for row in rows if (row["resource"], row["kind"]) == (resource, kind)]
        add_up = lambda field: i64(sum(row[field] for row in same))
        missing = [row["missing"] for row in same if row["missing"] is not None]
        requested = whole(sum((row["exact"] for row in same), Fraction(0)))
        totals.append(
            {
                "resource": resource,
                "kind": kind,
                "capacity": add_up("capacity"),
                "allocatable": add_up("allocatable"),
                "requested": requested,
                "free": i64(add_up("allocatable") - requested),
                "withdrawn": add_up("withdrawn"),
                "missing": i64(sum(missing)) if missing else None,
                "overRequested": add_up("overRequested"),
                "nodes": sum(row["announced"] for row in same),
            }
        )
    return totals


def order(kind):
    return [DEVICE, SLICE, SHARED, AUX].index(kind)


# ----------------------------------------------------------------------------------------------------------------- the comparison


def differences(path, mine, theirs):
    """Every field that this script counts and that the snapshot says otherwise."""
    if isinstance(mine, dict):
        if not isinstance(theirs, dict):
            return ["%s: counted %s, the snapshot says %s" % (path, json.dumps(mine), json.dumps(theirs))]
        found = []
        for key in mine:
            found += differences("%s.%s" % (path, key), mine[key], theirs.get(key, "nothing"))
        return found
    if isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        pairs = enumerate(zip(mine, theirs))
        return [line for at, (a, b) in pairs for line in differences("%s[%d]" % (path, at), a, b)]
    if mine != theirs:
        return ["%s: counted %s, the snapshot says %s" % (path, json.dumps(mine), json.dumps(theirs))]
    return []


def compare(mine, snapshot, context):
    clusters = [c for c in snapshot["clusters"] if context is None or c["context"] == context]
    if len(clusters) != 1:
        return ["the snapshot has %d clusters to compare with" % len(clusters)], 0
    theirs = clusters[0]
    items = {item["name"]: item for item in theirs["items"] or []}
    found = []
    for name in sorted({*items} - {*mine["items"]}):
        found.append("items.%s: not counted, but in the snapshot" % name)
    for name in sorted({*mine["items"]} - {*items}):
        found.append("items.%s: counted, but not in the snapshot" % name)
    for name in sorted({*items} & {*mine["items"]}):
        extra = {*items[name]["resources"]} - {*mine["items"][name]["resources"]}
        found += ["items.%s.resources.%s: not counted" % (name, resource) for resource in sorted(extra)]
    found += differences("", {**mine, "items": {n: i for n, i in mine["items"].items() if n in items}}, {**theirs, "items": items})
    return found, fields(mine)


def fields(value):
    if isinstance(value, dict):
        return sum(map(fields, value.values()))
    if isinstance(value, list):
        return sum(map(fields, value))
    return 1


# -------------------------------------------------------------------------------------------------------------- a whole simulation


def pages(url, resource):
    """The objects of a list, page by page."""
    token = ""
    while True:
        query = urllib.parse.urlencode({"limit": 1000, "continue": token})
        with urllib.request.urlopen("%s/api/v1/%s?%s" % (url, resource, query)) as answer:
            page = json.load(answer)
        yield from page["items"]
        token = page["metadata"].get("continue")
        if not token:
            return


def slim(pod):
    """A pod without what is not counted: of a million of them nobody can keep all."""
    meta, owner = obj(pod.get("metadata")), controller(pod)
    mirror = {k: "" for k in obj(meta.get("annotations")) if k == "kubernetes.io/config.mirror"}
    kept = {key: meta[key] for key in ("name", "namespace", "deletionTimestamp") if key in meta}
    owners = [{"kind": sys.intern(owner["kind"]), "controller": True}] if "kind" in owner else []
    return {
        "metadata": {**kept, "annotations": mirror, "ownerReferences": owners},
        "spec": {"nodeName": sys.intern(node_of(pod))},
        "status": {"phase": sys.intern(text(obj(pod.get("status")).get("phase")))},
        ASKED: effective_requests(pod),
    }


def simulate(scenario, binary, extra):
    """Counts every cluster of a scenario at rest and compares it with a snapshot; 1 if any number differs."""
    with tempfile.TemporaryDirectory() as folder:
        kubeconfig = os.path.join(folder, "kubeconfig")
        command = [binary, "simulate", "-s", scenario, "--churn", "0", "--kubeconfig-out", kubeconfig]
        server = subprocess.Popen(command, stdout=subprocess.PIPE)
        failed = 0
        try:
            for cluster in json.loads(server.stdout.readline())["clusters"]:
                context, start = cluster["context"], time.monotonic()
                mine = count(list(pages(cluster["url"], "nodes")), map(slim, pages(cluster["url"], "pods")), extra)
                counted = time.monotonic()
                asked = [binary, "snapshot", "-o", "json", "--context", context]
                snapshot = subprocess.run(asked, env={"KUBECONFIG": kubeconfig, "HOME": folder}, stdout=subprocess.PIPE)
                found, compared = compare(mine, json.loads(snapshot.stdout), context)
                failed |= bool(found)
                said = "\n".join(found) or "equal in %d fields of %d nodes" % (compared, len(mine["items"]))
                took = (counted - start, time.monotonic() - counted)
                print("%s: %s (counted in %.0f s, snapshot and comparison in %.0f s)" % (context, said, *took))
        finally:
            server.terminate()
            server.wait()
        return int(failed)


def objects(documents):
    """Nodes and pods of the documents; an item without a kind has the one of its list."""
    nodes, pods = [], []
    for document in documents:
        nodes += document.get("nodes") or []
        pods += document.get("pods") or []
        of_list = document.get("kind", "")
        for item in document.get("items") or []:
            kind = text(item.get("kind")) if isinstance(item, dict) else ""
            if of_list == "NodeList" or (of_list == "List" and kind == "Node"):
                nodes.append(item)
            elif of_list == "PodList" or (of_list == "List" and kind == "Pod"):
                pods.append(item)
    return nodes, pods


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", help="JSON of kubectl; stdin if there is none")
    parser.add_argument("--compare", metavar="SNAPSHOT", help="a file with the output of `watchbell snapshot -o json`")
    parser.add_argument("--context", help="the cluster of the snapshot, if it has several")
    parser.add_argument("--accelerator", action="append", default=[], metavar="NAME=KIND", help="as in [accelerators]")
    parser.add_argument("--simulate", metavar="SCENARIO", help="count a scenario of `watchbell simulate` and compare it")
    release = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "target", "release", "watchbell")
    parser.add_argument("--binary", default=release, help="the program for --simulate [default: target/release/watchbell]")
    given = parser.parse_args()
    if given.simulate:
        return simulate(given.simulate, given.binary, dict(pair.split("=", 1) for pair in given.accelerator))
    documents = []
    for name in given.files:
        with open(name, encoding="utf-8", errors="replace") as file:
            documents.append(json.load(file))
    if not given.files:
        documents.append(json.load(sys.stdin))
    extra = dict(pair.split("=", 1) for pair in given.accelerator)
    mine = count(*objects(documents), extra)
    if not given.compare:
        json.dump(mine, sys.stdout, indent=1, sort_keys=True)
        print()
        return 0
    with open(given.compare, encoding="utf-8") as file:
        found, compared = compare(mine, json.load(file), given.context)
    print("\n".join(found) or "equal in %d fields of %d nodes" % (compared, len(mine["items"])))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
