//! Selection of the proxy to a server, as Go's `httpproxy` does it.
//!
//! Computed here because kube 5.0 compares `NO_PROXY` with the proxy's host instead of the server's
//! (docs/performance.md).

use std::net::IpAddr;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use super::idn;

/// The proxy variables of the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProxyEnv {
    /// For `https` servers.
    pub(crate) https: Option<String>,
    /// For `http` servers.
    pub(crate) http: Option<String>,
    /// Servers that are reached directly.
    pub(crate) none: Option<String>,
}

/// A proxy to use.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// URL without credentials.
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
        let encoded = BASE64_STANDARD.encode(format!("{}:{}", self.user, self.password));
        let mut value = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
        value.set_sensitive(true);
        Some(value)
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
    // `NO_PROXY` is checked before the proxy's URL is read: an unused proxy causes no error.
    if !applies(server, env.none.as_deref().unwrap_or_default()) {
        return Ok(None);
    }
    parse(url).map(Some).map_err(|why| format!("{name} cannot be used: {why}"))
}

/// `true` if another machine could read credentials that are sent to `server` through `proxy`: plain http stays on this
/// machine only if its first hop does. A proxy on this machine is trusted, since it may be a tunnel to the server.
pub(crate) fn is_exposed(server: &Uri, proxy: Option<&Proxy>) -> bool {
    let here = |url: &Uri| {
        // In any case and with the dot of a fully qualified name: a name that resolves to this machine stays on it.
        let host = bare_host(url).trim_end_matches('.');
        host.eq_ignore_ascii_case("localhost") || address(host).is_some_and(|ip| ip.is_loopback())
    };
    server.scheme_str() == Some("http") && !(here(server) && proxy.is_none_or(|proxy| here(&proxy.url)))
}

fn parse(text: &str) -> Result<Proxy, &'static str> {
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url: Uri = text.parse().map_err(|_| "not a URL")?;
    let scheme = url.scheme_str().unwrap_or_default().to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "http" => 80,
        "https" => 443,
        "socks5" | "socks5h" => 1080,
        _ => return Err("its scheme is none of http, https, socks5"),
    };
    let authority = url.authority().filter(|authority| !authority.host().is_empty()).ok_or("it names no host")?;
    let (info, address) = match authority.as_str().rsplit_once('@') {
        Some((info, address)) => (Some(info), address),
        None => (None, authority.as_str()),
    };
    let auth = info.map(|info| {
        let (user, password) = info.split_once(':').unwrap_or((info, ""));
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        ProxyAuth { user: decode(user), password: decode(password) }
    });
    let port = match address[authority.host().len()..].trim_start_matches(':') {
        "" => default_port,
        port => port.parse::<u16>().ok().filter(|&port| port > 0).ok_or("its port is not valid")?,
    };
    let clean = format!("{scheme}://{}:{port}/", authority.host());
    Ok(Proxy { url: clean.parse().map_err(|_| "not a URL")?, auth })
}

/// The host without brackets.
fn bare_host(url: &Uri) -> &str {
    url.host().unwrap_or_default().trim_matches(['[', ']'])
}

/// An address as Go's `net.IP` represents it: an IPv4 address in IPv6 form is that IPv4 address, and a zone is ignored.
fn address(text: &str) -> Option<IpAddr> {
    let ip: IpAddr = text.split('%').next()?.parse().ok()?;
    Some(ip.to_canonical())
}

/// `true` if the environment's proxy is used for `server`.
fn applies(server: &Uri, none: &str) -> bool {
    let host = bare_host(server);
    let ip = address(host);
    // Go never sends loopback through a proxy of the environment; `localhost` only if it is spelled so.
    if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
        return false;
    }
    let port = server.port_u16().unwrap_or(if server.scheme_str() == Some("http") { 80 } else { 443 });
    let server = Destination { host: &host.to_ascii_lowercase(), ip, port };
    !none.split(',').any(|entry| server.is_named_by(&entry.trim().to_lowercase()))
}

/// A server as `NO_PROXY` matches it.
struct Destination<'a> {
    /// In lower case.
    host: &'a str,
    ip: Option<IpAddr>,
    port: u16,
}

impl Destination<'_> {
    /// `true` if an entry of `NO_PROXY`, in lower case, names the server. Text of any other form names nothing (Go's
    /// `config.init`).
    fn is_named_by(&self, entry: &str) -> bool {
        if entry == "*" {
            return true;
        }
        if let Some(network) = Network::read(entry) {
            return self.ip.is_some_and(|ip| network.contains(ip));
        }
        let (name, port) = split_host_port(entry).unwrap_or((entry, ""));
        if !(port.is_empty() || port == self.port.to_string()) {
            return false;
        }
        match (name.parse::<IpAddr>(), self.ip) {
            (Ok(named), Some(ip)) => named.to_canonical() == ip,
            (Err(_), None) => is_domain(name, self.host),
            _ => false,
        }
    }
}

