//! No circle of imports, and only downwards inside `model`.

use std::collections::BTreeMap;
use std::path::Path;

use super::imports::{Imports, Module};

/// The layers of `model`, from the leaves up. A layer names itself and those before it.
const MODEL: [&[&str]; 7] = [
    &["known", "natural", "rules", "settings", "sorter", "time"],
    &["store"],
    &["derive"],
    &["table"],
    &["alerts"],
    &["cluster"],
    &["app"],
];

fn imports() -> Imports {
    Imports::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn written(way: &[Module]) -> String {
    way.iter().map(|module| module.join("::")).collect::<Vec<_>>().join(" → ")
}

#[test]
fn no_two_files_import_each_other_but_a_parent_and_its_children() {
    let imports = imports();
    assert!(imports.0.len() > 100, "only {} files were read: the test looks in the wrong place", imports.0.len());
    assert_eq!(imports.circle().map(|way| written(&way)), None, "a circle of imports");
}

#[test]
fn inside_the_model_imports_go_only_downwards() {
    let rank =
        |module: &Module| MODEL.iter().position(|layer| layer.contains(&module.get(1).map_or("", String::as_str)));
    let mut wrong = Vec::new();
    for (module, named) in imports().0.iter().filter(|(module, _)| module.first().is_some_and(|first| first == "model"))
    {
        for other in named.iter().filter(|other| other[0] == "model") {
            if let (Some(from), Some(to)) = (rank(module), rank(other))
                && to > from
            {
                wrong.push(format!("{} names {}", module.join("::"), other.join("::")));
            }
        }
        let known = module.len() == 1 || rank(module).is_some();
        assert!(known, "{} belongs to no layer", module.join("::"));
    }
    assert_eq!(wrong, Vec::<String>::new(), "imports upwards inside `model`");
}

fn read(sources: &[(&str, &str)]) -> Imports {
    let module = |name: &str| name.split("::").map(str::to_owned).collect::<Module>();
    Imports::of(sources.iter().map(|(name, text)| (module(name), (*text).to_owned())).collect::<BTreeMap<_, _>>())
}

#[test]
fn a_circle_is_found_in_use_lines_and_in_inline_paths_and_printed() {
    let circle = read(&[
        ("a", "use crate::{x, b::{self, Thing as Other}};"),
        ("b", "fn f() -> super::c::Thing { \"use crate::a;\" }"),
        ("c", "pub(crate) use super::a::deep::Name;\n"),
    ]);
    assert_eq!(circle.circle().map(|way| written(&way)), Some("a → b → c → a".to_owned()));
}

#[test]
fn families_comments_texts_and_tests_make_no_circle() {
    let tree = read(&[
        (
            "a",
            "mod child; use child::Thing; // use crate::b;\n/* crate::b */ const X: (char, &str) = ('\"', r#\"crate::b\"#);",
        ),
        ("a::child", "use super::Whole; use super::super::b::Thing;"),
        ("b", "#[cfg(test)]\nmod tests { use crate::a; }\n#[cfg(test)]\nmod fixture;\nfn f<'a>(x: &'a str) {}"),
        ("b::fixture", "use crate::a::child;"),
    ]);
    assert_eq!(tree.circle().map(|way| written(&way)), None);
    assert!(tree.0[&vec!["a".to_owned(), "child".to_owned()]].contains(&vec!["b".to_owned()]));
    assert!(!tree.0.contains_key(&vec!["b".to_owned(), "fixture".to_owned()]));
}
