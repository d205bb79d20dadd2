//! `sce.toml`: what overrides it, and the errors if it cannot be read.

use std::fs;

use crate::support::{Project, files_under, finish, sce};

#[test]
fn flags_override_the_environment_which_overrides_the_file() {
    let project = Project::new();
    project.write("part-000001.csv", "x\n");
    project.alter("sce.toml", |text| {
        let changed =
            String::from_utf8_lossy(text).replace("pit = \"hipaa\"", "pit = \"from-file\"");
        *text = changed.into_bytes();
    });
    let seal = |more: &[&str], env: Option<&str>| {
        let mut command = project.command(sce());
        command.args(["seal", "part-000001.csv", "part-000001.csv.sealed"]).args(more);
        command.envs(env.map(|pit| ("SCE_PIT", pit)));
        finish(&mut command).exits(0);
        project.read("part-000001.csv.sealed")
    };
    let holds =
        |sealed: &[u8], pit: &str| sealed.windows(pit.len()).any(|window| window == pit.as_bytes());
    for (more, env, pit) in [
        (&[][..], None, "from-file"),
        (&[], Some("from-env"), "from-env"),
        (&["--pit", "from-flag"], Some("from-env"), "from-flag"),
    ] {
        let sealed = seal(more, env);
        for other in ["from-file", "from-env", "from-flag"] {
            assert_eq!(holds(&sealed, other), other == pit, "{other} where {pit} wins");
        }
    }
}

#[test]
fn flags_with_paths_reach_the_workers() {
    let project = Project::with_data(50, 2);
    fs::rename(project.path(".sce"), project.path("elsewhere")).unwrap();
    fs::rename(project.path("homer.key"), project.path("moved.key")).unwrap();
    let places = ["--root", "elsewhere", "--hipaa", "volume", "--key-file", "moved.key"];
    let ran = project.run(&places).exits(0);
    assert_eq!(ran.json()["counts"]["analyzed"], 2);
    assert!(!project.path(".sce").exists());
    assert_eq!(files_under(&project.path("volume")), Vec::<std::path::PathBuf>::new());
    // From another directory the same project is found by --config.
    fs::create_dir(project.path("sub")).unwrap();
    let mut command = project.command(sce());
    command.args(["runs", "--output", "json", "--config", "../sce.toml", "--root", "../elsewhere"]);
    command.args(["--key-file", "../moved.key"]).current_dir(project.path("sub"));
    assert_eq!(finish(&mut command).exits(0).run(), ran.run());
}

#[test]
fn unreadable_settings_give_one_line_with_the_location_and_the_remedy() {
    let project = Project::new();
    for (text, expected) in [
        ("pit = \"hipaa\"\nmode = \n", "sce.toml line 2: "),
        ("# one\n\nlease_second = 3\n", "sce.toml line 3: unknown field `lease_second`"),
        ("[study]\nformat = 7\n", "sce.toml: study.format: invalid type: integer `7`"),
        (
            "[study.range]\nweight = [9, 5]\n",
            "sce.toml: study.range.weight: the bounds must ascend, from 0 at least to 1000 at most",
        ),
        ("poll_milliseconds = 0\n", "sce.toml: poll_milliseconds must be 1 to 20000"),
        ("pit = \"\u{fffd}", "sce.toml line 1: "),
    ] {
        project.write("sce.toml", text);
        let refused = project.sce(&["run"]).exits(2);
        assert!(refused.only_line().contains(expected), "{refused:?}");
    }
    project.write("sce.toml", b"pit = \"\xff\"\n");
    let refused = project.sce(&["run"]).exits(2);
    assert!(refused.only_line().contains("cannot read sce.toml"), "{refused:?}");
    fs::remove_file(project.path("sce.toml")).unwrap();
    let refused = project.sce(&["run"]).exits(2);
    assert!(refused.only_line().contains("run `sce init` first"), "{refused:?}");
    fs::create_dir(project.path("sce.toml")).unwrap();
    let refused = project.sce(&["put", "plain"]).exits(2);
    assert!(refused.only_line().contains("sce.toml: not a settings file"), "{refused:?}");
}

#[test]
fn a_key_file_is_never_overwritten_and_must_be_private() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new();
    let key = project.read("homer.key");
    let refused = project.sce(&["key", "new", "homer.key"]).exits(2);
    assert!(refused.only_line().contains("it exists"), "{refused:?}");
    assert_eq!((project.read("homer.key"), key.len()), (key.clone(), 32));
    for (mode, code) in [(0o600, 0), (0o400, 0), (0o640, 2), (0o644, 2)] {
        fs::set_permissions(project.path("homer.key"), fs::Permissions::from_mode(mode)).unwrap();
        let listed = project.sce(&["runs"]).exits(code);
        assert_eq!(code == 2, listed.stderr.contains("chmod 600"), "{listed:?}");
    }
    project.sce(&["init"]).exits(2);
    fs::remove_file(project.path("homer.key")).unwrap();
    let absent = project.sce(&["runs"]).exits(2);
    assert!(absent.only_line().contains("make one with `sce key new`"), "{absent:?}");
}
