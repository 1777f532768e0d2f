#!/usr/bin/env python3
"""Prints a scenario with random nodes and pods: every phase, condition, container state, gang system and taint that decides whether a
pod is in trouble, what its gang does and which nodes would take it. The same seed prints the same scenario.

    scripts/random_scenario.py 7 > random.toml; scripts/count.py --simulate random.toml

So two counts in two languages are compared in corners that nobody thought of.
"""

import json
import random
import sys

NODES, PODS = 25, 220
LWS, JOBSET, KUBEFLOW, BATCH = "leaderworkerset.sigs.k8s.io/", "jobset.sigs.k8s.io/", "training.kubeflow.org/", "batch.kubernetes.io/"
KUEUE, YUNIKORN = "kueue.x-k8s.io/pod-group-", "yunikorn.apache.org/"
WAITS = """ContainerCreating PodInitializing CrashLoopBackOff ImagePullBackOff ErrImagePull CreateContainerError RunContainerError
    SomeReasonOfTomorrow RegistryUnavailable""".split() + [""]


class Cluster:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.pick, self.number = self.rng.choice, self.rng.randint

    def chance(self, share):
        return self.rng.random() < share

    def maybe(self, share, fields):
        return fields if self.chance(share) else {}

    def time(self):
        """A time of the last two hours, far from every limit, or one that lies ahead."""
        return "@-%ds" % self.number(100, 7300) if self.chance(0.95) else "@+%dh" % self.number(1, 3)

    def node(self, index):
        capacity = {"cpu": self.pick(["4", "32"]), "memory": "64Gi", "pods": self.pick(["3", "30", "110"])}
        capacity.update(self.maybe(0.7, {"nvidia.com/gpu": self.pick(["4", "8"])}))
        allocatable = dict(capacity)
        if "nvidia.com/gpu" in allocatable and self.chance(0.3):
            allocatable["nvidia.com/gpu"] = self.pick(["0", "2", "4"])
        ready = self.rng.choices(["True", "False", "Unknown", None], [70, 10, 10, 3])[0]
        keys = ["example.com/k", "node.kubernetes.io/not-ready", "node.kubernetes.io/unschedulable"]
        effects = ["NoSchedule", "NoExecute", "PreferNoSchedule"]
        return {
            "metadata": {
                "name": "node-%d" % index,
                "uid": "00000000-0000-4000-8001-%012d" % index,
                "creationTimestamp": "@-900h",
                "labels": {"pool": self.pick("ab"), **self.maybe(0.5, {"nvidia.com/gpu.count": "8"})},
            },
            "spec": {
                **self.maybe(0.1, {"unschedulable": True}),
                **self.maybe(0.2, {"taints": [{"key": self.pick(keys), "effect": self.pick(effects)}]}),
            },
            "status": {
                "capacity": capacity,
                "allocatable": allocatable,
                "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": self.time()}] if ready else [],
            },
        }

    def gang(self):
        """Labels, annotations and the owner of a pod."""
        group, index = self.number(0, 5), str(self.number(0, 6))
        system = self.number(0, 13)
        labels, annotations, owner = {}, {}, None
        if system == 0:
            labels = {LWS + "group-key": "g%d" % group, LWS + "name": "lws", LWS + "group-index": str(group), LWS + "worker-index": index}
            annotations = self.maybe(0.7, {LWS + "size": str(self.number(2, 8))})
        elif system == 1:
            host = {"ray.io/worker-group-replica-name": "w%d" % group, "ray.io/replica-host-index": index}
            labels = {"ray.io/cluster": "c%d" % group, **self.maybe(0.5, host)}
        elif system == 2:
            labels = {"grove.io/podgang": "p%d" % group, "grove.io/podclique-pod-index": index}
        elif system == 3:
            labels = {JOBSET + "jobset-name": "set%d" % group, **self.maybe(0.8, {JOBSET + "jobset-uid": "u%d" % group})}
            labels.update(self.maybe(0.8, {JOBSET + "job-global-index": str(self.number(0, 3))}))
            labels.update(self.maybe(0.8, {BATCH + "job-completion-index": index}))
        elif system == 4:
            operator = self.pick(["pytorchjob-controller", "mpi-operator", "tfjob-controller", "odd", ""])
            labels = {KUBEFLOW + "job-name": "kf%d" % group, KUBEFLOW + "operator-name": operator}
            labels.update({KUBEFLOW + "replica-type": self.pick(["master", "worker", "Chief", "ps"]), KUBEFLOW + "replica-index": index})
            owner = ("PyTorchJob", "kf%d" % group)
        elif system == 5:
            labels = {"volcano.sh/job-name": "v%d" % group, **self.maybe(0.8, {"volcano.sh/task-index": index})}
            annotations = {"scheduling.k8s.io/group-name": "v%d-uid" % group}
        elif system == 6:
            labels = {BATCH + "job-name": "job%d" % group, **self.maybe(0.8, {BATCH + "controller-uid": "j%d" % group})}
            annotations, owner = {BATCH + "job-completion-index": index}, ("Job", "job%d" % group)
        elif system == 7:
            labels = {KUEUE + "name": "q%d" % group, **self.maybe(0.5, {KUEUE + "pod-index": index})}
            annotations = {KUEUE + "total-count": str(self.number(2, 9))}
        elif system == 8:
            labels = {"scheduling.x-k8s.io/pod-group": "s%d" % group}
        elif system == 9:
            labels, annotations = {YUNIKORN + "app-id": "a%d" % group}, {YUNIKORN + "task-group-name": "t"}
        elif system == 10:
            labels, owner = {"apps.kubernetes.io/pod-index": index}, ("StatefulSet", "sts%d" % group)
        elif self.chance(0.5):
            owner = ("ReplicaSet", "rs%d" % group)
        return labels, annotations, owner

    def container_status(self, name):
        state = self.number(0, 9)
        said = {"name": name, "restartCount": self.number(0, 3), "ready": False, **self.maybe(0.5, {"started": True})}
        if state < 3:
            said.update(state={"running": {"startedAt": self.time()}}, ready=self.chance(0.8))
        elif state < 6:
            said["state"] = {"waiting": {"reason": self.pick(WAITS), **self.maybe(0.7, {"message": "why"})}}
            end = {"exitCode": 1, "reason": self.pick(["Error", "OOMKilled", ""])}
            said.update(self.maybe(0.5, {"lastState": {"terminated": end}}))
        elif state < 8:
            end = {"exitCode": self.pick([0, 0, 1, 137]), "reason": self.pick(["Completed", "Error", ""])}
            said["state"] = {"terminated": {**end, **self.maybe(0.2, {"signal": 9})}}
        return said

    def conditions(self, bound):
        found = []
        if self.chance(0.9):
            status = self.rng.choices(["True", "False", "Unknown"], [12, 6, 1])[0]
            reason = self.maybe(0.5, {"reason": self.pick(["PodCompleted", "ContainersNotReady", "NodeNotReady"])})
            found.append({"type": "Ready", "status": status, "message": "unready", "lastTransitionTime": self.time(), **reason})
        if self.chance(0.9):
            status = "True" if bound else self.pick(["False", "False", "False", "True", "Unknown"])
            words = {"reason": self.pick(["Unschedulable", "SchedulerError", "SchedulingGated"]), "message": "0/25 nodes are available"}
            found.append({"type": "PodScheduled", "status": status, "lastTransitionTime": self.time(), **({} if bound else words)})
        if self.chance(0.5):
            found.append({"type": "Initialized", "status": self.pick(["True", "False"])})
        self.rng.shuffle(found)
        return found

    def pod(self, index):
        labels, annotations, owner = self.gang()
        bound = self.chance(0.8)
        asked = {**self.maybe(0.8, {"cpu": self.pick(["1", "100m", "1500u"])}), **self.maybe(0.5, {"nvidia.com/gpu": self.pick("12")})}
        meta = {
            "name": "pod-%d" % index,
            "namespace": self.pick("xy"),
            "uid": "00000000-0000-4000-8000-%012d" % index,
            "creationTimestamp": self.time(),
            "labels": labels,
            "annotations": annotations,
            **self.maybe(0.12, {"deletionTimestamp": self.time()}),
        }
        if owner:
            meta["ownerReferences"] = [{"apiVersion": "v1", "kind": owner[0], "name": owner[1], "uid": "o", "controller": True}]
        phases = ["Running", "Pending", "Succeeded", "Failed", "Unknown", "Quantum", ""]
        phase = self.rng.choices(phases, [60, 30, 3, 3, 2, 2, 1])[0] if bound else "Pending"
        spec = {"containers": [{"name": "main", "resources": {"requests": asked}}] + [{"name": "more"}] * self.number(0, 1)}
        status = {"phase": phase, "conditions": self.conditions(bound)}
        status.update(self.maybe(0.05, {"reason": self.pick(["Evicted", "NodeLost", "UnexpectedAdmissionError"])}))
        if bound:
            # The last two nodes are not there.
            spec["nodeName"] = "node-%d" % self.number(0, NODES + 1)
            if self.chance(0.9):
                status["containerStatuses"] = [self.container_status(container["name"]) for container in spec["containers"]]
                device = {"resourceID": "GPU-1", "health": self.pick(["Healthy", "Unhealthy", "Unknown"]), **self.maybe(0.5, {"message": "xid"})}
                held = {"allocatedResourcesStatus": [{"name": "nvidia.com/gpu", "resources": [device]}]}
                status["containerStatuses"][0].update(self.maybe(0.1, held))
            if self.chance(0.3):
                names = ["init-%d" % number for number in range(self.number(1, 2))]
                spec["initContainers"] = [{"name": name, **self.maybe(0.4, {"restartPolicy": "Always"})} for name in names]
                status["initContainerStatuses"] = [self.container_status(name) for name in names]
        else:
            any_, one = {"operator": "Exists"}, {"key": "example.com/k", "operator": "Exists"}
            not_ready = {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoSchedule"}
            spec.update(self.maybe(0.5, {"tolerations": [self.pick([any_, one, not_ready])]}))
            spec.update(self.maybe(0.3, {"nodeSelector": {"pool": self.pick("ab")}}))
        return {"metadata": meta, "spec": spec, "status": status}


def main():
    seed = int(sys.argv[1])
    cluster = Cluster(seed)
    print('title = "random objects of seed %d"\nseed = %d\n\n[[cluster]]\ncontext = "random"\nversion = "v1.36.2"' % (seed, seed))
    objects = [("nodes", cluster.node(index)) for index in range(NODES)] + [("pods", cluster.pod(index)) for index in range(PODS)]
    for resource, o in objects:
        print("\n[[cluster.raw]]\nresource = \"%s\"\njson = '''%s'''" % (resource, json.dumps(o)))


if __name__ == "__main__":
    sys.exit(main())
