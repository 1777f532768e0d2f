//! Workloads: the pod template of each kind.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::sim::pod::{ContainerShape, PodShape, Workload};
use crate::sim::scenario::ObjectSize;
use crate::sim::template::{Template, uid_text};

use super::fields::{fields_v1, manager};

/// One container of a recipe: name, image, milli-CPUs, MiB, number of environment variables.
pub(super) type ContainerRecipe = (&'static str, &'static str, u32, u32, usize);

/// Recipe of a workload.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) workload: Workload,
    pub(super) namespace: &'static str,
    pub(super) name: String,
    pub(super) containers: &'static [ContainerRecipe],
    pub(super) init: &'static [ContainerRecipe],
    /// Devices that the first container requests.
    pub(super) gpus: u32,
    /// Resource name of the devices.
    pub(super) accelerator: String,
    /// `true` if the pods tolerate the taint of GPU nodes.
    pub(super) tolerant: bool,
    pub(super) host_network: bool,
    /// Labels besides those of the kind.
    pub(super) labels: Vec<(String, String)>,
    /// `spec.nodeSelector`.
    pub(super) selector: Vec<(String, String)>,
    /// The role of a replica, which is a part of its name: `worker`.
    pub(super) role: String,
    pub(super) unschedulable: Option<String>,
    pub(super) pull_error: Option<String>,
}

impl Recipe {
    pub(super) fn new(
        workload: Workload,
        namespace: &'static str,
        name: impl Into<String>,
        containers: &'static [ContainerRecipe],
    ) -> Self {
        let daemon = matches!(workload, Workload::DaemonSet | Workload::Static);
        Self {
            workload,
            namespace,
            name: name.into(),
            containers,
            init: &[],
            gpus: 0,
            accelerator: "nvidia.com/gpu".to_owned(),
            tolerant: daemon,
            host_network: daemon,
            labels: Vec::new(),
            selector: Vec::new(),
            role: String::new(),
            unschedulable: None,
            pull_error: None,
        }
    }

    pub(super) fn init(mut self, init: &'static [ContainerRecipe]) -> Self {
        self.init = init;
        self
    }

    pub(super) fn gpus(mut self, gpus: u32) -> Self {
        self.gpus = gpus;
        self.tolerant |= gpus > 0;
        self
    }

    pub(super) fn tolerant(mut self) -> Self {
        self.tolerant = true;
        self
    }

    /// The shape that all pods of the workload share.
    pub(super) fn shape(&self, owner_uid: u128, detail: ObjectSize) -> Arc<PodShape> {
        let hash = format!("{:08x}", owner_uid & 0xffff_ffff);
        let owner = self.owner(&hash);
        let labels = self.labels(&hash, owner_uid);
        let prefix = match self.workload {
            Workload::Deployment => format!("{}-{hash}-", self.name),
            Workload::Bare => self.name.clone(),
            Workload::Replica => format!("{}-{}-", self.name, self.role),
            _ => format!("{}-", self.name),
        };
        let spec = self.spec(detail);
        let metadata = self.metadata(&labels, &prefix, owner.map(|(k, n, v)| (k, n, v, owner_uid)).as_ref(), &spec);
        let shapes = |containers: &[ContainerRecipe]| {
            containers.iter().map(|c| ContainerShape { name: c.0.into(), image: c.1.into() }).collect::<Vec<_>>()
        };
        let spec_text = spec.to_string();
        let spec_fields = spec_text.strip_prefix('{').and_then(|s| s.strip_suffix('}')).expect("a spec is an object");
        Arc::new(PodShape {
            workload: self.workload,
            namespace: self.namespace.into(),
            prefix: prefix.into(),
            labels,
            service_account: self.service_account().into(),
            init: shapes(self.init),
            containers: shapes(self.containers),
            cpu_m: self.effective(|c| c.2),
            memory_mib: self.effective(|c| c.3),
            gpus: self.gpus,
            host_network: self.host_network,
            qos: if self.containers.iter().all(|c| c.2 == 0 && c.3 == 0) { "BestEffort" } else { "Burstable" },
            unschedulable: self.unschedulable.as_deref().map(Box::from),
            pull_error: self.pull_error.as_deref().map(Box::from),
            metadata: Template::compile(&metadata),
            spec: Template::compile(spec_fields),
            binary: std::sync::OnceLock::new(),
        })
    }

