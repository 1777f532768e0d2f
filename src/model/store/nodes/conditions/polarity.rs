//! The good side of a condition, by the words of its name.
//!
//! The node problem detector names problems, so `True` is bad if the name gives no hint. The API conventions ("Typical status
//! properties") also have names for good states: `Ready`, `NetworkingReady`, `gpu-healthy`, `ContainerdHasNoDeprecations`.
//! Such a name ends in a good word, or negates a bad one. In doubt it is a problem: a false alarm is noticed and can be ended by
//! `[conditions] good`, a missing one is not.

use std::collections::HashMap;
use std::sync::LazyLock;

/// States that are good, as Kubernetes' own conditions, the EKS and AKS node agents, etcd, Longhorn and Cluster API name them, with
/// their usual synonyms.
const GOOD: &str = "\
    accepted accessible alive attached authenticated authorized available backed balanced booted bootstrapped clean \
    cleared compatible complete completed compliant configured connected consistent converged correct corrected \
    deployed elected established fine fixed functional good healthy initialised initialized installed insync joined \
    leader licensed live loaded master matched member mounted nominal normal ok okay online operational operative passed \
    passing peered primary provisioned reachable ready reconciled recovered registered repaired resolvable resolved \
    responding responsive schedulable secure serving stable succeeded success successful successfully supported sync \
    synced synchronised synchronized trusted usable valid validated verified voter";

/// Words for something in progress: good, unless the thing itself is bad (`MaintenanceActive`, `ThrottlingEnabled`).
const GOING: &str = "activated active enabled present running started up working";

/// Problems, as the node problem detector and the agents of clouds name them, with their usual synonyms. They count if a name
/// negates them, or ends in them after a good word.
const BAD: &str = "\
    abnormal alarm alert backpressure bad blocked broken conflict congested congestion contention cordoned corrupt \
    corrupted corruption crash crashed crashing crashloop critical dead deadlock deadlocked degradation degraded \
    deleted deleting denied deprecated deprecation detached disabled down drain draining drift dropped error evicted \
    eviction exceeded excessive exhausted exhaustion expired expiring fail failed failing failover fails failure \
    fatal fault faulty flapping frozen full hang hanging high hung incident interrupted interruption isolated issue \
    lag lagging leak leaking limited lockdown locked lockup loss lost low maintenance mismatch mismatched missing \
    nok notok offline oom outage overcommitted overheated overheating overloaded panic panicked pending preempted \
    preemption pressure problem quarantined readonly reboot refused rejected restart restarting saturated saturation \
    shutdown skew slow stale stalled starvation starved stopped stuck suspended tainted terminated terminating \
    throttled throttling timeout unable unknown violation warning wedged wrong xid";

/// Words that negate the next good or bad one, including prefixes such as `un` that are written as separate words (`UnReady`).
const NOT: &str = "\
    almost arent barely cannot cant de dis doesnt hardly isnt mis nearly neither never non nor not partially partly \
    un wasnt wont";

/// Words that negate everything after them.
const NO: &str = "no none without zero";

/// Trailing words that do not change the meaning: `NoErrorsDetected`, `UpToDate`, `GpuHealthyStatus`.
const TRAILING: &str = "\
    again condition date detected exist exists found needed now observed reported required scheduled seen state \
    status to";

/// Verbs after which `up` is not a state, besides those that end in `ed` (`FilledUp`).
const VERBS_WITH_UP: &str = "\
    back blow blown build built clean eaten fill freeze froze give given hang held hold lock mix pile scale speed \
    tear torn";

/// Adjectives that a separate `in` negates (`InActive`), unlike the preposition in `InSync`.
const ADJECTIVES_WITH_IN: &str = "accessible active complete consistent correct operational operative secure valid";

/// Roles that a healthy node may have or not; the good words among them.
const ROLES: &str = "elected leader master primary";

/// Returns `true` if a condition's name means that `True` is good.
pub(super) fn says_good(kind: &str) -> bool {
    // A domain before the name gives its owner (`kubernetes.azure.com/NodeHealthy`).
    let name = kind.rsplit_once('/').map_or(kind, |(_, name)| name);
    let mut reading = Reading::default();
    words(name).all(|word| reading.take(word)) && reading.is_good
}

/// Returns `true` if a condition's name is a role that only some healthy nodes have: `EtcdIsLeader`.
pub(super) fn names_a_role(kind: &str) -> bool {
    words(kind).last().is_some_and(|word| has(ROLES, &word.to_ascii_lowercase()))
}

/// Kind of word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sense {
    Good,
    Going,
    Bad,
    Not,
    No,
    Trailing,
}

/// Meaning of a name as far as it has been read.
#[derive(Debug, Default)]
struct Reading {
    /// `true` if the last good or bad word, with its negations, means that `True` is good.
    is_good: bool,
    /// `true` if the next good or bad word is negated.
    not: bool,
    /// `true` if all following words are negated.
    no: bool,
    /// The previous word in lower case.
    before: String,
}

