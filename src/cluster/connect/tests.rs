//! The client stack over real TCP: errors caused by the bytes of a faulty server, load balancer or proxy.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::AUTHORIZATION;
use hyper_util::client::legacy::connect::dns::Name;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;
use crate::clock::Clock;
use crate::cluster::call::{ApiClient, ApiRequest, Limits};
use crate::cluster::classify::RequestError;
use crate::msg::{
    Attempt, CallEnd, CallEvent, CallKind, ClusterEvent, ClusterId, Layer as Where, Msg, NoConnection, Resource,
};

/// Action of one connection after it has read a request's head.
#[derive(Clone)]
enum Act {
    Say(Vec<u8>),
    Rest(u64),
    Close,
    Reset,
    Hang,
    /// Reads the next request on the same connection.
    Again,
}

fn say(text: impl AsRef<[u8]>) -> Act {
    Act::Say(text.as_ref().to_vec())
}

/// A server on loopback; each connection plays `acts`. Heads of requests come out of the channel.
async fn server(acts: Vec<Act>) -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heads, seen) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(play(stream, acts.clone(), heads.clone()));
        }
    });
    (address, seen)
}

async fn play(mut stream: TcpStream, acts: Vec<Act>, heads: mpsc::Sender<String>) {
    if !head(&mut stream, &heads).await {
        return;
    }
    for act in acts {
        match act {
            Act::Say(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Act::Rest(ms) => tokio::time::sleep(Duration::from_millis(ms)).await,
            Act::Close => return,
            Act::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Act::Hang => std::future::pending().await,
            Act::Again => {
                if !head(&mut stream, &heads).await {
                    return;
                }
            }
        }
    }
    let _ = stream.shutdown().await;
}

async fn head(stream: &mut TcpStream, heads: &mpsc::Sender<String>) -> bool {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return false,
        }
    }
    let _ = heads.send(String::from_utf8_lossy(&head).into_owned()).await;
    true
}

struct Caller {
    line: ApiClient,
    tuning: Tuning,
    news: mpsc::Receiver<Msg>,
}

impl Caller {
    fn to(url: &str) -> Self {
        Self::with(Config::new(url.parse().unwrap()), None)
    }

    fn with(config: Config, auth: Option<&ProxyAuth>) -> Self {
        let tuning = Tuning { connect_deadline: Duration::from_millis(300), ..Tuning::default() };
        let sink = MeterSink::new(Clock::start());
        let tls = TlsSettings { insecure: config.accept_invalid_certs, ..TlsSettings::default() };
        let client = client(config, &tls, auth, &tuning, &sink).unwrap();
        let (out, news) = mpsc::channel(256);
        let forward = sink.clone();
        tokio::spawn(async move { forward.forward(ClusterId(0), &out).await });
        Self { line: ApiClient { client, sink }, tuning, news }
    }

    async fn get(&mut self) -> (Result<Vec<u8>, RequestError>, Attempt) {
        self.get_within(Limits {
            headers: Duration::from_millis(400),
            idle: Duration::from_millis(200),
            cap: Duration::from_secs(3),
            slowest: 0,
            bytes: 1 << 20,
        })
        .await
    }

    async fn get_within(&mut self, limits: Limits) -> (Result<Vec<u8>, RequestError>, Attempt) {
        let kind = CallKind::List(Resource::Pods);
        let request = ApiRequest { kind, page: Some(1), attempt: 1, uri: "/api/v1/pods?limit=5".to_owned(), limits };
        let mut buf = Vec::new();
        let result = self.line.fetch(&request, &self.tuning, &mut buf).await;
        (result.map(|_| buf), self.finished().await)
    }

    async fn finished(&mut self) -> Attempt {
        loop {
            let Some(Msg::Cluster(_, event)) = self.news.recv().await else { panic!("the meter is gone") };
            if let ClusterEvent::Call(CallEvent::Finished(attempt)) = event {
                return *attempt;
            }
        }
    }
}

