//! Help texts, completions and man pages.

use std::fs;

use crate::support::{Output, Project, finish, sce, workspace};

const COMMANDS: [&[&str]; 28] = [
    &["init"],
    &["demo"],
    &["synth"],
    &["key"],
    &["key", "new"],
    &["key", "wrap"],
    &["seal"],
    &["open"],
    &["put"],
    &["run"],
    &["watch"],
    &["names"],
    &["runs"],
    &["results"],
    &["retry"],
    &["cancel"],
    &["audit"],
    &["cost"],
    &["intake"],
    &["reap"],
    &["env"],
    &["env", "render"],
    &["env", "up"],
    &["env", "status"],
    &["env", "verify"],
    &["env", "down"],
    &["completions"],
    &["man"],
];
/// Options that have no default, because they have no effect unless given.
const NO_DEFAULT: [&str; 13] = [
    "--prefix",
    "--ssh-from",
    "--email",
    "--refused",
    "--manifest",
    "--max-hourly-cost",
    "--tables",
    "--out",
    "--worker",
    "--object",
    "--version",
    "--leave-out",
    "--from-env",
];

fn agent(project: &Project, args: &[&str]) -> Output {
    finish(project.command(sce().with_file_name("sce-agent")).args(args))
}

/// The top-level help without this test's settings and trailing spaces.
fn shown(project: &Project, name: &str) -> String {
    let mut command = project.command(sce().with_file_name(name));
    let help = finish(command.arg("--help").env_remove("SCE_LEASE_SECONDS")).exits(0).stdout;
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_end())
}

/// Asserts that every option with a value states its default.
fn assert_defaults(help: &Output) {
    let lines: Vec<&str> = help.stdout.lines().map(str::trim).collect();
    let starts =
        |line: &str| line.starts_with("--") || line.starts_with("-h") || line.starts_with("-V");
    for (at, line) in
        lines.iter().enumerate().filter(|(_, line)| starts(line) && line.contains('<'))
    {
        let rest = lines[at + 1..].iter().take_while(|line| !starts(line));
        let text: Vec<&str> = std::iter::once(line).chain(rest).copied().collect();
        let option = line.split(' ').next().unwrap_or_default();
        let stated = NO_DEFAULT.contains(&option) || text.join(" ").contains("[default: ");
        assert!(stated, "{option} states no default: {text:?}");
    }
}

#[test]
fn every_command_has_a_help_text_with_defaults() {
    let project = Project::empty();
    for command in COMMANDS {
        let help = project.sce(&[command, &["--help"]].concat()).exits(0);
        assert!(help.stdout.contains(&format!("Usage: sce {}", command.join(" "))), "{help:?}");
        assert_defaults(&help);
    }
    for command in [&["work"][..], &["analyze"], &["terminate"]] {
        let help = agent(&project, &[command, &["--help"]].concat()).exits(0);
        assert!(
            help.stdout.contains(&format!("Usage: sce-agent {}", command.join(" "))),
            "{help:?}"
        );
        assert_defaults(&help);
    }
    for wrong in
        [&["no-such-command"][..], &[], &["run", "--workers", "1001"], &["put"], &["watch"]]
    {
        project.sce(wrong).exits(2);
    }
    agent(&project, &["no-such-command"]).exits(2);
}

#[test]
fn the_top_level_help_is_as_reviewed() {
    let project = Project::empty();
    for name in ["sce", "sce-agent"] {
        let shown = shown(&project, name);
        for code in ["0  done", "1  finished", "2  usage or configuration", "3  infrastructure"] {
            assert!(shown.contains(code), "{shown}");
        }
        let path = workspace().join(format!("coordinator/tests/e2e/{name}.help.txt"));
        if std::env::var_os("SCE_WRITE_SNAPSHOTS").is_some() {
            fs::write(&path, &shown).unwrap();
        }
        let reviewed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            shown == reviewed,
            "differs from {name}.help.txt; if it should, test again with SCE_WRITE_SNAPSHOTS=1:\n{shown}"
        );
    }
}

#[test]
fn completions_and_man_pages_are_produced() {
    let project = Project::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = project.sce(&["completions", shell]).exits(0);
        assert!(
            script.stdout.contains("sce") && script.stdout.contains("lease-seconds"),
            "{shell}"
        );
    }
    project.sce(&["man", "--out", "pages"]).exits(0);
    for page in ["sce.1", "sce-run.1", "sce-put.1", "sce-key-new.1"] {
        let text = String::from_utf8(project.read(&format!("pages/{page}"))).unwrap();
        assert!(text.contains(".SH") && text.contains("lease\\-seconds"), "{page}");
    }
    let version = project.sce(&["--version"]).exits(0);
    assert!(version.stdout.starts_with("sce "), "{version:?}");
}
