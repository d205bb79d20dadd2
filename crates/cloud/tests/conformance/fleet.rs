//! What the fleet of processes must do, with a script in place of the agent (the
//! fleet of machines is tested with emulators of EC2).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sce_cloud::local::ProcessFleet;
use sce_cloud::ports::{Fleet, Instance};
use sce_cloud::system::SystemEntropy;
use sce_core::ids::RunId;
use sce_core::run::LaunchIntent;
use tempfile::TempDir;

const AGENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/agent.sh");
/// Environment variable of a child of these tests: where to launch.
const LAUNCH_AT: &str = "SCE_TEST_LAUNCH_AT";
const PATIENCE: Duration = Duration::from_secs(20);

fn open(home: &Path, agent: &str) -> ProcessFleet {
    let out = home.join("out");
    fs::create_dir_all(&out).unwrap();
    let environment = vec![("OUT", out.into()), ("GREETING", OsString::from("it's \"odd\" ä"))];
    ProcessFleet::open(&home.join("fleet"), agent.into(), environment, Arc::new(SystemEntropy))
        .unwrap()
}

fn intent(launch: u32, workers: u32) -> LaunchIntent {
    LaunchIntent { run: RunId::new([1; 8]), launch, workers }
}

/// Waits until `holds` returns true.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "timed out waiting until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().unwrap_or_default() == extension).collect()
}

async fn until_ready(home: &TempDir, workers: usize) {
    let out = home.path().join("out");
    until("the workers are ready", async || files(&out, "ready").len() == workers).await;
}

async fn live(fleet: &dyn Fleet) -> Vec<Instance> {
    let mut live = fleet.live().await.unwrap();
    live.sort_by_key(|instance| instance.worker);
    live
}

fn signal(instance: &Instance, signal: Signal) {
    kill(Pid::from_raw(instance.engine_id.parse().unwrap()), signal).unwrap();
}

#[tokio::test]
async fn a_launch_starts_its_workers_with_arguments_and_environment() {
    let home = TempDir::new().unwrap();
    let fleet = open(home.path(), AGENT);
    assert_eq!(live(&fleet).await, vec![]);
    fleet.launch(&intent(0, 3)).await.unwrap();
    let started = live(&fleet).await;
    assert_eq!(started.len(), 3);
    until_ready(&home, 3).await;
    // Another process returns the same.
    assert_eq!(live(&open(home.path(), AGENT)).await, started);
    for Instance { worker, engine_id, .. } in &started {
        let file = |extension: &str| {
            let text = fs::read_to_string(home.path().join(format!("out/{worker}.{extension}")));
            text.unwrap().trim().to_owned()
        };
        assert_eq!(file("ready"), format!("work --worker {worker} it's \"odd\" ä"));
        assert_eq!(&file("pid"), engine_id);
        let log = home.path().join(format!("fleet/logs/{worker}.log"));
        assert_eq!(fs::read_to_string(log).unwrap(), "on the log\n");
    }
}

#[tokio::test]
async fn a_token_launches_once() {
    let home = TempDir::new().unwrap();
    let fleet = open(home.path(), AGENT);
    fleet.launch(&intent(0, 2)).await.unwrap();
    fleet.launch(&intent(0, 2)).await.unwrap();
    open(home.path(), AGENT).launch(&intent(0, 2)).await.unwrap();
    assert_eq!(live(&fleet).await.len(), 2);
    fleet.launch(&intent(1, 1)).await.unwrap();
    assert_eq!(live(&fleet).await.len(), 3);
    // Not even after the workers have ended.
    until_ready(&home, 3).await;
    for instance in live(&fleet).await {
        signal(&instance, Signal::SIGKILL);
    }
    until("they are gone", async || live(&fleet).await.is_empty()).await;
    fleet.launch(&intent(0, 2)).await.unwrap();
    assert_eq!(live(&fleet).await, vec![]);
}

#[tokio::test]
async fn a_launch_that_starts_nothing_may_be_repeated() {
    let home = TempDir::new().unwrap();
    let error = open(home.path(), "/no/such/agent").launch(&intent(0, 1)).await.unwrap_err();
    assert!(error.to_string().contains("/no/such/agent"), "{error}");
    let fleet = open(home.path(), AGENT);
    assert_eq!(live(&fleet).await, vec![]);
    assert_eq!(fs::read_dir(home.path().join("fleet/workers")).unwrap().count(), 0);
    fleet.launch(&intent(0, 1)).await.unwrap();
    assert_eq!(live(&fleet).await.len(), 1);
}

#[tokio::test]
async fn a_killed_worker_is_gone_and_so_is_its_file() {
    let home = TempDir::new().unwrap();
    let fleet = open(home.path(), AGENT);
    fleet.launch(&intent(0, 3)).await.unwrap();
    until_ready(&home, 3).await;
    let started = live(&fleet).await;
    signal(&started[1], Signal::SIGKILL);
    until("it is gone", async || live(&fleet).await.len() == 2).await;
    assert_eq!(live(&fleet).await, [started[0].clone(), started[2].clone()]);
    assert_eq!(fs::read_dir(home.path().join("fleet/workers")).unwrap().count(), 2);
}

