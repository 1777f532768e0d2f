//! Which proxy leads to a server, as Go's `httpproxy` decides it.
//!
//! Computed here because kube 5.0 compares `NO_PROXY` with the proxy's host instead of the server's
//! (costs-and-libraries.md, 2.2).

use std::net::IpAddr;

use http::{HeaderValue, Uri};
use k8s_openapi::ByteString;
use percent_encoding::percent_decode_str;

/// The proxy variables of the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProxyEnv {
    /// For `https` servers.
    pub(crate) https: Option<String>,
    /// For `http` servers.
    pub(crate) http: Option<String>,
    /// Servers that are reached without.
    pub(crate) none: Option<String>,
}

/// A proxy to use.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// Without credentials.
    pub(crate) url: Uri,
    /// The credentials of its URL.
    pub(crate) auth: Option<ProxyAuth>,
}

/// Credentials for a proxy; never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ProxyAuth {
    /// User.
    pub(crate) user: String,
    /// Password.
    pub(crate) password: String,
}

impl ProxyEnv {
    /// Reads the environment; the upper-case name wins, as in Go.
    pub(crate) fn read() -> Self {
        let any = |names: [&str; 2]| names.iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
        Self {
            https: any(["HTTPS_PROXY", "https_proxy"]),
            http: any(["HTTP_PROXY", "http_proxy"]),
            none: any(["NO_PROXY", "no_proxy"]),
        }
    }
}

impl ProxyAuth {
    /// `Proxy-Authorization: Basic …`.
    pub(crate) fn basic(&self) -> Option<HeaderValue> {
        let encoded = base64(format!("{}:{}", self.user, self.password).into_bytes())?;
        let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Base64, by way of the Kubernetes type that is written so.
pub(crate) fn base64(bytes: Vec<u8>) -> Option<String> {
    match serde_json::to_value(ByteString(bytes)) {
        Ok(serde_json::Value::String(text)) => Some(text),
        _ => None,
    }
}

/// The proxy to `server`: the cluster's own `proxy-url`, else the environment's unless `NO_PROXY` names the server.
///
/// # Errors
/// A text without credentials if the URL of the proxy cannot be used.
pub(crate) fn choose(server: &Uri, own: Option<&str>, env: &ProxyEnv) -> Result<Option<Proxy>, String> {
    if let Some(own) = own.filter(|own| !own.is_empty()) {
        return parse(own).map(Some).map_err(|why| format!("the cluster's proxy-url cannot be used: {why}"));
    }
    let (name, url) = match server.scheme_str() {
        Some("http") => ("HTTP_PROXY", &env.http),
        _ => ("HTTPS_PROXY", &env.https),
    };
    let Some(url) = url else { return Ok(None) };
    if !applies(server, env.none.as_deref().unwrap_or_default()) {
        return Ok(None);
    }
    parse(url).map(Some).map_err(|why| format!("{name} cannot be used: {why}"))
}

fn parse(text: &str) -> Result<Proxy, &'static str> {
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url: Uri = text.parse().map_err(|_| "not a URL")?;
    let scheme = url.scheme_str().unwrap_or_default();
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        "socks5" | "socks5h" => 1080,
        _ => return Err("its scheme is none of http, https, socks5"),
    };
    let authority = url.authority().ok_or("it names no host")?;
    let auth = authority.as_str().rsplit_once('@').map(|(info, _)| {
        let (user, password) = info.split_once(':').unwrap_or((info, ""));
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        ProxyAuth { user: decode(user), password: decode(password) }
    });
    let port = url.port_u16().unwrap_or(default_port);
    let clean = format!("{scheme}://{}:{port}/", authority.host());
    Ok(Proxy { url: clean.parse().map_err(|_| "not a URL")?, auth })
}

/// Whether the environment's proxy is used for `server`.
fn applies(server: &Uri, none: &str) -> bool {
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
    let ip: Option<IpAddr> = host.parse().ok();
    // Go never sends loopback through a proxy of the environment.
    if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
        return false;
    }
    let port = server.port_u16().unwrap_or(if server.scheme_str() == Some("http") { 80 } else { 443 });
    !none.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| matches(entry, &host, ip, port))
}

