//! The messages that can be written in protobuf: their fields by JSON name.
//!
//! Source: the generated.proto of k8s.io/api `core/v1`, `coordination/v1`, `events/v1` and apimachinery `pkg/apis/meta/v1`
//! of Kubernetes 1.35, as far as simulated objects have them.

/// One message a line, lines beginning with a space belong to the one before. A field is `name=number:Type`, or `name=number*Type`
/// if it is repeated, or `name=number{Type}` for a map. A number `2.19` is field 19 inside field 2, which JSON leaves out.
/// Types: `s` text, `i` number or flag, `Q` quantity, `T` time, `M` time with fractions, `X` number or text, `J` JSON as bytes.
pub(super) const SCHEMA: &str = "\
Affinity nodeAffinity=1:NodeAffinity podAffinity=2:PodAffinity podAntiAffinity=3:PodAffinity
ConfigMapProjection name=1.1:s items=2*KeyToPath
ConfigMapVolumeSource name=1.1:s defaultMode=3:i
Container name=1:s image=2:s args=4*s ports=6*ContainerPort env=7*EnvVar resources=8:ResourceRequirements
  volumeMounts=9*VolumeMount livenessProbe=10:Probe readinessProbe=11:Probe lifecycle=12:Lifecycle
  terminationMessagePath=13:s imagePullPolicy=14:s securityContext=15:SecurityContext
  terminationMessagePolicy=20:s startupProbe=22:Probe restartPolicy=24:s
ContainerExtendedResourceRequest containerName=1:s resourceName=2:s requestName=3:s
ContainerImage names=1*s sizeBytes=2:i
ContainerPort name=1:s hostPort=2:i containerPort=3:i protocol=4:s
ContainerState waiting=1:ContainerStateWaiting running=2:ContainerStateRunning
  terminated=3:ContainerStateTerminated
ContainerStateRunning startedAt=1:T
ContainerStateTerminated exitCode=1:i signal=2:i reason=3:s message=4:s startedAt=5:T finishedAt=6:T
ContainerStateWaiting reason=1:s message=2:s
ContainerStatus name=1:s state=2:ContainerState lastState=3:ContainerState ready=4:i restartCount=5:i image=6:s
  imageID=7:s containerID=8:s started=9:i allocatedResources=10{Q} resources=11:ResourceRequirements
  allocatedResourcesStatus=14*ResourceStatus
DaemonEndpoint Port=1:i
DownwardAPIProjection items=1*DownwardAPIVolumeFile
DownwardAPIVolumeFile path=1:s fieldRef=2:ObjectFieldSelector
EmptyDirVolumeSource medium=1:s sizeLimit=2:Q
EnvVar name=1:s value=2:s valueFrom=3:EnvVarSource
EnvVarSource fieldRef=1:ObjectFieldSelector
Event metadata=1:ObjectMeta involvedObject=2:ObjectReference reason=3:s message=4:s source=5:EventSource
  firstTimestamp=6:T lastTimestamp=7:T count=8:i type=9:s eventTime=10:M reportingComponent=14:s
  reportingInstance=15:s
EventSource component=1:s
EventsV1Event metadata=1:ObjectMeta eventTime=2:M reportingController=4:s reason=7:s regarding=8:ObjectReference
  note=10:s type=11:s deprecatedSource=12:EventSource deprecatedFirstTimestamp=13:T deprecatedLastTimestamp=14:T
  deprecatedCount=15:i
EphemeralVolumeSource volumeClaimTemplate=1:PersistentVolumeClaimTemplate
ExecAction command=1*s
HostIp ip=1:s
HttpGetAction path=1:s port=2:X scheme=4:s
KeyToPath key=1:s path=2:s
LabelSelector matchLabels=1{s}
Lease metadata=1:ObjectMeta spec=2:LeaseSpec
LeaseSpec holderIdentity=1:s leaseDurationSeconds=2:i renewTime=4:M
Lifecycle preStop=2:LifecycleHandler
LifecycleHandler exec=1:ExecAction
ListMeta resourceVersion=2:s continue=3:s remainingItemCount=4:i
ManagedFieldsEntry manager=1:s operation=2:s apiVersion=3:s time=4:T fieldsType=6:s fieldsV1=7:J subresource=8:s
Namespace metadata=1:ObjectMeta spec=2:NamespaceSpec status=3:NamespaceStatus
NamespaceSpec finalizers=1*s
NamespaceStatus phase=1:s
Node metadata=1:ObjectMeta spec=2:NodeSpec status=3:NodeStatus
NodeAddress type=1:s address=2:s
NodeAffinity requiredDuringSchedulingIgnoredDuringExecution=1:NodeSelector
NodeAllocatableMappedResources name=1:s quantity=2:Q
NodeAllocatableOverheadResources name=1:s perPod=2:Q perContainer=3:Q
NodeAllocatableResourceClaimStatus resourceClaimName=1:s containers=2*s resources=3{Q}
  mapping=4*NodeAllocatableMappedResources overhead=5*NodeAllocatableOverheadResources
NodeCondition type=1:s status=2:s lastHeartbeatTime=3:T lastTransitionTime=4:T reason=5:s message=6:s
NodeDaemonEndpoints kubeletEndpoint=1:DaemonEndpoint
NodeSelector nodeSelectorTerms=1*NodeSelectorTerm
NodeSelectorRequirement key=1:s operator=2:s values=3*s
NodeSelectorTerm matchExpressions=1*NodeSelectorRequirement matchFields=2*NodeSelectorRequirement
NodeSpec podCIDR=1:s providerID=3:s unschedulable=4:i taints=5*Taint podCIDRs=7*s
NodeStatus capacity=1{Q} allocatable=2{Q} conditions=4*NodeCondition addresses=5*NodeAddress
  daemonEndpoints=6:NodeDaemonEndpoints nodeInfo=7:NodeSystemInfo images=8*ContainerImage
