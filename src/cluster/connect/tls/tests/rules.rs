//! Certificates that Go accepts or refuses where webpki and ring alone decide otherwise; each row was tried with
//! kubectl 1.34.1 or comes from Go's crypto/x509.

use rcgen::{ExtendedKeyUsagePurpose, GeneralSubtree, NameConstraints, SanType};

use super::*;

fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cluster/connect/tls/fixtures/");
    std::fs::read_to_string(format!("{folder}{name}")).unwrap()
}

/// An authority with its own name.
fn named(name: &'static str, change: impl FnOnce(&mut CertificateParams)) -> impl FnOnce(&mut CertificateParams) {
    move |params| {
        authority(params);
        params.distinguished_name.push(DnType::CommonName, name);
        change(params);
    }
}

/// A server that sends the others' certificates beside its own.
fn beside(mut server: Pair, others: &[&Pair]) -> Pair {
    for other in others {
        server.certificate.push_str(&other.certificate);
    }
    server
}

#[tokio::test]
async fn an_authority_that_does_not_hold_now_vouches_for_nobody_and_is_named() {
    type Change = fn(&mut CertificateParams);
    let wrong: [(Change, &str); 3] = [
        (
            |p| p.not_after = date_time_ymd(2021, 1, 1),
            "CN=root, which vouches for it and is valid 1975-01-01T00:00:00Z to 2021",
        ),
        (
            |p| p.not_before = date_time_ymd(2200, 1, 1),
            "CN=root, which vouches for it and is valid 2200-01-01T00:00:00Z",
        ),
        (
            |p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth],
            "CN=root, whose own extended key usage does not list servers",
        ),
    ];
    for (change, words) in wrong {
        let root = self_signed(named("root", change));
        let between = signed(&root, named("between", |_| {}));
        for server in [
            signed(&root, |_| {}),
            beside(signed(&between, |_| {}), &[&between]),
            signed(&root, authority),
            beside(signed(&between, authority), &[&between]),
        ] {
            let result = shown(&trusting(&root.certificate), &server).await;
            refused(&result, words);
            if words.contains("valid") {
                refused(&result, "certificate has expired or is not yet valid");
            }
        }
        // The same authority with other dates too: one valid certificate is enough.
        let mut renewed = Pair { params: params("self", named("root", |_| {})), ..root.clone() };
        renewed.certificate = renewed.params.self_signed(&KeyPair::from_pem(&root.key).unwrap()).unwrap().pem();
        for bundle in [[&root, &renewed], [&renewed, &root]] {
            let bundle: String = bundle.map(|pair| pair.certificate.as_str()).concat();
            assert_eq!(shown(&trusting(&bundle), &signed(&root, |_| {})).await, Ok(()), "{words}");
        }
    }
}

#[tokio::test]
async fn an_intermediate_that_does_not_hold_now_is_named_and_not_the_servers_own_certificate() {
    let root = self_signed(named("root", |_| {}));
    let between = signed(&root, named("between", |params| params.not_after = date_time_ymd(2021, 1, 1)));
    for change in [|_: &mut CertificateParams| {}, authority] {
        let server = beside(signed(&between, change), &[&between]);
        refused(&shown(&trusting(&root.certificate), &server).await, "authority CN=between, which vouches for it");
    }
}

#[tokio::test]
async fn a_server_whose_certificate_is_an_authoritys_too_is_accepted_as_in_go() {
    let root = self_signed(named("root", |_| {}));
    let between = signed(&root, named("between", |_| {}));
    let trust = trusting(&root.certificate);
    assert_eq!(shown(&trust, &signed(&root, authority)).await, Ok(()));
    assert_eq!(shown(&trust, &beside(signed(&between, authority), &[&between])).await, Ok(()));
    refused(&shown(&trust, &signed(&between, authority)).await, "certificate signed by unknown authority");
    // Nothing else is accepted because of it.
    let stranger = self_signed(named("root", |_| {}));
    refused(&shown(&trust, &signed(&stranger, authority)).await, "has another key than the one that signed it");
    let leaf = signed(&root, |params| params.distinguished_name.push(DnType::CommonName, "leaf"));
    let forged = beside(signed(&leaf, authority), &[&leaf]);
    refused(&shown(&trust, &forged).await, "certificate is signed by one that is no authority");
    let client = |params: &mut CertificateParams| {
        authority(params);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    };
    refused(&shown(&trust, &signed(&root, client)).await, "certificate is not for servers");
    let old = |params: &mut CertificateParams| {
        authority(params);
        params.not_after = date_time_ymd(2021, 1, 1);
    };
    refused(&shown(&trust, &signed(&root, old)).await, "certificate expired");
    let elsewhere = |params: &mut CertificateParams| {
        authority(params);
        params.subject_alt_names = vec![SanType::DnsName("api.example.org".try_into().unwrap())];
    };
    refused(&shown(&trust, &signed(&root, elsewhere)).await, "certificate is valid for api.example.org");
    let limits = NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("example.org".to_owned())],
        excluded_subtrees: vec![],
    };
    let limited = self_signed(named("limited", |params| params.name_constraints = Some(limits)));
    refused(&shown(&trusting(&limited.certificate), &signed(&limited, authority)).await, "its authority may not give");
}

#[tokio::test]
async fn the_length_of_a_path_is_limited_by_the_trusted_authority_too() {
    let limited = |params: &mut CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let root = self_signed(named("root", limited));
    let between = signed(&root, named("between", |_| {}));
    let trust = trusting(&root.certificate);
    for change in [|_: &mut CertificateParams| {}, authority] {
        assert_eq!(shown(&trust, &signed(&root, change)).await, Ok(()));
        let server = beside(signed(&between, change), &[&between]);
        refused(&shown(&trust, &server).await, "has more authorities above it than one of them allows");
    }
}

