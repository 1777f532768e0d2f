//! The URL of a server, read as client-go (`rest.DefaultServerURL`, `clientcmd.DirectClientConfig`) and Go's net/url read it;
//! the rows of the tests are what kubectl 1.34.1 did with each.

use http::Uri;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::cluster::idn;

/// Characters of a path that Go writes as `%XX` on the wire.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A server's URL, in parts.
pub(super) struct ServerUrl {
    /// Without user and password.
    pub(super) url: Uri,
    /// User and password in front of the host: kubectl sends only these as `Authorization`.
    pub(super) login: Option<UrlLogin>,
    /// `true` if the text has no scheme. kubectl then uses plain http, whatever else the kubeconfig says of TLS, and
    /// sends none of the user's credentials: it decides on TLS before it has read either.
    pub(super) is_bare: bool,
}

/// User and password of a URL; never printed.
pub(super) struct UrlLogin {
    pub(super) user: String,
    pub(super) password: String,
}

impl ServerUrl {
    /// # Errors
    /// The text is not the URL of a server. It may contain a password, so little of it is quoted.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if !scheme.is_empty() && !rest.is_empty() && !rest.starts_with('/') => (scheme, rest),
            Some(_) => return Err(unreadable()),
            None => ("http", text),
        };
        if text.starts_with(' ') || text.contains(|c: char| c.is_ascii_control()) {
            return Err("the server's URL has a space or a control character around it: remove it".to_owned());
        }
        if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
            return Err("the server's URL must begin with https://".to_owned());
        }
        let is_bare = !text.contains("://");
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = path.split(['?', '#']).next().unwrap_or_default();
        if is_bare && !path.trim_end_matches('/').is_empty() {
            return Err("the server must be a URL or `host:port`".to_owned());
        }
        let (login, address) = match authority.rsplit_once('@') {
            Some((login, address)) => (Some(UrlLogin::read(login).ok_or_else(unreadable)?), address),
            None => (None, authority),
        };
        if address.contains(char::is_whitespace) {
            return Err("the server's URL has a space around its host or its port: remove it".to_owned());
        }
        let (host, port) = host_and_port(address, text.contains('@'))?;
        let host = ascii_host(host).ok_or_else(unreadable)?;
        let path = clean_path(path).ok_or_else(unreadable)?;
        let url: Uri = format!("{scheme}://{host}{port}{path}").parse().map_err(|_| unreadable())?;
        if url.host().is_none_or(str::is_empty) { Err(unreadable()) } else { Ok(Self { url, login, is_bare }) }
    }
}

impl UrlLogin {
    /// `None` for characters that Go's `validUserinfo` refuses, and for a `%` that begins no escape.
    fn read(text: &str) -> Option<Self> {
        let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
        let decode = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
        if !text.bytes().all(is_valid) || !has_whole_escapes(text) {
            return None;
        }
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        Some(Self { user: decode(user)?, password: decode(password)? })
    }
}

fn unreadable() -> String {
    "the server's URL cannot be parsed".to_owned()
}

/// The host, and the port with its colon; an empty port is none.
///
/// # Errors
/// The port is impossible. With `has_login` it may be part of a password and is not quoted.
fn host_and_port(address: &str, has_login: bool) -> Result<(&str, &str), String> {
    // The colons of an IPv6 address stand in brackets.
    let Some(at) = address.rfind(':').filter(|&at| !address[at..].ends_with(']')) else { return Ok((address, "")) };
    let (host, port) = address.split_at(at);
    let digits = &port[1..];
    let is_port = digits.bytes().all(|digit| digit.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|p| p > 0);
    match digits {
        "" => Ok((host, "")),
        _ if is_port => Ok((host, port)),
        _ if has_login => Err("the server's URL has an invalid port".to_owned()),
        _ => Err(format!("the server's URL has an invalid port: `{digits}`")),
    }
}

/// Non-ASCII names in Punycode, also where they are written with escapes; other characters may not be escaped in a host.
fn ascii_host(host: &str) -> Option<String> {
    if host.starts_with('[') || host.is_ascii() && !host.contains('%') {
        return Some(host.to_owned());
    }
    // An ASCII character has a first hex digit below 8.
    if !has_whole_escapes(host) || host.split('%').skip(1).any(|rest| rest.as_bytes().first() < Some(&b'8')) {
        return None;
    }
    let decoded = percent_decode_str(host).decode_utf8().ok()?;
    Some(idn::to_ascii(&decoded)?.into_owned())
}