    /// Effective requests: the sum of all containers, or the largest init container if that is more.
    fn effective(&self, amount: impl Fn(&ContainerRecipe) -> u32) -> u32 {
        let all: u32 = self.containers.iter().map(&amount).sum();
        all.max(self.init.iter().map(amount).max().unwrap_or(0))
    }

    fn service_account(&self) -> &str {
        if self.namespace == "kube-system" { &self.name } else { "default" }
    }

    /// Kind, name and `apiVersion` of the owner.
    fn owner(&self, hash: &str) -> Option<(&'static str, String, &'static str)> {
        match self.workload {
            Workload::DaemonSet => Some(("DaemonSet", self.name.clone(), "apps/v1")),
            Workload::Deployment => Some(("ReplicaSet", format!("{}-{hash}", self.name), "apps/v1")),
            Workload::Job => Some(("Job", self.name.clone(), "batch/v1")),
            Workload::Replica => Some(("PyTorchJob", self.name.clone(), "kubeflow.org/v1")),
            Workload::Static => Some(("Node", "${node}".to_owned(), "v1")),
            Workload::Bare => None,
        }
    }

    fn labels(&self, hash: &str, owner_uid: u128) -> Vec<(String, String)> {
        let mut labels = vec![
            ("app.kubernetes.io/instance".to_owned(), format!("{}-production", self.name)),
            ("app.kubernetes.io/name".to_owned(), self.name.clone()),
            ("app.kubernetes.io/part-of".to_owned(), self.namespace.to_owned()),
        ];
        match self.workload {
            Workload::Deployment => {
                labels.push(("app.kubernetes.io/managed-by".into(), "Helm".into()));
                labels.push(("pod-template-hash".into(), hash.to_owned()));
            }
            Workload::DaemonSet => {
                labels.push(("controller-revision-hash".into(), hash.to_owned()));
                labels.push(("pod-template-generation".into(), "3".into()));
            }
            Workload::Job => {
                labels.push(("batch.kubernetes.io/controller-uid".into(), uid_text(owner_uid)));
                labels.push(("batch.kubernetes.io/job-name".into(), self.name.clone()));
            }
            Workload::Static => {
                labels.push(("component".into(), self.name.clone()));
                labels.push(("tier".into(), "control-plane".into()));
            }
            Workload::Replica | Workload::Bare => {}
        }
        labels.extend(self.labels.iter().cloned());
        labels
    }

    fn metadata(
        &self,
        labels: &[(String, String)],
        prefix: &str,
        owner: Option<&(&'static str, String, &'static str, u128)>,
        spec: &Value,
    ) -> String {
        let labels: Value = Value::Object(labels.iter().map(|(k, v)| (k.clone(), json!(v))).collect());
        let mut annotations = json!({
            "cni.projectcalico.org/containerID": "${uid}",
            "checksum/config": format!("{:064x}", self.name.len() as u64 * 0x9e37_79b9_7f4a),
            "cni.projectcalico.org/podIP": "${ip}/32",
            "cni.projectcalico.org/podIPs": "${ip}/32",
            "kubectl.kubernetes.io/default-container": self.containers[0].0,
            "kubectl.kubernetes.io/restartedAt": "2026-10-02T08:15:31Z",
            "prometheus.io/port": "9090",
            "prometheus.io/scrape": "true",
        });
        if self.workload == Workload::Static {
            annotations = json!({
                "kubernetes.io/config.hash": "${uid}",
                "kubernetes.io/config.mirror": "${uid}",
                "kubernetes.io/config.seen": "${created}",
                "kubernetes.io/config.source": "file",
            });
        }
        let mut own = json!({"metadata": {"annotations": annotations, "labels": labels}, "spec": spec});
        let mut parts = Vec::new();
        if matches!(self.workload, Workload::Deployment | Workload::DaemonSet | Workload::Job) {
            parts.push(format!(",\"generateName\":{}", json!(prefix)));
            own["metadata"]["generateName"] = json!(0);
        }
        parts.push(format!(",\"labels\":{labels},\"annotations\":{annotations}"));
        if let Some((kind, name, version, uid)) = owner {
            let owners = json!([{"apiVersion": version, "kind": kind, "name": name, "uid": uid_text(*uid),
                "controller": true, "blockOwnerDeletion": true}]);
            parts.push(format!(",\"ownerReferences\":{owners}"));
            own["metadata"]["ownerReferences"] = owners;
        }
        let condition = |kind: &str| json!({"type": kind, "lastProbeTime": 0, "lastTransitionTime": 0, "status": 0});
        let conditions = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"].map(condition);
        let status = json!({"status": {"conditions": conditions, "containerStatuses": 0, "hostIP": 0, "hostIPs": 0, "phase": 0, "podIP": 0, "podIPs": 0, "startTime": 0}});
        let managers = json!([
            manager("kube-controller-manager", "", "${created}", &fields_v1(&own)),
            manager("kubelet", "status", "${updated}", &fields_v1(&status)),
        ]);
        parts.push(format!(",\"managedFields\":{managers}"));
        parts.concat()
    }

