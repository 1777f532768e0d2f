//! A load balancer for the tests: passes connections on to the simulation, over TLS if it has a certificate, and misbehaves.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{self, ServerConfig};
use watchbell::cluster::kubeconfig::{self, ContextTarget, Selection, Sources};

/// What it does with connections.
#[derive(Clone, Default)]
pub(super) struct Mode {
    /// The handshake; `None`: plain TCP.
    pub(super) tls: Option<TlsAcceptor>,
    /// New connections are accepted and not read.
    pub(super) mute: bool,
    /// Connections before this one stay open and nothing goes through them any more, as when a load balancer forgets them.
    pub(super) deaf_before: usize,
}

pub(super) struct Relay {
    pub(super) address: SocketAddr,
    pub(super) mode: watch::Sender<Mode>,
    accepted: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    pub(super) async fn to(server: SocketAddr, mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, modes) = watch::channel(mode);
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::Relaxed);
                connections.spawn(pass(stream, server, (number, modes.clone())));
            }
        });
        Self { address, mode, accepted, task }
    }

    /// The connections so far are forgotten: silent for ever, and nobody is told.
    pub(super) fn forget(&self) {
        self.mode.send_modify(|mode| mode.deaf_before = self.accepted());
    }

    /// Connections so far.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

async fn pass(stream: TcpStream, server: SocketAddr, (number, mut modes): (usize, watch::Receiver<Mode>)) {
    let born = modes.borrow_and_update().clone();
    if born.mute {
        let _ = modes.wait_for(|mode| !mode.mute).await;
        return;
    }
    let Ok(upstream) = TcpStream::connect(server).await else { return };
    let forgotten = async move {
        let _ = modes.wait_for(|mode| number < mode.deaf_before).await;
    };
    match born.tls {
        None => Box::pin(copy(stream, upstream, forgotten)).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                Box::pin(copy(stream, upstream, forgotten)).await;
            }
        }
    }
}

/// Copies until one side ends, and then drops both: over TLS without a `close_notify`.
async fn copy(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut server: TcpStream,
    forgotten: impl Future<Output = ()>,
) {
    let mut forgotten = std::pin::pin!(forgotten);
    let (mut up, mut down) = ([0; 16 << 10], [0; 16 << 10]);
    loop {
        let done = tokio::select! {
            biased;
            // Both ends stay open, and neither hears of the other.
            () = &mut forgotten => return std::future::pending().await,
            read = client.read(&mut up) => match read {
                Ok(size) if size > 0 => server.write_all(&up[..size]).await.is_err(),
                _ => true,
            },
            read = server.read(&mut down) => match read {
                Ok(size) if size > 0 => client.write_all(&down[..size]).await.is_err() || client.flush().await.is_err(),
                _ => true,
            },
        };
        if done {
            return;
        }
    }
}

/// An authority of our own and its certificate as a file.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) pem: String,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A server certificate for `name`, and nobody is served who shows no certificate of this authority.
    pub(super) fn demands(&self, name: &str, versions: &[&'static rustls::SupportedProtocolVersion]) -> TlsAcceptor {
        let (chain, key) = self.certificate(name, false);
        let mut roots = rustls::RootCertStore::empty();
        roots.add(rustls::pki_types::CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let clients = rustls::server::WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
        let config = ServerConfig::builder_with_protocol_versions(versions).with_client_cert_verifier(clients);
        TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()))
    }

    /// A server certificate for `name`, good or expired in 2021.
    pub(super) fn serves(&self, name: &str, expired: bool) -> TlsAcceptor {
        let (chain, key) = self.certificate(name, expired);
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
        TlsAcceptor::from(Arc::new(config.unwrap()))
    }

    fn certificate(
        &self,
        name: &str,
        expired: bool,
    ) -> (Vec<rustls::pki_types::CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "the-api-server");
        if expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (vec![certificate.der().clone()], key)
    }
}

/// A kubeconfig in `folder` for `url`, trusting `ca`, through `proxy`.
pub(super) fn target(folder: &Path, url: &str, ca: Option<&str>, proxy: Option<&str>) -> ContextTarget {
    let mut cluster = format!("server: {url}");
    if let Some(pem) = ca {
        let path = folder.join("ca.pem");
        std::fs::write(&path, pem).unwrap();
        let _ = write!(cluster, ", certificate-authority: {}", path.display());
    }
    if let Some(proxy) = proxy {
        let _ = write!(cluster, ", proxy-url: \"{proxy}\"");
    }
    let path: PathBuf = folder.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: small\nclusters: [{{name: c, cluster: {{{cluster}}}}}]\n\
         users: [{{name: u, user: {{}}}}]\ncontexts: [{{name: small, context: {{cluster: c, user: u}}}}]\n"
    );
    std::fs::write(&path, text).unwrap();
    let sources = Sources { flag: Some(path), ..Sources::default() };
    kubeconfig::load(&sources, &Selection::default()).unwrap().remove(0)
}
