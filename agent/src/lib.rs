//! The worker's agent: opens sealed objects, analyzes them and delivers
//! sealed results.
//!
//! `work` is the work loop. It uses an analysis only through the traits of
//! `sce-study`; [`analyses::ANALYSES`] is the list of analyses. Plaintext exists
//! only in memory and under the directory that represents /hipaa.

pub mod analyses;
mod analyze;
pub mod cli;
mod confine;
#[cfg(feature = "aws")]
mod instance;
#[cfg(not(feature = "aws"))]
#[path = "without_instance.rs"]
mod instance;
mod protect;
mod room;
mod scratch;
pub mod volume;
pub mod work;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use sce_cloud::error::Class;
use sce_cloud::local;
use sce_cloud::overlay::Overlay;
use sce_cloud::ports::Ports;
use sce_cloud::settings::{Mode, Settings, SettingsError};
use sce_core::ids::WorkerId;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info};

use crate::analyses::ANALYSES;
use crate::cli::{Cli, Command, WorkArgs};
use crate::scratch::Scratch;
use crate::work::{ShutdownMode, StartedAnalyses, WorkRules, Worker};

/// Exit codes as documented in `--help`.
const DONE: u8 = 0;
const UNFINISHED: u8 = 1;
const USAGE: u8 = 2;
const INFRASTRUCTURE: u8 = 3;

/// Makes a panic print its location but not its message, because the message of
/// a library may contain data.
fn hide_panic_messages() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        eprintln!("sce-agent: internal error at {location}: report it");
    }));
}

/// Runs one command and returns its exit code. An error is printed as one line
/// on standard error.
pub fn run(cli: Cli) -> ExitCode {
    hide_panic_messages();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")
        .and_then(|runtime| {
            let done = runtime.block_on(command(cli));
            // Does not wait for blocking tasks: a long read whose lease was lost must not delay
            // the exit.
            runtime.shutdown_background();
            done
        });
    match done {
        Ok(code) => code.into(),
        Err(e) => {
            eprintln!("sce-agent: {e:#}");
            exit_code(&e).into()
        }
    }
}

async fn command(cli: Cli) -> anyhow::Result<u8> {
    match cli.command {
        Command::Work(args) => work(&args, &cli.overlay).await,
        Command::Terminate(_) => instance::terminate().await.map(|()| DONE),
        Command::Confine => confine::confine().await.map(|()| DONE),
        Command::Volume(command) => volume::run(&command).map(|()| DONE),
        Command::Analyze(args) => {
            let complete = analyze::analyze(&args, &cli.overlay).await?;
            Ok(if complete { DONE } else { UNFINISHED })
        }
    }
}

async fn work(args: &WorkArgs, overlay: &Overlay) -> anyhow::Result<u8> {
    let log = sce_cloud::telemetry::start();
    // Before keys or data are in memory.
    protect::keep_memory_private()?;
    let locked = protect::lock_memory()?;
    let start = Start::find(args, overlay).await?;
    let Start { settings, ports, id, machine } = start;
    let scratch = Scratch::claim(&settings.path(&settings.hipaa), id)?;
    // Anything that a library writes to a relative path then stays on the encrypted volume.
    std::env::set_current_dir(scratch.path()).context("enter the scratch directory")?;
    let measure = room::measure(scratch.path().to_owned());
    let room = measure();
    let load = room.plan_load()?;
    let worker = Worker {
        ports: ports.clone(),
        analyses: StartedAnalyses::new(ANALYSES, scratch.path().to_owned()),
        rules: WorkRules {
            lease: settings.lease(),
            budgets: settings.budgets(),
            poll: settings.poll(),
            lifetime: std::time::Duration::from_secs(settings.lifetime_seconds),
            load,
        },
        pit: settings.pit.clone(),
        id,
        machine,
        measure: Arc::new(measure),
    };
    info!(worker = %id, machine = worker.machine, ?room, ?load, locked, "worker starts");
    let left = worker.work(follow_signals()?).await;
    match &left {
        Ok(reason) => {
            info!(worker = %id, requests = ?ports.counts.take(), "worker leaves: {reason:?}");
        }
        Err(e) => error!(worker = %id, "worker leaves: {e}"),
    }
    // Plaintext is removed and the log delivered even after an error, which is returned last.
    let cleared = scratch.leave().inspect_err(|e| error!(worker = %id, "{e:#}"));
    let delivered = match settings.mode {
        Mode::Aws => log.deliver(&ports, id).await,
        Mode::Local => Ok(()),
    };
    left?;
    cleared?;
    delivered?;
    Ok(DONE)
}

/// The identity of this worker, its settings and its ports.
struct Start {
    settings: Settings,
    ports: Ports,
    id: WorkerId,
    machine: String,
}

impl Start {
    async fn find(args: &WorkArgs, overlay: &Overlay) -> anyhow::Result<Self> {
        let (settings, instance) = if args.instance {
            let (settings, instance) = instance::fetch().await?;
            (overlay.over(settings)?, Some(instance))
        } else {
            (overlay.settings()?, None)
        };
        let ports = match settings.mode {
            Mode::Local => local::open(&settings, std::env::current_exe()?, overlay.environment())?,
            Mode::Aws => instance::open(&settings).await?,
        };
        // Derived from the instance id on EC2, so that the fleet's list and the ledger's rows
        // name a worker alike.
        let id = match (&instance, args.worker) {
            (Some(instance), _) => WorkerId::of_instance(instance),
            (None, Some(id)) => id,
            (None, None) => WorkerId::new(ports.random_id()?),
        };
        let machine = instance.unwrap_or_else(|| format!("process {}", std::process::id()));
        Ok(Self { settings, ports, id, machine })
    }
}

/// Converts signals to shutdown modes: the first SIGTERM drains, a second one
/// (or SIGINT) stops.
fn follow_signals() -> anyhow::Result<watch::Receiver<ShutdownMode>> {
    let (shutdown, receiver) = watch::channel(ShutdownMode::Run);
    let mut term = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
    tokio::spawn(async move {
        loop {
            let mode = tokio::select! {
                _ = term.recv() => match *shutdown.borrow() {
                    ShutdownMode::Run => ShutdownMode::Drain,
                    ShutdownMode::Drain | ShutdownMode::Stop => ShutdownMode::Stop,
                },
                _ = interrupt.recv() => ShutdownMode::Stop,
            };
            // `send` would fail, and keep the old mode, if no receiver is left.
            shutdown.send_replace(mode);
        }
    });
    Ok(receiver)
}

fn exit_code(e: &anyhow::Error) -> u8 {
    let configuration = e
        .downcast_ref::<sce_cloud::error::PortError>()
        .is_some_and(|e| e.class == Class::Configuration);
    if configuration || e.is::<SettingsError>() || e.is::<analyze::UsageError>() {
        USAGE
    } else {
        INFRASTRUCTURE
    }
}
