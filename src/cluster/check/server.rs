//! The server as a whole: liveness, readiness, clock and version.

use std::time::Duration;

use http::header::DATE;
use serde::Deserialize;

use super::{CheckRun, StepFlow, advice, layer_name, ms_text, span};
use crate::clock::wall;
use crate::cluster::classify::one_line;
use crate::cluster::probe::skew_ms;
use crate::facts::read_json;
use crate::msg::check::{CheckStep, StepOutcome, Timing};
use crate::msg::{Layer, SKEW_SHOWN_MS};

/// Half the API-call SLO of 1 s for one object.
const PROBE_WARN_MS: f64 = 500.0;
/// 1 min: the leeway with which the API server's token library takes times (go-jose `jwt.DefaultLeeway`).
const SKEW_FAIL_MS: i64 = 60_000;
/// Number of failed checks that are named.
const NAMED: usize = 6;

impl CheckRun {
    pub(super) async fn livez(&mut self) -> StepFlow {
        let reply = self.get("/livez").await;
        match reply.result {
            Ok(head) => {
                self.report(answered("livez", "ok", reply.timing)).await?;
                let took = Duration::from_secs_f64(reply.timing.total_ms.unwrap_or_default() / 1000.0);
                let date = head.headers.get(DATE).and_then(|date| date.to_str().ok());
                let skew = date.and_then(|date| skew_ms(date, wall(), took));
                self.clock(skew).await
            }
            Err(error) => self.report_error("livez", outcome_of_health(error.layer), &error).await,
        }
    }

    async fn clock(&mut self, skew_ms: Option<i64>) -> StepFlow {
        let Some(skew_ms) = skew_ms else {
            return self.report(CheckStep::new("clock", StepOutcome::Skip, "the answer has no Date header")).await;
        };
        self.found.skew_ms = skew_ms;
        let off = span(Duration::from_millis(skew_ms.unsigned_abs()));
        let way = if skew_ms > 0 { "ahead of" } else { "behind" };
        let step = match skew_ms.abs() {
            ..SKEW_SHOWN_MS => CheckStep::new("clock", StepOutcome::Ok, "clocks in sync (to about 1 s)"),
            apart => {
                let outcome = if apart < SKEW_FAIL_MS { StepOutcome::Warn } else { StepOutcome::Fail };
                let text = format!("this machine's clock is {off} {way} the server's");
                let next = "set the wrong one of the two clocks (NTP): certificates and tokens go by it";
                CheckStep::new("clock", outcome, &text).next(next)
            }
        };
        self.report(step.limit("60 s", "go-jose DefaultLeeway, for the times in tokens")).await
    }

    pub(super) async fn readyz(&mut self) -> StepFlow {
        let reply = self.get("/readyz?verbose").await;
        let (good, failing) = checks(&String::from_utf8_lossy(&self.buf));
        if !failing.is_empty() {
            let bad = failing.len();
            let more = if bad > NAMED { format!(" and {} more", bad - NAMED) } else { String::new() };
            let named = failing[..bad.min(NAMED)].join(", ");
            let text = format!("{bad} of {} checks fail: {named}{more}", good + bad);
            let step = CheckStep::new("readyz", StepOutcome::Fail, &one_line(&text)).timing(reply.timing);
            let step = CheckStep { layer: Some(Layer::Server), ..step };
            return self.report(step.next("look at those checks in the API server's log")).await;
        }
        match reply.result {
            Ok(_) => self.report(answered("readyz", &format!("{good} checks are good"), reply.timing)).await,
            Err(error) => self.report_error("readyz", outcome_of_health(error.layer), &error).await,
        }
    }

    pub(super) async fn version(&mut self) -> StepFlow {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct HealthAnswer {
            git_version: String,
            #[serde(default)]
            platform: String,
        }

        let reply = self.get("/version").await;
        if let Err(error) = reply.result {
            return self.report_error("version", outcome_of_health(error.layer), &error).await;
        }
        let step = if let Ok(answer) = read_json::<HealthAnswer>(&self.buf) {
            let text = format!("{} on {}", answer.git_version, answer.platform);
            self.found.version = Some(answer.git_version);
            CheckStep::new("version", StepOutcome::Ok, &one_line(&text))
        } else {
            let text = format!("{}: the answer to /version is no version", layer_name(Layer::Decode));
            let step = CheckStep::new("version", StepOutcome::Fail, &text).next(advice(Layer::Decode));
            CheckStep { layer: Some(Layer::Decode), ..step }
        };
        self.report(step.timing(reply.timing)).await
    }
}

/// Number of passed checks in a verbose answer, and the names of the failed ones (apiserver `pkg/server/healthz`).
fn checks(body: &str) -> (usize, Vec<String>) {
    let good = body.lines().filter(|line| line.starts_with("[+]")).count();
    let failing = body.lines().filter_map(|line| line.strip_prefix("[-]")?.split(' ').next().map(str::to_owned));
    (good, failing.collect())
}

/// Outcome of a failed health or version request. These paths are open to all by default but may be restricted: a 403 is no
/// failure of the server.
fn outcome_of_health(layer: Layer) -> StepOutcome {
    if layer == Layer::Rbac { StepOutcome::Warn } else { StepOutcome::Fail }
}

/// A small answer with its latency against the SLO.
fn answered(name: &str, what: &str, timing: Timing) -> CheckStep {
    let millis = timing.total_ms.unwrap_or_default();
    let connect = timing.connect_ms.map(|ms| format!(", {} of it to connect", ms_text(ms))).unwrap_or_default();
    let step = |outcome| CheckStep::new(name, outcome, &format!("{what} in {}{connect}", ms_text(millis)));
    let step = if millis < PROBE_WARN_MS {
        step(StepOutcome::Ok)
    } else {
        step(StepOutcome::Warn).next("see which part is slow below: connecting, the first byte, or the body")
    };
    step.limit("500 ms", "half the 1 s of the API-call SLO").timing(timing)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer of kube-apiserver, shortened.
    #[test]
    fn failing_checks_are_named() {
        let body = "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n[+]poststarthook/rbac/bootstrap-roles ok\n\
                    [-]shutdown failed: reason withheld\nreadyz check failed\n";
        assert_eq!(checks(body), (3, vec!["etcd".to_owned(), "shutdown".to_owned()]));
        assert_eq!(checks("ok"), (0, vec![]));
    }
}