async fn fails(acts: Vec<Act>) -> (RequestError, Attempt, SocketAddr) {
    let (address, _seen) = server(acts).await;
    let (result, attempt) = Caller::to(&format!("http://{address}")).get().await;
    (result.unwrap_err(), attempt, address)
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_whole_answer_is_timed_and_sized_and_the_connection_is_used_again() {
    let ok = say("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    let (address, mut seen) = server(vec![Act::Rest(30), ok.clone(), Act::Again, ok, Act::Hang]).await;
    let mut caller = Caller::to(&format!("http://{address}/prefix"));
    let (body, first) = caller.get().await;
    assert_eq!(body.unwrap(), b"hello");
    assert_eq!((first.end, first.status, first.bytes), (CallEnd::Complete, Some(200), 5));
    assert!(first.connect.is_some() && first.first_byte.unwrap() >= Duration::from_millis(30), "{first:?}");
    assert!(first.total >= first.first_byte.unwrap());
    let (_, second) = caller.get().await;
    assert_eq!((second.end, second.connect), (CallEnd::Complete, None), "a reused connection has no connect time");
    let head = seen.recv().await.unwrap().to_ascii_lowercase();
    assert!(head.starts_with("get /prefix/api/v1/pods?limit=5 http/1.1\r\n"), "{head}");
    assert!(head.contains("user-agent: watchbell/") && head.contains("accept-encoding: gzip"), "{head}");
}

#[tokio::test]
async fn a_refused_connection_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (result, attempt) = Caller::to(&format!("http://{address}")).get().await;
    let error = result.unwrap_err();
    assert_eq!((error.layer, error.timeout), (Where::Connect, false));
    assert_eq!(&*error.text, format!("connection refused by `{address}`"));
    assert_eq!((attempt.end, attempt.status), (CallEnd::NotConnected(NoConnection::Refused), None));
}

#[tokio::test]
async fn a_reset_or_a_close_before_the_answer_is_the_connections_fault() {
    let (error, attempt, _) = fails(vec![Act::Reset]).await;
    assert_eq!(error.layer, Where::Connect);
    assert!(error.text.contains("connection"), "{}", error.text);
    assert_eq!(attempt.end, CallEnd::NoResponse);
    let (error, attempt, _) = fails(vec![Act::Close]).await;
    assert_eq!(&*error.text, "the connection was closed before an answer came");
    assert_eq!((error.layer, attempt.end), (Where::Connect, CallEnd::NoResponse));
}

#[tokio::test]
async fn hung_headers_are_a_timeout_of_the_first_byte() {
    let (error, attempt, _) = fails(vec![Act::Hang]).await;
    assert_eq!((error.layer, error.timeout), (Where::FirstByte, true));
    assert_eq!((attempt.end, attempt.first_byte), (CallEnd::TimedOut, None));
    assert!(attempt.total >= Duration::from_millis(350), "a censored sample: {:?}", attempt.total);
}

#[tokio::test]
async fn a_body_that_stalls_is_a_timeout_of_the_body() {
    let (error, attempt, _) = fails(vec![say(CHUNKED), say("5\r\nhello\r\n"), Act::Hang]).await;
    assert_eq!((error.layer, error.timeout), (Where::Body, true));
    assert!(error.text.starts_with("no data for"), "{}", error.text);
    assert_eq!((attempt.end, attempt.bytes, attempt.status), (CallEnd::TimedOut, 5, Some(200)));
}

#[tokio::test]
async fn a_truncated_body_is_a_failure_and_not_the_end_of_the_list() {
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello";
    for acts in [
        vec![say(CHUNKED), say("5\r\nhello\r\n"), Act::Close],
        vec![say(CHUNKED), say("50\r\nhello"), Act::Close],
        vec![say(short), Act::Close],
    ] {
        let (error, attempt, _) = fails(acts).await;
        assert_eq!((error.layer, error.timeout), (Where::Body, false));
        assert!(error.text.starts_with("cut after 5 B: "), "{}", error.text);
        assert_eq!((attempt.end, attempt.bytes), (CallEnd::Broken, 5));
    }
    let (error, attempt, _) = fails(vec![say(short), Act::Rest(50), Act::Reset]).await;
    assert_eq!((error.layer, attempt.end), (Where::Body, CallEnd::Broken));
    assert_eq!(&*error.text, "cut after 5 B: connection reset by the other side");
}

#[tokio::test]
async fn a_gzipped_body_is_inflated_and_its_bytes_are_counted_as_sent() {
    let text = "x".repeat(100_000);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let size = packed.len();
    for chunked in [false, true] {
        let mut bytes = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n".to_vec();
        if chunked {
            bytes.extend(format!("transfer-encoding: chunked\r\n\r\n{size:x}\r\n").bytes());
            bytes.extend(&packed);
            bytes.extend(b"\r\n0\r\n\r\n");
        } else {
            bytes.extend(format!("content-length: {size}\r\n\r\n").bytes());
            bytes.extend(&packed);
        }
        let (address, _seen) = server(vec![Act::Say(bytes), Act::Hang]).await;
        let (body, attempt) = Caller::to(&format!("http://{address}")).get().await;
        assert_eq!(body.unwrap(), text.as_bytes());
        assert_eq!((attempt.bytes, attempt.end), (size as u64, CallEnd::Complete), "chunked {chunked}");
    }
}

#[tokio::test]
async fn a_gzip_bomb_ends_at_the_cap_of_decoded_bytes() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut encoder, &vec![b' '; 8 << 20]).unwrap();
    let packed = encoder.finish().unwrap();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", packed.len());
    let (error, _, _) = fails(vec![say(head), Act::Say(packed), Act::Hang]).await;
    assert_eq!((error.layer, &*error.text), (Where::Body, "the answer is larger than 1.0 MB"));
}