    fn spec(&self, detail: ObjectSize) -> Value {
        let mut volumes = vec![json!({"name": "kube-api-access", "projected": {"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
            {"downwardAPI": {"items": [{"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}, "path": "namespace"}]}},
        ]}})];
        volumes.push(
            json!({"name": "config", "configMap": {"defaultMode": 420, "name": format!("{}-config", self.name)}}),
        );
        if self.gpus > 0 {
            volumes.push(json!({"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "64Gi"}}));
        }
        let containers: Vec<Value> = self
            .containers
            .iter()
            .enumerate()
            .map(|(i, c)| self.container(c, if i == 0 { ContainerRole::First } else { ContainerRole::Sidecar }, detail))
            .collect();
        let mut tolerations = vec![
            json!({"effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "operator": "Exists", "tolerationSeconds": 300}),
            json!({"effect": "NoExecute", "key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 300}),
        ];
        if self.selector.is_empty() && self.tolerant {
            tolerations.push(json!({"effect": "NoSchedule", "operator": "Exists"}));
        } else if !self.selector.is_empty() {
            // Pods that are meant for some nodes tolerate no more than they must.
            tolerations.push(json!({"effect": "NoSchedule", "key": self.accelerator, "operator": "Exists"}));
        }
        let mut spec = json!({
            "containers": containers,
            "dnsPolicy": if self.host_network { "ClusterFirstWithHostNet" } else { "ClusterFirst" },
            "enableServiceLinks": true,
            "preemptionPolicy": "PreemptLowerPriority",
            "priority": if self.namespace == "kube-system" { 2_000_001_000 } else { 0 },
            "restartPolicy": self.workload.restart_policy(),
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "serviceAccount": self.service_account(),
            "serviceAccountName": self.service_account(),
            "terminationGracePeriodSeconds": 30,
            "tolerations": tolerations,
            "volumes": volumes,
        });
        if detail == ObjectSize::Full {
            spec["affinity"] = self.affinity();
        }
        if self.host_network {
            spec["hostNetwork"] = json!(true);
        }
        if !self.selector.is_empty() {
            spec["nodeSelector"] = self.selector.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        }
        if !self.init.is_empty() {
            spec["initContainers"] = self.init.iter().map(|c| self.container(c, ContainerRole::Init, detail)).collect();
        }
        spec
    }

    /// Affinity that spreads the pods over hosts, as Helm charts write it.
    fn affinity(&self) -> Value {
        let term = |key: &str, weight: u32| {
            json!({"weight": weight, "podAffinityTerm": {"topologyKey": key,
                "labelSelector": {"matchLabels": {"app.kubernetes.io/name": self.name}}}})
        };
        json!({
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions":
                [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}]}},
            "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution":
                [term("kubernetes.io/hostname", 100)]},
        })
    }

    fn container(
        &self,
        (name, image, cpu_m, memory_mib, env): &ContainerRecipe,
        role: ContainerRole,
        detail: ObjectSize,
    ) -> Value {
        let first = role == ContainerRole::First;
        let variables = variables(if detail == ObjectSize::Full { *env } else { (*env).min(2) });
        let mut requests = serde_json::Map::new();
        if *cpu_m > 0 {
            requests.insert("cpu".into(), json!(cpu_text(*cpu_m)));
        }
        if *memory_mib > 0 {
            requests.insert("memory".into(), json!(format!("{memory_mib}Mi")));
        }
        let mut limits = serde_json::Map::new();
        if *memory_mib > 0 {
            limits.insert("memory".into(), json!(format!("{}Mi", memory_mib * 2)));
        }
        if first && self.gpus > 0 {
            requests.insert(self.accelerator.clone(), json!(self.gpus.to_string()));
            limits.insert(self.accelerator.clone(), json!(self.gpus.to_string()));
        }
        let mut mounts = vec![
            json!({"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": "kube-api-access", "readOnly": true}),
            json!({"mountPath": "/etc/config", "name": "config"}),
        ];
        if first && self.gpus > 0 {
            mounts.push(json!({"mountPath": "/dev/shm", "name": "dshm"}));
        }
        let mut container = json!({
            "name": name,
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "args": ["--config=/etc/config/config.yaml", "--log-format=json", format!("--name={}", self.name)],
            "env": variables,
            "resources": {"limits": limits, "requests": requests},
            "securityContext": {"allowPrivilegeEscalation": false, "runAsNonRoot": true},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "volumeMounts": mounts,
        });
        if role == ContainerRole::Init {
            return container;
        }
        let probe = |path: &str, period: u32| {
            json!({"failureThreshold": 3, "httpGet": {"path": path, "port": 8080, "scheme": "HTTP"}, "periodSeconds": period,
                "successThreshold": 1, "timeoutSeconds": 1})
        };
        container["livenessProbe"] = probe("/healthz", 10);
        container["readinessProbe"] = probe("/ready", 5);
        container["ports"] = json!([{"containerPort": 8080, "name": "http", "protocol": "TCP"}]);
        if first && detail == ObjectSize::Full {
            container["lifecycle"] = json!({"preStop": {"exec": {"command": ["/bin/sh", "-c", "sleep 5"]}}});
            container["startupProbe"] = probe("/healthz", 30);
        }
        container
    }
}

/// The first `count` environment variables, and the pod's name.
fn variables(count: usize) -> Vec<Value> {
    ENVIRONMENT[..count.min(ENVIRONMENT.len())]
        .iter()
        .map(|(key, value)| json!({"name": key, "value": value}))
        .chain([
            json!({"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}),
        ])
        .collect()
}

/// Position of a container in its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ContainerRole {
    /// An init container: no probes and no ports, which the API refuses there.
    Init,
    /// The first container: it requests the devices.
    First,
    Sidecar,
}

/// Whole cores are written without the suffix, as the API server prints them.
fn cpu_text(milli: u32) -> String {
    if milli.is_multiple_of(1000) { (milli / 1000).to_string() } else { format!("{milli}m") }
}

/// Typical environment variables; a container takes the first few.
const ENVIRONMENT: [(&str, &str); 20] = [
    ("LOG_LEVEL", "info"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel-collector.monitoring.svc.cluster.local:4317"),
    ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=production,service.namespace=platform"),
    ("NCCL_DEBUG", "WARN"),
    ("NCCL_IB_HCA", "mlx5_0,mlx5_1,mlx5_2,mlx5_3"),
    ("NCCL_SOCKET_IFNAME", "bond0"),
    ("OMP_NUM_THREADS", "8"),
    ("PYTHONUNBUFFERED", "1"),
    ("S3_ENDPOINT", "https://objects.example.internal:9000"),
    ("S3_BUCKET", "datasets-production"),
    ("REDIS_ADDR", "redis-master.cache.svc.cluster.local:6379"),
    ("FEATURE_FLAGS", "fast-path,retry-budget,shadow-traffic"),
    ("CACHE_DIR", "/var/cache/app"),
    ("TZ", "UTC"),
    ("HTTP_PROXY", "http://proxy.example.internal:3128"),
    ("HTTPS_PROXY", "http://proxy.example.internal:3128"),
    ("NO_PROXY", "127.0.0.1,localhost,.svc,.cluster.local,.example.internal,10.0.0.0/8"),
    ("KAFKA_BROKERS", "kafka-0.kafka.data.svc:9092,kafka-1.kafka.data.svc:9092,kafka-2.kafka.data.svc:9092"),
    ("GOMAXPROCS", "8"),
    ("MALLOC_ARENA_MAX", "4"),
];
