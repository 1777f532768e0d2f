//! Handshakes in memory: trust and identity of a client. Certificates that rcgen cannot make come from
//! `fixtures/make.sh`.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ServerConfig, SignatureScheme};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::cluster::classify::no_answer;
use crate::cluster::connect_failure::{ConnectFailure, ConnectStage};

mod rules;

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("fixtures/", $name))
    };
}

/// A certificate and its key, PEM.
#[derive(Clone)]
struct Pair {
    certificate: String,
    key: String,
    /// A certificate that was made here.
    params: CertificateParams,
}

fn pair(certificate: &str, key: &str) -> Pair {
    Pair { certificate: certificate.to_owned(), key: key.to_owned(), params: CertificateParams::default() }
}

/// Parameters of a certificate: for `localhost`, unless `change` says otherwise.
fn params(name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    change(&mut params);
    params
}

fn self_signed(change: impl FnOnce(&mut CertificateParams)) -> Pair {
    let key = KeyPair::generate().unwrap();
    let params = params("self", change);
    let certificate = params.self_signed(&key).unwrap().pem();
    Pair { certificate, key: key.serialize_pem(), params }
}

fn authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

fn signed(by: &Pair, change: impl FnOnce(&mut CertificateParams)) -> Pair {
    let issuer = Issuer::from_params(&by.params, KeyPair::from_pem(&by.key).unwrap());
    let key = KeyPair::generate().unwrap();
    let params = params("server", change);
    let certificate = params.signed_by(&key, &issuer).unwrap().pem();
    Pair { certificate, key: key.serialize_pem(), params }
}

fn trusting(bundle: &str) -> TlsSettings {
    TlsSettings { authority: Some(bundle.as_bytes().to_vec()), ..TlsSettings::default() }
}

fn server_config(server: &Pair, clients: Option<&str>) -> ServerConfig {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(server.certificate.as_bytes()).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(server.key.as_bytes()).unwrap();
    let provider = ecdsa::provider();
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = ecdsa::provider().key_provider.load_private_key(key).unwrap();
    // The pair is not checked: a version 1 certificate would be refused already here.
    let certified = rustls::sign::CertifiedKey::new(chain, key);
    builder.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)))
}

/// A handshake with `localhost`; `Err` is the line on the screen.
async fn shake(settings: &TlsSettings, server: ServerConfig) -> Result<(), String> {
    let config = settings.client_config().map_err(|error| error.to_string())?;
    let name = settings.name("localhost").map_err(|error| error.to_string())?;
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    tokio::spawn(async move {
        if let Ok(mut stream) = TlsAcceptor::from(Arc::new(server)).accept(theirs).await {
            let _ = stream.write_all(b"x").await;
            std::future::pending::<()>().await;
        }
    });
    let failure = |error: std::io::Error| {
        no_answer(&ConnectFailure {
            stage: ConnectStage::Tls,
            endpoint: "localhost:6443".to_owned(),
            proxied: false,
            after: std::time::Duration::ZERO,
            source: Some(error.into()),
            shown: None,
        })
    };
    let refusal = async {
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, ours).await?;
        // In TLS 1.3 a server refuses a client's certificate after the handshake.
        stream.read_u8().await.map(drop)
    };
    refusal.await.map_err(|error| failure(error).text.to_string())
}

async fn shown(settings: &TlsSettings, server: &Pair) -> Result<(), String> {
    shake(settings, server_config(server, None)).await
}

/// Asserts a refusal that contains `words` and no identifier of a library.
#[track_caller]
fn refused(result: &Result<(), String>, words: &str) {
    let text = result.as_ref().expect_err(words);
    assert!(text.contains(words), "{text}");
    for debug in ["Other(", "OtherError", "Error", "{", "DnsName", "IpAddress(", "[42"] {
        assert!(!text.contains(debug), "{text}");
    }
}

#[tokio::test]
async fn the_servers_own_leaf_certificate_as_authority_is_trusted_as_go_trusts_it() {
    let ca = self_signed(authority);
    for leaf in [self_signed(|_| {}), signed(&ca, |_| {})] {
        assert_eq!(shown(&trusting(&leaf.certificate), &leaf).await, Ok(()));
    }
}

#[tokio::test]
async fn a_self_signed_authority_that_is_the_servers_own_certificate_is_trusted() {
    let server = self_signed(authority);
    assert_eq!(shown(&trusting(&server.certificate), &server).await, Ok(()));
    let openssl = pair(fixture!("rsa-self.crt"), fixture!("rsa.pkcs8"));
    assert_eq!(shown(&trusting(&openssl.certificate), &openssl).await, Ok(()), "as openssl req -x509 makes it");
    let server = pair(fixture!("ed.crt"), fixture!("ed.key"));
    assert_eq!(shown(&trusting(&server.certificate), &server).await, Ok(()), "Ed25519");
}

