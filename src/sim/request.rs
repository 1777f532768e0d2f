//! Requests: path, options, and the accepted form of the answer.

use std::time::Duration;

use http::{Method, Uri};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::fault::RequestTraits;
use super::resource::{API_VERSIONS, ApiVersion, SimResource};
use super::status;

/// The decoded query; of a repeated key the first counts.
#[derive(Clone, Debug, Default)]
pub(super) struct QueryString(Vec<(String, String)>);

impl QueryString {
    fn parse(text: &str) -> Self {
        let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decode(k), decode(v))).collect(),
        )
    }

    /// A value; empty if it is absent.
    pub(super) fn get(&self, key: &str) -> &str {
        self.0.iter().find(|(k, _)| k == key).map_or("", |(_, v)| v)
    }

    /// A flag as Go reads it: set unless it is `false` or `0` (apimachinery `pkg/runtime/conversion.go`).
    pub(super) fn flag(&self, key: &str) -> bool {
        self.0.iter().any(|(k, v)| k == key && !v.eq_ignore_ascii_case("false") && v != "0")
    }

    /// A number; `Ok(None)` if it is absent or empty.
    pub(super) fn number(&self, key: &str) -> Result<Option<u64>, Value> {
        let text = self.get(key);
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = || status::bad_request(&format!("strconv.ParseInt: parsing \"{text}\": invalid syntax ({key})"));
        // An int64 (`metav1.ListOptions`); a larger number is refused, not truncated.
        text.parse().ok().filter(|number| i64::try_from(*number).is_ok()).map(Some).ok_or_else(wrong)
    }
}

/// Target of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// Objects of a kind, in one namespace or everywhere.
    Collection { resource: SimResource, version: &'static str, namespace: String },
    /// One object.
    Object { resource: SimResource, version: &'static str, key: String },
    /// Anything else: health, version, discovery.
    Path,
}

/// A parsed request.
#[derive(Clone, Debug)]
pub(super) struct RequestTarget {
    pub(super) endpoint: Endpoint,
    pub(super) path: String,
    pub(super) query: QueryString,
    pub(super) accept: String,
    pub(super) gzip: bool,
}

impl RequestTarget {
    /// Reads the request line and the two headers that matter.
    pub(super) fn read(uri: &Uri, accept: &str, accept_encoding: &str) -> Self {
        let path = percent_decode_str(uri.path()).decode_utf8_lossy().into_owned();
        Self {
            endpoint: parse_endpoint(&path),
            query: QueryString::parse(uri.query().unwrap_or_default()),
            accept: accept.to_owned(),
            gzip: accept_encoding.split(',').any(|e| e.trim().split(';').next() == Some("gzip")),
            path,
        }
    }

    /// `list`, `watch` or `get`.
    pub(super) fn verb(&self) -> &'static str {
        match self.endpoint {
            Endpoint::Collection { .. } if self.query.flag("watch") => "watch",
            Endpoint::Collection { .. } => "list",
            _ => "get",
        }
    }

    /// The properties of the request that faults match.
    pub(super) fn traits(&self) -> RequestTraits<'_> {
        let resource = match &self.endpoint {
            Endpoint::Collection { resource, .. } | Endpoint::Object { resource, .. } => resource.plural(),
            Endpoint::Path => "",
        };
        RequestTraits {
            verb: self.verb(),
            resource,
            path: &self.path,
            continued: !self.query.get("continue").is_empty(),
        }
    }

    /// `?timeout=`, for everything but watches.
    ///
    /// # Errors
    /// The 400 that a duration without a unit gets (apiserver `pkg/endpoints/filters/request_deadline.go`).
    pub(super) fn timeout(&self) -> Result<Option<Duration>, Value> {
        let text = self.query.get("timeout");
        if text.is_empty() || self.verb() == "watch" {
            return Ok(None);
        }
        match go_duration(text) {
            Ok(duration) => Ok((!duration.is_zero()).then_some(duration)),
            Err(why) => {
                let message = format!("invalid timeout specified in the request URL - time: {why} \"{text}\"");
                Err(status::bad_request(&message))
            }
        }
    }

    /// Returns `true` for methods that only read.
    pub(super) fn is_read_only(method: &Method) -> bool {
        matches!(*method, Method::GET | Method::HEAD)
    }
}

