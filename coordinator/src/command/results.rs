//! `sce results` and `sce runs`, and the summary at the end of a run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Component;

use anyhow::{Context, anyhow};
use comfy_table::Table;
use comfy_table::presets;
use sce_cloud::caller::Caller;
use sce_cloud::error::Class;
use sce_cloud::overlay::Overlay;
use sce_cloud::ports::Ports;
use sce_cloud::retry::retry;
use sce_cloud::sealed::{OpenError, open_object};
use sce_core::object::{Bucket, ObjectKey, ObjectRef};
use sce_core::requests::Requests;
use sce_core::run::{Counts, Run, RunStatus};
use sce_core::unit::UnitState;
use serde::Serialize;
use std::io::Write;

use crate::cli::ResultsArgs;
use crate::exit::{Exit, Failure};
use crate::files::FileWriter;
use crate::output::Output;
use crate::plural::plural;
use crate::project::Project;

/// Units read at a time.
pub(super) const PAGE: u32 = 500;
/// Most lines printed about objects that were not analyzed; summary.json lists
/// all of them.
const LINES_MAX: usize = 50;

/// The outcomes of a run's objects, from its unit rows.
#[derive(Default)]
pub(super) struct Processed {
    /// Analyzed or quarantined objects.
    pub(super) processed: BTreeSet<ObjectKey>,
    /// Objects that were quarantined, failed, or not reached.
    pub(super) not_analyzed: Vec<ObjectKey>,
    lines: Vec<NotAnalyzed>,
    requests: Vec<Requests>,
    counts: Counts,
}

/// An object that was not analyzed.
#[derive(Debug, Clone, Serialize)]
struct NotAnalyzed {
    object: String,
    outcome: &'static str,
    reason: String,
}

/// The end of a run, as JSON.
#[derive(Debug, Serialize)]
struct End<'a> {
    schema_version: u32,
    run: String,
    state: &'static str,
    counts: Counts,
    units: u32,
    not_analyzed: &'a [NotAnalyzed],
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<Sent>,
}

/// The number of requests of a run.
#[derive(Debug, Serialize)]
struct Sent {
    /// Requests of this command.
    sce: Requests,
    /// Requests that workers recorded with their commits.
    workers: Requests,
}

impl Sent {
    fn render(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(["requests", "sce", "workers"]);
        let names: BTreeSet<&String> = self.sce.keys().chain(self.workers.keys()).collect();
        for name in names {
            let count = |of: &Requests| of.get(name).copied().unwrap_or_default().to_string();
            table.add_row([name.clone(), count(&self.sce), count(&self.workers)]);
        }
        table
    }
}

fn sum<'a>(of: impl Iterator<Item = &'a Requests>) -> Requests {
    let mut all = Requests::new();
    for (name, count) in of.flatten() {
        *all.entry(name.clone()).or_default() += count;
    }
    all
}

/// Reads every unit row of a run.
pub(super) async fn processed_objects(ports: &Ports, run: &Run) -> Result<Processed, Failure> {
    let mut all = Processed::default();
    let mut from = 0;
    while from < run.units {
        for unit in retry(|| ports.ledger.units(run.id, from, PAGE)).await? {
            all.counts.objects += unit.objects.len() as u64;
            all.requests.push(unit.requests);
            // Only a commit writes outcomes. The objects of any other unit count as failed, even
            // if a worker had already read some of them.
            if unit.state == UnitState::Done {
                for outcome in unit.outcomes {
                    all.note_outcome(outcome);
                }
            } else {
                let reason =
                    unit.reason.unwrap_or_else(|| "the run ended before this unit".to_owned());
                for object in unit.objects {
                    all.note_failed(object.key, format!("unit {}: {reason}", unit.id));
                }
            }
        }
        from += PAGE;
    }
    Ok(all)
}

impl Processed {
    fn note_outcome(&mut self, outcome: sce_core::unit::ObjectOutcome) {
        self.processed.insert(outcome.key.clone());
        match outcome.quarantined {
            None => {
                self.counts.analyzed += 1;
                self.counts.rows += outcome.rows;
            }
            Some(reason) => {
                self.counts.quarantined += 1;
                self.lines.push(NotAnalyzed {
                    object: outcome.key.to_string(),
                    outcome: "quarantined",
                    reason,
                });
                self.not_analyzed.push(outcome.key);
            }
        }
    }

    fn note_failed(&mut self, key: ObjectKey, reason: String) {
        self.counts.failed += 1;
        self.lines.push(NotAnalyzed { object: key.to_string(), outcome: "failed", reason });
        self.not_analyzed.push(key);
    }
}

/// Prints how a run ended, and each object that was not analyzed.
pub(super) async fn say_end(
    project: &Project,
    run: &Run,
    stats: bool,
    output: Output,
) -> Result<Exit, Failure> {
    let all = processed_objects(&project.ports, run).await?;
    let (id, state, counts) = (run.id, run.status.name(), all.counts);
    // Bounded: with a wrong format, every object of a run is quarantined.
    for one in all.lines.iter().take(LINES_MAX) {
        eprintln!("sce: object {} {}: {}", one.object, one.outcome, one.reason);
    }
    if all.lines.len() > LINES_MAX {
        eprintln!("sce: and {} more; summary.json lists all of them", all.lines.len() - LINES_MAX);
    }
    if let Some(reason) = &run.reason {
        eprintln!("sce: run {id} {state}: {reason}");
    }
    output.say(format_args!(
        "run {id} {state}: {}, {} analyzed, {} quarantined, {} failed; {}",
        plural(counts.objects, "object"),
        counts.analyzed,
        counts.quarantined,
        counts.failed,
        plural(counts.rows, "row")
    ));
    if run.report.is_some() {
        output.say(format_args!("fetch the results with: sce results {id} --out DIR"));
    }
    let requests = stats.then(|| Sent {
        sce: project.ports.counts.take(),
        workers: sum(all.requests.iter().chain(run.report.as_ref().map(|r| &r.requests))),
    });
    if let Some(requests) = &requests {
        output.say(requests.render());
    }
    output.emit(&End {
        schema_version: 1,
        run: id.to_string(),
        state,
        counts,
        units: run.units,
        not_analyzed: &all.lines,
        reason: run.reason.as_deref(),
        requests,
    });
    // A run that is done may still have quarantined objects.
    let complete = run.status == RunStatus::Done && counts.analyzed == counts.objects;
    Ok(if complete { Exit::Done } else { Exit::Unfinished })
}