#[tokio::test]
async fn errors_of_things_in_front_of_the_server_are_one_line() {
    let html = "<html>\n<body><h1>502 Bad Gateway</h1></body></html>";
    let say_html = |status: &str| {
        say(format!("HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{html}", html.len()))
    };
    let (error, attempt, _) = fails(vec![say_html("502 Bad Gateway")]).await;
    assert_eq!(&*error.text, "load balancer or proxy answered 502 (HTML)");
    assert_eq!((error.layer, error.code), (Where::Server, Some(502)));
    assert_eq!((attempt.end, attempt.status), (CallEnd::Complete, Some(502)), "an answer is an answer");
    let (error, _, _) =
        fails(vec![say("HTTP/1.1 302 Found\r\nlocation: http://other/\r\ncontent-length: 0\r\n\r\n")]).await;
    assert_eq!(&*error.text, "answered 302, a redirect: not followed with our credentials");
    let (error, attempt, _) = fails(vec![say("SSH-2.0-OpenSSH_9.6\r\n"), Act::Hang]).await;
    assert!(error.not_kubernetes && error.text.starts_with("the answer is not HTTP"), "{}", error.text);
    assert_eq!(attempt.end, CallEnd::NotHttp);
}

#[tokio::test]
async fn a_handshake_that_stalls_is_named_tls_and_a_port_that_speaks_http_too() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hold = tokio::spawn(async move {
        let held = listener.accept().await;
        std::future::pending::<()>().await;
        drop(held);
    });
    let mut config = Config::new(format!("https://{address}").parse().unwrap());
    config.accept_invalid_certs = true;
    let (result, attempt) = Caller::with(config, None).get().await;
    let error = result.unwrap_err();
    assert_eq!((error.layer, error.timeout), (Where::Tls, true), "{}", error.text);
    assert_eq!(attempt.end, CallEnd::NotConnected(NoConnection::TimedOut));
    hold.abort();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut hello = [0; 64];
            let _ = stream.read(&mut hello).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let mut config = Config::new(format!("https://{address}").parse().unwrap());
    config.accept_invalid_certs = true;
    let error = Caller::with(config, None).get().await.0.unwrap_err();
    assert_eq!(error.layer, Where::Tls);
    assert!(error.text.contains("does not speak TLS"), "{}", error.text);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_dns() {
    let error = Caller::to("http://no-such-host.invalid:6443").get().await.0.unwrap_err();
    assert_eq!(error.layer, Where::Dns, "{}", error.text);
    assert!(error.text.contains("`no-such-host.invalid:6443`"), "{}", error.text);
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel_with_its_credentials_and_blamed_for_its_refusals() {
    let ok = "HTTP/1.1 200 OK\r\n\r\n";
    let answer = say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let (proxy, mut seen) = server(vec![say(ok), Act::Again, answer, Act::Hang]).await;
    let auth = ProxyAuth { user: "u".into(), password: "canary".into() };
    let through = |proxy: SocketAddr| {
        let mut config = Config::new("http://10.1.2.3:6443".parse().unwrap());
        config.proxy_url = Some(format!("http://{proxy}/").parse().unwrap());
        config
    };
    let (body, _) = Caller::with(through(proxy), Some(&auth)).get().await;
    assert_eq!(body.unwrap(), b"ok");
    let connect = seen.recv().await.unwrap();
    assert!(connect.starts_with("CONNECT 10.1.2.3:6443 HTTP/1.1\r\n"), "{connect}");
    assert!(connect.contains("Basic dTpjYW5hcnk="), "{connect}");
    assert!(seen.recv().await.unwrap().starts_with("GET /api/v1/pods"));

    for (refusal, text) in
        [("407 Proxy Authentication Required", "authorization required"), ("403 Forbidden", "unsuccessful")]
    {
        let (proxy, _seen) = server(vec![say(format!("HTTP/1.1 {refusal}\r\n\r\n"))]).await;
        let error = Caller::with(through(proxy), Some(&auth)).get().await.0.unwrap_err();
        assert_eq!(error.layer, Where::Proxy, "{}", error.text);
        assert!(error.text.contains(text) && error.text.contains(&proxy.to_string()), "{}", error.text);
        assert!(!error.text.contains("canary"));
    }
    let (proxy, _seen) = server(vec![Act::Hang]).await;
    let error = Caller::with(through(proxy), None).get().await.0.unwrap_err();
    assert_eq!((error.layer, error.timeout), (Where::Proxy, true), "{}", error.text);
}

#[tokio::test]
async fn a_token_is_sent_and_never_said() {
    const CANARY: &str = "canary-7f3a";
    for acts in [vec![Act::Close], vec![Act::Hang], vec![say("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n")]]
    {
        let (address, mut seen) = server(acts).await;
        let mut config = Config::new(format!("http://{address}").parse().unwrap());
        config.headers.push((AUTHORIZATION, HeaderValue::from_static("Bearer canary-7f3a")));
        let (result, attempt) = Caller::with(config, None).get().await;
        let head = seen.recv().await.unwrap();
        assert!(head.to_ascii_lowercase().contains(&format!("authorization: bearer {CANARY}")), "{head}");
        let text = format!("{:?} {attempt:?}", result.unwrap_err());
        assert!(!text.contains(CANARY), "{text}");
    }
}

#[tokio::test]
async fn a_request_that_is_given_up_is_reported_as_cancelled() {
    let (address, _seen) = server(vec![Act::Hang]).await;
    let mut caller = Caller::to(&format!("http://{address}"));
    let tuning = caller.tuning.clone();
    let request = ApiRequest {
        kind: CallKind::Get,
        page: None,
        attempt: 1,
        uri: "/x".to_owned(),
        limits: Limits::small(Duration::from_secs(60)),
    };
    let given_up =
        tokio::time::timeout(Duration::from_millis(50), caller.line.fetch(&request, &tuning, &mut Vec::new())).await;
    assert!(given_up.is_err());
    assert_eq!(caller.finished().await.end, CallEnd::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn f02_a_resolver_that_never_answers_ends_at_the_connect_deadline() {
    let silent = tower::service_fn(|_: Name| std::future::pending::<io::Result<std::iter::Empty<SocketAddr>>>());
    let limit = Duration::from_secs(10);
    let endpoint = "api.example:6443".to_owned();
    let mut timed = Timed { inner: tcp(silent, limit), limit, proxied: false, endpoint, fetcher: None };
    let failure = timed.call("http://api.example:6443".parse().unwrap()).await.err().unwrap();
    assert_eq!((failure.stage, failure.source.is_none(), failure.after.as_secs()), (ConnectStage::Dns, true, 10));
}

#[tokio::test]
async fn f08_a_dead_first_address_leaves_time_for_the_second() {
    let live = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let good = live.local_addr().unwrap();
    let dead = SocketAddr::from(([127, 0, 0, 2], good.port()));
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(dead).unwrap();
    let _hole = socket.listen(0).unwrap();
    // A queue of length 0 that is full: Linux drops the SYN, as a firewall would.
    let mut plugs = Vec::new();
    while let Ok(Ok(plug)) = tokio::time::timeout(Duration::from_millis(50), TcpStream::connect(dead)).await {
        plugs.push(plug);
    }
    let both = tower::service_fn(move |_: Name| async move { Ok::<_, io::Error>([dead, good].into_iter()) });
    let limit = Duration::from_millis(800);
    let mut timed = Timed { inner: tcp(both, limit), limit, proxied: false, endpoint: good.to_string(), fetcher: None };
    let made = timed.call(format!("http://two.example:{}", good.port()).parse().unwrap()).await;
    assert!(made.is_ok(), "{:?}", made.err());
}

#[tokio::test]
async fn f06_after_a_timeout_no_idle_connection_is_used_again() {
    let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    // Each connection answers once, after a while, and then never again.
    let (address, _seen) = server(vec![Act::Rest(60), say(ok), Act::Again, Act::Hang]).await;
    let mut caller = Caller::to(&format!("http://{address}"));
    let (line, tuning) = (caller.line.clone(), caller.tuning.clone());
    let request = |uri: &str| ApiRequest {
        kind: CallKind::Get,
        page: None,
        attempt: 1,
        uri: uri.to_owned(),
        limits: Limits::small(Duration::from_millis(300)),
    };
    let (one, two, three) = (request("/1"), request("/2"), request("/3"));
    let (mut a, mut b, mut c) = (Vec::new(), Vec::new(), Vec::new());
    let all = tokio::join!(
        line.fetch(&one, &tuning, &mut a),
        line.fetch(&two, &tuning, &mut b),
        line.fetch(&three, &tuning, &mut c)
    );
    assert!(all.0.is_ok() && all.1.is_ok() && all.2.is_ok(), "three connections, idle now");
    let (result, _) = {
        for _ in 0..3 {
            caller.finished().await;
        }
        caller.get().await
    };
    assert_eq!(result.unwrap_err().layer, Where::FirstByte, "the first idle one is dead");
    assert_eq!(caller.get().await.0.unwrap(), b"ok", "and the other two are not tried");
}

/// Bytes that a server may send before an answer that never comes, and endless parts of an answer.
#[tokio::test]
async fn heads_chunks_and_trailers_without_end_are_cut_at_their_bounds() {
    let cases = [
        ("HTTP/1.1 100 Continue\r\n\r\n".repeat(1 << 16), Where::Decode, "no answer in the first 512 kB, only 1xx"),
        (
            format!("HTTP/1.1 103 Early Hints\r\nlink: {}\r\n\r\n", "x".repeat(9000)).repeat(200),
            Where::Decode,
            "no answer in the first 512 kB",
        ),
        (
            "HTTP/1.1 100 Continue\r\ncontent-length: 5\r\n\r\nhello".repeat(1 << 14),
            Where::Decode,
            "the answer is not HTTP",
        ),
        (format!("HTTP/1.1 200 OK\r\n{}", "x: y\r\n".repeat(1 << 16)), Where::Decode, "message head is too large"),
        (format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(1 << 20)), Where::Decode, "message head is too large"),
        (format!("{CHUNKED}5;{}", "x".repeat(1 << 20)), Where::Body, "cut after 0 B"),
        (format!("{CHUNKED}{}", "1;xxxxxxxxxxxxxxxxxxxxxxxx\r\na\r\n".repeat(1 << 14)), Where::Body, "cut after "),
        (format!("{CHUNKED}5\r\nhello\r\n0\r\n{}", "x: y\r\n".repeat(1 << 16)), Where::Body, "cut after 5 B"),
        (format!("{CHUNKED}5\r\nhello\r\n0\r\nx: {}", "y".repeat(1 << 20)), Where::Body, "cut after 5 B"),
    ];
    for (sent, layer, words) in cases {
        let (error, attempt, _) = fails(vec![say(&sent), Act::Hang]).await;
        let begin = &sent[..60.min(sent.len())];
        assert!(error.text.contains(words), "{begin:?}: {}", error.text);
        assert_eq!((error.layer, error.timeout), (layer, false), "{begin:?}: {}", error.text);
        assert_ne!(attempt.end, CallEnd::TimedOut, "{begin:?}");
    }
}

#[tokio::test]
async fn a_head_that_drips_ends_at_its_deadline_and_a_few_1xx_are_no_fault() {
    let drip = [say("HTTP/1.1 200 OK\r\n")]
        .into_iter()
        .chain((0..100).flat_map(|n| [say(format!("x-{n}: y\r\n")), Act::Rest(20)]));
    let (error, attempt, _) = fails(drip.collect()).await;
    assert_eq!(
        (error.layer, error.timeout, attempt.end),
        (Where::FirstByte, true, CallEnd::TimedOut),
        "{}",
        error.text
    );
    let ok = say("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    let hints = say("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n");
    let (address, _seen) = server(vec![hints.clone(), ok.clone(), Act::Again, hints, ok, Act::Hang]).await;
    let mut caller = Caller::to(&format!("http://{address}"));
    for _ in 0..2 {
        assert_eq!(caller.get().await.0.unwrap(), b"hello");
    }
}

/// The limit applies before an answer: a long body on a reused connection has none.
#[tokio::test]
async fn a_body_of_any_length_is_no_head() {
    let big = vec![b'x'; 3 * (512 << 10) / 2];
    let mut bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", big.len()).into_bytes();
    bytes.extend(&big);
    let (address, _seen) = server(vec![Act::Say(bytes.clone()), Act::Again, Act::Say(bytes), Act::Hang]).await;
    let mut caller = Caller::to(&format!("http://{address}"));
    for _ in 0..2 {
        let limits = Limits { bytes: 1 << 22, ..Limits::small(Duration::from_secs(5)) };
        assert_eq!(caller.get_within(limits).await.0.unwrap().len(), big.len());
    }
}

/// Two clusters on one thread, as from the third cluster on in the program.
#[tokio::test]
async fn endless_1xx_of_one_server_do_not_slow_the_answers_of_another() {
    let bad = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = bad.local_addr().unwrap();
    std::thread::spawn(move || {
        let flood = "HTTP/1.1 100 Continue\r\n\r\n".repeat(1 << 14);
        for stream in bad.incoming().flatten() {
            let flood = flood.clone();
            std::thread::spawn(move || while std::io::Write::write_all(&mut &stream, flood.as_bytes()).is_ok() {});
        }
    });
    let ok = [say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), Act::Again];
    let (good, _seen) = server(ok.iter().cycle().take(200).cloned().collect()).await;
    let flooded = tokio::spawn(async move {
        loop {
            let _ = Caller::to(&format!("http://{endpoint}")).get().await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut caller = Caller::to(&format!("http://{good}"));
    let mut took = Vec::new();
    for _ in 0..25 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        took.push(caller.get().await.1.total);
    }
    flooded.abort();
    took.sort();
    assert!(took[12] < Duration::from_millis(60), "{took:?}");
}