impl Reading {
    /// Reads the next word; `false` if a good one is negated by `Not`, which no later word can outweigh (`NotReadyOrHealthy`).
    fn take(&mut self, word: &str) -> bool {
        let before = std::mem::take(&mut self.before);
        let is_behind_bad = sense(&before) == Some(Sense::Bad);
        let sense = sense(word);
        let word = word.to_ascii_lowercase();
        match (sense, &*word) {
            // `FailedToBecomeReady`, `StoppedBeingHealthy`.
            (_, "to" | "being") if is_behind_bad => self.not = true,
            (_, "free") if is_behind_bad => self.is_good = !self.is_good,
            (_, "of") if before == "out" => {
                self.says(false);
                self.not = !self.not;
            }
            (Some(Sense::Trailing), _) => {}
            // For something in progress, the thing itself decides.
            (Some(Sense::Going), _) if is_behind_bad => {}
            (Some(Sense::Going), "up") if before.ends_with("ed") || has(VERBS_WITH_UP, &before) => {}
            (Some(Sense::Good | Sense::Going), _) => {
                self.not ^= before == "in" && has(ADJECTIVES_WITH_IN, &word);
                if self.not {
                    return false;
                }
                self.says(true);
            }
            (Some(Sense::Bad), _) => {
                self.says(false);
                self.not = false;
            }
            (Some(Sense::Not), _) => self.not = !self.not,
            (Some(Sense::No), _) => self.no = !self.no,
            // `NotOutOfMemory` keeps its meaning; `AvailableUpdates` is not a good state.
            (None, _) => self.is_good &= before == "of",
        }
        self.before = word;
        true
    }

    fn says(&mut self, is_good: bool) {
        self.is_good = is_good != (self.not != self.no);
    }
}

static WORDS: LazyLock<HashMap<&str, Sense>> = LazyLock::new(|| {
    let listed = [
        (GOOD, Sense::Good),
        (GOING, Sense::Going),
        (BAD, Sense::Bad),
        (NOT, Sense::Not),
        (NO, Sense::No),
        (TRAILING, Sense::Trailing),
    ];
    listed.into_iter().flat_map(|(list, sense)| list.split(' ').map(move |word| (word, sense))).collect()
});

fn sense(word: &str) -> Option<Sense> {
    let small = word.to_ascii_lowercase();
    let listed = |word: &str| WORDS.get(word).copied();
    let problems = || listed(small.strip_suffix('s')?).filter(|sense| *sense == Sense::Bad);
    // `GPUOK`: an abbreviation in capitals before it.
    let is_ok = || word.ends_with("OK").then_some(Sense::Good);
    listed(&small).or_else(problems).or_else(|| turned(&small)).or_else(is_ok)
}

/// `unhealthy`, `inactive`, `disconnected`, `unmounted`; `unblocked`.
fn turned(word: &str) -> Option<Sense> {
    ["un", "non", "in", "dis", "de", "mis"].into_iter().find_map(|prefix| {
        match WORDS.get(word.strip_prefix(prefix)?)? {
            Sense::Good | Sense::Going => Some(Sense::Bad),
            // Not `default`.
            Sense::Bad if prefix == "un" || prefix == "non" => Some(Sense::Good),
            _ => None,
        }
    })
}

fn has(list: &str, word: &str) -> bool {
    list.split(' ').any(|listed| listed == word)
}

/// The words of a name in camel case, kebab case or any other: `GPUClockOk` is `GPU`, `Clock`, `Ok`.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|letter: char| !letter.is_alphanumeric()).flat_map(|part| {
        let mut rest = part;
        std::iter::from_fn(move || {
            let (word, left) = rest.split_at(end_of_word(rest));
            rest = left;
            (!word.is_empty()).then_some(word)
        })
    })
}