NodeSystemInfo machineID=1:s systemUUID=2:s bootID=3:s kernelVersion=4:s osImage=5:s containerRuntimeVersion=6:s
  kubeletVersion=7:s kubeProxyVersion=8:s operatingSystem=9:s architecture=10:s
ObjectFieldSelector apiVersion=1:s fieldPath=2:s
ObjectMeta name=1:s generateName=2:s namespace=3:s uid=5:s resourceVersion=6:s creationTimestamp=8:T
  deletionTimestamp=9:T deletionGracePeriodSeconds=10:i labels=11{s} annotations=12{s}
  ownerReferences=13*OwnerReference managedFields=17*ManagedFieldsEntry
ObjectReference kind=1:s namespace=2:s name=3:s uid=4:s apiVersion=5:s fieldPath=7:s
OwnerReference kind=1:s name=3:s uid=4:s apiVersion=5:s controller=6:i blockOwnerDeletion=7:i
PersistentVolumeClaimTemplate metadata=1:ObjectMeta
PersistentVolumeClaimVolumeSource claimName=1:s readOnly=2:i
Pod metadata=1:ObjectMeta spec=2:PodSpec status=3:PodStatus
PodAffinity requiredDuringSchedulingIgnoredDuringExecution=1*PodAffinityTerm
  preferredDuringSchedulingIgnoredDuringExecution=2*WeightedPodAffinityTerm
PodAffinityTerm labelSelector=1:LabelSelector topologyKey=3:s
PodCondition type=1:s status=2:s lastProbeTime=3:T lastTransitionTime=4:T reason=5:s message=6:s
PodExtendedResourceClaimStatus requestMappings=1*ContainerExtendedResourceRequest resourceClaimName=2:s
PodIp ip=1:s
PodResourceClaim name=1:s resourceClaimName=3:s resourceClaimTemplateName=4:s
PodSchedulingGate name=1:s
PodSchedulingGroup podGroupName=1:s
PodSecurityContext
PodSpec volumes=1*Volume containers=2*Container restartPolicy=3:s terminationGracePeriodSeconds=4:i dnsPolicy=6:s nodeSelector=7{s}
  serviceAccountName=8:s serviceAccount=9:s nodeName=10:s hostNetwork=11:i securityContext=14:PodSecurityContext
  affinity=18:Affinity schedulerName=19:s initContainers=20*Container tolerations=22*Toleration priority=25:i
  enableServiceLinks=30:i preemptionPolicy=31:s overhead=32{Q}
  topologySpreadConstraints=33*TopologySpreadConstraint schedulingGates=38*PodSchedulingGate
  resourceClaims=39*PodResourceClaim resources=40:ResourceRequirements schedulingGroup=43:PodSchedulingGroup
PodStatus phase=1:s conditions=2*PodCondition message=3:s reason=4:s hostIP=5:s podIP=6:s startTime=7:T
  containerStatuses=8*ContainerStatus qosClass=9:s initContainerStatuses=10*ContainerStatus
  nominatedNodeName=11:s podIPs=12*PodIp hostIPs=16*HostIp
  extendedResourceClaimStatus=18:PodExtendedResourceClaimStatus allocatedResources=19{Q} resources=20:ResourceRequirements
  nodeAllocatableResourceClaimStatuses=21*NodeAllocatableResourceClaimStatus
Probe httpGet=1.2:HttpGetAction timeoutSeconds=3:i periodSeconds=4:i successThreshold=5:i failureThreshold=6:i
ProjectedVolumeSource sources=1*VolumeProjection defaultMode=2:i
ResourceHealth resourceID=1:s health=2:s message=6:s
ResourceRequirements limits=1{Q} requests=2{Q}
ResourceStatus name=1:s resources=2*ResourceHealth
SecurityContext runAsNonRoot=5:i allowPrivilegeEscalation=7:i
ServiceAccountTokenProjection expirationSeconds=2:i path=3:s
Status metadata=1:ListMeta status=2:s message=3:s reason=4:s details=5:StatusDetails code=6:i
StatusCause reason=1:s message=2:s field=3:s
StatusDetails name=1:s group=2:s kind=3:s causes=4*StatusCause retryAfterSeconds=5:i uid=6:s
Taint key=1:s value=2:s effect=3:s timeAdded=4:T
Toleration key=1:s operator=2:s value=3:s effect=4:s tolerationSeconds=5:i
TopologySpreadConstraint maxSkew=1:i topologyKey=2:s whenUnsatisfiable=3:s labelSelector=4:LabelSelector
Volume name=1:s emptyDir=2.2:EmptyDirVolumeSource persistentVolumeClaim=2.10:PersistentVolumeClaimVolumeSource
  configMap=2.19:ConfigMapVolumeSource ephemeral=2.29:EphemeralVolumeSource
  projected=2.26:ProjectedVolumeSource
VolumeMount name=1:s readOnly=2:i mountPath=3:s
VolumeProjection downwardAPI=2:DownwardAPIProjection configMap=3:ConfigMapProjection
  serviceAccountToken=4:ServiceAccountTokenProjection
WeightedPodAffinityTerm weight=1:i podAffinityTerm=2:PodAffinityTerm
";
