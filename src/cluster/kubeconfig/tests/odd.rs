//! Kubeconfigs as people and tools write them: odd entries are accepted if unused, and named in an error if used.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::*;

fn sources(path: PathBuf) -> Sources {
    Sources { flag: Some(path), ..Sources::default() }
}

#[test]
fn an_entry_that_nobody_uses_may_be_odd() {
    let home = Home::new();
    let path = home.write(
        "config",
        "
current-context: good
clusters:
- {name: k, cluster: {server: 'https://k'}}
- ~
- {name: list, cluster: [1]}
- {name: ports, cluster: {server: 'https://k', insecure-skip-tls-verify: perhaps}}
- {cluster: {server: nameless}}
- {name: '', cluster: {server: nameless}}
users:
- null
- {name: u, user: {token: T}}
- {name: p1, user: {exec: {command: a, provideClusterInfo: null, env: [{name: A, value: null}], interactiveMode: ''}}}
- {name: p2, user: {exec: {command: a, env: [~]}}}
- {name: p3, user: {exec: {command: a, interactiveMode: Sometimes}}}
- {name: p4, user: {token: {}}}
- {name: p5, user: {client-certificate-data: '!'}}
- {name: p6, user: text}
contexts:
- {name: good, context: {cluster: k, user: u}}
- -
- {name: plugin, context: {cluster: k, user: p1}}
- {name: no-cluster, context: {user: u}}
- {name: null-user, context: {cluster: k, user: null}}
- {name: variable, context: {cluster: k, user: p2}}
- {name: mode, context: {cluster: k, user: p3}}
- {name: kind, context: {cluster: k, user: p4}}
- {name: data, context: {cluster: k, user: p5}}
- {name: text, context: {cluster: k, user: p6}}
- {name: list, context: {cluster: list}}
- {name: flag, context: {cluster: ports}}
- {name: members, context: [1]}
",
    );
    let targets = load(&sources(path), &ALL).unwrap();
    let seen: Vec<(&str, &str)> = targets.iter().map(|t| (&**t.context(), t.broken().map_or("works", |b| b))).collect();
    assert_eq!(
        seen,
        [
            ("good", "works"),
            ("plugin", "works"),
            ("no-cluster", "the context names no cluster"),
            ("null-user", "works"),
            ("variable", "its user `p2`: a variable of `exec` has no name"),
            ("mode", "its user `p3`: `interactiveMode` is none of Never, IfAvailable, Always"),
            ("kind", "its user `p4`: `token` in line 16 is not a text"),
            ("data", "its user `p5`: `client-certificate-data` in line 17 is not base64"),
            ("text", "its user `p6` has no fields (line 18)"),
            ("list", "its cluster `list` has no fields (line 6)"),
            ("flag", "its cluster `ports`: `insecure-skip-tls-verify` in line 7 is not true or false"),
            ("members", "the context has no fields (line 32)"),
        ]
    );
    let env = targets[1].exec().unwrap().env.as_ref().unwrap()[0].clone();
    assert_eq!((env["name"].as_str(), env["value"].as_str()), ("A", ""), "null is an empty value, as for Go");
}

#[test]
fn a_section_that_is_no_list_breaks_what_looks_into_it() {
    let home = Home::new();
    let text = "current-context: c\nusers: {u: {token: T}}\nclusters: [{name: k, cluster: {server: 'https://k'}}]\n\
        contexts: [{name: c, context: {cluster: k, user: u}}, {name: d, context: {cluster: k}}]\n";
    let targets = load(&sources(home.write("config", text)), &ALL).unwrap();
    let why = targets[0].broken().unwrap();
    assert_eq!(&**why, "its user `u` is not in the kubeconfig: `users` in line 2 is not a list");
    assert_eq!(targets[1].broken(), None);
}