/// `true` if `host` is in the domain: `*.example.com` and `.example.com` are the names below it, `example.com` is
/// itself too.
fn is_domain(domain: &str, host: &str) -> bool {
    let domain = if domain.starts_with("*.") { &domain[1..] } else { domain };
    let Some(domain) = idn::to_ascii(domain) else { return false };
    match domain.strip_prefix('.') {
        _ if domain.is_empty() => false,
        Some(_) => host.ends_with(&*domain),
        None => host == domain || host.strip_suffix(&*domain).is_some_and(|rest| rest.ends_with('.')),
    }
}

/// `host:port`, as Go's `net.SplitHostPort` reads it: brackets stand around a host only where a port follows.
fn split_host_port(text: &str) -> Option<(&str, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let (host, is_bracketed) = match host.strip_prefix('[') {
        Some(host) => (host.strip_suffix(']')?, true),
        None => (host, false),
    };
    let is_plain = |text: &str| !text.contains(['[', ']']);
    (is_plain(host) && is_plain(port) && (is_bracketed || !host.contains(':'))).then_some((host, port))
}

/// Addresses with a prefix in common.
struct Network {
    base: IpAddr,
    bits: u32,
}

impl Network {
    /// `10.0.0.0/8`, as Go's `net.ParseCIDR` reads it.
    fn read(text: &str) -> Option<Self> {
        let (base, bits) = text.split_once('/')?;
        let base: IpAddr = base.parse().ok()?;
        let is_number = !bits.is_empty() && bits.bytes().all(|digit| digit.is_ascii_digit());
        let bits: u32 = is_number.then(|| bits.parse().ok())??;
        let width = if base.is_ipv4() { 32 } else { 128 };
        // An IPv4 network in IPv6 form is that IPv4 network.
        match (base.to_canonical(), bits.checked_sub(96)) {
            _ if bits > width => None,
            (IpAddr::V4(mapped), Some(bits)) if base.is_ipv6() => Some(Self { base: mapped.into(), bits }),
            _ => Some(Self { base, bits }),
        }
    }

