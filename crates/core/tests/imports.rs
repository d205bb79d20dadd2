//! Checks which crate, and which folder of `sce-vitals`, may import which others, and
//! that no two files import each other.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The crates and the crates that each may depend on, lowest first.
const CRATES: [(&str, &[&str]); 7] = [
    ("crates/core", &[]),
    ("crates/cloud", &["sce-core"]),
    ("crates/study", &["sce-core"]),
    ("crates/vitals", &["sce-core", "sce-study"]),
    ("provision", &["sce-core", "sce-cloud"]),
    ("agent", &["sce-core", "sce-cloud", "sce-study", "sce-vitals"]),
    ("coordinator", &["sce-core", "sce-cloud", "sce-provision", "sce-vitals"]),
];

/// Dependencies that would give `core` I/O, a clock, randomness or async.
const NOT_IN_CORE: [&str; 6] = ["tokio", "rusqlite", "getrandom", "reqwest", "chrono", "rand"];

/// The folders and files of `sce-vitals`, lowest first: each imports only itself and
/// those before it in this list.
const VITALS: [&str; 14] = [
    "rules", "settings", "defect", "bytes", "formats", "tables", "spill", "input", "partial",
    "results", "outputs", "analysis", "bench", "lib",
];

/// A parser and the type that it returns.
const MAY_IMPORT_EACH_OTHER: [(&str, &str); 1] =
    [("crates/core/src/envelope/header.rs", "crates/core/src/envelope/header_wire.rs")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the dependencies of a crate without those of its tests.
fn dependencies(folder: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
    let normal = text.split("\n[dependencies]\n").nth(1).unwrap();
    let lines = normal.lines().take_while(|line| !line.starts_with('['));
    lines.filter_map(|line| Some(line.split(['.', ' ']).next()?.to_owned())).collect()
}

#[test]
fn the_crates_depend_one_way() {
    for (folder, allowed) in CRATES {
        let ours = dependencies(folder).into_iter().filter(|name| name.starts_with("sce-"));
        let wrong: Vec<String> = ours.filter(|name| !allowed.contains(&name.as_str())).collect();
        assert!(wrong.is_empty(), "{folder} depends on {wrong:?}");
    }
    let core = dependencies("crates/core");
    assert!(core.iter().all(|name| !NOT_IN_CORE.contains(&name.as_str())), "core stays pure");
    for folder in ["coordinator", "crates/study", "agent"] {
        let all = dependencies(folder);
        assert!(!all.iter().any(|name| name.starts_with("polars")), "{folder} has Polars");
    }
    let vitals = "sce-vitals.workspace = true";
    let coordinator = fs::read_to_string(root().join("coordinator/Cargo.toml")).unwrap();
    assert!(coordinator.contains(vitals), "the coordinator builds rules and settings only");
}

/// A source file: the path of its module within the crate, and its text without tests and
/// comments.
struct Source {
    file: String,
    module: Vec<String>,
    text: String,
}

fn sources(folder: &str) -> Vec<Source> {
    let src = root().join(folder).join("src");
    let mut found = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.extend(source(folder, &src, &path));
            }
        }
    }
    found
}

fn source(folder: &str, src: &Path, path: &Path) -> Option<Source> {
    let name = path.file_stem()?.to_str()?;
    if name == "tests" || name.ends_with("_tests") {
        return None;
    }
    let inner = path.strip_prefix(src).unwrap().with_extension("");
    let mut module: Vec<String> =
        inner.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if matches!(name, "mod" | "lib" | "main") {
        module.pop();
    }
    let text = fs::read_to_string(path).unwrap();
    let (text, tests) = text.split_once("\n#[cfg(test)]\n").unwrap_or((&text, ""));
    assert!(!tests.contains("\nuse "), "{}: tests come last", path.display());
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let file = format!("{folder}/src/{}", path.strip_prefix(src).unwrap().display());
    Some(Source { file, module, text: code.collect::<Vec<_>>().join("\n") })
}

/// Returns every path that a file names through `crate::`, `super::` or `self::`, as
/// modules of the crate; groups in braces are expanded.
fn paths(source: &Source) -> BTreeSet<Vec<String>> {
    let mut all = BTreeSet::new();
    let text = source.text.replace('\n', " ");
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in text.match_indices(start) {
            // In `x::self::`, the word is part of a longer path and not its start.
            let before = text[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let mut from = source.module.clone();
            let mut rest = &text[at..];
            if let Some(after) = rest.strip_prefix("crate::") {
                (from, rest) = (Vec::new(), after);
            } else if let Some(after) = rest.strip_prefix("self::") {
                rest = after;
            }
            while let Some(after) = rest.strip_prefix("super::") {
                from.pop();
                rest = after;
            }
            spread(&from, rest, &mut all);
        }
    }
    all
}