/// `sce runs`
pub(super) async fn runs(overlay: &Overlay, output: Output) -> Result<Exit, Failure> {
    let project = Project::open(overlay, Caller::Coordinates).await?;
    let runs = retry(|| project.ports.ledger.runs()).await?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "run",
        "state",
        "objects",
        "units",
        "submitted",
        "ended",
    ]);
    for run in &runs {
        let ended = run.ended_at.map(|at| at.to_string()).unwrap_or_default();
        let (objects, units) = (run.objects.to_string(), run.units.to_string());
        table.add_row([
            run.id.to_string(),
            run.status.name().into(),
            objects,
            units,
            run.created_at.to_string(),
            ended,
        ]);
        output.emit(&serde_json::json!({
            "run": run.id, "state": run.status.name(), "objects": run.objects, "units": run.units,
            "submitted": run.created_at.to_string(), "ended": run.ended_at.map(|at| at.to_string()),
        }));
    }
    output.say(if runs.is_empty() { "no runs yet".to_owned() } else { table.to_string() });
    Ok(Exit::Done)
}

/// `sce results`
pub(super) async fn results(
    args: &ResultsArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    let project = Project::open(overlay, Caller::HandlesData).await?;
    check_place(&project, args)?;
    let run = project.run(&args.run).await?;
    let Some(report) = &run.report else {
        let id = run.id;
        return Err(Failure::usage(match run.status {
            RunStatus::Draft | RunStatus::Running => {
                anyhow!("run {id} has not ended: follow it with `sce watch {id}`")
            }
            state => anyhow!(
                "run {id} is {} and has no results: repeat it with `sce retry {id}`",
                state.name()
            ),
        }));
    };
    fs::create_dir_all(&args.out)
        .with_context(|| format!("create {}", args.out.display()))
        .map_err(Failure::file)?;
    let mut files = Vec::new();
    let is_wanted = |object: &&ObjectRef| !args.cohort || report.may_leave.contains(&object.key);
    for object in report.deliverables.iter().filter(is_wanted) {
        files.push(fetch(&project, object, args).await?);
    }
    if files.is_empty() {
        return Err(Failure::usage(anyhow!(
            "run {} has no result that may leave the environment: repeat it with `sce run --again`",
            run.id
        )));
    }
    for file in &files {
        output.say(file);
    }
    output.emit(&serde_json::json!({ "run": run.id, "state": run.status.name(), "files": files }));
    let whole = run.status == RunStatus::Done && report.counts.analyzed == report.counts.objects;
    Ok(if whole { Exit::Done } else { Exit::Unfinished })
}

/// Refuses a directory outside /hipaa on AWS, unless the user allows it or the
/// result may leave the environment.
fn check_place(project: &Project, args: &ResultsArgs) -> Result<(), Failure> {
    let out = std::path::absolute(&args.out).map_err(Failure::usage)?;
    let hipaa = project.settings.path(&project.settings.hipaa);
    // `absolute` keeps `..`, which would lead out of the directory again.
    let climbs = out.components().any(|part| part == Component::ParentDir);
    let is_within = out.starts_with(&hipaa) && !climbs;
    if project.aws.is_none() || args.in_the_clear || args.cohort || is_within {
        return Ok(());
    }
    Err(Failure::usage(anyhow!(
        "{} is not within {}: results contain health data: choose a directory there, or use --in-the-clear",
        args.out.display(),
        hipaa.display()
    )))
}

fn file_name(object: &ObjectRef) -> &str {
    object.key.as_str().rsplit('/').next().unwrap_or_default()
}

/// Opens one deliverable into the directory. The file appears only after the
/// whole object was verified.
async fn fetch(
    project: &Project,
    object: &ObjectRef,
    args: &ResultsArgs,
) -> Result<String, Failure> {
    let path = args.out.join(file_name(object));
    // The file gets its name only in `finish`; after an error, the temporary file is deleted.
    let mut writer = FileWriter::create(&path).map_err(Failure::file)?;
    let sink = |plaintext: &[u8]| writer.write_all(plaintext);
    let pit = &project.settings.pit;
    match open_object(&project.ports, pit, Bucket::Output, object, sink).await {
        Ok(_) => writer.finish().map_err(Failure::infrastructure)?,
        Err(OpenError::Sink(e)) => {
            return Err(Failure::infrastructure(anyhow!("write {}: {e}", path.display())));
        }
        // The user can configure another key; a damaged object must be restored.
        Err(OpenError::Port(e)) if e.class == Class::WrongKey => {
            return Err(Failure::usage(anyhow!("open result {}: {}", object.key, e.cause())));
        }
        Err(e) => {
            let remedy =
                "restore it from a copy, or compute the results again with `sce run --again`";
            return Err(Failure::infrastructure(anyhow!(
                "open result {}: {e}: {remedy}",
                object.key
            )));
        }
    }
    Ok(path.display().to_string())
}