#[tokio::test]
async fn a_trusted_certificate_of_a_server_must_still_have_the_name_the_dates_and_the_purpose() {
    type Change = fn(&mut CertificateParams);
    let wrong: [(Change, &str); 4] = [
        (
            |p| p.subject_alt_names = vec!["api.example.org".try_into().map(rcgen::SanType::DnsName).unwrap()],
            "certificate is valid for api.example.org, not localhost",
        ),
        (|p| p.not_after = date_time_ymd(2021, 1, 1), "certificate expired"),
        (|p| p.not_before = date_time_ymd(2200, 1, 1), "certificate not valid yet"),
        (|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth], "certificate is not for servers"),
    ];
    for (change, words) in wrong {
        for is_authority in [false, true] {
            let server = self_signed(|params| {
                change(params);
                if is_authority {
                    authority(params);
                }
            });
            refused(&shown(&trusting(&server.certificate), &server).await, words);
        }
    }
}

#[tokio::test]
async fn the_key_of_a_trusted_leaf_cannot_vouch_for_another_certificate() {
    let leaf = self_signed(|_| {});
    let forged = signed(&leaf, |_| {});
    refused(&shown(&trusting(&leaf.certificate), &forged).await, "certificate signed by unknown authority");
    // Nor one that is an authority but may not sign.
    let mute = self_signed(|params| {
        authority(params);
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
    });
    let forged = signed(&mute, |_| {});
    refused(&shown(&trusting(&mute.certificate), &forged).await, "certificate signed by unknown authority");
    let server = self_signed(authority);
    assert_eq!(shown(&trusting(&server.certificate), &signed(&server, |_| {})).await, Ok(()), "an authority can");
}

#[tokio::test]
async fn a_bad_certificate_in_a_bundle_is_skipped_and_reported_and_the_others_count() {
    let ca = self_signed(authority);
    let server = signed(&ca, |_| {});
    let begin = "-----BEGIN CERTIFICATE-----";
    let end = "-----END CERTIFICATE-----";
    let bad = [
        (format!("{begin}\n!!! not base64 !!!\n{end}"), "part 1 of 2 is not base64"),
        (format!("{begin}\nAAECAwQ=\n{end}"), "part 1 of 2 cannot be read"),
        (format!("{begin}\n{end}"), "part 1 of 2 is not base64"),
        (format!("{begin}\nMIIB"), "part 1 of 2 is not base64"),
        (ca.certificate.replacen("MII", "MIJ", 1), "part 1 of 2 cannot be read"),
        (ca.certificate.lines().take(4).chain([end]).collect::<Vec<_>>().join("\n"), "part 1 of 2 cannot be read"),
        (
            "-----BEGIN X509 CRL-----\nAAEC\n-----END X509 CRL-----".to_owned(),
            "part 1 of 2 is no certificate but `X509 CRL`",
        ),
    ];
    for (bad, reported) in bad {
        let bundle = format!("# a comment\n{bad}\n{}", ca.certificate);
        let settings = trusting(&bundle);
        assert_eq!(shown(&settings, &server).await, Ok(()), "{bundle}");
        let skipped = settings.skipped();
        assert!(skipped.len() == 1 && skipped[0].starts_with(reported), "{skipped:?} for {bundle}");
    }
    let good = format!("Wörter\r\n{}\r\n{}", ca.certificate.replace('\n', "\r\n"), server.certificate);
    assert_eq!(trusting(&good).skipped(), Vec::<String>::new());
    assert_eq!(shown(&trusting(&good), &server).await, Ok(()));
}

#[tokio::test]
async fn a_bundle_of_bad_certificates_alone_is_refused_with_the_reason() {
    let none = trusting("no PEM at all").client_config().err().unwrap().to_string();
    assert!(none.contains("certificate-authority has no certificate: it is not PEM"), "{none}");
    let bad = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n".repeat(9);
    let error = trusting(&bad).client_config().err().unwrap().to_string();
    assert!(error.contains("part 1 of 9 cannot be read; none of its 9 parts can be used"), "{error}");
}

#[tokio::test]
async fn p521_keys_of_client_server_and_authority_work() {
    let server = pair(fixture!("p521-server.crt"), fixture!("p521-server.key"));
    let settings = trusting(fixture!("p521-ca.crt"));
    assert_eq!(shown(&settings, &server).await, Ok(()), "its authority signed with SHA-384, and itself with SHA-256");
    let identity = |key: &str| {
        Some(ClientIdentity { certificate: fixture!("p521-client.crt").into(), key: key.as_bytes().to_vec().into() })
    };
    let settings = TlsSettings { identity: identity(fixture!("p521-client.key")), ..settings };
    let demanding = || server_config(&server, Some(fixture!("p521-ca.crt")));
    assert_eq!(shake(&settings, demanding()).await, Ok(()), "a client key after its EC PARAMETERS");
    let nobody = TlsSettings { identity: None, ..settings.clone() };
    refused(&shake(&nobody, demanding()).await, "");
    let other = TlsSettings { identity: identity(fixture!("p521-server.key")), ..settings };
    refused(
        &shake(&other, demanding()).await,
        "the client key does not belong to the client certificate of CN=p521-client",
    );
}