// As `aws eks update-kubeconfig` writes them.
#[test]
fn six_thousand_contexts_as_eks_writes_them_are_read() {
    let arn = |n: usize| format!("arn:aws:eks:eu-central-1:123456789012:cluster/team-{n}");
    let mut text = "apiVersion: v1\nkind: Config\npreferences: {}\n".to_owned();
    let mut section = |title: &str, entry: &dyn Fn(&str) -> String| {
        text.push_str(title);
        (0..6_000).for_each(|n| text.push_str(&entry(&arn(n))));
    };
    section("clusters:\n", &|arn| {
        format!(
            "- cluster:\n    certificate-authority-data: {}\n    server: https://x.eks.amazonaws.com\n  name: {arn}\n",
            "QUJD".repeat(25)
        )
    });
    section("contexts:\n", &|arn| format!("- context:\n    cluster: {arn}\n    user: {arn}\n  name: {arn}\n"));
    section("users:\n", &|arn| {
        let args = "--region eu-central-1 eks get-token --cluster-name team --output json";
        let args = args.split(' ').map(|word| format!("      - {word}\n")).collect::<Vec<_>>().concat();
        format!(
            "- name: {arn}\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      args:\n{args}      command: aws\n      env:\n      - name: AWS_PROFILE\n        value: prod\n"
        )
    });
    let home = Home::new();
    let path = sources(home.write("config", text));
    let targets = load(&path, &ALL).unwrap();
    assert_eq!(targets.len(), 6_000);
    assert!(targets.iter().all(|target| target.broken().is_none() && target.plugin().as_deref() == Some("aws")));
}

#[test]
fn a_key_that_stands_twice_counts_the_last_time_and_a_name_that_does_is_named_with_its_lines() {
    let home = Home::new();
    let path = home.write(
        "config",
        "current-context: a
current-context: c
clusters: [{name: k, cluster: {server: 'https://old', server: 'https://new'}}]
users:
- {name: u, user: {token: OLD}}
- {name: u, user: {token: NEW}}
contexts:
- {name: c, context: {cluster: k}}
- {name: d, context: {cluster: k, user: u}}
- {name: e, context: {cluster: k}}
- {name: e, context: {cluster: other}}
",
    );
    let sources = sources(path);
    assert_eq!(contexts(&load(&sources, &Selection::default()).unwrap()), [("c", "https://new")]);
    let targets = load(&sources, &ALL).unwrap();
    let broken: Vec<Option<&str>> = targets.iter().map(|target| target.broken().map(|why| &**why)).collect();
    let user = "its user `u` is there twice, in lines 5 and 6";
    assert_eq!(broken, [None, Some(user), Some("the context is there twice, in lines 10 and 11")]);
}

#[test]
fn an_empty_current_context_leaves_the_choice_to_the_next_file() {
    let home = Home::new();
    for nothing in ["''", "", "~", "null"] {
        let first = home.write("1", config(nothing, &[("a", "https://a")]));
        let second = home.write("2", config("b", &[("b", "https://b")]));
        let env = std::env::join_paths([first, second]).unwrap();
        let sources = Sources { env: Some(env), ..home.sources() };
        assert_eq!(contexts(&load(&sources, &Selection::default()).unwrap()), [("b", "https://b")], "{nothing}");
    }
}

#[test]
fn base64_may_stand_in_lines() {
    let home = Home::new();
    let pem = "-----BEGIN CERTIFICATE-----\nQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\n-----END CERTIFICATE-----\n";
    let encoded = BASE64_STANDARD.encode(pem);
    let lines = |indent: &str| {
        encoded
            .as_bytes()
            .chunks(20)
            .map(|line| format!("{indent}{}\n", str::from_utf8(line).unwrap()))
            .collect::<Vec<_>>()
            .concat()
    };
    for style in ["|", "|-", ">", ">-"] {
        let text = format!(
            "current-context: c\nclusters:\n- name: k\n  cluster:\n    server: https://k\n    certificate-authority-data: {style}\n{}\
             users:\n- name: u\n  user:\n    client-certificate-data: {style}\n{}    client-key-data: {style}\n{}\
             contexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n",
            lines("      "),
            lines("      "),
            lines("      "),
        );
        let target = load(&sources(home.write("config", text)), &Selection::default()).unwrap().remove(0);
        assert_eq!(target.broken(), None, "{style}");
        let prepared = target.settings().unwrap().prepare().unwrap();
        assert_eq!(prepared.tls.authority.unwrap(), pem.as_bytes(), "{style}");
        assert_eq!(prepared.tls.identity.unwrap().certificate, pem.as_bytes(), "{style}");
    }
}

#[test]
fn a_name_with_a_comma_that_exists_wins_over_the_list() {
    let home = Home::new();
    let name = |name| (name, "https://k");
    let path = home.write("config", config("x", &[name("'a,b'"), name("a"), name("c"), name("'c,d,e'")]));
    let sources = sources(path);
    for (given, expected) in [
        (&["a,b"][..], &["a,b"][..]),
        (&["a,c"], &["a", "c"]),
        (&["c,a,b"], &["c", "a,b"]),
        (&["a,b,c,d,e", "a"], &["a,b", "c,d,e", "a"]),
    ] {
        let targets = load(&sources, &select(given)).unwrap();
        let names: Vec<&str> = targets.iter().map(|target| &**target.context()).collect();
        assert_eq!(names, expected, "{given:?}");
    }
    let error = load(&sources, &select(&["c,d"])).err().unwrap().to_string();
    assert!(error.starts_with("no context `d` in the kubeconfig"), "{error}");
}

