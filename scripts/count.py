#!/usr/bin/env python3
"""Counts nodes, pods, accelerators and devices of a cluster, independently of watchbell.

Reads the JSON of `kubectl get nodes -o json` and `kubectl get pods -A -o json` (or one file with both: a List, or an object
with `nodes` and `pods`), from files or from stdin, and prints the numbers that `watchbell snapshot -o json` must show. With
lists of `resourceslices` and `resourceclaims`, and of `deviceclasses` and `devicetaintrules` where there are any, it counts the
devices of dynamic resource allocation too; without them it reports that they are not visible. It counts the pods in trouble and
those that wait, these with the nodes that would take them (docs/pods.md says what each word means). It is written from the rules of
Kubernetes (component-helpers `PodRequests`, apimachinery `quantity.go`, `api resource/v1/types.go`, the makers' labels), with
the standard library alone; with `--compare SNAPSHOT` it compares its own numbers with a snapshot field by field and exits with
1 if any differs.

    kubectl get nodes -o json > n; kubectl get pods -A -o json > p; scripts/count.py n p
    watchbell snapshot -o json > s; scripts/count.py --compare s --context prod-a n p
    kubectl get resourceslices -o json > sl; kubectl get resourceclaims -A -o json > cl; scripts/count.py n p sl cl
    scripts/count.py --accelerator example.com/npu=device n p
    scripts/count.py --simulate large            (after `cargo build --release`; any scenario, page by page)

Items that are not JSON objects, are of another kind or have no name are counted as unreadable and count nowhere else.
"""

import argparse
import calendar
import datetime
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unicodedata
import urllib.error
import urllib.parse
import urllib.request
from functools import lru_cache

# Amounts are integers of billionths; finer values are rounded up when they are parsed.
NANO = 10**9
I64 = 2**63 - 1
# Cap of a pod's request for a resource in base units: far above any machine, and sums stay exact.
MOST_ASKED = 10**22 * NANO

BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
NUMBER = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(.*)", re.DOTALL | re.ASCII)
EXPONENT = re.compile(r"[eE]([+-]?[0-9]+)", re.ASCII)


# ---------------------------------------------------------------------------------------------------------------- quantities


def quantity(value):
    """A quantity in billionths of the base unit; None if it is invalid."""
    if isinstance(value, bool) or value is None or isinstance(value, (dict, list)):
        return None
    if isinstance(value, float):
        # Go and Rust write floats of these sizes without an exponent.
        value = format(value, "f").rstrip("0").rstrip(".") if value == value else ""
    return written(str(value))


