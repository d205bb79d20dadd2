//! The worker's agent: opens sealed objects, analyzes them and delivers
//! sealed results.
//!
//! `work` is the loop. It knows an analysis only by the contract of
//! `sce-study`; [`analyses::ANALYSES`] is the table that it chooses from. Plaintext
//! exists in memory and under the directory standing for /hipaa, nowhere else.

pub mod analyses;
mod analyze;
pub mod cli;
mod confine;
mod protect;
mod room;
mod scratch;
pub mod volume;
pub mod work;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use sce_cloud::aws::{self, Caller, Clients, OwnInstance};
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
use crate::work::{StartedAnalyses, Wish, WorkRules, Worker};

/// Exit codes, as `--help` lists them.
const DONE: u8 = 0;
const UNFINISHED: u8 = 1;
const USAGE: u8 = 2;
const INFRASTRUCTURE: u8 = 3;

/// Tells where a fault of the program is, and not its words: those of a
/// library may quote what it was given.
fn tell_faults_without_words() {
    std::panic::set_hook(Box::new(|fault| {
        let place = fault.location().map(ToString::to_string).unwrap_or_default();
        eprintln!("sce-agent: a fault of the program, at {place}: report it");
    }));
}

/// Runs one command to its exit code; an error is one line on standard error.
pub fn run(cli: Cli) -> ExitCode {
    tell_faults_without_words();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("start the runtime")
        .and_then(|runtime| {
            let done = runtime.block_on(command(cli));
            // A long read that nobody waits for any more must not hold us up.
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
        Command::Terminate(_) => terminate().await,
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
    protect::keep_memory_private()?;
    let locked = protect::lock_memory()?;
    let start = Start::find(args, overlay).await?;
    let Start { settings, ports, id, machine } = start;
    let scratch = Scratch::claim(&settings.path(&settings.hipaa), id)?;
    // Whatever a library writes by a relative path lands there, core dumps too.
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
    info!(worker = %id, machine = worker.machine, ?room, ?load, locked, "starts");
    let left = worker.work(follow_signals()?).await;
    match &left {
        Ok(left) => info!(worker = %id, requests = ?ports.counts.take(), "leaves: {left:?}"),
        Err(e) => error!(worker = %id, "leaves: {e}"),
    }
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

/// Who this worker is and what it works with.
struct Start {
    settings: Settings,
    ports: Ports,
    id: WorkerId,
    machine: String,
}

impl Start {
    async fn find(args: &WorkArgs, overlay: &Overlay) -> anyhow::Result<Self> {
        let (settings, instance) = if args.instance {
            let instance = OwnInstance::fetch().await?;
            (overlay.over(instance.settings()?)?, Some(instance.id))
        } else {
            (overlay.settings()?, None)
        };
        let ports = match settings.mode {
            Mode::Local => local::open(&settings, std::env::current_exe()?, overlay.environment())?,
            Mode::Aws => aws::open(&settings, Caller::HandlesData).await?.ports,
        };
        let id = match (&instance, args.worker) {
            (Some(instance), _) => WorkerId::of_instance(instance),
            (None, Some(id)) => id,
            (None, None) => WorkerId::new(ports.random_id()?),
        };
        let machine = instance.unwrap_or_else(|| format!("process {}", std::process::id()));
        Ok(Self { settings, ports, id, machine })
    }
}

async fn terminate() -> anyhow::Result<u8> {
    let instance = OwnInstance::fetch().await?;
    instance.terminate(&Clients::connect(Some(instance.region.clone())).await).await?;
    Ok(DONE)
}

/// The first SIGTERM drains, a second (or SIGINT) stops.
fn follow_signals() -> anyhow::Result<watch::Receiver<Wish>> {
    let (wish, receiver) = watch::channel(Wish::Work);
    let mut term = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
    tokio::spawn(async move {
        loop {
            let asked = tokio::select! {
                _ = term.recv() => match *wish.borrow() {
                    Wish::Work => Wish::Drain,
                    Wish::Drain | Wish::Stop => Wish::Stop,
                },
                _ = interrupt.recv() => Wish::Stop,
            };
            wish.send_replace(asked);
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
