//! Which file names which: the `use` lines and the inline paths of every module, read as text.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

/// A module as the segments of its path below the crate; empty for `lib.rs`.
pub(super) type Module = Vec<String>;

/// For each module the modules that its file names, without tests.
#[derive(Debug, Default)]
pub(super) struct Imports(pub(super) BTreeMap<Module, BTreeSet<Module>>);

impl Imports {
    /// Reads every file below a folder of sources.
    pub(super) fn read(root: &Path) -> Self {
        let mut files = Vec::new();
        super::sources(root, &mut files);
        let sources = files.iter().map(|file| {
            let relative = file.strip_prefix(root).unwrap().with_extension("");
            let module: Module = relative.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            (module, fs::read_to_string(file).unwrap())
        });
        Self::of(sources.filter(|(module, _)| *module != ["main"]).collect())
    }

    /// The imports of these files.
    pub(super) fn of(sources: BTreeMap<Module, String>) -> Self {
        let mut texts: BTreeMap<Module, String> = sources
            .into_iter()
            .map(|(module, text)| (if module == ["lib"] { Module::new() } else { module }, text))
            .collect();
        let mut excluded: Vec<Module> = Vec::new();
        for (module, text) in &mut texts {
            let (code, declared) = without_tests(&bare(text));
            *text = code;
            excluded.extend(declared.into_iter().map(|child| [module.as_slice(), &[child]].concat()));
        }
        texts.retain(|module, _| !excluded.iter().any(|test| module.starts_with(test)));
        let known: BTreeSet<Module> = texts.keys().cloned().collect();
        let imports = texts.iter().map(|(module, code)| {
            let named = paths(code).into_iter().filter_map(|path| resolve(&known, module, &path));
            (module.clone(), named.filter(|other| !is_family(module, other)).collect())
        });
        Self(imports.collect())
    }

    /// The shortest circle of files that import each other, first and last the same; `None` if there is none.
    pub(super) fn circle(&self) -> Option<Vec<Module>> {
        self.0.keys().filter_map(|start| self.way_back(start)).min_by_key(Vec::len)
    }

    /// The shortest way from a module over others back to itself.
    fn way_back(&self, start: &Module) -> Option<Vec<Module>> {
        let mut before: BTreeMap<&Module, &Module> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(module) = queue.pop_front() {
            for next in self.0.get(module).into_iter().flatten() {
                if next == start {
                    let back = std::iter::successors(Some(module), |at| before.get(at).copied());
                    let mut way: Vec<Module> = std::iter::once(start).chain(back).cloned().collect();
                    way.reverse();
                    return Some(way);
                }
                if !before.contains_key(next) {
                    before.insert(next, module);
                    queue.push_back(next);
                }
            }
        }
        None
    }
}

/// A parent and its own children may name each other.
fn is_family(a: &Module, b: &Module) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// The file that a path written in `module` leads into; `None` for another crate, the crate's root and what is no path.
fn resolve(known: &BTreeSet<Module>, module: &Module, path: &[String]) -> Option<Module> {
    let ups = path.iter().take_while(|segment| *segment == "super").count();
    let mut target: Module = match path.first()?.as_str() {
        "crate" => path[1..].to_vec(),
        "self" => [module.as_slice(), &path[1..]].concat(),
        "super" => [&module[..module.len().checked_sub(ups)?], &path[ups..]].concat(),
        _ => [module.as_slice(), path].concat(),
    };
    while !target.is_empty() && !known.contains(&target) {
        target.pop();
    }
    Some(target).filter(|target| !target.is_empty())
}

/// Every path of the code that begins with `crate`, `self` or `super`, and those of `use` lines whatever they begin with.
fn paths(code: &str) -> Vec<Vec<String>> {
    let words = words(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let starts = matches!(words[at], "crate" | "self" | "super") && words.get(at + 1) == Some(&"::");
        if words[at] == "use" {
            at = tree(&words, at + 1, &[], &mut found);
        } else if starts {
            at = tree(&words, at, &[], &mut found);
        }
        at += 1;
    }
    found
}

/// Expands `a::{b, c::d}` from word `at` on, below `prefix`; the index of the word behind it.
fn tree(words: &[&str], mut at: usize, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    while let Some(word) = words.get(at) {
        match *word {
            "{" if words[at - 1] == "::" => {
                loop {
                    at = tree(words, at + 1, &path, found);
                    if words.get(at) != Some(&",") {
                        break;
                    }
                }
                return at + 1;
            }
            "::" => at += 1,
            word if is_name(word) && (path.len() == prefix.len() || words[at - 1] == "::") => {
                path.push(word.to_owned());
                at += 1;
            }
            _ => break,
        }
    }
    if path.len() > prefix.len() {
        found.push(path);
    }
    // `as NAME` renames, and names nothing.
    while words.get(at).is_some_and(|word| *word == "as" || *word == "*" || words[at - 1] == "as") {
        at += 1;
    }
    at
}

fn is_name(word: &str) -> bool {
    word != "as" && word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Names, `::`, and every other character for itself.
fn words(code: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let end = if is_part(first) {
            rest.find(|c| !is_part(c)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

/// The code without items under `#[cfg(test)]`, and the names of the file modules among these.
fn without_tests(code: &str) -> (String, Vec<String>) {
    let (mut kept, mut declared, mut rest) = (String::new(), Vec::new(), code);
    while let Some((before, after)) = ["#[cfg(test)]", "#[cfg(any(test"]
        .iter()
        .filter_map(|attribute| Some((&rest[..rest.find(attribute)?], &rest[rest.find(attribute)?..])))
        .min_by_key(|(before, _)| before.len())
    {
        kept.push_str(before);
        let end = item_end(after);
        let item = words(&after[..end]);
        if let Some(at) = item.iter().position(|word| *word == "mod")
            && item.get(at + 2) == Some(&";")
        {
            declared.push(item[at + 1].to_owned());
        }
        rest = &after[end..];
    }
    kept.push_str(rest);
    (kept, declared)
}

/// Where the item at the start of the code ends: behind its `;` or its body.
fn item_end(code: &str) -> usize {
    let mut depth = 0_i32;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(c, ';' | '}') {
            return at + 1;
        }
    }
    code.len()
}

/// Code without comments, strings and character literals.
fn bare(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '"' || (rest.starts_with('r') && !out.ends_with(|c: char| c.is_alphanumeric() || c == '_')) {
            string_end(rest)
        } else if first == '\'' {
            character_end(rest)
        } else {
            0
        };
        let step = skipped.max(first.len_utf8());
        out.push_str(if skipped > 0 { " " } else { &rest[..step] });
        rest = &rest[step..];
    }
    out
}

/// The length of a string, raw or not; 0 if there is none.
fn string_end(code: &str) -> usize {
    let body = code.trim_start_matches('r');
    let hashes = if body.len() < code.len() { body.len() - body.trim_start_matches('#').len() } else { 0 };
    let start = code.len() - body.len() + hashes;
    if !code[start..].starts_with('"') {
        return 0;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    if start > 0 {
        return code[start + 1..].find(&close).map_or(code.len(), |end| start + 1 + end + close.len());
    }
    let mut escaped = false;
    for (at, c) in code.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    code.len()
}

/// The length of a character literal; 0 for a lifetime.
fn character_end(code: &str) -> usize {
    let mut chars = code.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, c))) => {
            code[at + c.len_utf8()..].find('\'').map_or(0, |end| at + c.len_utf8() + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}