#[test]
fn a_file_that_is_missing_is_named_once_with_its_cause() {
    let home = Home::new();
    let text = "current-context: c\nclusters: [{name: k, cluster: {server: 'https://k', certificate-authority: ca.crt}}]\n\
        contexts: [{name: c, context: {cluster: k}}]\n";
    let path = home.write("config", text);
    let target = load(&sources(path), &Selection::default()).unwrap().remove(0);
    let why = target.settings().unwrap().prepare().err().unwrap();
    let file = home.0.path().join("ca.crt");
    assert_eq!(why, format!("cannot read the certificate-authority `{}`: no such file or directory", file.display()));
}

#[test]
fn a_device_without_end_is_refused_whatever_it_is_named_for() {
    let home = Home::new();
    let error = load(&sources("/dev/zero".into()), &ALL).err().unwrap().to_string();
    assert_eq!(error, "cannot read kubeconfig `/dev/zero`: it is larger than 64 MB");
    for (cluster, user) in [
        ("certificate-authority: /dev/zero", ""),
        ("", "client-certificate: /dev/zero, client-key: /dev/zero"),
        ("", "tokenFile: /dev/zero"),
    ] {
        let text = format!(
            "current-context: c\nclusters: [{{name: k, cluster: {{server: 'https://k', {cluster}}}}}]\n\
             users: [{{name: u, user: {{{user}}}}}]\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n"
        );
        let target = load(&sources(home.write("config", text)), &Selection::default()).unwrap().remove(0);
        let settings = target.settings().unwrap();
        let why = settings.prepare().err().or(settings.user.authorization.header().err().map(|t| t.text.to_string()));
        assert!(why.as_ref().unwrap().ends_with("`/dev/zero`: it is larger than 4 MB"), "{why:?}");
    }
}

