//! `sce seal` and `sce open`: a local file opens completely or not at all.

use crate::support::Project;

#[test]
fn one_file_opens_completely_or_not_at_all() {
    let project = Project::new();
    project.synth(300, 1);
    let plain = project.read("plain/part-000001.csv");
    let seal = |more: &[&str]| {
        project.sce(&[&["seal", "plain/part-000001.csv", "part-000001.csv.sealed"], more].concat())
    };
    seal(&["--frame-length", "1000"]).exits(0);
    project.sce(&["open", "part-000001.csv.sealed", "back"]).exits(0);
    assert!(project.read("back") == plain);
    let open =
        |more: &[&str]| project.sce(&[&["open", "part-000001.csv.sealed", "none"], more].concat());
    project.sce(&["key", "new", "other.key"]).exits(0);
    for more in
        [&["--object", "part-000002.csv"][..], &["--pit", "other"], &["--key-file", "other.key"]]
    {
        let refused = open(more).exits(1);
        assert!(refused.only_line().contains("part-000001.csv.sealed"), "{refused:?}");
    }
    project.alter("part-000001.csv.sealed", |bytes| {
        let late = bytes.len() - 30;
        bytes[late] ^= 1;
    });
    let refused = open(&[]).exits(1);
    assert!(refused.only_line().contains("tag does not verify"), "{refused:?}");
    assert!(!project.path("none").exists(), "an unverified file was written");
    seal(&["--frame-length", "0"]).exits(2).only_line();
    seal(&["--frame-length", "16777217"]).exits(2).only_line();
    project.sce(&["open", "absent.sealed", "none"]).exits(2).only_line();
}