#[tokio::test]
async fn client_keys_in_every_form_are_read_whatever_their_label_says() {
    let ca = self_signed(authority);
    let server = signed(&ca, |_| {});
    let rsa = fixture!("rsa-self.crt");
    let ecdsa = self_signed(|_| {});
    let mislabelled = fixture!("rsa.pkcs8").replace("PRIVATE KEY", "RSA PRIVATE KEY");
    let sec1 = fixture!("p521-server.sec1");
    for (certificate, key) in [
        (rsa, fixture!("rsa.pkcs1")),
        (rsa, fixture!("rsa.pkcs8")),
        (rsa, mislabelled.as_str()),
        (fixture!("p521-server.crt"), sec1),
        (fixture!("p521-server.crt"), fixture!("p521-server.key")),
        (fixture!("ed.crt"), fixture!("ed.key")),
        (&*ecdsa.certificate, &*ecdsa.key),
        // Many clients' certificates are version 1: `openssl x509 -req` without extensions.
        (fixture!("rsa-v1.crt"), fixture!("rsa.pkcs1")),
        // Both in one file, as kubelet writes them.
        (&*format!("{}{}", ecdsa.key, ecdsa.certificate), &*format!("{}{}", ecdsa.certificate, ecdsa.key)),
    ] {
        let identity = Some(ClientIdentity { certificate: certificate.into(), key: key.as_bytes().to_vec().into() });
        let settings = TlsSettings { identity, ..trusting(&ca.certificate) };
        assert_eq!(shown(&settings, &server).await, Ok(()), "{certificate} {key}");
    }
}

