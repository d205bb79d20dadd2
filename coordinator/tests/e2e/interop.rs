//! Files exchanged in both directions with the two standard clients of the AWS
//! Encryption SDK, with sizes around the frame length.

use std::fs;

use crate::support::{Output, Project, finish, venv};

/// Frame lengths that the Python clients accept: multiples of 128.
const FRAMES: [usize; 3] = [128, 4096, 1 << 20];
/// One object key for all files, so that one client process handles many files.
const OBJECT: &str = "part-000001.csv";

/// Writes files of 0, 1, F−1, F, F+1 and 2F bytes that do not repeat.
fn write_plain(project: &Project) {
    for frame in FRAMES {
        for (place, size) in [0, 1, frame - 1, frame, frame + 1, 2 * frame].into_iter().enumerate()
        {
            let mut state = u32::try_from(frame + size).unwrap();
            let bytes: Vec<u8> = (0..size)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    state.to_be_bytes()[0]
                })
                .collect();
            project.write(&format!("plain-{frame}/size-{place}"), bytes);
        }
    }
}

fn names(project: &Project, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(project.path(folder)).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Seals every file of the folders with `sce`.
fn seal_all(project: &Project) {
    for frame in FRAMES {
        fs::create_dir(project.path(&format!("sealed-{frame}"))).unwrap();
        for name in names(project, &format!("plain-{frame}")) {
            let (plain, sealed) =
                (format!("plain-{frame}/{name}"), format!("sealed-{frame}/{name}"));
            let length = frame.to_string();
            project
                .sce(&["seal", &plain, &sealed, "--object", OBJECT, "--frame-length", &length])
                .exits(0);
        }
    }
}

fn assert_same(project: &Project, folder: &str, suffix: &str) {
    for frame in FRAMES {
        let plain = names(project, &format!("plain-{frame}"));
        assert_eq!(plain.len(), 6);
        for name in plain {
            let (opened, original) =
                (format!("{folder}-{frame}/{name}{suffix}"), format!("plain-{frame}/{name}"));
            assert!(project.read(&opened) == project.read(&original), "{opened} differs");
        }
    }
}

fn open_all(project: &Project) {
    for frame in FRAMES {
        fs::create_dir(project.path(&format!("opened-{frame}"))).unwrap();
        for name in names(project, &format!("theirs-{frame}")) {
            let (sealed, opened) =
                (format!("theirs-{frame}/{name}"), format!("opened-{frame}/{name}"));
            project.sce(&["open", &sealed, &opened, "--object", OBJECT]).exits(0);
        }
    }
}

/// Runs the command line client over a folder, in one process.
fn cli(
    project: &Project,
    action: &str,
    from: &str,
    to: &str,
    object: &str,
    more: &[&str],
) -> Output {
    fs::create_dir_all(project.path(to)).unwrap();
    let mut command = project.command(venv("cli").join("python"));
    command.arg(venv("cli").join("aws-encryption-cli")).args([
        action,
        "--recursive",
        "--input",
        from,
        "--output",
        to,
    ]);
    command.args([
        "--wrapping-keys",
        "provider=homer",
        "namespace=hipaa",
        "key=HomerKey",
        "file=homer.key",
    ]);
    command.args([
        "--encryption-context",
        "pit=hipaa",
        &format!("object={object}"),
        "--suppress-metadata",
    ]);
    finish(command.args(more)).exits(0)
}

/// Runs the library client over many files, in one process.
fn library(project: &Project, action: &str, frame: usize, files: &[String]) -> Output {
    let (length, object) = (frame.to_string(), format!("object={OBJECT}"));
    let mut args = vec![action, "--key", "homer.key", "--namespace", "hipaa", "--name", "HomerKey"];
    args.extend(["--frame-length", &length, "--context", "pit=hipaa", &object, "--"]);
    args.extend(files.iter().map(String::as_str));
    project.python("mpl", "tests/interop/esdk.py", &args)
}

#[test]
fn the_command_line_client_opens_what_sce_seals_and_the_other_way_round() {
    let project = Project::new();
    write_plain(&project);
    seal_all(&project);
    for frame in FRAMES {
        let (plain, sealed) = (format!("plain-{frame}"), format!("sealed-{frame}"));
        let (theirs, length) = (format!("theirs-{frame}"), frame.to_string());
        cli(&project, "--decrypt", &sealed, &format!("back-{frame}"), OBJECT, &["--suffix", ".o"]);
        let suite = "AES_256_GCM_HKDF_SHA512_COMMIT_KEY";
        let more = ["--algorithm", suite, "--frame-length", &length, "--suffix", ".s"];
        cli(&project, "--encrypt", &plain, &theirs, OBJECT, &more);
    }
    assert_same(&project, "back", ".o");
    open_all(&project);
    assert_same(&project, "opened", ".s");
    // Another object key: the client exits with 0 and writes nothing; `sce` reports an error.
    cli(&project, "--decrypt", "sealed-128", "other", "part-000002.csv", &["--suffix", ".o"]);
    assert_eq!(names(&project, "other"), Vec::<String>::new());
    let refused = project
        .sce(&["open", "theirs-128/size-5.s", "none", "--object", "part-000002.csv"])
        .exits(1);
    assert!(refused.only_line().contains("`object` differs"), "{refused:?}");
}

#[test]
fn the_library_opens_what_sce_seals_and_the_other_way_round() {
    let project = Project::new();
    write_plain(&project);
    seal_all(&project);
    let mut back = Vec::new();
    for frame in FRAMES {
        fs::create_dir(project.path(&format!("theirs-{frame}"))).unwrap();
        fs::create_dir(project.path(&format!("back-{frame}"))).unwrap();
        let mut seal = Vec::new();
        for name in names(&project, &format!("plain-{frame}")) {
            seal.extend([format!("plain-{frame}/{name}"), format!("theirs-{frame}/{name}")]);
            back.extend([format!("sealed-{frame}/{name}"), format!("back-{frame}/{name}")]);
        }
        library(&project, "seal", frame, &seal).exits(0);
    }
    library(&project, "open", 128, &back).exits(0);
    assert_same(&project, "back", "");
    open_all(&project);
    assert_same(&project, "opened", "");
    project.alter("sealed-128/size-5", |bytes| {
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
    });
    let refused = library(&project, "open", 128, &["sealed-128/size-5".into(), "none".into()]);
    assert_ne!(refused.code, Some(0));
    assert!(!project.path("none").exists());
}

#[test]
fn objects_that_a_hospital_sealed_are_put_and_analyzed() {
    let project = Project::new();
    project.synth(400, 1);
    let more = [
        "--algorithm",
        "AES_256_GCM_HKDF_SHA512_COMMIT_KEY",
        "--frame-length",
        "4096",
        "--suffix",
        "",
    ];
    cli(&project, "--encrypt", "plain", "in", OBJECT, &more);
    assert_eq!(names(&project, "in"), [OBJECT]);
    project.sce(&["put", "--sealed", "in"]).exits(0);
    assert!(
        project.read(".sce/objects/data/part-000001.csv") == project.read("in/part-000001.csv")
    );
    let ran = project.run(&[]).exits(0);
    project.results(&ran.run(), "out", 0);
    project.check_by_reference("out", &[]);
}