/// Parses a duration such as `1m30.5s` as Go does.
fn go_duration(text: &str) -> Result<Duration, &'static str> {
    let (mut rest, mut total) = (text, 0.0);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or("missing unit in duration")?;
        let amount: f64 = rest[..digits].parse().map_err(|_| "invalid duration")?;
        rest = &rest[digits..];
        let units = [("ns", 1e-9), ("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
        let (unit, factor) = units.iter().find(|(u, _)| rest.starts_with(u)).ok_or("unknown unit in duration")?;
        total += amount * factor;
        rest = &rest[unit.len()..];
    }
    Duration::try_from_secs_f64(total).map_err(|_| "invalid duration")
}

fn parse_endpoint(path: &str) -> Endpoint {
    for ApiVersion { version, prefix, resources } in &*API_VERSIONS {
        let Some(rest) = path.strip_prefix(&**prefix).and_then(|rest| rest.strip_prefix('/')) else { continue };
        let find = |plural: &str| resources.iter().copied().find(|r| r.plural() == plural);
        let parts: Vec<&str> = rest.trim_end_matches('/').split('/').collect();
        let (namespace, parts) = match parts[..] {
            ["namespaces", namespace, _, ..] => (namespace, &parts[2..]),
            _ => ("", &parts[..]),
        };
        let Some(resource) = parts.first().and_then(|plural| find(plural)) else { return Endpoint::Path };
        if !namespace.is_empty() && !resource.namespaced() {
            return Endpoint::Path;
        }
        return match parts[1..] {
            [] => Endpoint::Collection { resource, version, namespace: namespace.to_owned() },
            [name] if resource.namespaced() && !namespace.is_empty() => {
                Endpoint::Object { resource, version, key: format!("{namespace}/{name}") }
            }
            [name] if !resource.namespaced() => Endpoint::Object { resource, version, key: name.to_owned() },
            _ => Endpoint::Path,
        };
    }
    Endpoint::Path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_the_api_conventions_say() {
        let pods = |namespace: &str| Endpoint::Collection {
            resource: SimResource::Pods,
            version: "v1",
            namespace: namespace.into(),
        };
        assert_eq!(parse_endpoint("/api/v1/pods"), pods(""));
        assert_eq!(parse_endpoint("/api/v1/namespaces/web/pods"), pods("web"));
        let one = |resource, key: &str| Endpoint::Object { resource, version: "v1", key: key.into() };
        assert_eq!(parse_endpoint("/api/v1/namespaces/web/pods/a"), one(SimResource::Pods, "web/a"));
        assert_eq!(parse_endpoint("/api/v1/namespaces/web"), one(SimResource::Namespaces, "web"));
        assert_eq!(parse_endpoint("/api/v1/nodes/n1"), one(SimResource::Nodes, "n1"));
        for nowhere in
            ["/api/v1/namespaces/web/nodes", "/api/v1/foos", "/apis/metrics.k8s.io/v1beta1/nodes", "/api/v1/pods/x"]
        {
            assert_eq!(parse_endpoint(nowhere), Endpoint::Path, "{nowhere}");
        }
    }

    #[test]
    fn a_timeout_is_a_go_duration_with_its_unit() {
        assert_eq!(go_duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(go_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(go_duration("0"), Ok(Duration::ZERO));
        assert_eq!(go_duration("5"), Err("missing unit in duration"));
        assert_eq!(go_duration("5x"), Err("unknown unit in duration"));
    }

    #[test]
    fn flags_are_read_as_go_reads_them() {
        let query = QueryString::parse("watch=true&a=0&b=False&c&d=1&limit=5&label=x%3Dy+z");
        assert!(query.flag("watch") && query.flag("c") && query.flag("d"));
        assert!(!query.flag("a") && !query.flag("b") && !query.flag("absent"));
        assert_eq!((query.get("label"), query.number("limit")), ("x=y z", Ok(Some(5))));
    }
}