fn matches(entry: &str, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((base, bits)) = entry.split_once('/')
        && let (Ok(base), Ok(bits)) = (base.parse(), bits.parse())
    {
        return ip.is_some_and(|ip| contains(base, bits, ip));
    }
    let entry = entry.to_ascii_lowercase();
    let (name, wanted) = match entry.rsplit_once(':') {
        // An IPv6 address without brackets is all colons.
        Some((name, wanted)) if !name.contains(':') || name.ends_with(']') => (name, wanted.parse().ok()),
        _ => (entry.as_str(), None),
    };
    if wanted.is_some_and(|wanted: u16| wanted != port) {
        return false;
    }
    let name = name.trim_matches(['[', ']']);
    if let Ok(entry_ip) = name.parse::<IpAddr>() {
        return ip == Some(entry_ip);
    }
    let suffix = name.trim_start_matches('*');
    if suffix.starts_with('.') {
        host.ends_with(suffix)
    } else {
        host == suffix || host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'))
    }
}

fn contains(base: IpAddr, bits: u32, ip: IpAddr) -> bool {
    let (base, ip, width) = match (base, ip) {
        (IpAddr::V4(base), IpAddr::V4(ip)) => (u128::from(base.to_bits()), u128::from(ip.to_bits()), 32),
        (IpAddr::V6(base), IpAddr::V6(ip)) => (base.to_bits(), ip.to_bits(), 128),
        _ => return false,
    };
    let Some(shift) = u32::checked_sub(width, bits) else { return false };
    base.checked_shr(shift).unwrap_or(0) == ip.checked_shr(shift).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().unwrap()
    }

    fn env(none: &str) -> ProxyEnv {
        ProxyEnv { https: Some("http://10.0.0.9:3128".into()), http: None, none: Some(none.into()) }
    }

    fn proxied(server: &str, none: &str) -> bool {
        choose(&uri(server), None, &env(none)).unwrap().is_some()
    }

    /// The rows are those of Go's `golang.org/x/net/http/httpproxy` documentation and the three that kube 5.0 gets wrong.
    #[test]
    fn no_proxy_is_compared_with_the_server() {
        for (server, none, expected) in [
            ("https://203.0.113.5:6443", "", true),
            ("https://203.0.113.5:6443", "10.0.0.0/8", true),
            ("https://203.0.113.5:6443", "203.0.113.0/24", false),
            ("https://203.0.113.5:6443", "203.0.113.5", false),
            ("https://203.0.113.5:6443", "203.0.113.5:443", true),
            ("https://203.0.113.5:6443", "203.0.113.5:6443", false),
            ("https://127.0.0.1:6443", "", false),
            ("https://localhost:6443", "", false),
            ("https://[::1]:6443", "", false),
            ("https://[2001:db8::7]:6443", "2001:db8::/32", false),
            ("https://[2001:db8::7]:6443", "2001:db8::7", false),
            ("https://api.example.com", "example.com", false),
            ("https://example.com", "example.com", false),
            ("https://notexample.com", "example.com", true),
            ("https://example.com", ".example.com", true),
            ("https://api.example.com", ".example.com", false),
            ("https://api.example.com", "*.example.com", false),
            ("https://API.example.com.", "EXAMPLE.com", false),
            ("https://api.example.com", "foo, bar ,example.com", false),
            ("https://api.example.com", "*", false),
            ("https://api.example.com", "0.0.0.0/0", true),
            ("https://10.1.2.3", "0.0.0.0/0", false),
        ] {
            assert_eq!(proxied(server, none), expected, "{server} with NO_PROXY={none}");
        }
    }

    #[test]
    fn the_clusters_own_proxy_wins_over_the_environment_and_over_no_proxy() {
        let proxy = choose(&uri("https://127.0.0.1"), Some("socks5://u%40x:p:w@gate"), &env("*")).unwrap().unwrap();
        assert_eq!(proxy.url, uri("socks5://gate:1080/"));
        let auth = proxy.auth.unwrap();
        assert_eq!((auth.user.as_str(), auth.password.as_str()), ("u@x", "p:w"));
    }

    #[test]
    fn a_proxy_without_a_scheme_is_http_and_a_strange_one_is_refused_without_its_password() {
        let proxy = choose(&uri("https://a.b"), Some("gate:3128"), &ProxyEnv::default()).unwrap().unwrap();
        assert_eq!(proxy.url, uri("http://gate:3128/"));
        let error = choose(&uri("https://a.b"), Some("ftp://u:canary@gate"), &ProxyEnv::default()).err().unwrap();
        assert!(!error.contains("canary"), "{error}");
        assert_eq!(choose(&uri("https://a.b"), None, &ProxyEnv::default()).unwrap().map(|p| p.url), None);
    }

    #[test]
    fn basic_credentials_are_those_of_rfc_7617() {
        let auth = ProxyAuth { user: "Aladdin".into(), password: "open sesame".into() };
        assert_eq!(auth.basic().unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(auth.basic().unwrap().is_sensitive());
    }
}
