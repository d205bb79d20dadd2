//! `sce demo`: the whole workflow, with the same steps that a researcher takes.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, anyhow};
use clap::Parser;
use sce_cloud::caller::Caller;
use sce_cloud::overlay::Overlay;

use super::{put, results, run, setup};
use crate::cli::{Cli, Command, DemoArgs, InitArgs};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::project::Project;

/// `sce demo`
pub(super) async fn demo(args: &DemoArgs, _: &Overlay, output: Output) -> Result<Exit, Failure> {
    let start = Instant::now();
    let dir = prepare(&args.dir).map_err(Failure::usage)?;
    let path = |name: &str| dir.join(name).display().to_string();
    let config = path("sce.toml");
    let step = |text: &str| output.say(format_args!("\n== {text}"));

    step("create a project: settings, and a key that never leaves it");
    setup::init(&InitArgs { dir: dir.clone(), aws: None, region: None, from_env: None }, output)
        .await?;
    setup::new_key(&dir.join("homer.key"), output)?;

    // Each step goes through the parser, so that it does exactly what the typed command does.
    step("write pseudo-data: 100 patients, 10,000 visits, 20 objects");
    let (plain, tables) = (path("plain"), path("tables"));
    if let Command::Synth(synth) = parse(&["synth", "--out", &plain, "--tables", &tables])?.command
    {
        setup::synth(&synth, output)?;
    }

    step("seal and put the objects, register their names");
    let cli = parse(&["--config", &config, "put", &plain])?;
    if let Command::Put(put_args) = &cli.command {
        put::put(put_args, &cli.overlay, output).await?;
    }

    step("run: workers open and analyze the objects, the last one finalizes the run");
    let workers = args.workers.to_string();
    let cli = parse(&["--config", &config, "run", "--workers", &workers])?;
    let mut exit = Exit::Done;
    if let Command::Run(run_args) = &cli.command {
        exit = run::run(run_args, &cli.overlay, output).await?;
    }

    // The ledger lists the newest run first.
    step("fetch and open the results");
    let latest =
        Project::open(&cli.overlay, Caller::Coordinates).await?.ports.ledger.runs().await?;
    let latest =
        latest.first().ok_or_else(|| Failure::infrastructure(anyhow!("the ledger has no run")))?;
    let (id, out) = (latest.id.to_string(), path("out"));
    let cli = parse(&["--config", &config, "results", &id, "--out", &out])?;
    if let Command::Results(results_args) = &cli.command {
        results::results(results_args, &cli.overlay, output).await?;
    }
    output.say(format_args!("\nnotices: {}", path(".sce/mail/new")));
    output.say(format_args!("report:  {}", path("out/report.html")));
    output.say(format_args!("the demo took {:.1} s", start.elapsed().as_secs_f64()));
    Ok(exit)
}

fn prepare(dir: &Path) -> anyhow::Result<std::path::PathBuf> {
    fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    if fs::read_dir(dir).with_context(|| format!("list {}", dir.display()))?.next().is_some() {
        return Err(anyhow!(
            "{} is not empty: remove it, or choose another with --dir",
            dir.display()
        ));
    }
    std::path::absolute(dir).context("find the working directory")
}

/// Parses a command line, as if the user had typed it.
fn parse(words: &[&str]) -> Result<Cli, Failure> {
    Cli::try_parse_from(["sce"].iter().chain(words)).map_err(Failure::usage)
}
