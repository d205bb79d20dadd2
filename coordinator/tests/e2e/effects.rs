//! The effects in the pseudo-data are recovered from its files.

use crate::support::Project;

#[test]
fn the_truth_of_both_variants_is_recovered() {
    let project = Project::empty();
    project.python("test", "tests/python/effects_selftest.py", &[]).exits(0);
    for variant in ["repaired", "as-printed"] {
        let flag = format!("--{variant}");
        project.sce(&["synth", "--out", variant, &flag, "--objects", "5"]).exits(0);
        let files = project.files_in(variant);
        let mut args: Vec<&str> = files.iter().map(String::as_str).collect();
        args.extend(["--out", "out"]);
        project.analyze(&args).exits(0);
        let check = ["check", "--plain", variant, "--results", "out"];
        project.python("test", "tests/python/effects.py", &check).exits(0);
        let recovered = ["recovered", "--variant", variant, "--results", "out"];
        project.python("test", "tests/python/effects.py", &recovered).exits(0);
    }
}