/// End of the first word: before a capital after a small letter or digit, and before the last of several capitals that a small
/// letter follows.
fn end_of_word(part: &str) -> usize {
    let letters = || part.char_indices();
    let ends = letters().zip(letters().skip(1)).find_map(|((before, first), (at, second))| {
        let is_next = letters().find(|(next, _)| *next > at).is_some_and(|(_, third)| third.is_lowercase());
        match (first.is_uppercase(), second.is_uppercase()) {
            (false, true) => Some(at),
            (true, true) if is_next => Some(at),
            _ => None,
        }
        .filter(|_| before < at)
    });
    ends.unwrap_or(part.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_stands_in_two_lists() {
        let listed = [GOOD, GOING, BAD, NOT, NO, TRAILING].iter().map(|list| list.split(' ').count()).sum::<usize>();
        assert_eq!(WORDS.len(), listed);
    }

    #[test]
    fn names_are_read_word_by_word_in_every_way_of_writing() {
        for (name, expected) in [
            ("GPUClockOk", "GPU Clock Ok"),
            ("gpu-healthy", "gpu healthy"),
            ("GPU_READY", "GPU READY"),
            ("IBLinkUp", "IB Link Up"),
            ("Ib0Up", "Ib0 Up"),
            ("CorruptDockerOverlay2", "Corrupt Docker Overlay2"),
            ("ready", "ready"),
            ("DiskOK", "Disk OK"),
            ("ÄÖü", "Ä Öü"),
            ("-a--B.", "a B"),
            ("", ""),
        ] {
            assert_eq!(words(name).collect::<Vec<_>>().join(" "), expected);
        }
    }

    #[test]
    fn upstream_conditions_whose_true_is_good_are_recognised_by_their_words() {
        let names = "
            Ready ConfigOK KubeletConfigOk
            KernelReady NetworkingReady StorageReady AcceleratedHardwareReady ContainerRuntimeReady
            kubernetes.azure.com/NodeHealthy kubernetes.azure.com/PodNetworkHealthy ContainerdHasNoDeprecations
            EtcdIsVoter KubeletTCPReachable network.example.com/CNIReady
            Schedulable KernelModulesLoaded NFSClientInstalled HugePagesAvailable
            Initialized Registered Launched-and-Ready InfrastructureReady BootstrapReady EtcdMemberHealthy EtcdPodHealthy
            ClusterSynced";
        for name in names.split_whitespace() {
            assert!(says_good(name), "{name}");
        }
    }

    #[test]
    fn upstream_conditions_whose_true_is_bad_are_recognised_by_their_words() {
        let names = "
            MemoryPressure DiskPressure PIDPressure NetworkUnavailable OutOfDisk InodePressure
            KernelDeadlock ReadonlyFilesystem CorruptDockerOverlay2 FrequentKubeletRestart FrequentDockerRestart
            FrequentContainerdRestart FrequentUnregisterNetDevice KubeletUnhealthy ContainerRuntimeUnhealthy NTPProblem
            XfsShutdown CperHardwareErrorFatal CSIProxyUnhealthy KubeProxyUnhealthy WindowsDefenderThreats
            FilesystemCorruptionProblem KubeletProblem ContainerRuntimeProblem VMEventScheduled GPUMissing NVLinkStatusInactive
            XIDErrors IBLinkFlapping GPUClockThrottling UnhealthyNvidiaDevicePlugin
            ClusterNetworkProblem HostNetworkProblem Terminating RouteBroken YurtNodeConversionFailed NodeDetatching GpuUnhealthy
            KWOKUnhealthy MaintenanceMode NodeUnscheduledLow GpuXidError SysLogsXIDError GpuThermalWatch
            DeprecatedMirrorsInContainerdConfiguration RdmaLinkFlapping GpuRowRemap
            XidCriticalError GpuMemWatch GpuNvlinkWatch GpuPcieWatch GpuInforomWatch
            SysLogsSXIDError SysLogsGPUFallenOff NVSwitchFatalError CSPMaintenance";
        for name in names.split_whitespace() {
            assert!(!says_good(name), "{name}");
        }
    }

    #[test]
    fn good_words_and_denied_problems_are_good() {
        let names = "
            Healthy Available Online Up gpu-ready etcd-healthy ready GpuOk DiskOK EtcdIsLeader ClusterMember NetworkConfigured
            CalicoRunning DriverLoaded Joined InSync UpToDate Mounted LicenseActive NoMemoryPressure KernelHasNoDeadlock GpuNotLost
            GPU_READY GPUOK NICUp IBUp LinkUp BackedUp WarmUpCompleted SetUp GpuHealthyStatus gpu.healthy
            NoXidErrors no-disk-pressure NoErrorsDetected NoActiveErrors NoPendingReboot NoRebootRequired NoMaintenanceScheduled
            NotThrottled NotUnReady NotOutOfSync NotOutOfMemory Unblocked ErrorFree WithoutErrors NeverFailed IsNotDegraded
            ErrorResolved FaultDetectorHealthy FailoverReady MaintenanceCompleted RegisteredSuccessfully GPUPresent
            NoFaultPresent DefaultRouteAvailable";
        for name in names.split_whitespace() {
            assert!(says_good(name), "{name}");
        }
    }

    #[test]
    fn denied_good_words_and_all_that_says_nothing_are_bad() {
        let names = "
            NotReady NotYetReady NoLongerReady GpuIsNotYetAvailable GpuNeverHealthy NotFullyInitialized NoGpuAvailable UnReady
            CannotBeReachable LockedUp SystemHungUp FilledUp FilesystemNotBackedUp
            not-ready gpu_not_ready GPU-NOT-READY Unready Unavailable Unschedulable Unmounted Unregistered Disconnected Inactive
            InActive Invalid NonOperational Misconfigured Deactivated Unsynced OutOfSync OutOfDate RunningOutOfDisk Offline
            NoHealthyGpuAvailable NoActiveLicense NotReadyFailed NotHealthyOrReady NotReadyAndUnhealthy NotUpToDate NotOK NOTOK
            FailedToBecomeReady UnableToConnect StoppedBeingHealthy HealthCheckFailed AvailableMemoryLow LowAvailableMemory
            MissingHealthyGpu InsufficientHealthyGpus AvailableUpdates MaintenanceActive ThrottlingEnabled PreemptionRunning
            ErrorPresent LockUp BackUp SpeedUp PartiallyReady BarelyAlive Pickup Backup Down Gpu Xid default Unknown x é";
        for name in names.split_whitespace().chain(["", " ", "/"]) {
            assert!(!says_good(name), "{name}");
        }
    }
}