@lru_cache(maxsize=4096)
def written(text):
    if not text:
        return None
    sign, whole, fraction, suffix = NUMBER.fullmatch(text).groups()
    fraction = fraction or ""
    # The value is digits * factor / 10^places.
    digits, places, factor = int((whole + fraction) or "0"), len(fraction), NANO
    exponent = EXPONENT.fullmatch(suffix)
    if suffix in BINARY:
        factor *= 2 ** BINARY[suffix]
    elif suffix in DECIMAL:
        factor *= 10 ** max(0, DECIMAL[suffix])
        places += max(0, -DECIMAL[suffix])
    elif exponent:
        power = int(exponent.group(1))
        if not -(2**63) <= power < 2**63:
            return None
        # Larger and smaller powers make no difference: the sums saturate, or the amount is rounded up to a billionth.
        power = max(-60, min(60, power))
        factor *= 10 ** max(0, power)
        places += max(0, -power)
    else:
        return None
    # Rounded up to a billionth, so that a small amount is never zero.
    nano = -((-digits * factor) // 10**places)
    if suffix in BINARY:
        nano = min(nano, I64 * NANO)
    return -nano if sign == "-" else nano


def whole(amount):
    """Base units, rounded away from zero, within 64 bits: upstream's `Value`."""
    size = -((-abs(amount)) // NANO)
    return max(-(2**63), min(I64, size if amount >= 0 else -size))


def i64(number):
    return max(-(2**63), min(I64, number))


def decimal(amount):
    """The exact decimal of an amount."""
    units, rest = divmod(abs(amount), NANO)
    return ("%s%d.%09d" % ("-" if amount < 0 else "", units, rest)).rstrip("0").rstrip(".")


# ----------------------------------------------------------------------------------------------------------- reading leniently


def obj(value):
    return value if isinstance(value, dict) else {}


def arr(value):
    return value if isinstance(value, list) else []


def text(value):
    return value if isinstance(value, str) else ""


@lru_cache(maxsize=65536)
def shown(name):
    """A text that cannot control a terminal (docs/security.md): an escape is a picture, other controls are U+FFFD, line breaks and
    tabs blanks, and characters that show nothing are left out; at most 1,024 characters."""
    if name.isascii() and name.isprintable() and len(name) <= 1024:
        return name
    name = re.sub("\r\n", "\n", name)
    out = []
    for c in name:
        if c in "\n\t\u2028\u2029":
            out.append(" ")
        elif unicodedata.category(c) == "Cc":
            out.append("\u241b" if c == "\x1b" else "\ufffd")
        elif unicodedata.category(c) != "Cf":
            out.append(c)
    return "".join(out) if len(out) <= 1024 else "".join(out[:1023]) + "\u2026"


def amounts(value):
    """A map of quantities without the invalid ones."""
    read = {name: quantity(amount) for name, amount in obj(value).items()}
    return {name: amount for name, amount in read.items() if amount is not None}


def invisible(name):
    """True if a name has no visible character; it counts as no name."""
    return not re.sub("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]", "", name)


def readable(objects, kind):
    """The readable objects, and the number of the others."""
    kept = [
        o
        for o in objects
        if isinstance(o, dict) and text(o.get("kind")) in ("", kind) and not invisible(text(obj(o.get("metadata")).get("name")))
    ]
    return kept, len(objects) - len(kept)


# ------------------------------------------------------------------------------------------------------------- pods and requests


def add(a, b):
    return {name: a.get(name, 0) + b.get(name, 0) for name in {**a, **b}}


def most(a, b):
    return {name: max(a[name], b[name]) if name in a and name in b else a.get(name, b.get(name)) for name in {**a, **b}}


def extended(name):
    return "/" in name and "kubernetes.io/" not in name and not name.startswith("requests.")


def requests_of(container):
    """`requests`, and the limits of extended resources that have no request."""
    resources = obj(container.get("resources"))
    asked = amounts(resources.get("requests"))
    limits = amounts(resources.get("limits"))
    return {**{name: amount for name, amount in limits.items() if extended(name)}, **asked}


def claims_of(pod):
    """Amounts of the node's resources that claims take: once each, and for each container that refers to them."""
    taken = {}
    for claim in map(obj, arr(obj(pod.get("status")).get("nodeAllocatableResourceClaimStatuses"))):
        taken = add(taken, amounts(claim.get("resources")))
        for one in map(obj, arr(claim.get("mapping")) + arr(claim.get("overhead"))):
            name = text(one.get("name"))
            for field in ["quantity", "perPod"] + ["perContainer"] * len(arr(claim.get("containers"))):
                taken = add(taken, amounts({name: one.get(field)}))
    return taken


def served(pod, container):
    """Extended resources of a container that a claim serves: they count as devices of the claim."""
    mappings = map(obj, arr(obj(obj(pod.get("status")).get("extendedResourceClaimStatus")).get("requestMappings")))
    return {text(m.get("resourceName")) for m in mappings if text(m.get("containerName")) == text(container.get("name"))}


def aggregate(pod, held):
    """max(apps + sidecars, the peak of the init containers in their order)."""
    spec = obj(pod.get("spec"))

    def asks(container):
        by_claim = served(pod, container)
        return {name: amount for name, amount in held(container).items() if name not in by_claim}

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
    return most(total, peak)


def pod_level(name):
    return name in ("cpu", "memory") or name.startswith("hugepages-")


def effective_requests(pod):
    """Requests of a bound pod as the scheduler counts them, by resource."""
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

    # The maximum of the three sums, not the sum of three maxima. The running amounts include the claims.
    claims = claims_of(pod)
    granted, running = add(aggregate(pod, allocated), claims), aggregate(pod, actuated)
    # The kubelet's own sums for the pod, which include the claims; it does not report the part that a claim serves.
    of_pod, now = status.get("allocatedResources"), obj(status.get("resources"))
    if isinstance(of_pod, dict) and isinstance(now.get("requests"), dict):
        mappings = arr(obj(status.get("extendedResourceClaimStatus")).get("requestMappings"))
        by_claim = {text(obj(m).get("resourceName")) for m in mappings}
        kept = lambda sums: {name: amount for name, amount in sums.items() if name in by_claim}
        given = lambda sums: {name: amount for name, amount in amounts(sums).items() if name not in by_claim}
        granted, running = {**kept(granted), **given(of_pod)}, {**kept(running), **given(now["requests"])}
    asked = most(running, granted)
    if not infeasible:
        asked = most(asked, add(aggregate(pod, from_spec), claims))
    wanted = amounts(obj(spec.get("resources")).get("requests"))
    if any(map(pod_level, wanted)):
        if any(isinstance(now.get(field), dict) for field in ("requests", "limits")):
            held = most(amounts(now.get("requests")), amounts(of_pod))
            wanted = most({} if infeasible else wanted, held)
        asked = {**asked, **{name: amount for name, amount in wanted.items() if pod_level(name)}}
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
        volcano.sh/vgpu-memory volcano.sh/vgpu-cores gpu.intel.com/i915_monitoring gpu.intel.com/xe_monitoring gpu.intel.com/monitoring
        gpu.intel.com/millicores gpu.intel.com/memory.max gpu.intel.com/tiles hygon.com/dcumem hygon.com/dcucores
        metax-tech.com/vcore metax-tech.com/vmemory mthreads.com/sgpu-memory mthreads.com/sgpu-core kunlunxin.com/vxpu-memory
        enflame.com/gcu-memory aliyun.com/gpu-mem tencent.com/vcuda-core tencent.com/vcuda-memory""",
}
NAMES = {name: kind for kind, names in KINDS.items() for name in names.split()}

PATTERNS = [
    (r"nvidia\.com/mig-.*\.shared", SHARED),
    (r"nvidia\.com/mig-.*", SLICE),
    # Functions of a card that is passed to a virtual machine, and interconnects of cards.
    (r"(?i)(nvidia|amd|intel)\.com/([^/]*[_.-])?(audio|nvswitch|usb|ucsi|bridge|controller)([_.-].*)?", None),
    # vGPUs: the driver's name of a type, or any name that ends in a profile.
    (r"nvidia\.com/GRID_.*", SHARED),
    (r"nvidia\.com/[A-Z].*-[0-9]+[QCBA][A-Za-z0-9]*", SHARED),
    (r"nvidia\.com/([A-Z].*|pgpu|[0-9a-f]{4})", DEVICE),
    (r"amd\.com/spx(_nps.*)?", DEVICE),
    (r"amd\.com/[dtqc]px(_nps.*)?", SLICE),
    (r"amd\.com/gpu_pf", DEVICE),
    (r"amd\.com/gpu_vf", SHARED),
    (r"(?i)amd\.com/(?=(.*[_.-])?(instinct|radeon|firepro)([_.-]|$))(.*[_.-])?vf([_.-].*)?", SHARED),
    (r"(?i)amd\.com/(.*[_.-])?(instinct|radeon|firepro)([_.-].*)?", DEVICE),
    (r"(?i)intel\.com/.*gvtg.*", SHARED),
    (r"intel\.com/(?=[A-Z].*_)(?i:(.*[_.-])?(gpu|arc|iris|flex)([_.-].*)?)", DEVICE),
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
    """Devices and shares in HAMi's annotation of a node; None without a readable one."""
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
    """True if nvidia.com/gpu counts shares that HAMi provides."""
    split = hami_split(node)
    if split:
        return split[0] != split[1]
    return any("nvidia.com/" + name in capacity_of(node) for name in ("gpumem", "gpumem-percentage", "gpucores"))


def mig_invalid(node):
    return "-MIG-INVALID" in label(node, "nvidia.com/gpu.product")


def replicas(node, base):
    """Number of shares of each unit by the labels; None if the name counts whole units, 0 if the labels have no number."""
    written = natural(label(node, base + ".replicas"))
    shared = label(node, base + ".sharing-strategy") in ("time-slicing", "mps") or (written or 0) > 1
    if shared or label(node, base + ".product").endswith("-SHARED"):
        return written or 0
    if base != "nvidia.com/gpu":
        return None
    if label(node, "nvidia.com/mps.capable") == "true":
        return 0
    if label(node, "nvidia.com/vgpu.present") == "true":
        return 1
    clients = natural(label(node, "cloud.google.com/gke-max-shared-clients-per-gpu"))
    if clients is not None:
        return clients if clients > 1 else None
    return None if label(node, "cloud.google.com/gke-gpu-sharing-strategy") in ("", "none") else 0


def gke_cut(node):
    return label(node, "cloud.google.com/gke-gpu-partition-size") != ""


def cut(node):
    """True if nvidia.com/gpu counts MIG slices."""
    sliced = "-MIG-" in label(node, "nvidia.com/gpu.product") and not mig_invalid(node)
    sliced = sliced or (natural(label(node, "nvidia.com/gpu.slices.gi")) or 0) > 0
    return gke_cut(node) or (sliced and label(node, "nvidia.com/mig.strategy") not in ("mixed", "none"))


def silicon(node, resource):
    """Number of devices by the labels of a cloud or of Intel's rules; 0 without such labels."""
    if resource.startswith("gpu.intel.com/"):
        counted = natural(label(node, "gpu.intel.com/device.count"))
        listed = label(node, "gpu.intel.com/gpu-numbers") or label(node, "gpu.intel.com/cards")
        return counted if counted is not None else len(listed.split(".")) if listed else 0
    clouds = ("karpenter.k8s.aws/instance-gpu-count", "eks.amazonaws.com/instance-gpu-count", "karpenter.azure.com/sku-gpu-count")
    return next((count for count in map(natural, (label(node, cloud) for cloud in clouds)) if count is not None), 0)


def amd_mode(node):
    keys = [maker + "/" + gpu + "compute-memory-partition" for maker in ("amd.com", "beta.amd.com") for gpu in ("", "gpu.")]
    modes = [label(node, key) for key in keys]
    return re.match("[a-z0-9]*", next((mode for mode in modes if mode), "").lower()).group()


def kind_by_name(resource):
    """Kind that a name has on any node; None if it is no accelerator."""
    kind = NAMES.get(resource)
    matches = (found for pattern, found in PATTERNS if re.fullmatch(pattern, resource, re.DOTALL))
    return kind or next(matches, None)


def unschedulable(node, extra):
    """Why a node takes no pods with devices; None if it takes them.

    The taint of an accelerator, and Azure's `sku=gpu`, are tolerated by those who ask for one.
    """
    if ready(node) != "Ready":
        return ready(node)
    if obj(node.get("metadata")).get("deletionTimestamp") is not None:
        return "being deleted"
    spec = obj(node.get("spec"))
    taints = [(text(t.get("key")), text(t.get("value")), text(t.get("effect"))) for t in map(obj, arr(spec.get("taints")))]
    if spec.get("unschedulable") is True or any(key == "node.kubernetes.io/unschedulable" for key, _, _ in taints):
        return "cordoned"
    for key, value, effect in taints:
        tolerated = key in extra or kind_by_name(key) is not None or (key, value) == ("sku", "gpu")
        if effect in ("NoSchedule", "NoExecute") and not tolerated:
            return "tainted %s:%s" % (key, effect)
    return None


def kind_on(node, resource, extra):
    """Kind on this node: device, slice, shared, aux; None if it is no accelerator."""
    if resource in extra:
        return extra[resource]
    kind = kind_by_name(resource)
    more = whole(capacity_of(node).get(resource, 0)) > silicon(node, resource) > 0
    if resource == "nvidia.com/gpu":
        if replicas(node, resource) is not None or hami(node):
            return SHARED
        return SLICE if cut(node) else SHARED if more else kind
    if resource == "amd.com/gpu":
        if "vf-passthrough" in (label(node, "amd.com/gpu.mode") or label(node, "beta.amd.com/gpu.mode"),):
            return SHARED
        return SLICE if amd_mode(node) in ("dpx", "tpx", "qpx", "cpx") else SHARED if more else kind
    if resource in ("gpu.intel.com/i915", "gpu.intel.com/xe"):
        return SHARED if more else kind
    if resource.startswith("nvidia.com/mig-") and replicas(node, resource) is not None:
        return SHARED
    # The same silicon under two names counts once.
    if resource == "aws.amazon.com/neurondevice" and "aws.amazon.com/neuron" in capacity_of(node):
        return AUX
    return kind


def maker(resource):
    """Maker of the silicon: NVIDIA for the names of programs that provide shares of its devices."""
    domain = resource.split("/")[0]
    return "nvidia.com" if domain in ("volcano.sh", "aliyun.com", "tencent.com", "tke.cloud.tencent.com") else domain


def natural(value):
    """The number in a label; None if it is not a number."""
    if not re.fullmatch(r"\+?[0-9]+", value, re.ASCII) or int(value) > I64:
        return None if not re.fullmatch(r"-0+", value, re.ASCII) else 0
    return int(value)


def elsewhere(node, resource):
    """True if the silicon behind a plain name is registered under another name, and not under this one."""
    there = {name for name, amount in capacity_of(node).items() if whole(amount) > 0}
    if resource + ".shared" in there:
        return True
    if resource != "nvidia.com/gpu" or resource in there:
        return False
    # What is no accelerator by its name is memory and the like, but in a name of one who hands out NVIDIA's silicon by that.
    others = [name for name in there if maker(name) == maker(resource) and "/" in name]
    return any(kind_by_name(name) not in (None, AUX) or (kind_by_name(name) and not name.startswith("nvidia.com/")) for name in others)


def expected(node, resource):
    """Number of devices that the labels promise; None without such labels."""
    base = resource[: -len(".shared")] if resource.endswith(".shared") else resource
    is_whole = base == "nvidia.com/gpu"
    if not is_whole and not base.startswith("nvidia.com/mig-"):
        return None
    if is_whole and (label(node, "nvidia.com/mig.strategy") == "mixed" or mig_invalid(node) or gke_cut(node)):
        return None
    if is_whole and hami(node):
        split = hami_split(node)
        return split[1] if split and base == resource else None
    if base == resource and elsewhere(node, resource):
        return None
    count = natural(label(node, base + ".count"))
    if count is None:
        return None
    shared, renamed = replicas(node, base), base != resource
    if shared is None:
        return None if renamed else count
    if shared == 0 or (not renamed and base + ".shared" in capacity_of(node)):
        return None
    return count * shared if count * shared <= I64 else None


def capacity_of(node):
    return amounts(obj(node.get("status")).get("capacity"))


def allocatable_of(node):
    """`status.allocatable`, or the capacity if nothing in it is readable."""
    return amounts(obj(node.get("status")).get("allocatable")) or capacity_of(node)


def accelerators(node, requested, extra):
    """One row for each resource that the node registers, its labels promise or its pods request."""
    capacity, allocatable = capacity_of(node), allocatable_of(node)
    labels = obj(obj(node.get("metadata")).get("labels"))
    promised = [key[: -len(".count")] for key in labels if key.endswith(".count")]
    closed = unschedulable(node, extra) is not None
    rows = []
    there = [r for r in {*capacity, *allocatable} if whole(capacity.get(r, allocatable.get(r, 0))) or whole(allocatable.get(r, 0))]
    makers = {maker(r) for r in there if kind_on(node, r, extra) not in (None, AUX)}
    for resource in sorted({*capacity, *allocatable, *promised, *requested}):
        kind = kind_on(node, resource, extra)
        if kind in (None, AUX):
            continue
        asked = requested.get(resource, 0)
        promise = expected(node, resource)
        announced = resource in capacity or resource in allocatable
        if not announced and not (resource in promised and promise is not None and promise > 0) and asked == 0:
            continue
        all_ = whole(capacity.get(resource, allocatable.get(resource, 0)))
        healthy = whole(allocatable.get(resource, 0))
        # The kubelet keeps registering 0 of a name that its plugin no longer uses. If other names of that maker have devices, this one does not count.
        if announced and not all_ and not healthy and maker(resource) in makers and (promise or 0) <= 0:
            if asked == 0:
                continue
            promise = None
        known = promise is not None and (announced or promise > 0)
        left = i64(max(0, max(0, healthy) - max(0, whole(asked))))
        rows.append(
            {
                "resource": resource,
                "kind": kind,
                "capacity": all_,
                "allocatable": healthy,
                "requested": whole(asked),
                "free": 0 if closed else left,
                "unschedulable": left if closed else 0,
                "withdrawn": i64(max(0, i64(all_ - healthy))),
                "missing": max(0, promise - all_) if known else None,
                # A negative amount, which is legal, counts as 0.
                "overRequested": i64(max(0, max(0, whole(asked)) - max(0, healthy))),
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


class Bound:
    """Pods of a node, or of all nodes: numbers by kind, and requests."""

    def __init__(self):
        self.apart = {"bound": 0, "terminating": 0, "daemonSet": 0, "static": 0}
        self.requested = {}
        # The same as the scheduler adds them up: each pod's amount rounded up (`Resource.Add`, kubernetes pkg/scheduler/framework).
        self.units = {}

    def add(self, pod, asked):
        meta = obj(pod.get("metadata"))
        self.apart["bound"] += 1
        self.apart["terminating"] += meta.get("deletionTimestamp") is not None
        self.apart["daemonSet"] += text(controller(pod).get("kind")) == "DaemonSet"
        self.apart["static"] += "kubernetes.io/config.mirror" in obj(meta.get("annotations"))
        for name, amount in asked.items():
            self.requested[name] = self.requested.get(name, 0) + amount
            self.units[name] = self.units.get(name, 0) + units(name, amount)


NOBODY = Bound()


# ---------------------------------------------------------------------------------------------------------------- times and words

MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,]\d+)?([Zz]|[+-]\d\d:\d\d)")


def moment(value):
    """Seconds of the Unix epoch; None for what is no time, and for Go's zero time."""
    found = MOMENT.fullmatch(value) if isinstance(value, str) else None
    if not found or found.group(1) == "0001":
        return None
    try:
        parts = [int(part) for part in found.groups()[:6]]
        at = calendar.timegm(datetime.datetime(*parts).timetuple())
    except ValueError:
        return None
    zone = found.group(7)
    if zone in "Zz":
        return at
    shift = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
    return at - shift if zone[0] == "+" else at + shift


def instant(seconds):
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def meta_of(o):
    return obj(o.get("metadata"))


def condition(o, kind):
    found = [c for c in map(obj, arr(obj(o.get("status")).get("conditions"))) if text(c.get("type")) == kind]
    return found[0] if found else None


def number_of(value):
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def statuses(pod, field):
    return list(map(obj, arr(obj(pod.get("status")).get(field))))


PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")


def printed(pod):
    """kubectl's STATUS, RESTARTS and READY (printPod of kubernetes pkg/printers/internalversion/printers.go)."""
    spec, status = obj(pod.get("spec")), obj(pod.get("status"))
    reason = text(status.get("reason")) or text(status.get("phase"))
    scheduled = [c for c in map(obj, arr(status.get("conditions"))) if text(c.get("type")) == "PodScheduled"]
    if any(text(c.get("reason")) == "SchedulingGated" for c in scheduled):
        reason = "SchedulingGated"
    declared = list(map(obj, arr(spec.get("initContainers"))))
    by_name = {text(container.get("name")): container for container in declared}
    sidecar = lambda s: text(obj(by_name.get(text(s.get("name")))).get("restartPolicy")) == "Always"
    restarts, of_sidecars, initializing, good = 0, 0, False, 0
    for index, container in enumerate(statuses(pod, "initContainerStatuses")):
        restarts += number_of(container.get("restartCount"))
        if sidecar(container):
            of_sidecars += number_of(container.get("restartCount"))
        state = obj(container.get("state"))
        ended, waits = state.get("terminated"), obj(state.get("waiting"))
        if isinstance(ended, dict) and number_of(ended.get("exitCode")) == 0:
            continue
        if sidecar(container) and container.get("started") is True:
            good += container.get("ready") is True
            continue
        if isinstance(ended, dict):
            initializing, reason = True, "Init:" + ending(ended)
        elif text(waits.get("reason")) not in ("", "PodInitializing"):
            initializing, reason = True, "Init:" + text(waits.get("reason"))
        else:
            initializing, reason = True, "Init:%d/%d" % (index, len(declared))
        break
    is_true = lambda kind: text(obj(condition(pod, kind)).get("status")) == "True"
    if not initializing or is_true("Initialized"):
        restarts, running = of_sidecars, False
        for container in reversed(statuses(pod, "containerStatuses")):
            restarts += number_of(container.get("restartCount"))
            state = obj(container.get("state"))
            if text(obj(state.get("waiting")).get("reason")):
                reason = text(obj(state.get("waiting")).get("reason"))
            elif isinstance(state.get("terminated"), dict):
                reason = ending(state["terminated"])
            elif container.get("ready") is True and isinstance(state.get("running"), dict):
                running = True
                good += 1
        if reason == "Completed" and running:
            reason = "Running" if is_true("Ready") else "NotReady"
    if meta_of(pod).get("deletionTimestamp") is not None:
        if text(status.get("reason")) == "NodeLost":
            reason = "Unknown"
        elif text(status.get("phase")) not in ("Succeeded", "Failed"):
            reason = "Terminating"
    total = len(arr(spec.get("containers"))) + sum(text(c.get("restartPolicy")) == "Always" for c in declared)
    return reason or "Unknown", max(0, min(2**32 - 1, restarts)), (min(good, total), total)


def ending(terminated):
    if text(terminated.get("reason")):
        return text(terminated.get("reason"))
    signal = number_of(terminated.get("signal"))
    return "Signal:%d" % signal if signal else "ExitCode:%d" % number_of(terminated.get("exitCode"))


# -------------------------------------------------------------------------------------------------------------------------- gangs

KUBEFLOW = {
    "mpi-operator": "MPIJob",
    "pytorchjob-controller": "PyTorchJob",
    "tfjob-controller": "TFJob",
    "jaxjob-controller": "JAXJob",
    "paddlejob-controller": "PaddleJob",
    "xgboostjob-controller": "XGBoostJob",
}


def gang_of(pod):
    """System, kind, identity, name, rank (job and index) and size of a pod's gang, as the pod says (docs/pods.md); None without."""
    meta = meta_of(pod)
    labels, annotations = obj(meta.get("labels")), obj(meta.get("annotations"))
    label_ = lambda key: text(labels.get(key))
    value = lambda key: text(labels.get(key)) or text(annotations.get(key))
    index = lambda key: small(value(key))
    owner = controller(pod)
    at = lambda key: None if index(key) is None else (0, index(key))
    lws, ray, jobset, batch = ("leaderworkerset.sigs.k8s.io/", "ray.io/", "jobset.sigs.k8s.io/", "batch.kubernetes.io/")
    if value(lws + "group-key"):
        name, group = value(lws + "name"), value(lws + "group-index")
        shown_ = "%s-%s" % (name, group) if group else name or value(lws + "group-key")
        return "LWS", "LeaderWorkerSet", value(lws + "group-key"), shown_, at(lws + "worker-index"), index(lws + "size")
    if value(ray + "worker-group-replica-name"):
        replica = value(ray + "worker-group-replica-name")
        return "RayReplica", "RayCluster", replica, replica, at(ray + "replica-host-index"), None
    if value(ray + "cluster"):
        return "Ray", "RayCluster", value(ray + "cluster"), value(ray + "cluster"), None, None
    if value("grove.io/podgang"):
        return "Grove", "PodGang", value("grove.io/podgang"), value("grove.io/podgang"), at("grove.io/podclique-pod-index"), None
    if value(jobset + "jobset-uid") or value(jobset + "jobset-name"):
        identity = value(jobset + "jobset-uid") or value(jobset + "jobset-name")
        job, pod_ = index(jobset + "job-global-index"), index(batch + "job-completion-index")
        rank = None if job is None and pod_ is None else (job or 0, pod_ or 0)
        return "JobSet", "JobSet", identity, value(jobset + "jobset-name") or identity, rank, None
    if value("training.kubeflow.org/job-name"):
        name, operator = value("training.kubeflow.org/job-name"), value("training.kubeflow.org/operator-name")
        kind = KUBEFLOW.get(operator, operator or text(owner.get("kind")))
        replica = value("training.kubeflow.org/replica-type").lower()
        number = index("training.kubeflow.org/replica-index")
        rank = None if number is None else (0 if kind == "MPIJob" or replica in ("master", "chief") else 1, number)
        return "Kubeflow", kind, name, name, rank, None
    if value("volcano.sh/job-name"):
        group = text(annotations.get("scheduling.k8s.io/group-name")) or value("volcano.sh/job-name")
        return "Volcano", "Job.volcano.sh", group, value("volcano.sh/job-name"), at("volcano.sh/task-index"), None
    if index(batch + "job-completion-index") is not None and (value(batch + "controller-uid") or text(owner.get("name"))):
        name = value(batch + "job-name") or text(owner.get("name"))
        identity = value(batch + "controller-uid") or text(owner.get("name"))
        return "Job", "Job", identity, name, at(batch + "job-completion-index"), None
    kueue = "kueue.x-k8s.io/pod-group-"
    if text(annotations.get(kueue + "name")) or label_(kueue + "name"):
        group = text(annotations.get(kueue + "name")) or label_(kueue + "name")
        return "Kueue", "pod group", group, group, at(kueue + "pod-index"), index(kueue + "total-count")
    if label_("scheduling.x-k8s.io/pod-group"):
        group = label_("scheduling.x-k8s.io/pod-group")
        return "Coscheduling", "PodGroup", group, group, None, None
    yunikorn = "yunikorn.apache.org/"
    if value(yunikorn + "task-group-name"):
        app, group = value(yunikorn + "app-id"), value(yunikorn + "task-group-name")
        return "YuniKorn", "task group", group, "%s %s" % (app, group) if app else group, None, None
    has_devices = any("/" in name for name in effective_requests(pod)) if labels or annotations else False
    if text(owner.get("kind")) == "StatefulSet" and has_devices and knows_any(labels, annotations):
        return "StatefulSet", "StatefulSet", text(owner.get("name")), text(owner.get("name")), at("apps.kubernetes.io/pod-index"), None
    return None


def knows_any(labels, annotations):
    """A StatefulSet's pods have the label of their index since Kubernetes 1.28; without it they are no gang."""
    return bool(text(labels.get("apps.kubernetes.io/pod-index")) or text(annotations.get("apps.kubernetes.io/pod-index")))


def small(value):
    """A number of 16 bits, as it is written; None for another text."""
    return int(value) if re.fullmatch(r"\+?[0-9]+", value, re.ASCII) and int(value) < 2**16 else None


# ------------------------------------------------------------------------------------------------------------------------ trouble

IMAGE = """ErrImagePull ImagePullBackOff ErrImageNeverPull InvalidImageName ImageInspectError RegistryUnavailable
    SignatureValidationFailed""".split()
ON_ITS_WAY = ("", "ContainerCreating", "PodInitializing", "RestartingAllContainers")
# Worst first. An ended pod, and one that does what it should, is in none.
TROUBLES = """node lost|device unhealthy|failed start|crash loop|image pull|stuck terminating|not ready|unschedulable|gated|
    not scheduled|not starting"""
TROUBLES = [name.strip() for name in TROUBLES.split("|")]
STARTS_WITHIN, OVERDUE_AFTER = 60, 30


def unhealthy(pod):
    """The first unhealthy device with the words about it; None without one."""
    for container in statuses(pod, "containerStatuses"):
        for resource in map(obj, arr(container.get("allocatedResourcesStatus"))):
            for device in map(obj, arr(resource.get("resources"))):
                if text(device.get("health")) == "Unhealthy":
                    name = "%s %s" % (text(resource.get("name")), text(device.get("resourceID")))
                    return ": ".join(part for part in (name, text(device.get("message"))) if part)
    return None


def waiting_trouble(pod):
    """The worst class of a container that waits, with the kubelet's words, of a crash loop its last end; None if none waits for long."""
    found = []
    for container in statuses(pod, "initContainerStatuses") + statuses(pod, "containerStatuses"):
        waits = obj(container.get("state")).get("waiting")
        reason, words = text(obj(waits).get("reason")), text(obj(waits).get("message"))
        if isinstance(waits, dict) and reason not in ON_ITS_WAY:
            kind = "crash loop" if reason == "CrashLoopBackOff" else "image pull" if reason in IMAGE else "failed start"
            ended = obj(container.get("lastState")).get("terminated")
            if kind == "crash loop" and isinstance(ended, dict):
                code = "exit code %d" % number_of(ended.get("exitCode"))
                words = "%s, %s" % (text(ended.get("reason")), code) if text(ended.get("reason")) else code
            found.append((TROUBLES.index(kind), words))
    worst = min(found, key=lambda one: one[0], default=None)
    return worst and (TROUBLES[worst[0]], worst[1])


def words_of(pod):
    """The words of the kubelet, the scheduler or the device's plugin about a pod's own trouble; empty without any."""
    phase = text(obj(pod.get("status")).get("phase"))
    if meta_of(pod).get("deletionTimestamp") is not None:
        return ""
    if unhealthy(pod):
        return unhealthy(pod)
    if waiting_trouble(pod):
        return waiting_trouble(pod)[1]
    own = own_trouble(pod)
    if own and phase == "Pending" and not node_of(pod) and own[0] != "not scheduled":
        return text(obj(condition(pod, "PodScheduled")).get("message"))
    if own and phase == "Running":
        return text(obj(condition(pod, "Ready")).get("message"))
    return ""


def not_running_since(pod):
    """The time since which a pod does not run, as far as the object says it, else its creation; None if it runs."""
    meta, created = meta_of(pod), moment(meta_of(pod).get("creationTimestamp"))
    phase = text(obj(pod.get("status")).get("phase"))
    if meta.get("deletionTimestamp") is not None:
        at = moment(meta.get("deletionTimestamp"))
    elif phase == "Pending":
        at = moment(obj(condition(pod, "PodScheduled")).get("lastTransitionTime"))
    elif phase == "Running":
        found = condition(pod, "Ready")
        if found and text(found.get("status")) == "True":
            return None
        at = moment(obj(found).get("lastTransitionTime"))
    else:
        at = None
    return created if at is None else at


def own_trouble(pod):
    """Class of a pod by its object alone, and the seconds for which that is no trouble yet; None if it is in none."""
    phase = text(obj(pod.get("status")).get("phase"))
    if meta_of(pod).get("deletionTimestamp") is not None:
        return "stuck terminating", OVERDUE_AFTER
    if unhealthy(pod):
        return "device unhealthy", 0
    if waiting_trouble(pod):
        return waiting_trouble(pod)[0], 0
    if phase == "Pending":
        if node_of(pod):
            return "not starting", STARTS_WITHIN
        scheduled = condition(pod, "PodScheduled")
        if not scheduled or text(scheduled.get("status")) != "False":
            return "not scheduled", STARTS_WITHIN
        return "gated" if text(scheduled.get("reason")) == "SchedulingGated" else "unschedulable", 0
    if phase == "Running":
        found = condition(pod, "Ready")
        if found is None:
            good = all(container.get("ready") is True for container in statuses(pod, "containerStatuses"))
        else:
            good = text(found.get("status")) == "True" or text(found.get("reason")) == "PodCompleted"
        return None if good else ("not ready", 0)
    return "not ready", 0


def trouble_of(pod, nodes, knows_nodes):
    """Class of a pod with its node, since when, and the time from which on it is one; None if it is in none."""
    if node_of(pod):
        node = nodes.get(node_of(pod))
        if (node is None and knows_nodes) or (node is not None and ready(node) == "Unknown"):
            return "node lost", moment(obj(condition(node, "Ready")).get("lastTransitionTime")) if node else None, None
    own = own_trouble(pod)
    if own is None:
        return None
    since = not_running_since(pod)
    return own[0], since, None if since is None or own[1] == 0 else since + own[1]


def requested_accelerators(pod, node, extra):
    kind = lambda name: kind_on(node, name, extra) if node else extra.get(name) or kind_by_name(name)
    counted = {name: whole(amount) for name, amount in effective_requests(pod).items() if kind(name) not in (None, AUX)}
    return [{"resource": shown(name), "count": count} for name, count in sorted(counted.items()) if count > 0]


def named_gang(pod):
    gang = gang_of(pod)
    return shown(gang[3]) if gang else None


def trouble_row(pod, found, node, extra):
    kind, since, limit = found
    meta, owner = meta_of(pod), controller(pod)
    status, restarts, _ = printed(pod)
    uid_ = text(meta.get("uid")).lower()
    is_uuid = re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", uid_)
    return {
        "namespace": shown(text(meta.get("namespace"))),
        "name": shown(text(meta.get("name"))),
        "uid": uid_ if is_uuid else None,
        "state": kind,
        "reason": shown(status),
        "message": shown(words_of(pod)) or None,
        "since": instant(since),
        "restarts": restarts,
        "node": shown(node_of(pod)) or None,
        "owner": {field: shown(text(owner.get(field))) for field in ("kind", "name")} if owner else None,
        "gang": named_gang(pod),
        "accelerators": requested_accelerators(pod, node, extra),
        "limit": limit,
    }


# ---------------------------------------------------------------------------------------------------------------- rows of gangs

NODE_TROUBLE = "node not ready"
# Worst first (docs/pods.md); devices that a node has lost come before waiting.
MEMBER_TROUBLES = (
    TROUBLES[:1] + [NODE_TROUBLE] + TROUBLES[1:7] + ["devices lost"] + TROUBLES[7:] + ["starting", "ending", "running"]
)
WAITS = ("unschedulable", "gated", "not scheduled")


def member_of(pod, nodes, knows_nodes, now, extra):
    """What a gang's row needs of one pod."""
    name, status = node_of(pod), obj(pod.get("status"))
    node = nodes.get(name)
    found = trouble_of(pod, nodes, knows_nodes)
    if found and found[2] is not None and now < found[2]:
        found = None
    is_lost = bool(name) and (knows_nodes if node is None else ready(node) == "Unknown")
    asked = requested_accelerators(pod, node, extra)
    deleting = meta_of(pod).get("deletionTimestamp") is not None
    reason, _, (good, total) = printed(pod)
    since, kind = None, None
    by_node = lambda word: "node gone" if node is None else "node " + word
    lost_devices = withdrawn(node, asked, extra) if node is not None else None
    if found and found[0] == "node lost":
        kind, since, reason = found[0], found[1], by_node("Unknown")
    elif node is not None and ready(node) == "NotReady":
        kind, reason = NODE_TROUBLE, "node NotReady"
        since = moment(obj(condition(node, "Ready")).get("lastTransitionTime"))
    elif found and MEMBER_TROUBLES.index(found[0]) < MEMBER_TROUBLES.index("devices lost"):
        kind, since = found[0], found[1]
    elif lost_devices:
        kind, reason = "devices lost", lost_devices
    elif found:
        kind, since = found[0], found[1]
    own = own_trouble(pod)
    running = (
        text(status.get("phase")) == "Running"
        and not deleting
        and not is_lost
        and good == total
        and (own is None or own[0] == "device unhealthy")
    )
    if kind is None:
        is_pending = text(status.get("phase")) == "Pending" and not deleting
        kind = "starting" if is_pending else "running" if running else "ending"
        since = not_running_since(pod) if is_pending else None
    elif reason == text(status.get("phase")) in PHASES or (reason == "Unknown" and not text(status.get("phase"))):
        reason = kind
    return {
        "name": text(meta_of(pod).get("name")),
        "rank": gang_of(pod)[4],
        "size": gang_of(pod)[5],
        "created": moment(meta_of(pod).get("creationTimestamp")) or -(2**62),
        "deleting": deleting,
        "node": name,
        "running": running,
        "kind": kind,
        "since": since,
        "reason": shown(reason),
        "asked": asked,
    }


def withdrawn(node, asked, extra):
    """The devices of the requested resources that a node has withdrawn, or never announced; None if it has lost none."""
    capacity, allocatable, lost = capacity_of(node), allocatable_of(node), []
    for count in asked:
        name = count["resource"]
        all_, healthy = whole(capacity.get(name, allocatable.get(name, 0))), whole(allocatable.get(name, 0))
        if all_ > healthy:
            lost.append("%d %s withdrawn" % (all_ - healthy, name))
        promise = expected(node, name)
        if promise is not None and promise > all_:
            lost.append("%d %s missing" % (promise - all_, name))
    return ", ".join(lost) or None


def members(pods):
    """A pod that is being deleted is no member if another one of its rank is not, or is younger."""
    alive = {pod["rank"] for pod in pods if not pod["deleting"]}
    kept, taken = [], set()
    for pod in sorted(pods, key=lambda pod: -pod["created"]):
        if pod["deleting"] and pod["rank"] is not None:
            if pod["rank"] in alive or pod["rank"] in taken:
                continue
            taken.add(pod["rank"])
        kept.append(pod)
    return kept


def gang_row(key_, pods):
    namespace, system, kind, _, name = key_
    sizes = [pod["size"] for pod in pods if pod["size"] is not None]
    pods = members(pods)
    highest, lowest = {}, {}
    for job, index in (pod["rank"] for pod in pods if pod["rank"] is not None):
        highest[job] = max(highest.get(job, 0), index)
        lowest[job] = min(lowest.get(job, index), index)
    base = lambda job: lowest[job] if system in ("Job", "StatefulSet") else 0
    start, offsets = 0, {}
    for job in sorted(highest):
        offsets[job] = start
        start += highest[job] + 1
    rank_of = lambda pod: None if pod["rank"] is None else offsets[pod["rank"][0]] + pod["rank"][1]
    ranks = sum(highest[job] + 1 - base(job) for job in highest) + sum(pod["rank"] is None for pod in pods)
    wanted = max(sizes) if sizes else max(ranks, len(pods))
    if wanted < 2:
        return None
    order_ = lambda pod: MEMBER_TROUBLES.index(pod["kind"])
    far = 2**62
    last = lambda pod: far if pod["since"] is None else pod["since"]
    rank_key = lambda pod: far if pod["rank"] is None else rank_of(pod)
    natural_ = lambda name_: [(int(part), "") if part.isdigit() else (far, part) for part in re.split("([0-9]+)", name_)]
    worst = min(pods, key=lambda pod: (order_(pod), last(pod), rank_key(pod), natural_(pod["name"])))
    state = worst["kind"]
    if not any(pod["node"] for pod in pods) and state in WAITS:
        state = "waits"
    elif state in ("starting", "ending", "running") and sizes and wanted > len(pods):
        state = "incomplete"
    in_trouble = worst["kind"] not in ("starting", "ending", "running")
    begun = [pod["since"] for pod in pods if pod["kind"] == "starting" and pod["since"] is not None]
    since = worst["since"] if in_trouble else min(begun, default=None) if state == "starting" else None
    asked = {}
    for count in (count for pod in pods for count in pod["asked"]):
        asked[count["resource"]] = asked.get(count["resource"], 0) + count["count"]
    return {
        "namespace": shown(namespace),
        "name": shown(name),
        "kind": shown(kind),
        "wanted": wanted if sizes else None,
        "wantedAtLeast": None if sizes else wanted,
        "running": sum(pod["running"] for pod in pods),
        "state": state,
        "since": instant(since),
        "accelerators": [{"resource": resource, "count": asked[resource]} for resource in sorted(asked)],
        "worst": {
            "pod": shown(worst["name"]),
            "rank": rank_of(worst),
            "node": shown(worst["node"]) or None,
            "reason": worst["reason"],
        }
        if in_trouble
        else None,
    }


def gang_rows(pods, nodes, knows_nodes, now, extra):
    """The gangs that want more than one pod."""
    found = {}
    for pod in pods:
        system, kind, identity, name, _, _ = gang_of(pod)
        key_ = (text(meta_of(pod).get("namespace")), system, kind, identity, name)
        found.setdefault(key_, []).append(member_of(pod, nodes, knows_nodes, now, extra))
    rows = (gang_row(key_, found[key_]) for key_ in sorted(found))
    return [row for row in rows if row]


# ---------------------------------------------------------------------------------------------------------------------- placement

UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
CAUSES = "accelerators cpu memory podSlots otherResources taints selector affinity cordoned notReady".split()
LABEL_NAME = re.compile("[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", re.ASCII)
DNS_NAME = re.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)


def units(name, amount):
    """What NodeResourcesFit compares: `MilliValue` of CPU, `Value` of everything else, rounded up."""
    return i64(-((-amount) // 10**6)) if name == "cpu" else i64(-((-amount) // NANO))


def tolerates(toleration, taint):
    """`ToleratesTaint` of api core/v1/toleration.go; the operators Lt and Gt need a gate that is off."""
    key_, effect = text(toleration.get("key")), text(toleration.get("effect"))
    if effect not in ("", taint[2]) or key_ not in ("", taint[0]):
        return False
    operator = text(toleration.get("operator"))
    return operator == "Exists" or (operator in ("", "Equal") and text(toleration.get("value")) == taint[1])


def integer(value):
    return int(value) if re.fullmatch(r"[+-]?[0-9]+", value, re.ASCII) and -(2**63) <= int(value) < 2**63 else None


def valid_key(key_):
    prefix, slash, name = key_.rpartition("/") if key_.count("/") == 1 else ("", "", key_)
    return bool(LABEL_NAME.fullmatch(name)) and (not slash or (len(prefix) <= 253 and bool(DNS_NAME.fullmatch(prefix))))


def valid_term(term):
    """False if upstream cannot parse a node selector term, or if it is empty: it matches no node."""
    expressions, fields_ = list(map(obj, arr(term.get("matchExpressions")))), list(map(obj, arr(term.get("matchFields"))))
    for one in expressions:
        values, operator = list(map(text, arr(one.get("values")))), text(one.get("operator"))
        good = {
            "In": bool(values),
            "NotIn": bool(values),
            "Exists": not values,
            "DoesNotExist": not values,
            "Gt": len(values) == 1 and integer(values[0]) is not None,
            "Lt": len(values) == 1 and integer(values[0]) is not None,
        }.get(operator, False)
        if not good or not valid_key(text(one.get("key"))) or not all(v == "" or LABEL_NAME.fullmatch(v) for v in values):
            return False
    for one in fields_:
        if text(one.get("operator")) not in ("In", "NotIn") or len(arr(one.get("values"))) != 1:
            return False
    return bool(expressions or fields_)


def holds(requirement, value):
    """`Requirement.Matches` of apimachinery pkg/labels/selector.go; `value` is None for an absent label."""
    operator, values = text(requirement.get("operator")), list(map(text, arr(requirement.get("values"))))
    if operator == "In":
        return value is not None and value in values
    if operator == "NotIn":
        return value is None or value not in values
    if operator in ("Exists", "DoesNotExist"):
        return (value is not None) == (operator == "Exists")
    ours = integer(value) if value is not None else None
    bound = integer(values[0])
    return ours is not None and (ours > bound if operator == "Gt" else ours < bound)


def matches_term(term, node):
    labels, name = obj(meta_of(node).get("labels")), text(meta_of(node).get("name"))
    by_label = lambda r: holds(r, labels[text(r.get("key"))] if isinstance(labels.get(text(r.get("key"))), str) else None)
    by_field = lambda r: holds(r, name if text(r.get("key")) == "metadata.name" else "")
    return all(map(by_label, map(obj, arr(term.get("matchExpressions"))))) and all(
        map(by_field, map(obj, arr(term.get("matchFields"))))
    )


def names_of(term):
    """The nodes that a term names; None if it names none. The scheduler leaves all others out before any filter runs."""
    of_name = lambda r: text(r.get("key")) == "metadata.name" and text(r.get("operator")) == "In"
    sets = [set(map(text, arr(r.get("values")))) for r in filter(of_name, map(obj, arr(term.get("matchFields"))))]
    return set.intersection(*sets) if sets else None


def not_evaluated(pod, asked, classes):
    """Constraints that nodes and requests do not decide."""
    spec = obj(pod.get("spec"))
    stored = lambda v: any(isinstance(v.get(source), dict) for source in ("persistentVolumeClaim", "ephemeral"))
    spread = lambda c: text(c.get("whenUnsatisfiable")) != "ScheduleAnyway"
    required = lambda kind: arr(obj(obj(spec.get("affinity")).get(kind)).get("requiredDuringSchedulingIgnoredDuringExecution"))
    containers = map(obj, arr(spec.get("containers")) + arr(spec.get("initContainers")))
    ports = [obj(port).get("hostPort") for container in containers for port in arr(container.get("ports"))]
    by_class = any(name in classes or name.startswith("deviceclass.resource.kubernetes.io/") for name in asked)
    found = {
        "volumes": any(map(stored, map(obj, arr(spec.get("volumes"))))),
        "topologySpread": any(map(spread, map(obj, arr(spec.get("topologySpreadConstraints"))))),
        "podAffinity": bool(required("podAffinity") or required("podAntiAffinity")),
        "hostPorts": any(number_of(port) > 0 for port in ports),
        "resourceClaims": bool(arr(spec.get("resourceClaims"))) or by_class,
        "scheduler": text(spec.get("schedulerName")) not in ("", "default-scheduler"),
    }
    return [name for name, there in found.items() if there]


def first_cause(pod, asked, node, held, classes, extra):
    """The first filter of the scheduler that refuses the pod on a node; None if none of them does (docs/pods.md)."""
    spec, node_spec = obj(pod.get("spec")), obj(node.get("spec"))
    required = obj(obj(spec.get("affinity")).get("nodeAffinity")).get("requiredDuringSchedulingIgnoredDuringExecution")
    terms = list(map(obj, arr(obj(required).get("nodeSelectorTerms"))))
    names = list(map(names_of, terms))
    if names and None not in names and text(meta_of(node).get("name")) not in set().union(*names):
        return "affinity"
    tolerations = list(map(obj, arr(spec.get("tolerations"))))
    tolerated = lambda taint: any(tolerates(toleration, taint) for toleration in tolerations)
    taints = [tuple(text(obj(t).get(field)) for field in ("key", "value", "effect")) for t in arr(node_spec.get("taints"))]
    taints = [taint for taint in taints if taint[2] in ("NoSchedule", "NoExecute")]
    state = {"Ready": None, "NotReady": NOT_READY, "Unknown": UNREACHABLE}[ready(node)]
    if state and not tolerated((state, "", "NoSchedule")):
        return "notReady"
    cordoned = node_spec.get("unschedulable") is True or any(taint[0] == UNSCHEDULABLE for taint in taints)
    if cordoned and not tolerated((UNSCHEDULABLE, "", "NoSchedule")):
        return "cordoned"
    if not all(map(tolerated, taints)):
        return "taints"
    labels = obj(meta_of(node).get("labels"))
    if any(labels.get(key_) != value for key_, value in obj(spec.get("nodeSelector")).items()):
        return "selector"
    if isinstance(required, dict):
        terms = [term for term in terms if valid_term(term)]
        if not any(matches_term(term, node) for term in terms):
            return "affinity"
    there, short = allocatable_of(node), set()
    for name, amount in asked.items():
        want, has = units(name, amount), units(name, there.get(name, 0))
        scalar = extended(name) or "kubernetes.io/" in name or name.startswith(("hugepages-", "attachable-volumes-"))
        if want <= 0 or not (name in ("cpu", "memory", "ephemeral-storage") or scalar):
            continue
        if has <= 0 and (name in classes or name.startswith("deviceclass.resource.kubernetes.io/")):
            continue
        if want > has - held.units.get(name, 0):
            accelerator = (extra.get(name) or kind_by_name(name)) not in (None, AUX)
            short.add(name if name in ("cpu", "memory") else "accelerators" if accelerator else "otherResources")
    if held.apart["bound"] + 1 > units("pods", there.get("pods", 0)):
        short.add("podSlots")
    return next((cause for cause in CAUSES if cause in short), None)


def constraints_key(pod, asked):
    spec = obj(pod.get("spec"))
    fields_ = ("tolerations", "nodeSelector", "affinity", "schedulerName", "resourceClaims", "topologySpreadConstraints")
    mine = {field: spec.get(field) for field in fields_}
    return json.dumps([mine, sorted(asked.items()), not_evaluated(pod, asked, {})], sort_keys=True)


def pending_rows(waiting, nodes, by_node, classes, extra):
    """The pods without a node, each with the nodes by the first cause that refuses it."""
    known, rows = {}, []
    for pod in waiting:
        asked = effective_requests(pod)
        alike = constraints_key(pod, asked)
        if alike not in known:
            causes = {cause: 0 for cause in CAUSES}
            fits = 0
            for name, node in nodes.items():
                cause = first_cause(pod, asked, node, by_node.get(name, NOBODY), classes, extra)
                if cause:
                    causes[cause] += 1
                else:
                    fits += 1
            known[alike] = {"fits": fits, "causes": causes, "notEvaluated": not_evaluated(pod, asked, classes)}
        meta, scheduled = meta_of(pod), obj(condition(pod, "PodScheduled"))
        deleting = meta.get("deletionTimestamp") is not None
        said = text(obj(pod.get("status")).get("phase")) == "Pending" and text(scheduled.get("status")) == "False" and not deleting
        rows.append(
            {
                "namespace": shown(text(meta.get("namespace"))),
                "name": shown(text(meta.get("name"))),
                "gang": named_gang(pod),
                "since": instant(not_running_since(pod) or moment(meta.get("creationTimestamp"))),
                "requests": {shown(name): decimal(amount) for name, amount in asked.items() if amount},
                "scheduler": {"text": shown(text(scheduled.get("message"))) or None if said else None},
                "now": known[alike],
            }
        )
    return rows


# ----------------------------------------------------------------------------------------------------------------------- the sums


def summed(maps):
    total = {}
    for one in maps:
        for name, amount in one.items():
            total[name] = total.get(name, 0) + amount
    return total


def resources(requested, allocatable, capacity):
    names = {*requested, *allocatable, *capacity, "cpu", "memory", "pods"}
    show = lambda amounts_, name: decimal(amounts_[name]) if name in amounts_ else None
    return {
        name: {
            "requested": decimal(requested.get(name, 0)),
            "allocatable": show(allocatable, name),
            "capacity": show(capacity, name),
        }
        for name in names
    }


def key(o):
    meta = obj(o.get("metadata"))
    return text(meta.get("namespace")), text(meta.get("name"))


def latest(objects):
    """The last of the objects with the same key, as in a store that is keyed by name."""
    return list({key(o): o for o in objects}.values())


def count(nodes, pods, extra, dra=None):
    """The numbers of a cluster. `pods` may be an iterator; it must yield only the last of the pods with the same key."""
    nodes, bad_nodes = readable(nodes, "Node")
    nodes = latest(nodes)
    by_name = {text(meta_of(node).get("name")): node for node in nodes}
    by_node, all_bound, bad_pods = {}, Bound(), 0
    trouble, waiting, ganged = [], [], []
    for pod in pods:
        # watchbell does not list finished pods, so a finished one counts nowhere, readable or not.
        if isinstance(pod, dict) and not counts(pod):
            continue
        if readable([pod], "Pod")[1]:
            bad_pods += 1
            continue
        found = trouble_of(pod, by_name, not bad_nodes)
        if found:
            trouble.append(trouble_row(pod, found, by_name.get(node_of(pod)), extra))
        if gang_of(pod):
            ganged.append(pod)
        if not node_of(pod):
            waiting.append(pod)
        else:
            asked = effective_requests(pod)
            by_node.setdefault(node_of(pod), Bound()).add(pod, asked)
            all_bound.add(pod, {})
    devices = count_devices(dra) if dra else None
    classes = {bridge["resource"] for bridge in devices["cluster"]["extendedResources"]} if devices else set()
    pending = pending_rows(waiting, by_name, by_node, classes, extra)
    items, all_rows = {}, []
    for node in nodes:
        name = text(obj(node.get("metadata")).get("name"))
        here = by_node.get(name, Bound())
        capacity, allocatable = capacity_of(node), allocatable_of(node)
        rows = accelerators(node, here.requested, extra)
        all_rows += rows
        cordoned = obj(node.get("spec")).get("unschedulable") is True
        places = allocatable.get("pods")
        places = whole(places) if places is not None and 0 <= whole(places) < 2**32 else None
        requested = {**here.requested, "pods": here.apart["bound"] * NANO}
        items[name] = {
            "status": ready(node) + (",SchedulingDisabled" if cordoned else ""),
            "ready": {"Ready": True, "NotReady": False, "Unknown": None}[ready(node)],
            "cordoned": cordoned,
            "schedulable": unschedulable(node, extra) is None,
            "unschedulableReason": unschedulable(node, extra),
            "pods": {**here.apart, "allocatable": places},
            "resources": resources(requested, allocatable, capacity),
            "migInvalid": mig_invalid(node),
            "accelerators": [{k: v for k, v in row.items() if k not in ("exact", "announced")} for row in rows],
            "dra": devices["nodes"].get(name, {}) if devices else None,
            "amounts": (requested, allocatable, capacity),
        }
    # An unreadable object may be any node, or hold any device, so no device is known to be free.
    total = total_accelerators(all_rows)
    if bad_nodes or bad_pods:
        for row in total + [row for item in items.values() for row in item["accelerators"] if bad_pods]:
            row["free"] = row["unschedulable"] = None
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
            **all_bound.apart,
            # A node without that amount makes the sum unknown.
            "allocatable": None
            if any(item["pods"]["allocatable"] is None for item in items.values())
            else sum(item["pods"]["allocatable"] for item in items.values()),
            "unscheduled": len(waiting),
            "orphaned": None
            if bad_nodes
            else sum(there.apart["bound"] for name, there in by_node.items() if name not in items),
            "unreadable": bad_pods,
        },
        "trouble": trouble,
        # The states of some depend on the time.
        "gangs": lambda now: gang_rows(ganged, by_name, not bad_nodes, now, extra),
        "pending": pending,
        "resources": resources(*(summed(each) for each in zip(*known))) if known else {},
        "accelerators": total,
        "dra": devices["cluster"] if devices else NOT_SEEN,
        "items": {name: {k: v for k, v in item.items() if k != "amounts"} for name, item in items.items()},
    }


def total_accelerators(rows):
    totals = []
    for resource, kind in sorted({(row["resource"], row["kind"]) for row in rows}, key=lambda key: (key[0], order(key[1]))):
        same = [row for row in rows if (row["resource"], row["kind"]) == (resource, kind)]
        add_up = lambda field: i64(sum(row[field] for row in same))
        missing = [row["missing"] for row in same if row["missing"] is not None]
        requested = whole(sum(row["exact"] for row in same))
        totals.append(
            {
                "resource": resource,
                "kind": kind,
                "capacity": add_up("capacity"),
                "allocatable": add_up("allocatable"),
                "requested": requested,
                "free": add_up("free"),
                "unschedulable": add_up("unschedulable"),
                "withdrawn": add_up("withdrawn"),
                "missing": i64(sum(missing)) if missing else None,
                "overRequested": add_up("overRequested"),
                "nodes": sum(row["announced"] for row in same),
            }
        )
    return totals


def order(kind):
    return [DEVICE, SLICE, SHARED, AUX].index(kind)


# -------------------------------------------------------------------------------------------- devices (dynamic resource allocation)

NOT_SEEN = {
    "visible": False,
    "drivers": None,
    "network": None,
    "stray": None,
    "taintRules": None,
    "taintRulesNotEvaluated": None,
    "extendedResources": [],
}
COUNTED = ("physical", "unhealthy", "partitions", "allocated", "held", "partitionsAllocated", "shares")
def place_of(says):
    """The node of a slice or of a device, "network" if several can use it, or None without either."""
    node = text(says.get("nodeName"))
    if node:
        return ("node", node)
    return ("network", "") if says.get("nodeSelector") is not None or says.get("allNodes") is True else None


def counters(of):
    return {name: quantity(obj(value).get("value")) for name, value in obj(of.get("counters")).items()}


def hard(taint):
    """True if a taint keeps pods away; unknown effects count like the effect None."""
    return text(obj(taint).get("effect")) in ("NoSchedule", "NoExecute")


def chosen(rule, device):
    """True if a rule without a class or an expression selects a device by driver, pool and name."""
    selector = rule.get("deviceSelector")
    if not isinstance(selector, dict) or not hard(rule.get("taint")) or by_expression(rule):
        return False
    wanted = [text(selector.get(field)) for field in ("driver", "pool", "device")]
    return all(want in ("", is_) for want, is_ in zip(wanted, device))


def by_expression(rule):
    selector = obj(rule.get("deviceSelector"))
    return bool(text(selector.get("deviceClassName")) or arr(selector.get("selectors")))


def pools_of(slices):
    """Pools by driver and pool name: the first place, all places, the devices by name (None while slices of the newest generation
    are missing), and the counter sets."""
    newest = {}
    for spec in slices:
        pool = obj(spec.get("pool"))
        name = (text(spec.get("driver")), text(pool.get("name")))
        generation = pool.get("generation") if isinstance(pool.get("generation"), int) else 0
        newest.setdefault(name, {}).setdefault(generation, []).append(spec)
    pools = {}
    for name, generations in newest.items():
        specs = generations[max(generations)]
        complete = all(obj(spec.get("pool")).get("resourceSliceCount") == len(specs) for spec in specs)
        devices = {}
        for spec in specs if complete else []:
            for device in map(obj, arr(spec.get("devices"))):
                # v1beta1 has the fields of a device inside `basic`.
                fields_ = {**device, **obj(device.get("basic"))}
                if text(device.get("name")):
                    devices[text(device["name"])] = {**fields_, "at": place_of(spec) or place_of(fields_)}
        sets = {text(obj(s).get("name")): counters(obj(s)) for spec in specs for s in arr(spec.get("sharedCounters"))}
        pools[name] = (place_of(specs[0]), {place_of(spec) for spec in specs}, devices if complete else None, sets)
    return pools


def count_devices(dra):
    """The devices of a cluster: each piece of silicon once, however many ways there are to partition it."""
    of = lambda kind, name: [obj(o.get("spec")) for o in latest(readable(dra[kind], name)[0])]
    rules = of("devicetaintrules", "DeviceTaintRule") if dra["devicetaintrules"] is not None else []
    pools = pools_of(of("resourceslices", "ResourceSlice"))
    # (place, driver) -> what is there; a piece is a counter set of a pool, or a device that shares nothing.
    there = {}
    at = lambda place, driver: there.setdefault(
        (place or ("network", ""), driver), {"pieces": {}, "parts": 0, "partsTaken": 0, "shares": 0, "updating": False}
    )
    made_of = {}
    for (driver, pool), (_, places, devices, sets) in pools.items():
        if devices is None:
            for place in places:
                at(place, driver)["updating"] = True
            continue
        for name, device in devices.items():
            consumed = list(map(obj, arr(device.get("consumesCounters"))))
            # A device that consumes all of one set is the whole card.
            is_whole = not consumed or (
                len(consumed) == 1 and counters(consumed[0]) == sets.get(text(consumed[0].get("counterSet")))
            )
            pieces = [(pool, "set", text(c.get("counterSet"))) for c in consumed] or [(pool, "device", name)]
            made_of[(driver, pool, name)] = (device["at"], pieces, not is_whole)
            here = at(device["at"], driver)
            here["parts"] += not is_whole
            tainted = any(map(hard, arr(device.get("taints")))) or any(chosen(rule, (driver, pool, name)) for rule in rules)
            for piece in pieces:
                here["pieces"].setdefault(piece, {"whole": [], "parts": [], "users": []})[
                    "whole" if is_whole else "parts"
                ].append(tainted)
    taken = {}
    for claim in latest(readable(dra["resourceclaims"], "ResourceClaim")[0]):
        status = obj(claim.get("status"))
        results = arr(obj(obj(status.get("allocation")).get("devices")).get("results"))
        for result in map(obj, results):
            if result.get("adminAccess") is not True:
                device = tuple(text(result.get(field)) for field in ("driver", "pool", "device"))
                taken.setdefault(device, []).append((bool(arr(status.get("reservedFor"))), text(result.get("shareID"))))
    stray = 0
    for (driver, pool, name), uses in taken.items():
        found = made_of.get((driver, pool, name))
        if found is None and (driver, pool) in pools and pools[(driver, pool)][2] is None:
            # Something of a pool that is published anew is taken; how much silicon that is, is not known: one piece at least.
            found = (pools[(driver, pool)][0], [(pool, "device", "")], False)
        if found is None:
            stray += 1
            continue
        place, pieces, is_part = found
        here = at(place, driver)
        here["partsTaken"] += is_part
        here["shares"] += len({share for _, share in uses if share})
        for piece in pieces:
            one = here["pieces"].setdefault(piece, {"whole": [], "parts": [], "users": []})
            one["users"] += [used for used, _ in uses]
    return told(there, dra, rules, stray)


def told(there, dra, rules, stray):
    """The numbers of the devices of each node, of the network and in total, each by driver."""
    nodes, network, drivers = {}, {}, {}
    for (place, driver), here in there.items():
        pieces = here["pieces"].values()
        # What the whole says holds for the piece; where no whole is on offer one good part is enough.
        bad = lambda piece: piece["whole"][-1] if piece["whole"] else bool(piece["parts"]) and all(piece["parts"])
        numbers = {
            "physical": len(pieces),
            "unhealthy": sum(map(bad, pieces)),
            "partitions": here["parts"],
            "allocated": sum(bool(piece["users"]) for piece in pieces),
            "held": sum(bool(piece["users"]) and not any(piece["users"]) for piece in pieces),
            "partitionsAllocated": here["partsTaken"],
            "shares": here["shares"],
            "updating": here["updating"],
        }
        apart = nodes.setdefault(shown(place[1]), {}) if place[0] == "node" else network
        for by_driver in (apart, drivers):
            known = by_driver.setdefault(shown(driver), {**{field: 0 for field in COUNTED}, "updating": False})
            for field in COUNTED:
                known[field] += numbers[field]
            known["updating"] = known["updating"] or numbers["updating"]
    seen = dra["devicetaintrules"] is not None
    bridges = [
        {"resource": text(obj(c.get("spec")).get("extendedResourceName")), "deviceClass": text(obj(c.get("metadata")).get("name"))}
        for c in latest(readable(dra["deviceclasses"] or [], "DeviceClass")[0])
    ]
    cluster = {
        "visible": True,
        "drivers": drivers,
        "network": network,
        "stray": stray,
        "taintRules": len(rules) if seen else None,
        "taintRulesNotEvaluated": sum(by_expression(rule) and hard(rule.get("taint")) for rule in rules) if seen else None,
        "extendedResources": sorted((b for b in bridges if b["resource"]), key=lambda b: (b["resource"], b["deviceClass"])),
    }
    return {"nodes": nodes, "cluster": cluster}


# ----------------------------------------------------------------------------------------------------------------- the comparison


def differences(path, mine, theirs):
    """Every field whose value differs between this script and the snapshot."""
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
    theirs, found = clusters[0], []
    by_driver = lambda devices: devices if devices is None else {each["driver"]: each for each in devices}
    items = {item["name"]: {**item, "dra": by_driver(item["dra"])} for item in theirs["items"] or []}
    dra = {**theirs["dra"], **{field: by_driver(theirs["dra"][field]) for field in ("drivers", "network")}}
    dra["extendedResources"] = sorted(dra["extendedResources"], key=lambda b: (b["resource"], b["deviceClass"]))
    gangs = by_gang(mine["gangs"](moment(snapshot["time"])))
    mine = {**mine, "gangs": gangs}
    if "gangs" in theirs:
        theirs = {**theirs, "gangs": by_gang(theirs["gangs"] or [])}
        found += ["gangs.%s: not counted" % name for name in sorted({*theirs["gangs"]} - {*gangs})]
    else:
        del mine["gangs"]
    theirs = {**theirs, "dra": dra, **{field: by_pod(theirs[field] or []) for field in ("trouble", "pending")}}
    mine = {**mine, "trouble": as_of(mine["trouble"], theirs["trouble"], moment(snapshot["time"])), "pending": by_pod(mine["pending"])}
    for name in sorted({*items} - {*mine["items"]}):
        found.append("items.%s: not counted, but in the snapshot" % name)
    for name in sorted({*mine["items"]} - {*items}):
        found.append("items.%s: counted, but not in the snapshot" % name)
    for name in sorted({*items} & {*mine["items"]}):
        for field in ("resources", "dra"):
            extra = {*(items[name][field] or {})} - {*(mine["items"][name][field] or {})}
            found += ["items.%s.%s.%s: not counted" % (name, field, one) for one in sorted(extra)]
    for field in ("trouble", "pending"):
        found += ["%s.%s: not counted" % (field, pod) for pod in sorted({*theirs[field]} - {*mine[field]})]
    for field in ("drivers", "network"):
        extra = {*(dra[field] or {})} - {*(mine["dra"][field] or {})}
        found += ["dra.%s.%s: not counted" % (field, one) for one in sorted(extra)]
    found += differences("", {**mine, "items": {n: i for n, i in mine["items"].items() if n in items}}, {**theirs, "items": items})
    return found, fields(mine)


def by_gang(rows):
    """Gangs by namespace, name and kind; of several alike each has a number."""
    found = {}
    for row in sorted(rows, key=lambda row: json.dumps(row, sort_keys=True)):
        name = "%s/%s/%s" % (row["namespace"], row["name"], row["kind"])
        found["%s/%d" % (name, sum(known.startswith(name + "/") for known in found))] = row
    return found


def by_pod(rows):
    return {"%s/%s" % (row["namespace"], row["name"]): row for row in rows}


# Seconds between the two counts, and between the clocks, in which a pod may begin to be in trouble.
SLACK = 5


def as_of(trouble, theirs, now):
    """Pods in trouble at the time of the snapshot; near a limit, whatever the snapshot says."""
    counted = {}
    for pod, row in by_pod(trouble).items():
        limit = row.pop("limit")
        near = limit is not None and abs(now - limit) <= SLACK
        if limit is None or (pod in theirs if near else now >= limit):
            counted[pod] = row
    return counted


def fields(value):
    if isinstance(value, dict):
        return sum(map(fields, value.values()))
    if isinstance(value, list):
        return sum(map(fields, value))
    return 1


# -------------------------------------------------------------------------------------------------------------- a whole simulation


def pages(url, resource):
    """The objects of a list, page by page; a page is dropped before the next one is requested."""
    token = ""
    while token is not None:
        query = urllib.parse.urlencode({"limit": 1000, "continue": token})
        with urllib.request.urlopen("%s/%s?%s" % (url, resource, query)) as answer:
            page = json.load(answer)
        token = page["metadata"].get("continue") or None
        yield from page.pop("items")


def once(objects):
    """Objects of a cluster at rest, which lists each of them once: of a million of them nobody can keep all."""
    seen = set()
    for o in objects:
        if readable([o], "Pod")[0]:
            name = hash(key(o))
            assert name not in seen, "%s is listed twice" % "/".join(key(o))
            seen.add(name)
        yield o


def devices_of(url):
    """The objects of dynamic resource allocation; None without slices and claims."""
    found = {}
    for resource in DRA:
        for version in ("v1", "v1beta2", "v1beta1", "v1alpha3"):
            try:
                found.setdefault(resource, list(pages("%s/apis/resource.k8s.io/%s" % (url, version), resource)))
            except urllib.error.HTTPError as error:
                if error.code not in (403, 404):
                    raise
    return complete(found)


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
                core = cluster["url"] + "/api/v1"
                try:
                    nodes, pods = list(pages(core, "nodes")), once(pages(core, "pods"))
                    mine = count(nodes, pods, extra, devices_of(cluster["url"]))
                except urllib.error.URLError as error:
                    # Some clusters are there to be unreachable, or to forbid a list.
                    print("%s: not counted: %s" % (context, error), flush=True)
                    continue
                del nodes
                counted = time.monotonic()
                asked = [binary, "snapshot", "-o", "json", "--context", context, "--deadline", "30m"]
                snapshot = subprocess.run(asked, env={"KUBECONFIG": kubeconfig, "HOME": folder}, stdout=subprocess.PIPE)
                found, compared = compare(mine, json.loads(snapshot.stdout), context)
                failed |= bool(found)
                said = "\n".join(found) or "equal in %d fields of %d nodes" % (compared, len(mine["items"]))
                took = (counted - start, time.monotonic() - counted)
                print("%s: %s (counted in %.0f s, snapshot and comparison in %.0f s)" % (context, said, *took), flush=True)
        finally:
            server.terminate()
            server.wait()
        return int(failed)


DRA = {
    "resourceslices": "ResourceSlice",
    "resourceclaims": "ResourceClaim",
    "deviceclasses": "DeviceClass",
    "devicetaintrules": "DeviceTaintRule",
}


def complete(found):
    """The objects of dynamic resource allocation; None without slices and claims."""
    seen = all(resource in found for resource in ("resourceslices", "resourceclaims"))
    return {resource: found.get(resource) for resource in DRA} if seen else None


def objects(documents):
    """Nodes, pods and device objects in the documents; an item without a kind has that of its list."""
    kinds = {"Node": "nodes", "Pod": "pods", **{kind: resource for resource, kind in DRA.items()}}
    found = {"nodes": [], "pods": []}
    for document in documents:
        for resource in kinds.values():
            if document.get(resource) is not None:
                found.setdefault(resource, []).extend(document[resource])
        of_list = document.get("kind", "")
        resource = kinds.get(of_list.removesuffix("List"))
        if resource:
            found.setdefault(resource, []).extend(document.get("items") or [])
        elif of_list == "List":
            for item in document.get("items") or []:
                resource = kinds.get(text(item.get("kind"))) if isinstance(item, dict) else None
                if resource:
                    found.setdefault(resource, []).append(item)
    # A finished pod is not listed, so it does not replace another one with its name.
    pods = [p for p in found["pods"] if not isinstance(p, dict) or counts(p)]
    good, bad = readable(pods, "Pod")
    return found["nodes"], latest(good) + [None] * bad, complete(found)


def main():
    # There are no reference cycles, and searching for them takes half of the parsing time.
    gc.disable()
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
    nodes, pods, dra = objects(documents)
    mine = count(nodes, pods, extra, dra)
    if not given.compare:
        for row in mine["trouble"]:
            row.pop("limit")
        mine["gangs"] = mine["gangs"](time.time())
        json.dump(mine, sys.stdout, indent=1, sort_keys=True)
        print()
        return 0
    with open(given.compare, encoding="utf-8") as file:
        found, compared = compare(mine, json.load(file), given.context)
    print("\n".join(found) or "equal in %d fields of %d nodes" % (compared, len(mine["items"])))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