#[test]
fn client_keys_that_cannot_be_used_are_named_for_what_they_are() {
    let rsa = fixture!("rsa-self.crt");
    for (certificate, key, words) in [
        (rsa, fixture!("rsa.encrypted1"), "encrypted with a passphrase"),
        (rsa, fixture!("rsa.encrypted8"), "encrypted with a passphrase"),
        (fixture!("short.crt"), fixture!("short.key"), "its certificate is for RSA 1024"),
        (fixture!("big.crt"), fixture!("big.key"), "its certificate is for RSA 8192"),
        (rsa, fixture!("p521-client.key"), "the client key does not belong to the client certificate of CN=rsa-self"),
        (rsa, rsa, "the client key has no `-----BEGIN PRIVATE KEY-----`"),
        (rsa, "", "the client key has no `-----BEGIN PRIVATE KEY-----`"),
        (rsa, "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----", "the client key is not base64"),
        (rsa, "-----BEGIN PRIVATE KEY-----\nAAEC\n-----END PRIVATE KEY-----", "the client key cannot be used"),
        (fixture!("rsa.pkcs1"), fixture!("rsa.pkcs1"), "the client certificate has no readable `-----BEGIN CERT"),
        (
            "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----",
            fixture!("rsa.pkcs1"),
            "certificate cannot be read",
        ),
    ] {
        let identity = Some(ClientIdentity { certificate: certificate.into(), key: key.as_bytes().to_vec().into() });
        let error = TlsSettings { identity, ..trusting(rsa) }.client_config().err().unwrap();
        assert!(matches!(error, TlsError::Identity(_)), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn server_certificates_that_are_refused_say_why_in_words() {
    let p521_ca = trusting(fixture!("p521-ca.crt"));
    let rsa_ca = trusting(fixture!("rsa-self.crt"));
    let v1 = pair(fixture!("rsa-v1.crt"), fixture!("rsa.pkcs8"));
    let legacy = "certificate relies on legacy Common Name field (CN=localhost), use SANs instead";
    refused(&shown(&p521_ca, &v1).await, legacy);
    refused(&shown(&trusting(&v1.certificate), &v1).await, legacy);
    let ca = self_signed(authority);
    let nameless = signed(&ca, |params| params.subject_alt_names.clear());
    refused(
        &shown(&trusting(&ca.certificate), &nameless).await,
        "certificate relies on legacy Common Name field (CN=server)",
    );
    let sha1 = pair(fixture!("sha1.crt"), fixture!("rsa.pkcs8"));
    refused(&shown(&rsa_ca, &sha1).await, "certificate is signed with SHA-1 with RSA, which is insecure");
    let again = signed(&self_signed(authority), |_| {});
    let other_key = "unknown authority: the CN=self that is trusted has another key than the one that signed it";
    refused(&shown(&trusting(&ca.certificate), &again).await, other_key);
    let stranger_ca = |params: &mut CertificateParams| {
        authority(params);
        params.distinguished_name.push(DnType::CommonName, "stranger");
    };
    let stranger = signed(&self_signed(stranger_ca), |_| {});
    refused(
        &shown(&trusting(&ca.certificate), &stranger).await,
        "certificate signed by unknown authority: it is another one than the kubeconfig trusts",
    );
    let client = signed(&ca, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    refused(&shown(&trusting(&ca.certificate), &client).await, "client authentication");
    let leaf = signed(&ca, |params| params.distinguished_name.push(DnType::CommonName, "leaf"));
    let mut chain = signed(&leaf, |_| {});
    chain.certificate.push_str(&leaf.certificate);
    refused(&shown(&trusting(&ca.certificate), &chain).await, "certificate is signed by one that is no authority");
    let many = signed(&ca, |params| {
        let names = (0..9).map(|n| format!("host-{n}.example.org").try_into().map(rcgen::SanType::DnsName).unwrap());
        params.subject_alt_names = names.collect();
    });
    refused(&shown(&trusting(&ca.certificate), &many).await, "host-4.example.org, 4 more, not localhost");
}

#[tokio::test]
async fn names_may_be_wildcards_and_addresses_and_what_the_kubeconfig_says() {
    let ca = self_signed(authority);
    for (names, requested, good) in [
        (vec!["*.example.org"], "api.example.org", true),
        (vec!["*.example.org"], "example.org", false),
        (vec!["*.example.org"], "a.api.example.org", false),
        (vec!["10.0.0.7", "fd00::7"], "10.0.0.7", true),
        (vec!["10.0.0.7", "fd00::7"], "[fd00::7]", true),
        (vec!["10.0.0.7", "fd00::7"], "10.0.0.8", false),
        (vec!["api.example.org"], "API.example.ORG", true),
    ] {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let sans = CertificateParams::new(names.clone()).unwrap().subject_alt_names;
        let server = signed(&ca, |params| params.subject_alt_names = sans);
        let settings = TlsSettings { server_name: Some(requested.to_owned()), ..trusting(&ca.certificate) };
        let result = shown(&settings, &server).await;
        assert_eq!(result.is_ok(), good, "{names:?} for {requested}: {result:?}");
        if !good {
            refused(&result, &format!("certificate is valid for {}", names.join(", ")));
        }
    }
    let nothing = TlsSettings { server_name: Some("a b".to_owned()), ..TlsSettings::default() };
    assert!(nothing.name("localhost").err().unwrap().to_string().contains("no certificate can have the name `a b`"));
}

#[tokio::test]
async fn signatures_with_rsa_pss_are_good_and_keys_that_are_too_short_are_named() {
    let pss = pair(fixture!("pss.crt"), fixture!("rsa.pkcs8"));
    assert_eq!(shown(&trusting(fixture!("rsa-self.crt")), &pss).await, Ok(()));
    // rustls would not serve with such a key, so the verifier is called directly.
    let verifier = Verifier::new(Roots::of_bundle(fixture!("p521-ca.crt").as_bytes()).unwrap(), &ecdsa::provider());
    let short = CertificateDer::from_pem_slice(fixture!("short.crt").as_bytes()).unwrap();
    let bad = rustls::Error::from(rustls::CertificateError::BadSignature);
    let named = verify::short_key(bad, [&short]);
    let source = Some(std::io::Error::other(named).into());
    let after = std::time::Duration::ZERO;
    let endpoint = "localhost:6443".to_owned();
    let failure = ConnectFailure { stage: ConnectStage::Tls, endpoint, proxied: false, after, source, shown: None };
    let text = no_answer(&failure).text;
    assert!(text.contains("certificate of CN=short has a key that is too short (RSA 1024)"), "{text}");
    assert!(!verifier.supported_verify_schemes().is_empty());
}

#[tokio::test]
async fn a_server_that_need_not_prove_itself_needs_no_authority_that_can_be_read() {
    let server = signed(&self_signed(authority), |params| params.subject_alt_names.clear());
    let settings = TlsSettings { insecure: true, ..TlsSettings::default() };
    assert_eq!(shown(&settings, &server).await, Ok(()));
    let settings = TlsSettings { insecure: true, ..trusting("not PEM") };
    assert_eq!((shown(&settings, &server).await, settings.skipped().len()), (Ok(()), 0));
}

#[test]
fn the_machines_certificates_are_read_once_in_a_process() {
    let provider = ecdsa::provider();
    match (verify::system(&provider), verify::system(&provider)) {
        (Ok(first), Ok(second)) => assert!(Arc::ptr_eq(&first, &second)),
        (first, second) => assert_eq!(first.err(), second.err(), "this machine has none, and says so each time"),
    }
}
