//! Damaged SQLite files: one line names the file and the remedy, and the remedy
//! works.

use std::fs;

use crate::support::Project;

fn damage(project: &Project, name: &str) {
    for file in [format!("{name}-wal"), format!("{name}-shm")] {
        let _ = fs::remove_file(project.path(&file));
    }
    project.write(name, vec![0x5a; 20_000]);
}

#[test]
fn a_damaged_queue_is_named_and_replaced_by_the_next_watch() {
    let project = Project::with_data(100, 3);
    let started = project.run(&["--detach", "--workers", "0"]).exits(0);
    damage(&project, ".sce/queue.sqlite");
    for args in [&["run"][..], &["watch", &started.run()], &["runs"], &["put", "plain"]] {
        let refused = project.sce(args).exits(3);
        let line = refused.only_line();
        assert!(line.contains("damaged file") && line.contains(".sce/queue.sqlite: "), "{line}");
        assert!(line.contains("move the file away and run `sce watch RUN`"), "{line}");
    }
    fs::rename(project.path(".sce/queue.sqlite"), project.path("moved")).unwrap();
    let ended =
        project.sce(&["watch", &started.run(), "--workers", "2", "--output", "json"]).exits(0);
    assert_eq!(ended.json()["counts"]["analyzed"], 3);
}

#[test]
fn a_damaged_ledger_is_named_and_a_copy_restores_everything() {
    let project = Project::with_data(100, 3);
    let ran = project.run(&[]).exits(0);
    let copy = project.read(".sce/ledger.sqlite");
    damage(&project, ".sce/ledger.sqlite");
    for args in [&["run"][..], &["results", &ran.run(), "--out", "out"], &["put", "plain"]] {
        let refused = project.sce(args).exits(3);
        let line = refused.only_line();
        assert!(line.contains("damaged file") && line.contains(".sce/ledger.sqlite: "), "{line}");
        assert!(line.contains("restore the file from a copy"), "{line}");
    }
    project.write(".sce/ledger.sqlite", copy);
    project.results(&ran.run(), "out", 0);
    project.check_by_reference("out", &[]);
}

#[test]
fn a_ledger_damaged_in_its_middle_is_never_read_as_something_else() {
    let project = Project::with_data(400, 40);
    project.run(&[]).exits(0);
    project.alter(".sce/ledger.sqlite", |bytes| {
        let (from, to) = (4096, bytes.len());
        bytes[from..to].fill(0x5a);
    });
    let refused = project.sce(&["run"]).exits(3);
    assert!(refused.only_line().contains(".sce/ledger.sqlite: "), "{refused:?}");
}