#[tokio::test]
async fn any_purpose_is_the_purpose_of_a_server_too() {
    let any = |params: &mut CertificateParams| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any];
    let client =
        |params: &mut CertificateParams| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let root = self_signed(named("root", any));
    let between = signed(&root, named("between", any));
    let trust = trusting(&root.certificate);
    assert_eq!(shown(&trust, &signed(&root, any)).await, Ok(()));
    assert_eq!(shown(&trust, &beside(signed(&between, any), &[&between])).await, Ok(()));
    let narrow = signed(&root, named("narrow", client));
    refused(&shown(&trust, &beside(signed(&narrow, any), &[&narrow])).await, "extended key usage lists client auth");
}

#[tokio::test]
async fn authorities_on_each_curve_may_sign_with_each_hash() {
    for curve in ["prime256v1", "secp384r1", "secp521r1"] {
        let trust = trusting(&fixture(&format!("{curve}.crt")));
        for hash in ["sha256", "sha384", "sha512"] {
            let server = pair(&fixture(&format!("{curve}-{hash}.crt")), &fixture("mix.key"));
            assert_eq!(shown(&trust, &server).await, Ok(()), "{curve} with {hash}");
        }
    }
}

/// In TLS 1.2 a scheme names the hash alone: a Go server with a P-256 key signs with the first that the client offers.
#[test]
fn in_tls_1_2_each_curve_may_sign_a_handshake_with_each_hash() {
    use tokio_rustls::rustls::pki_types::alg_id;

    let curves = [alg_id::ECDSA_P256, alg_id::ECDSA_P384, alg_id::ECDSA_P521];
    let mapping = ecdsa::provider().signature_verification_algorithms.mapping;
    for (scheme, own) in [
        (SignatureScheme::ECDSA_NISTP256_SHA256, curves[0]),
        (SignatureScheme::ECDSA_NISTP384_SHA384, curves[1]),
        (SignatureScheme::ECDSA_NISTP521_SHA512, curves[2]),
    ] {
        let (_, known) = mapping.iter().find(|(known, _)| *known == scheme).unwrap();
        assert_eq!(known[0].public_key_alg_id(), own, "the first one is that of TLS 1.3");
        for curve in curves {
            assert!(known.iter().any(|known| known.public_key_alg_id() == curve), "{scheme:?}");
        }
    }
}

#[tokio::test]
async fn a_key_without_its_public_part_is_used() {
    let ca = self_signed(authority);
    let server = signed(&ca, |_| {});
    for curve in ["prime256v1", "secp384r1", "secp521r1"] {
        for form in ["sec1", "pkcs8"] {
            let certificate = fixture(&format!("half-{curve}.crt"));
            let key = fixture(&format!("half-{curve}.{form}")).into_bytes().into();
            let identity = Some(ClientIdentity { certificate: certificate.clone().into(), key });
            let settings = TlsSettings { identity, ..trusting(&ca.certificate) };
            assert_eq!(shake(&settings, server_config(&server, Some(&certificate))).await, Ok(()), "{curve} {form}");
        }
    }
}

#[test]
fn a_good_key_behind_a_broken_one_is_used() {
    let good = self_signed(|_| {});
    for broken in [
        "-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----\n",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n",
        "-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAEC\n-----END EC PRIVATE KEY-----\n",
        "-----BEGIN NOPRIVATE KEY-----\nAAEC\n-----END NOPRIVATE KEY-----\n",
    ] {
        let key = format!("{broken}{}", good.key).into_bytes().into();
        let identity = Some(ClientIdentity { certificate: good.certificate.clone().into(), key });
        let settings = TlsSettings { identity, ..trusting(&good.certificate) };
        assert_eq!(settings.client_config().err(), None, "{broken}");
    }
}

#[tokio::test]
async fn addresses_are_compared_with_addresses_and_names_with_names() {
    let ca = self_signed(authority);
    let name = |text: &str| SanType::DnsName(text.try_into().unwrap());
    let address = |text: &str| SanType::IpAddress(text.parse().unwrap());
    for (names, requested, expected) in [
        (vec![address("127.0.0.1")], "[::ffff:127.0.0.1]", None),
        (vec![address("::ffff:127.0.0.1")], "127.0.0.1", None),
        (vec![address("::ffff:127.0.0.1")], "::ffff:127.0.0.1", None),
        (vec![name("api.example.org")], "api.example.org.", None),
        (
            vec![name("127.0.0.1")],
            "127.0.0.1",
            Some("cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs"),
        ),
        (
            vec![name("a.example"), address("10.0.0.1"), address("10.0.0.2")],
            "127.0.0.1",
            Some("certificate is valid for 10.0.0.1, 10.0.0.2, not 127.0.0.1"),
        ),
        (
            vec![name("a.example"), address("10.0.0.1")],
            "b.example",
            Some("certificate is valid for a.example, not b.example"),
        ),
        (
            vec![address("10.0.0.1")],
            "b.example",
            Some("certificate is not valid for any names, but wanted to match b.example"),
        ),
    ] {
        let server = signed(&ca, |params| params.subject_alt_names = names.clone());
        let settings = TlsSettings { server_name: Some(requested.to_owned()), ..trusting(&ca.certificate) };
        let result = shown(&settings, &server).await;
        match expected {
            None => assert_eq!(result, Ok(()), "{names:?} for {requested}"),
            Some(words) => refused(&result, words),
        }
    }
}
