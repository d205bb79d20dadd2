//! House rules that the compiler does not check: lengths, headers, leftovers, and
//! no I/O in `core`. They run with the tests of `core` and read the whole project.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The longest Rust file, in lines.
const FILE_LINES_MAX: usize = 400;
/// The longest function, in lines.
const FUNCTION_LINES_MAX: usize = 70;
/// The longest line, in characters (rustfmt does not break long strings).
const LINE_CHARS_MAX: usize = 200;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns name and text of every file in git's index, or untracked and not ignored.
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let list = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(list.status.success(), "git ls-files: run the tests in a clone");
    let names = String::from_utf8(list.stdout).unwrap();
    let wanted = |name: &&str| endings.iter().any(|ending| name.ends_with(ending));
    names
        .lines()
        .filter(wanted)
        .filter_map(|name| Some((name.to_owned(), fs::read_to_string(root().join(name)).ok()?)))
        .collect()
}

fn check(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[test]
fn files_and_lines_are_short() {
    let mut broken = Vec::new();
    for (name, text) in files(&[".rs"]) {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            broken.push(format!("{name}: {lines} lines"));
        }
        let long = |(_, line): &(usize, &str)| line.chars().count() > LINE_CHARS_MAX;
        broken.extend((1..).zip(text.lines()).filter(long).map(|(n, _)| format!("{name}:{n}")));
    }
    check("files of at most 400 lines, lines of at most 200 characters", &broken);
}

/// Finds long functions by rustfmt's indentation: a function ends at the first `}` that is
/// indented like its first line.
fn long_functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let is_function = |line: &str| {
        // Only qualifiers precede the `fn` of a function; elsewhere it is a type or text.
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "fn");
        at.is_some_and(|at| {
            words[..at].iter().all(|w| {
                w.starts_with("pub") || matches!(*w, "async" | "const" | "unsafe" | "extern")
            })
        })
    };
    let mut long = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| is_function(line)) {
        // A signature without a body ends at its semicolon.
        let ends = |l: &&str| {
            indent(l) == indent(line) && (l.trim_start().starts_with('}') || l.ends_with(';'))
        };
        let length = lines[at..].iter().position(ends).map_or(1, |end| end + 1);
        if length > FUNCTION_LINES_MAX {
            long.push((at + 1, length));
        }
    }
    long
}

#[test]
fn functions_fit_a_screen() {
    let mut broken = Vec::new();
    // Tests may be longer: a table of cases has as many lines as cases.
    let tests = |(name, _): &(String, String)| name.contains("tests");
    for (name, text) in files(&[".rs"]).into_iter().filter(|file| !tests(file)) {
        let long = long_functions(text.split("#[cfg(test)]").next().unwrap_or_default());
        broken.extend(long.iter().map(|(line, length)| format!("{name}:{line}: {length} lines")));
    }
    check("functions of at most 70 lines", &broken);
}

#[test]
fn a_long_function_is_seen() {
    let text = format!("impl X {{\n    pub fn f() {{\n{}    }}\n}}\n", "        a();\n".repeat(70));
    assert_eq!(long_functions(&text), [(2, 72)]);
}

#[test]
fn every_module_says_what_it_is_for() {
    let headless = |(name, text): (String, String)| (!text.starts_with("//! ")).then_some(name);
    let broken: Vec<_> = files(&[".rs"]).into_iter().filter_map(headless).collect();
    check("a module opens with a //! header", &broken);
}

#[test]
fn nothing_is_left_behind() {
    // Written in two parts, so that this test does not find its own text.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("db", "g!("),
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
    ];
    let mut broken = Vec::new();
    for (name, text) in files(&[".rs", ".py", ".sh", ".toml", ".yaml", "Makefile", ".ci/run"]) {
        for (line, content) in (1..).zip(text.lines()) {
            if marks.iter().any(|mark| content.contains(mark)) {
                broken.push(format!("{name}:{line}"));
            }
        }
    }
    check("no marks left in the code", &broken);
}

#[test]
fn nothing_names_the_machine_it_was_written_on() {
    let homes = [
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/wo", "rk/"),
        concat!("index.", "crates.io"),
    ];
    let mut broken = Vec::new();
    for (name, text) in files(&[".rs", ".py", ".sh", ".md", ".toml", "Makefile", "run"]) {
        for (line, content) in (1..).zip(text.lines()) {
            // Only at the start of a path, not within one.
            let absolute = |home: &str| {
                content.match_indices(home).any(|(at, _)| {
                    !content[..at].ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '_')
                })
            };
            if homes.iter().any(|home| absolute(home)) {
                broken.push(format!("{name}:{line}"));
            }
        }
    }
    check("no path of a machine, no registry's host", &broken);
}

#[test]
fn rules_touch_nothing_outside() {
    let outside = [
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "SystemTime::now",
        "Instant::now",
        "async fn",
    ];
    let mut broken = Vec::new();
    for (name, text) in files(&[".rs"]).iter().filter(|(name, _)| {
        ["crates/core/src/", "crates/vitals/src/rules/"].iter().any(|of| name.starts_with(of))
    }) {
        let found = outside.iter().filter(|call| text.contains(**call));
        broken.extend(found.map(|call| format!("{name}: {call}")));
    }
    check("core and the rules of vitals do no I/O and read no clock", &broken);
}

/// Words that readers stumble on: say who does what, in the usual order. The
/// glossary (docs/GLOSSARY.md) has the word for each concept.
const STUMBLES: [&str; 13] = [
    "nobody",
    "somebody",
    "whoever",
    "anybody",
    "is told",
    "are told",
    "told by",
    "tells of",
    "anew",
    "seldom",
    "set aside",
    "consolidate",
    "a person's to",
];

/// The words of a line that readers stumble on.
fn stumbles(line: &str) -> Vec<&'static str> {
    let lower = line.to_lowercase();
    let is_word = |(at, word): (usize, &str)| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        !lower[..at].ends_with(is_part) && !lower[at + word.len()..].starts_with(is_part)
    };
    STUMBLES.into_iter().filter(|word| lower.match_indices(word).any(is_word)).collect()
}

#[test]
fn texts_are_in_plain_english() {
    let own = ["docs/GLOSSARY.md", "crates/core/tests/tidy.rs"];
    // CloudFormation replaces a security group whose description changes.
    let is_fixed = |line: &str| line.contains("GroupDescription:");
    let mut broken = Vec::new();
    for (name, text) in files(&[".rs", ".md", ".py", ".sh", ".toml", ".yaml", ".mjs", "Makefile"]) {
        if own.contains(&name.as_str()) {
            continue;
        }
        for (line, content) in (1..).zip(text.lines()).filter(|(_, line)| !is_fixed(line)) {
            broken.extend(stumbles(content).iter().map(|word| format!("{name}:{line}: {word}")));
        }
    }
    check("words that readers know", &broken);
}

#[test]
fn a_stumble_is_seen() {
    assert_eq!(stumbles("// What Nobody knows, is told anew."), ["nobody", "is told", "anew"]);
    assert!(stumbles("// a renewal that this told").is_empty());
}
