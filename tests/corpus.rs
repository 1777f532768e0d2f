//! The corpus of the fuzz targets: seeds and everything that fuzzing has found, through the same bodies.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

use watchbell::testing::bodies;

/// A folder of the corpus and its body.
type Target = (&'static str, fn(&[u8]));

#[test]
fn every_file_of_the_corpus_passes_its_fuzz_target() {
    let targets: [Target; 9] = [
        ("event", bodies::event),
        ("json", bodies::json),
        ("node_json", bodies::node_json),
        ("pod_json", bodies::pod_json),
        ("node_proto", bodies::node_proto),
        ("pod_proto", bodies::pod_proto),
        ("quantity", bodies::quantity),
        ("text", bodies::text),
        ("kubeconfig", bodies::kubeconfig),
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    for (name, body) in targets {
        let mut files: Vec<_> = fs::read_dir(root.join(name)).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 4, "the corpus of `{name}` is missing");
        for file in files {
            let bytes = fs::read(&file).unwrap();
            let passed = catch_unwind(|| body(&bytes)).is_ok();
            assert!(passed, "{} does not pass: the panic above says why", file.display());
            // What is cut short in any place is input, too.
            for end in (0..bytes.len()).step_by(bytes.len() / 16 + 1) {
                let passed = catch_unwind(|| body(&bytes[..end])).is_ok();
                assert!(passed, "the first {end} bytes of {} do not pass", file.display());
            }
        }
    }
}

#[test]
fn every_fuzz_target_has_a_corpus_and_a_body() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets");
    let Ok(targets) = fs::read_dir(&targets) else {
        eprintln!("skipped: the package holds no fuzz targets");
        return;
    };
    let mut names: Vec<_> = targets.map(|file| file.unwrap().path().file_stem().unwrap().to_owned()).collect();
    names.sort();
    let expected =
        ["event", "json", "kubeconfig", "node_json", "node_proto", "pod_json", "pod_proto", "quantity", "text"];
    assert_eq!(names, expected);
}
