//! A project in its own directory, and the programs that run in it.
//!
//! Used by every module of these tests. It waits for conditions with a time
//! limit, and never for a fixed time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Lease of the workers under test, in seconds: short, so that takeovers are
/// quick.
const LEASE_SECONDS: &str = "2";
/// Longest wait for a condition.
const PATIENCE: Duration = Duration::from_secs(60);
/// Columns of help texts, independent of the user's terminal.
const COLUMNS: &str = "100";

/// The exit code and output of a program.
#[derive(Debug)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Asserts the exit code and returns this output.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// The lines of standard error that contain `text`.
    pub fn lines_with(&self, text: &str) -> Vec<&str> {
        self.stderr.lines().filter(|line| line.contains(text)).collect()
    }

    /// The only line of standard error.
    #[track_caller]
    pub fn only_line(&self) -> &str {
        let lines: Vec<&str> = self.stderr.lines().collect();
        assert!(lines.len() == 1, "one line expected: {self:#?}");
        lines[0]
    }

    /// The last line of standard output, as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last)
            .unwrap_or_else(|e| panic!("last line is not JSON ({e}): {self:#?}"))
    }

    /// The run that the last line of `--output json` names.
    #[track_caller]
    pub fn run(&self) -> String {
        self.json()["run"].as_str().unwrap_or_else(|| panic!("no run: {self:#?}")).to_owned()
    }
}

/// A temporary directory to type commands in.
pub struct Project {
    dir: TempDir,
}

impl Project {
    /// An empty directory.
    pub fn empty() -> Self {
        assert!(
            sce().with_file_name("sce-agent").is_file(),
            "sce-agent is not in the directory of sce: run `cargo build --release --workspace` (make test does)"
        );
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A project with settings and a key.
    pub fn new() -> Self {
        let project = Self::empty();
        project.sce(&["init"]).exits(0);
        project.sce(&["key", "new", "homer.key"]).exits(0);
        project
    }

    /// A project with `rows` rows in `objects` objects.
    pub fn with_data(rows: u32, objects: u32) -> Self {
        let project = Self::new();
        project.synth(rows, objects);
        project.sce(&["put", "plain"]).exits(0);
        project
    }

    pub fn synth(&self, rows: u32, objects: u32) {
        let (rows, objects) = (rows.to_string(), objects.to_string());
        let args = ["synth", "--out", "plain", "--visits", &rows, "--objects", &objects];
        self.sce(&args).exits(0);
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("read {name}: {e}"))
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap_or_else(|e| panic!("write {name}: {e}"));
    }

    /// Changes a file's bytes in place.
    pub fn alter(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.read(name);
        change(&mut bytes);
        self.write(name, bytes);
    }

    /// A program to run in this directory, without settings from the environment.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SCE_"))
        {
            command.env_remove(name);
        }
        command.env("SCE_LEASE_SECONDS", LEASE_SECONDS).env("COLUMNS", COLUMNS);
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    pub fn sce(&self, args: &[&str]) -> Output {
        finish(self.command(sce()).args(args))
    }

    /// `sce run --output json` with more arguments.
    pub fn run(&self, more: &[&str]) -> Output {
        self.sce(&[&["run", "--output", "json"], more].concat())
    }

    /// The number of mails whose subject ends with `subject`.
    pub fn mails(&self, subject: &str) -> usize {
        let mails = files_under(&self.path(".sce/mail/new"));
        let about = |mail: &&PathBuf| {
            let text = fs::read_to_string(mail).unwrap();
            let line = text.lines().find(|line| line.starts_with("Subject: "));
            line.is_some_and(|line| line.trim_end().ends_with(subject))
        };
        mails.iter().filter(about).count()
    }

    /// Opens a run's results into `out`; `code` is the expected exit code.
    pub fn results(&self, run: &str, out: &str, code: i32) -> Value {
        self.sce(&["results", run, "--out", out]).exits(code);
        serde_json::from_slice(&self.read(&format!("{out}/summary.json"))).unwrap()
    }

    /// Runs a Python script of the workspace in an environment of `make venv`.
    pub fn python(&self, environment: &str, script: &str, args: &[&str]) -> Output {
        let script = workspace().join(script);
        finish(self.command(venv(environment).join("python")).arg(script).args(args))
    }

    /// Compares the results in `out` with the independent calculation.
    pub fn check_by_reference(&self, out: &str, leave_out: &[&str]) {
        let mut args = vec!["check", "--plain", "plain", "--results", out];
        args.extend(leave_out.iter().flat_map(|name| ["--leave-out", name]));
        self.python("test", "tests/python/reference.py", &args).exits(0);
        if leave_out.is_empty() {
            let args = ["--plain", "plain", "--results", out];
            self.python("test", "tests/python/described.py", &args).exits(0);
        }
    }
}

/// Runs a program to its end.
pub fn finish(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

pub fn sce() -> PathBuf {
    env!("CARGO_BIN_EXE_sce").into()
}

pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The programs of a Python environment.
pub fn venv(name: &str) -> PathBuf {
    let bin = workspace().join("target/venv").join(name).join("bin");
    assert!(bin.join("python").exists(), "target/venv/{name} is not there: run `make venv`");
    bin
}

/// Every regular file under `root`.
pub fn files_under(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root).unwrap_or_else(|e| panic!("list {}: {e}", root.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_under(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The files under `root` whose raw bytes contain `text`.
pub fn files_holding(root: &Path, text: &str) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    files_under(root).into_iter().filter(holds).collect()
}

/// Waits until `condition` returns a value.
#[track_caller]
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
