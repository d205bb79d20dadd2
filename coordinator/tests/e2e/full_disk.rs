//! A full disk: one line, exit code 3, nothing committed is lost, and the work
//! continues once there is space again.
//!
//! There are two ways to fill a disk. A limit on file sizes works for any user,
//! but the error is then "file too large". A small tmpfs gives the real error,
//! but needs root to mount it (in its own mount namespace, so that the machine
//! is not changed).

use std::fs;

use crate::support::{Output, Project, finish, sce};

/// Runs `sce` with a limit on file sizes, in KiB.
fn limited(project: &Project, kib: u32, args: &[&str]) -> Output {
    // The signal is ignored, so that the write fails instead of ending the process.
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", kib * 2);
    finish(project.command("sh").args(["-c", &script, "sh"]).arg(sce()).args(args))
}

#[test]
fn a_file_that_cannot_grow_is_an_infrastructure_error_and_a_repeat_continues() {
    let project = Project::new();
    project.synth(4000, 4);
    project.sce(&["put", "plain/part-000001.csv"]).exits(0);
    let refused =
        limited(&project, 100, &["put", "plain/part-000002.csv", "plain/part-000003.csv"]).exits(3);
    assert!(refused.only_line().contains("put object part-000002.csv: "), "{refused:?}");
    assert!(
        !project.path(".sce/objects/data/part-000002.csv").exists(),
        "an incomplete object is left"
    );
    project.sce(&["put", "plain/part-000002.csv", "plain/part-000003.csv"]).exits(0);
    let sealed =
        limited(&project, 100, &["seal", "plain/part-000004.csv", "part-000004.csv.sealed"])
            .exits(3);
    assert!(sealed.only_line().contains("write part-000004.csv.sealed: "), "{sealed:?}");
    assert!(!project.path("part-000004.csv.sealed").exists(), "an incomplete file is left");
    let synth = limited(&project, 100, &["synth", "--out", "more", "--objects", "1"]).exits(3);
    assert!(synth.stderr.contains("more/"), "{synth:?}");
    project.sce(&["synth", "--out", "plain"]).exits(2);
    fs::remove_file(project.path("plain/part-000004.csv")).unwrap();
    let ran = project.run(&[]).exits(0);
    project.results(&ran.run(), "out", 0);
    project.check_by_reference("out", &[]);
    let refused = limited(&project, 64, &["results", &ran.run(), "--out", "small"]).exits(3);
    assert!(refused.only_line().contains("write small/"), "{refused:?}");
}

#[test]
fn a_full_device_is_named_in_the_error() {
    let project = Project::new();
    project.synth(100, 1);
    project.sce(&["seal", "plain/part-000001.csv", "part-000001.csv.sealed"]).exits(0);
    let refused = project.sce(&["open", "part-000001.csv.sealed", "/dev/full"]).exits(3);
    assert!(
        refused.only_line().contains("write /dev/full: No space left on device"),
        "{refused:?}"
    );
}

#[test]
fn standard_output_that_is_full_or_closed_is_no_panic() {
    let project = Project::new();
    for (script, code) in
        [("\"$1\" runs >/dev/full", 3), ("(\"$1\" runs; echo $? >code) | true; exit 0", 0)]
    {
        let mut command = project.command("sh");
        let output = finish(command.args(["-c", script, "sh"]).arg(sce())).exits(code);
        assert_eq!(
            output.stderr.contains("write standard output: No space left"),
            code == 3,
            "{output:?}"
        );
        assert!(!output.stderr.contains("panicked"), "{output:?}");
    }
    assert_eq!(project.read("code"), b"0\n");
}

/// A script for its own mount namespace: .sce is on a tmpfs with a few KiB left,
/// then with none, at a put and at a run; each time there is space again
/// afterwards.
const FULL: &str = r#"
    mount -t tmpfs -o size=8m,mode=0700 tmpfs .sce && sce=$1 || exit 90
    leave() { dd if=/dev/zero of=.sce/filler bs=4096 2>/dev/null; truncate -s "-$1" .sce/filler; }
    again() { rm .sce/filler; "$@"; }
    "$sce" put plain/part-000001.csv || exit 91
    leave 200K; "$sce" put --replace plain 2>put.err; echo $? >put.code
    leave 0; "$sce" put --replace plain 2>none.err; echo $? >none.code
    again "$sce" put --replace plain || exit 92
    leave 300K; "$sce" run 2>run.err; echo $? >run.code
    again "$sce" runs --output json | sed 's/.*"run":"\([0-9a-f]*\)".*/\1/' >run
    "$sce" watch "$(cat run)" >watch.out 2>&1; echo $? >watch.code
    "$sce" results "$(cat run)" --out out || exit 93
"#;

#[test]
#[ignore = "needs root"]
fn a_full_disk_loses_nothing_that_was_committed() {
    let project = Project::new();
    project.synth(4000, 4);
    let mut command = project.command("unshare");
    finish(command.args(["--mount", "sh", "-c", FULL, "sh"]).arg(sce())).exits(0);
    let text = |name: &str| String::from_utf8(project.read(name)).unwrap();
    for (step, remedy) in
        [("put", "free space and repeat"), ("run", "free space and repeat"), ("none", "")]
    {
        let (code, stderr) = (text(&format!("{step}.code")), text(&format!("{step}.err")));
        assert_eq!(code.trim(), "3", "{step}: {stderr}");
        let lines: Vec<&str> = stderr.lines().filter(|line| line.starts_with("sce: ")).collect();
        assert!(lines.len() == 1 && lines[0].ends_with(remedy), "{step}: {stderr}");
    }
    assert_eq!(text("watch.code").trim(), "0", "{}", text("watch.out"));
    project.check_by_reference("out", &[]);
}