/// Adds the paths that start at `rest`, which may be a group in braces.
fn spread(from: &[String], rest: &str, all: &mut BTreeSet<Vec<String>>) {
    if let Some(group) = rest.strip_prefix('{') {
        let mut depth = 0;
        let mut start = 0;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    spread(from, group[start..at].trim(), all);
                    start = at + 1;
                    if c == '}' {
                        return;
                    }
                }
                _ => {}
            }
        }
        return;
    }
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    if name.is_empty() || name == "self" {
        all.insert(from.to_vec());
        return;
    }
    let mut path = from.to_vec();
    path.push(name.to_owned());
    match after.strip_prefix("::") {
        Some(after) => spread(&path, after, all),
        None => drop(all.insert(path)),
    }
}

/// Returns the files of a crate and, for each, the files whose items it names.
fn imports(folder: &str) -> BTreeMap<String, BTreeSet<String>> {
    let sources = sources(folder);
    let files: BTreeMap<&[String], &str> =
        sources.iter().map(|one| (one.module.as_slice(), one.file.as_str())).collect();
    let mut all = BTreeMap::new();
    for one in &sources {
        let targets: &mut BTreeSet<String> = all.entry(one.file.clone()).or_default();
        for path in paths(one) {
            // The longest prefix of the path that is a file.
            let found = (0..=path.len()).rev().find_map(|len| files.get(&path[..len]));
            // The path of a re-export (`crate::name`) leads to the crate's root.
            targets.extend(found.map(|file| (*file).to_owned()).filter(|file| *file != one.file));
        }
    }
    all
}

/// Returns the files of a cycle, if there is one.
fn cycle(imports: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit<'a>(
        file: &'a String,
        imports: &'a BTreeMap<String, BTreeSet<String>>,
        path: &mut Vec<&'a String>,
        done: &mut BTreeSet<&'a String>,
    ) -> Option<Vec<String>> {
        if let Some(at) = path.iter().position(|known| *known == file) {
            return Some(path[at..].iter().map(|file| (*file).clone()).collect());
        }
        if !done.insert(file) {
            return None;
        }
        path.push(file);
        let found = imports.get(file)?.iter().find_map(|to| visit(to, imports, path, done));
        path.pop();
        found
    }
    let mut done = BTreeSet::new();
    imports.keys().find_map(|file| visit(file, imports, &mut Vec::new(), &mut done))
}

#[test]
fn no_files_import_each_other() {
    for (folder, _) in CRATES {
        let mut imports = imports(folder);
        assert!(imports.len() > 3, "{folder} has sources");
        for (a, b) in MAY_IMPORT_EACH_OTHER {
            if let Some(of) = imports.get_mut(b) {
                assert!(of.remove(a), "{b} no longer imports {a}: remove the exception");
            }
        }
        assert_eq!(cycle(&imports), None, "files that import each other");
    }
}

#[test]
fn a_cycle_is_found() {
    let of =
        |file: &str, to: &[&str]| (file.to_owned(), to.iter().map(|to| (*to).to_owned()).collect());
    let chain = BTreeMap::from([of("a", &["b", "c"]), of("b", &["c"]), of("c", &[])]);
    assert_eq!(cycle(&chain), None);
    let circle = BTreeMap::from([of("a", &["b"]), of("b", &["c"]), of("c", &["b"])]);
    assert_eq!(cycle(&circle), Some(vec!["b".to_owned(), "c".to_owned()]));
    let module = vec!["formats".to_owned(), "wide".to_owned()];
    let text = "use crate::{bytes::{header::{self, find}, json}, rules}; super::long::f()";
    let source = Source { file: String::new(), module, text: text.to_owned() };
    let found: Vec<String> = paths(&source).iter().map(|path| path.join("::")).collect();
    assert_eq!(
        found,
        ["bytes::header", "bytes::header::find", "bytes::json", "formats::long::f", "rules"]
    );
}

#[test]
fn the_folders_of_vitals_import_downwards() {
    let level = |file: &str| {
        let inner = file.strip_prefix("crates/vitals/src/").unwrap();
        let top = inner.split('/').next().unwrap().trim_end_matches(".rs");
        VITALS
            .iter()
            .position(|known| *known == top)
            .unwrap_or_else(|| panic!("{file}: which level?"))
    };
    let mut wrong = Vec::new();
    for (file, targets) in imports("crates/vitals") {
        let upwards = targets.iter().filter(|target| level(target) > level(&file));
        wrong.extend(upwards.map(|target| format!("{file} imports {target}")));
    }
    assert!(wrong.is_empty(), "imports of a higher level:\n{}", wrong.join("\n"));
}