#[tokio::test]
async fn a_drained_worker_is_asked_and_leaves() {
    let home = TempDir::new().unwrap();
    let fleet = open(home.path(), AGENT);
    fleet.launch(&intent(0, 2)).await.unwrap();
    until_ready(&home, 2).await;
    let started = live(&fleet).await;
    fleet.drain(&started[0]).await.unwrap();
    until("it left", async || live(&fleet).await.len() == 1).await;
    assert_eq!(live(&fleet).await, started[1..]);
    let ends = files(&home.path().join("out"), "end");
    assert_eq!(ends, [home.path().join(format!("out/{}.end", started[0].worker))]);
    // Draining a worker that is gone succeeds.
    fleet.drain(&started[0]).await.unwrap();
}

#[tokio::test]
async fn draining_a_dead_worker_spares_a_reused_process_id() {
    let home = TempDir::new().unwrap();
    let fleet = open(home.path(), AGENT);
    fleet.launch(&intent(0, 1)).await.unwrap();
    until_ready(&home, 1).await;
    let [started] = &live(&fleet).await[..] else { panic!("not one worker") };
    let mut other = Ended(Command::new("sleep").arg("60").spawn().unwrap());
    let gone = Instance { worker: "00000000000000ff".parse().unwrap(), ..started.clone() };
    let reused = Instance { engine_id: other.0.id().to_string(), ..gone };
    fleet.drain(&reused).await.unwrap();
    signal(started, Signal::SIGKILL);
    until("it is gone", async || live(&fleet).await.is_empty()).await;
    assert_eq!(other.0.try_wait().unwrap(), None, "another's process was ended");
}

/// A child process that is killed when its test ends, in any way.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "the child of workers_survive_their_launcher"]
fn launch_and_hang() {
    // Without the variable it was started with all ignored tests, not as a child.
    let Some(home) = std::env::var_os(LAUNCH_AT).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(open(&home, AGENT).launch(&intent(0, 2))).unwrap();
    loop {
        std::thread::park();
    }
}

#[tokio::test]
async fn workers_survive_their_launcher() {
    use std::os::unix::process::CommandExt;
    let home = TempDir::new().unwrap();
    fs::create_dir(home.path().join("out")).unwrap();
    let launcher = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "fleet::launch_and_hang", "--ignored"])
        .env(LAUNCH_AT, home.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut launcher = Ended(launcher);
    until_ready(&home, 2).await;
    // Ctrl-C in a terminal signals the whole process group of the launcher.
    let group = Pid::from_raw(-i32::try_from(launcher.0.id()).unwrap());
    let fleet = open(home.path(), AGENT);
    // Workers may be ready before their launcher has written their ids.
    let named = |all: Vec<Instance>| all.iter().all(|one| !one.engine_id.is_empty());
    until("their ids are written down", async || named(live(&fleet).await)).await;
    let started = live(&fleet).await;
    kill(group, Signal::SIGINT).unwrap();
    kill(group, Signal::SIGKILL).unwrap();
    launcher.0.wait().unwrap();
    assert_eq!(started.len(), 2);
    assert_eq!(live(&fleet).await, started);
    fleet.drain(&started[0]).await.unwrap();
    until("one left", async || live(&fleet).await.len() == 1).await;
}

/// Lists the fleet at every moment of a launch: a starting worker is never taken for a dead
/// one, nor a dead one for a live one.
#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn lookers_do_not_disturb_launchers() {
    let home = TempDir::new().unwrap();
    let fleet = Arc::new(open(home.path(), AGENT));
    let looker = |_| {
        let fleet = open(home.path(), AGENT);
        tokio::spawn(async move {
            loop {
                fleet.live().await.unwrap();
                tokio::task::yield_now().await;
            }
        })
    };
    let lookers: Vec<_> = (0..3).map(looker).collect();
    let launch = |n| {
        let fleet = fleet.clone();
        tokio::spawn(async move { fleet.launch(&intent(n, 10)).await.unwrap() })
    };
    for launcher in (0..3).map(launch).collect::<Vec<_>>() {
        launcher.await.unwrap();
    }
    let started = live(&*fleet).await;
    assert_eq!(started.len(), 30);
    until_ready(&home, 30).await;
    let ids: BTreeSet<_> = started.iter().map(|instance| &instance.engine_id).collect();
    assert_eq!(ids.len(), 30, "process ids: {ids:?}");
    for instance in &started {
        signal(instance, Signal::SIGKILL);
    }
    until("all are gone", async || live(&*fleet).await.is_empty()).await;
    for looker in lookers {
        assert!(!looker.is_finished(), "a looker met an error");
        looker.abort();
    }
}
