//! Name resolution and TCP, to the server or to its proxy.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::{CheckRun, StepFlow, millis, ms_text};
use crate::cluster::classify;
use crate::cluster::connect_failure::{ConnectFailure, ConnectStage};
use crate::msg::check::{CheckStep, StepOutcome, Timing};

/// Most addresses of one name that are tried.
const ADDRESSES: usize = 8;

impl CheckRun {
    pub(super) async fn dns_and_tcp(&mut self) -> StepFlow {
        let Some((host, port)) = self.endpoint() else { return Ok(()) };
        let limit = self.within(self.tuning.connect_deadline);
        let begun = Instant::now();
        let addresses = if let Ok(address) = host.parse::<IpAddr>() {
            self.report(CheckStep::new(
                "dns",
                StepOutcome::Ok,
                &format!("`{host}` is an address, there is no name to resolve"),
            ))
            .await?;
            vec![SocketAddr::new(address, port)]
        } else {
            let found = timeout(limit, resolve(&host, port)).await;
            let took = begun.elapsed();
            match found {
                Ok(Ok(addresses)) => {
                    let listed: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
                    let text = format!("`{host}` is {} in {}", listed.join(", "), ms_text(millis(took)));
                    self.report(CheckStep::new("dns", StepOutcome::Ok, &text).timing(only(took))).await?;
                    addresses
                }
                Ok(Err(error)) => {
                    return self.unreached("dns", failure(ConnectStage::Dns, host, took, Some(error))).await;
                }
                Err(_) => return self.unreached("dns", failure(ConnectStage::Dns, host, limit, None)).await,
            }
        };
        let begun = Instant::now();
        let limit = self.within(self.tuning.connect_deadline);
        let (stream, failed) = connect(&addresses, limit).await;
        let took = begun.elapsed();
        let Some((stream, address)) = stream else {
            let error = failed.into_iter().find_map(|(_, error)| error);
            let failure = failure(ConnectStage::Tcp, format!("{host}:{port}"), took, error);
            return self.unreached("tcp", failure).await;
        };
        self.found.tcp = Some(stream);
        let text = format!("connected to {address} in {}", ms_text(millis(took)));
        let step = if failed.is_empty() {
            CheckStep::new("tcp", StepOutcome::Ok, &text)
        } else {
            let dead: Vec<String> = failed.iter().map(|(address, _)| address.to_string()).collect();
            let text = format!("{text}, but not to {}", dead.join(", "));
            let next = "take the dead address out of the name, or mend what is behind it";
            CheckStep::new("tcp", StepOutcome::Warn, &text).next(next)
        };
        self.report(step.timing(only(took))).await
    }

    /// Host and port of the first hop, which may be a proxy.
    fn endpoint(&self) -> Option<(String, u16)> {
        let plan = self.found.plan.as_ref()?;
        let url = plan.proxy.as_ref().unwrap_or(&plan.config.cluster_url);
        let port = url.port_u16().unwrap_or(match url.scheme_str() {
            Some("http") => 80,
            Some("socks5" | "socks5h") => 1080,
            _ => 443,
        });
        Some((url.host()?.trim_matches(['[', ']']).to_owned(), port))
    }

    async fn unreached(&mut self, name: &str, failure: ConnectFailure) -> StepFlow {
        let proxied = self.found.plan.as_ref().is_some_and(|plan| plan.proxy.is_some());
        let error = classify::no_answer(&ConnectFailure { proxied, ..failure });
        self.report_error(name, StepOutcome::Fail, &error).await
    }
}

/// The failure that a client reports for a direct connection. Without an `error` the deadline passed.
pub(super) fn failure(
    stage: ConnectStage,
    endpoint: String,
    after: Duration,
    error: Option<io::Error>,
) -> ConnectFailure {
    let source = error.map(Into::into);
    ConnectFailure { stage, endpoint, proxied: false, after, source, shown: None }
}

pub(super) fn only(took: Duration) -> Timing {
    Timing { total_ms: Some(millis(took)), ..Timing::default() }
}

async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(lookup_host((host, port)).await?.take(ADDRESSES).collect())
}

type ReachFailure = Vec<(SocketAddr, Option<io::Error>)>;

/// Tries all addresses at once; returns the first that connects, and those that have failed by then or a moment later.
async fn connect(addresses: &[SocketAddr], limit: Duration) -> (Option<(TcpStream, SocketAddr)>, ReachFailure) {
    /// A refusal is as fast as a connection; a longer wait for a silent address is useless.
    const GRACE: Duration = Duration::from_secs(1);

    let mut tries = JoinSet::new();
    for &address in addresses {
        tries.spawn(async move { (address, TcpStream::connect(address).await) });
    }
    let mut waiting: Vec<SocketAddr> = addresses.to_vec();
    let (mut connected, mut failed) = (None, Vec::new());
    let begun = Instant::now();
    loop {
        let end = if connected.is_some() { GRACE.min(limit) } else { limit };
        let left = end.saturating_sub(begun.elapsed());
        match timeout(left, tries.join_next()).await {
            Ok(Some(Ok((address, result)))) => {
                waiting.retain(|waiting| *waiting != address);
                match result {
                    Ok(stream) if connected.is_none() => connected = Some((stream, address)),
                    Ok(_) => {}
                    Err(error) => failed.push((address, Some(error))),
                }
            }
            Ok(Some(Err(_))) => {}
            Ok(None) => break,
            Err(_) => {
                failed.extend(waiting.drain(..).map(|address| (address, None)));
                break;
            }
        }
    }
    (connected, failed)
}
