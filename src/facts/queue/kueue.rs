//! `Workload` of Kueue: the list as a table, one workload as an object without its pod templates.

use super::{DecodeError, from_slice, message, refuse};
use super::{
    Int, JsonList, MOST, Obj, ObjectMeta, QueueCondition, QueueEntry, QueueLabels, QueueState, RawValue, Text,
};
use crate::facts::text::Clean;

/// Label with the uid of the top owner (kueue `pkg/controller/constants`).
pub(super) const JOB_UID: &str = "kueue.x-k8s.io/job-uid";

/// Columns of the table that are read (kueue `config/components/crd/bases/kueue.x-k8s.io_workloads.yaml`).
const COLUMNS: [&str; 4] = ["Queue", "Reserved in", "Admitted", "Finished"];

/// Reads the workloads of a table, at most 500; rows without a name are left out.
///
/// # Errors
/// [`DecodeError`] if it is no table.
pub fn decode_workloads(body: &[u8]) -> Result<Vec<QueueEntry>, DecodeError> {
    let no = |why: &str| refuse("a table of Workload objects", why, body);
    let Obj(table) = from_slice::<Obj<RawTable<'_>>>(body).map_err(|broken| no(&broken.to_string()))?;
    if &*table.kind != "Table" {
        return Err(no("it is no Table"));
    }
    let index = |name: &str| table.columns.0.iter().position(|Obj(column)| column.name.eq_ignore_ascii_case(name));
    let columns = COLUMNS.map(index);
    let rows = table.rows.0.iter().filter(|Obj(row)| !row.object.0.metadata.0.name.is_empty());
    Ok(rows.take(MOST).map(|Obj(row)| row.entry(columns)).collect())
}

/// Reads one workload, with its conditions.
///
/// # Errors
/// [`DecodeError`] if it is no object with a name.
pub fn decode_workload(body: &[u8]) -> Result<QueueEntry, DecodeError> {
    let no = |why: &str| refuse("a Workload", why, body);
    let Obj(workload) = from_slice::<Obj<RawWorkload<'_>>>(body).map_err(|broken| no(&broken.to_string()))?;
    if workload.metadata.0.name.is_empty() {
        return Err(no("it has no name"));
    }
    Ok(workload.entry())
}

message! {
    /// `Table`.
    struct RawTable<'a> {
        kind: Text<'a> = "kind",
        columns: JsonList<Obj<TableColumn<'a>>> = "columnDefinitions",
        rows: JsonList<Obj<TableRow<'a>>> = "rows",
    }

    /// `TableColumnDefinition`.
    struct TableColumn<'a> {
        name: Text<'a> = "name",
    }

    /// `TableRow`, with the metadata of its object.
    struct TableRow<'a> {
        cells: JsonList<RawValue<'a>> = "cells",
        object: Obj<RowObject<'a>> = "object",
    }

    /// `PartialObjectMetadata`.
    struct RowObject<'a> {
        metadata: Obj<ObjectMeta<'a, QueueLabels<'a>>> = "metadata",
    }

    /// `Workload`.
    struct RawWorkload<'a> {
        metadata: Obj<ObjectMeta<'a, QueueLabels<'a>>> = "metadata",
        spec: Obj<WorkloadSpec<'a>> = "spec",
        status: Obj<WorkloadStatus<'a>> = "status",
    }

    /// `WorkloadSpec`, without the templates.
    struct WorkloadSpec<'a> {
        queue: Text<'a> = "queueName",
        pod_sets: JsonList<Obj<PodSetCount>> = "podSets",
    }

    /// `PodSet`.
    struct PodSetCount {
        count: Int = "count",
    }

    /// `WorkloadStatus`.
    struct WorkloadStatus<'a> {
        conditions: JsonList<Obj<QueueCondition<'a>>> = "conditions",
        checks: JsonList<Obj<AdmissionCheck<'a>>> = "admissionChecks",
    }

    /// `AdmissionCheckState`.
    struct AdmissionCheck<'a> {
        name: Text<'a> = "name",
        state: Text<'a> = "state",
        message: Text<'a> = "message",
    }
}

impl TableRow<'_> {
    fn entry(&self, columns: [Option<usize>; COLUMNS.len()]) -> QueueEntry {
        let cell = |column: Option<usize>| {
            let cell = column.and_then(|column| self.cells.0.get(column));
            cell.and_then(|RawValue(json)| from_slice::<Text<'_>>(json).ok()).unwrap_or_default()
        };
        let [queue, reserved, admitted, finished] = columns.map(cell);
        let mut entry = QueueEntry::of(&self.object.0.metadata.0);
        entry.queue = Clean::new(&queue);
        match (&*finished, &*admitted, &*reserved) {
            ("True", ..) => entry.state = QueueState::Finished,
            (_, "True", _) => entry.state = QueueState::Admitted,
            (_, _, "") => entry.wait("QuotaReserved=False", "", ""),
            _ => entry.wait("Admitted=False", "", ""),
        }
        entry
    }
}

impl RawWorkload<'_> {
    fn entry(&self) -> QueueEntry {
        let (Obj(spec), Obj(status)) = (&self.spec, &self.status);
        let mut entry = QueueEntry::of(&self.metadata.0);
        entry.queue = Clean::new(&spec.queue);
        let counts = spec.pod_sets.0.iter().map(|Obj(set)| set.count.0.unwrap_or(1));
        entry.wanted = u32::try_from(counts.fold(0, i64::saturating_add)).ok().filter(|pods| *pods > 0);
        let condition = |kind: &str| status.conditions.0.iter().map(|Obj(one)| one).find(|one| &*one.kind == kind);
        let is_true = |kind: &str| condition(kind).is_some_and(|one| &*one.status == "True");
        if is_true("Finished") {
            entry.state = QueueState::Finished;
        } else if is_true("Admitted") {
            entry.state = QueueState::Admitted;
        } else {
            let kind = if is_true("QuotaReserved") { "Admitted" } else { "QuotaReserved" };
            let checks = if kind == "Admitted" { status.open_checks() } else { String::new() };
            match condition(kind) {
                Some(one) => {
                    let message = if checks.is_empty() { one.message.0.to_string() } else { checks };
                    entry.wait(&format!("{kind}=False"), &one.reason, &message);
                    entry.since = one.since.at().or(entry.since);
                }
                // Not tried yet, or evicted: the eviction says more.
                None => entry.wait(&format!("{kind}=False"), "", &checks),
            }
            if let Some(evicted) = condition("Evicted").filter(|one| &*one.status == "True" && entry.message.is_empty())
            {
                entry.wait("Evicted=True", &evicted.reason, &evicted.message);
            }
        }
        entry
    }
}

impl WorkloadStatus<'_> {
    /// Admission checks that are not ready: `prov: Pending, waiting for nodes`.
    fn open_checks(&self) -> String {
        let open = self.checks.0.iter().map(|Obj(check)| check).filter(|check| &*check.state != "Ready");
        let text = |check: &AdmissionCheck<'_>| match &*check.message {
            "" => format!("{}: {}", &*check.name, &*check.state),
            message => format!("{}: {}, {message}", &*check.name, &*check.state),
        };
        open.map(text).collect::<Vec<_>>().join("; ")
    }
}