#[test]
fn a_kubeconfig_that_comes_through_a_pipe_is_read_once_and_is_never_edited() {
    let home = Home::new();
    let path = home.0.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let writer = path.clone();
    let writer = std::thread::spawn(move || fs::write(writer, config("c", &[("c", "https://c")])).unwrap());
    let kubeconfig = Kubeconfig::read(&sources(path.clone())).unwrap();
    writer.join().unwrap();
    assert_eq!(kubeconfig.names().collect::<Vec<_>>(), ["c"]);
    let mut target = kubeconfig.targets(&Selection::default()).unwrap().remove(0);
    assert_eq!(target.server(), Some("https://c"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert!(!runtime.block_on(target.edited()));
}

/// Each context checks for edits itself, and reads no file again that another has read.
#[test]
fn an_edit_is_read_once_for_all_contexts() {
    let home = Home::new();
    let servers = [("a", "https://a"), ("b", "https://b"), ("c", "https://c")];
    let path = home.write("config", config("a", &servers));
    let targets = load(&sources(path.clone()), &ALL).unwrap();
    home.write("config", config("a", &[("a", "https://new-a"), ("b", "https://new-b")]));
    let [a, b, c] = &targets[..] else { panic!("three") };
    let origin = |target: &ContextTarget| target.origin.clone().unwrap();
    assert_eq!(origin(a).load().unwrap().server(), Some("https://new-a"));
    // The same length, time and file: another read now would find nothing.
    let (length, time) = (fs::metadata(&path).unwrap().len(), fs::metadata(&path).unwrap().modified().unwrap());
    fs::write(&path, vec![b'\n'; usize::try_from(length).unwrap()]).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    assert_eq!(origin(b).load().unwrap().server(), Some("https://new-b"));
    assert_eq!(origin(c).load().err().unwrap().to_string(), "context `c` is gone");
}

// kubectl 1.34.1 prints an empty list of contexts for each of these but the empty text.
#[test]
fn a_variable_that_names_no_file_is_a_list_without_files_and_the_home_does_not_count() {
    let home = Home::new();
    home.write(".kube/config", config("h", &[("h", "https://home")]));
    for (env, found) in
        [("", true), (":", false), ("::", false), ("/nowhere/at-all", false), (":/nowhere/at-all:", false)]
    {
        let sources = Sources { env: Some(env.into()), ..home.sources() };
        match load(&sources, &Selection::default()) {
            Ok(targets) => assert!(found && targets.len() == 1, "{env}"),
            Err(error) => assert!(!found && error.to_string().starts_with("no kubeconfig found"), "{env}: {error}"),
        }
    }
    let none = load(&Sources { env: Some(":".into()), ..home.sources() }, &Selection::default()).err().unwrap();
    assert!(none.to_string().contains("$KUBECONFIG, which names no file"), "{none}");
}

// kubectl 1.34.1 does so.
#[test]
fn of_a_kubeconfig_of_several_documents_the_first_is_read() {
    let home = Home::new();
    let [first, second] = ["a", "b"].map(|name| config(name, &[(name, "https://k")]));
    for text in
        [format!("{first}---\n{second}"), format!("---\n{first}...\n---\n[unclosed"), format!("{first}---\n- a\n")]
    {
        let targets = load(&sources(home.write("config", &text)), &ALL).unwrap();
        assert_eq!(contexts(&targets), [("a", "https://k")], "{text}");
    }
    let nothing = load(&sources(home.write("config", format!("---\n# empty\n---\n{first}"))), &Selection::default());
    assert!(matches!(nothing, Err(KubeconfigError::NoCurrent { .. })));
}

#[test]
fn an_empty_name_of_a_context_is_none() {
    let home = Home::new();
    let path = sources(home.write("config", config("a", &[("a", "https://a"), ("b", "https://b")])));
    for (given, picked) in [(&[""][..], "a"), (&["", ","], "a"), (&["", "b"], "b"), (&["b,"], "b"), (&[",b"], "b")] {
        let targets = load(&path, &select(given)).unwrap();
        assert_eq!(targets.iter().map(|target| &**target.context()).collect::<Vec<_>>(), [picked], "{given:?}");
    }
}

// Go's `base64.StdEncoding`: lines may be broken anywhere, and the bits that the last letter has too many may be anything.
#[test]
fn base64_is_read_as_go_reads_it() {
    let home = Home::new();
    let data = |text: &str| {
        let cluster = format!("{{server: 'https://k', certificate-authority-data: {text}}}");
        let text = format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: k}}}}]\nclusters: [{{name: k, cluster: {cluster}}}]\n"
        );
        let target = load(&sources(home.write("config", text)), &Selection::default()).unwrap().remove(0);
        let settings = target.settings().map_err(|error| error.text.to_string())?;
        Ok::<_, String>(settings.cluster.authority.clone())
    };
    let inline = |bytes: &[u8]| Ok(Some(fields::PemSource::Inline(bytes.to_vec())));
    for text in ["QQ==", "QR==", "Qf==", "\"Q\\nR=\\r\\n=\\n\"", "'QR== '"] {
        assert_eq!(data(text), inline(b"A"), "{text}");
    }
    assert_eq!(data("QUJ="), inline(b"AB"));
    for text in ["QQ", "QQ=", "Q===", "QQ==QQ==", "Q-Q_", "\"Q\\0Q==\""] {
        assert!(data(text).unwrap_err().ends_with("is not base64"), "{text}");
    }
}

// client-go `transport.TLSConfigFor`: "specifying a root certificates file with the insecure flag is not allowed".
#[test]
fn an_authority_for_a_server_that_is_not_verified_is_refused() {
    let home = Home::new();
    let broken = |cluster: &str| {
        let text = format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: k}}}}]\nclusters: [{{name: k, cluster: {{{cluster}}}}}]\n"
        );
        let target = load(&sources(home.write("config", text)), &Selection::default()).unwrap().remove(0);
        target.broken().map(ToString::to_string)
    };
    let insecure = "insecure-skip-tls-verify: true";
    for authority in ["certificate-authority-data: QUFB", "certificate-authority: ca.crt"] {
        let why = broken(&format!("server: 'https://k', {insecure}, {authority}")).unwrap();
        assert!(why.starts_with("its cluster `k`: ") && why.contains("are both set; take one of them out"), "{why}");
        for fine in [
            format!("server: 'http://127.0.0.1:1', {insecure}, {authority}"),
            format!("server: 'https://k', {authority}"),
        ] {
            assert_eq!(broken(&fine), None, "{fine}");
        }
    }
    assert_eq!(broken(&format!("server: 'https://k', {insecure}, certificate-authority-data: ''")), None);
}