    fn contains(&self, ip: IpAddr) -> bool {
        let (base, ip, width) = match (self.base, ip) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => (u128::from(base.to_bits()), u128::from(ip.to_bits()), 32),
            (IpAddr::V6(base), IpAddr::V6(ip)) => (base.to_bits(), ip.to_bits(), 128),
            _ => return false,
        };
        let shift = width - self.bits;
        base.checked_shr(shift).unwrap_or(0) == ip.checked_shr(shift).unwrap_or(0)
    }
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
            ("https://API.example.com", "EXAMPLE.com", false),
            ("https://api.example.com", "foo, bar ,example.com", false),
            ("https://api.example.com", "*", false),
            ("https://api.example.com", "0.0.0.0/0", true),
            ("https://10.1.2.3", "0.0.0.0/0", false),
        ] {
            assert_eq!(proxied(server, none), expected, "{server} with NO_PROXY={none}");
        }
    }

    /// The table `UseProxyTests` of golang.org/x/net/http/httpproxy (`proxy_test.go`), each on port 80.
    #[test]
    fn no_proxy_decides_as_the_test_table_of_go() {
        const NO_PROXY: &str = "foobar.com, .barbaz.net, *.wildcard.io, 192.168.1.1, 192.168.1.2:81, 192.168.1.3:80, \
            10.0.0.0/30, 2001:db8::52:0:1, [2001:db8::52:0:2]:443, [2001:db8::52:0:3]:80, 2002:db8:a::45/64";

        let rows = [
            ("localhost", false),
            ("127.0.0.1", false),
            ("127.0.0.2", false),
            ("[::1]", false),
            ("[::2]", true),
            ("192.168.1.1", false),
            ("192.168.1.2", true),
            ("192.168.1.3", false),
            ("192.168.1.4", true),
            ("10.0.0.2", false),
            ("[2001:db8::52:0:1]", false),
            ("[2001:db8::52:0:2]", true),
            ("[2001:db8::52:0:3]", false),
            ("[2002:db8:a::123]", false),
            ("[fe80::424b:c8be:1643:a1b6]", true),
            ("barbaz.net", true),
            ("www.barbaz.net", false),
            ("foobar.com", false),
            ("www.foobar.com", false),
            ("foofoobar.com", true),
            ("baz.com", true),
            ("localhost.net", true),
            ("local.localhost", true),
            ("barbarbaz.net", true),
            ("wildcard.io", true),
            ("nested.wildcard.io", false),
            ("awildcard.io", true),
        ];
        for (host, expected) in rows {
            let server = format!("https://{host}:80");
            assert_eq!(proxied(&server, NO_PROXY), expected, "{host}");
            assert!(!proxied(&server, "*"), "{host} with `*`");
        }
    }

    /// Results of kubectl 1.34.1 with `HTTPS_PROXY` set, by hand: row by row.
    #[test]
    fn no_proxy_decides_as_kubectl_does() {
        for (none, server, expected) in [
            ("", "https://[::ffff:127.0.0.1]:9", false),
            ("10.1.2.3", "https://[::ffff:10.1.2.3]", false),
            ("::ffff:10.1.2.3", "https://10.1.2.3", false),
            ("[::ffff:10.1.2.3]:443", "https://10.1.2.3", false),
            ("::ffff:10.1.2.0/120", "https://10.1.2.3", false),
            ("::ffff:10.1.3.0/120", "https://10.1.2.3", true),
            ("10.1.2.0/24", "https://[::ffff:10.1.2.3]", false),
            ("0.0.0.0/0", "https://[::ffff:10.1.2.3]", false),
            ("::/0", "https://10.1.2.3", true),
            ("10.1.2.0/+24", "https://10.1.2.3", true),
            ("10.1.2.0/024", "https://10.1.2.3", false),
            ("10.1.2.0/", "https://10.1.2.3", true),
            ("foo.test", "https://foo.test.", true),
            ("foo.test.", "https://foo.test", true),
            ("foo.test.", "https://foo.test.", false),
            ("[foo.test]", "https://foo.test", true),
            ("[foo.test]:443", "https://foo.test", false),
            ("[10.1.2.3]", "https://10.1.2.3", true),
            ("[10.1.2.3]:443", "https://10.1.2.3", false),
            ("[2001:db8::1]", "https://[2001:db8::1]", true),
            ("2001:db8::1:443", "https://[2001:db8::1]", true),
            ("", "https://localhost.:9", true),
            ("", "https://LOCALHOST:9", true),
            ("test", "https://foo.test", false),
            ("*test", "https://foo.test", true),
            ("**.test", "https://foo.test", true),
            ("*.*.test", "https://a.foo.test", true),
            ("..test", "https://foo.test", true),
            ("10.1.2.3:", "https://10.1.2.3", false),
            ("foo.test:", "https://foo.test", false),
            ("foo.test:443", "https://foo.test", false),
            ("foo.test:0443", "https://foo.test", true),
            ("foo.test:https", "https://foo.test", true),
            ("010.1.2.3", "https://10.1.2.3", true),
            ("10.1.2", "https://10.1.2.3", true),
            (".3", "https://10.1.2.3", true),
            ("2.3", "https://10.1.2.3", true),
            ("FOO.test", "https://foo.TEST", false),
            ("münchen.example", "https://xn--mnchen-3ya.example", false),
            ("MÜNCHEN.example", "https://xn--mnchen-3ya.example", false),
            ("foo.test foo2.test", "https://foo.test", true),
            ("*,bar", "https://foo.test", false),
            ("*:443", "https://foo.test", true),
        ] {
            assert_eq!(proxied(server, none), expected, "{server} with NO_PROXY={none}");
        }
    }

    /// The table `proxyForURLTests` of the same file, without its servers that are not ASCII: a kubeconfig encodes
    /// those first.
    #[test]
    fn the_proxy_of_the_environment_is_read_as_the_test_table_of_go() {
        let env = |http: &str, https: &str, none: &str| {
            let set = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            ProxyEnv { http: set(http), https: set(https), none: set(none) }
        };
        for (http, https, none, server, expected) in [
            ("127.0.0.1:8080", "", "", "http://example.com", "http://127.0.0.1:8080/"),
            ("cache.corp.example.com:1234", "", "", "http://example.com", "http://cache.corp.example.com:1234/"),
            ("cache.corp.example.com", "", "", "http://example.com", "http://cache.corp.example.com:80/"),
            ("localhost", "", "", "http://example.com", "http://localhost:80/"),
            ("https://cache.corp.example.com", "", "", "http://example.com", "https://cache.corp.example.com:443/"),
            ("http://127.0.0.1:8080", "", "", "http://example.com", "http://127.0.0.1:8080/"),
            ("https://127.0.0.1:8080", "", "", "http://example.com", "https://127.0.0.1:8080/"),
            ("socks5://127.0.0.1", "", "", "http://example.com", "socks5://127.0.0.1:1080/"),
            ("http.proxy.tld", "secure.proxy.tld", "", "http://insecure.tld/", "http://http.proxy.tld:80/"),
            ("http.proxy.tld", "secure.proxy.tld", "", "https://secure.tld/", "http://secure.proxy.tld:80/"),
            ("http.proxy.tld", "https://secure.proxy.tld", "", "https://secure.tld/", "https://secure.proxy.tld:443/"),
            ("http.proxy.tld", "", "", "https://secure.tld/", ""),
            ("", "", "", "http://example.com", ""),
            ("proxy", "", "example.com", "http://example.com/", ""),
            ("proxy", "", ".example.com", "http://example.com/", "http://proxy:80/"),
            ("proxy", "", "ample.com", "http://example.com/", "http://proxy:80/"),
            ("proxy", "", "example.com", "http://foo.example.com/", ""),
            ("proxy", "", ".foo.com", "http://example.com/", "http://proxy:80/"),
            ("proxy", "", ".示例.com", "http://www.xn--fsq092h.com", ""),
            ("proxy", "", "xn--fsq092h.com", "http://www.xn--fsq092h.com", ""),
            ("proxy", "", "示例.com", "http://www.xn--fsq092h.com", ""),
        ] {
            let chosen = choose(&uri(server), None, &env(http, https, none)).unwrap();
            let chosen = chosen.map(|proxy| proxy.url.to_string()).unwrap_or_default();
            assert_eq!(chosen, expected, "{server} with {http}, {https}, {none}");
        }
    }

    #[test]
    fn odd_entries_of_no_proxy_name_nothing_and_spoil_no_other() {
        for odd in [
            "",
            ",",
            " , ,",
            ":",
            ":1",
            ":6443",
            "/",
            "/8",
            "10.0.0.0/99",
            "10.0.0.0/x",
            "[",
            "[]",
            "]:",
            ".",
            "*.",
            "**",
            "*b.c",
            "http://a.b.c",
            "a.b.c/",
            "a.b.c:port",
            "a b",
            "%zz",
            "\u{1}",
            "::::",
            "256.1.1.1",
            "a.b.c:6443:1",
            "a.b.c:64430",
        ] {
            assert!(proxied("https://a.b.c:6443", odd), "{odd:?}");
            for list in [format!("{odd},a.b.c"), format!("a.b.c,{odd}"), format!("x.y,{odd},b.c,")] {
                assert!(!proxied("https://a.b.c:6443", &list), "{list:?}");
            }
        }
    }

    #[test]
    fn a_proxy_that_is_not_used_cannot_break_a_context() {
        for broken in ["http://[", "::", "ftp://gate", "http://gate:99999", "http://:3128", "http://a b", "%"] {
            let env =
                ProxyEnv { https: Some(broken.to_owned()), http: Some(broken.to_owned()), none: Some("a.b".into()) };
            for server in ["https://a.b:6443", "http://a.b", "https://127.0.0.1:6443", "http://localhost"] {
                assert!(choose(&uri(server), None, &env).unwrap().is_none(), "{broken} for {server}");
            }
            let used = choose(&uri("https://gate.example"), None, &env).err();
            assert!(used.is_some_and(|why| why.starts_with("HTTPS_PROXY cannot be used: ")), "{broken}");
            let own = choose(&uri("https://gate.example"), Some("http://good:1"), &env).unwrap().unwrap();
            assert_eq!(own.url, uri("http://good:1/"), "{broken}");
        }
    }

    #[test]
    fn a_port_of_a_proxy_that_there_is_not_is_never_replaced() {
        for port in ["99999", "0", "65536"] {
            let error =
                choose(&uri("https://a.b"), Some(&format!("http://u:canary@gate:{port}")), &env("")).err().unwrap();
            assert!(error.contains("its port is not valid") && !error.contains("canary"), "{error}");
        }
        let proxy = choose(&uri("https://a.b"), Some("HTTP://[::1]:3128"), &env("")).unwrap().unwrap();
        assert_eq!(proxy.url, uri("http://[::1]:3128/"));
    }

    #[test]
    fn plain_http_stays_on_this_machine_only_if_its_first_hop_does() {
        let exposed = |server: &str, proxy: Option<&str>| {
            let proxy = choose(&uri(server), proxy, &ProxyEnv::default()).unwrap();
            is_exposed(&uri(server), proxy.as_ref())
        };
        for here in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://127.9.9.9"] {
            assert!(!exposed(here, None), "{here}");
            for gate in [
                "http://gate:3128",
                "https://gate",
                "socks5://10.0.0.1",
                "http://127.0.0.1.example:1",
                "http://0.0.0.1",
            ] {
                assert!(exposed(here, Some(gate)), "{here} through {gate}");
            }
            for gate in ["http://127.0.0.1:3128", "socks5://localhost", "https://[::1]:1"] {
                assert!(!exposed(here, Some(gate)), "{here} through {gate}");
            }
        }
        for away in ["http://10.0.0.1:1", "http://gate"] {
            assert!(exposed(away, None) && exposed(away, Some("http://127.0.0.1:3128")), "{away}");
        }
        assert!(!exposed("https://10.0.0.1", Some("http://gate:3128")), "nobody on the way can read TLS");
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