/// The path as Go sends it: escaped, without empty parts and without dots (`path.Join`).
fn clean_path(path: &str) -> Option<String> {
    if !has_whole_escapes(path) {
        return None;
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Some(parts.into_iter().flat_map(|part| ["/".to_owned(), utf8_percent_encode(part, PATH).to_string()]).collect())
}

/// `true` if every `%` has its two digits.
fn has_whole_escapes(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        ServerUrl::read(text).map(|server| server.url.to_string())
    }

    // client-go `rest/url_utils_test.go`, TestValidatesHostParameter, and the requests of kubectl 1.34.1 to a small server.
    #[test]
    fn a_server_is_completed_as_client_go_does_it() {
        for (text, expected) in [
            ("127.0.0.1", "http://127.0.0.1/"),
            ("127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("foo.bar.com", "http://foo.bar.com/"),
            ("host:6443", "http://host:6443/"),
            ("host/", "http://host/"),
            ("HTTPS://Host:6443/server/", "https://Host:6443/server"),
            ("http://host/prefix?x=1#y", "http://host/prefix"),
            ("https://[::1]:6443", "https://[::1]:6443/"),
            ("[2001:db8::1]", "http://[2001:db8::1]/"),
            ("https://h:", "https://h/"),
            ("https://[::1]:", "https://[::1]/"),
            ("https://h/a%20b/", "https://h/a%20b"),
            ("https://h/a b/", "https://h/a%20b"),
            ("https://h/ ", "https://h/%20"),
            ("https://h//a//b", "https://h/a/b"),
            ("https://h/a/./b/../c", "https://h/a/c"),
            ("https://h/é", "https://h/%C3%A9"),
            ("https://münchen.example:8080", "https://xn--mnchen-3ya.example:8080/"),
            ("https://m%C3%BCnchen.example", "https://xn--mnchen-3ya.example/"),
            ("https://a_b.example.", "https://a_b.example./"),
        ] {
            assert_eq!(read(text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_port_that_there_is_not_is_never_replaced_by_443() {
        for port in ["99999", "65536", "0", "-1", "abc", "+443", "443x"] {
            for server in [format!("https://h:{port}"), format!("https://[::1]:{port}/x"), format!("h:{port}")] {
                let error = read(&server).unwrap_err();
                assert_eq!(error, format!("the server's URL has an invalid port: `{port}`"), "{server}");
            }
        }
        for server in ["ftp://h", "https//h", "host/server", "https://", "::1:6443", "https://a%20b", "https://h/%zz"] {
            assert!(read(server).is_err(), "{server}");
        }
    }

    #[test]
    fn spaces_around_a_server_are_refused_as_by_kubectl_and_named() {
        for server in [
            " https://h",
            "https://h ",
            "https://h\n",
            "\thttps://h",
            " h:1",
            "h:1 ",
            " ",
            "https:// h/",
            "https://h:4 43",
        ] {
            let error = read(server).unwrap_err();
            assert!(error.contains("space"), "{server:?}: {error}");
        }
    }

    #[test]
    fn user_and_password_of_a_url_are_taken_out_of_it() {
        for (text, user, password) in [
            ("https://us:pw@h:1", "us", "pw"),
            ("https://us@h:1", "us", ""),
            ("https://us:@h:1", "us", ""),
            ("https://:pw@h:1", "", "pw"),
            ("https://u%40s:p%3aw@h:1", "u@s", "p:w"),
            ("https://us:p@w@h:1", "us", "p@w"),
            ("https://us:p:w@h:1", "us", "p:w"),
        ] {
            let read = ServerUrl::read(text).ok().unwrap();
            let login = read.login.unwrap();
            assert_eq!((&*login.user, &*login.password), (user, password), "{text}");
            assert_eq!(read.url, "https://h:1/", "{text}");
        }
        assert!(ServerUrl::read("https://h@").is_err() && ServerUrl::read("https://@h").is_ok());
        // None of the texts that kubectl refuses is quoted.
        for text in [
            "https://us:CANARY w@h",
            "https://us:CANARY%w@h",
            "https://us:CANARYé@h",
            "https://us:CAN/ARY@h:1",
            "https://us:CAN?ARY@h:1",
            "https://us:CAN#ARY@h",
            "https://us:p@h:CANARY",
            " https://us:CANARY@h",
            "https://us:CANARY@h ",
        ] {
            let error = read(text).unwrap_err();
            assert!(!error.contains("CAN") && !error.contains("ARY"), "{text}: {error}");
        }
    }
}
