//! `sce put`: seal, put, register.
//!
//! Names are checked before anything is read. An object is registered only
//! once it lies whole in the store, so what a run takes is always there.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use futures_util::{StreamExt, stream};
use sce_cloud::aws::Caller;
use sce_cloud::error::PortError;
use sce_cloud::local::FileReader;
use sce_cloud::overlay::Overlay;
use sce_cloud::ports::{ObjectReader, ObjectWriter, Put, PutMode};
use sce_cloud::retry::retry;
use sce_cloud::sealed::{SealedWriter, read_header};
use sce_core::names::NameRule;
use sce_core::object::{Bucket, ObjectKey};
use sce_core::registry::Name;
use serde_json::json;
use walkdir::WalkDir;

use crate::cli::PutArgs;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::progress::Progress;
use crate::project::Project;

/// Objects on their way at once: most of a put is waiting for answers.
const PUTS_AHEAD: usize = 8;

/// A file to put, and the name it would have.
struct Input {
    path: PathBuf,
    name: String,
}

/// A file whose name is allowed.
struct Allowed {
    position: usize,
    path: PathBuf,
    key: ObjectKey,
}

/// Why one input was not put; the others go on.
enum Refusal {
    /// It is this input's own fault.
    Input(anyhow::Error),
    /// Nothing further can be put either.
    All(Failure),
}

impl From<PortError> for Refusal {
    fn from(e: PortError) -> Self {
        Self::All(e.into())
    }
}

/// `sce put`
pub(super) async fn put(
    args: &PutArgs,
    overlay: &Overlay,
    output: Output,
) -> Result<Exit, Failure> {
    let project = Project::open(overlay, Caller::HandlesData).await?;
    let inputs = list(args).map_err(Failure::usage)?;
    let total = inputs.len();
    let (allowed, refused) = sort_out(&project, inputs);
    for (position, _, rule) in &refused {
        eprintln!("sce: input {position}: name refused: {rule}");
    }
    if let Some(file) = &args.refused {
        write_refused(file, &refused).map_err(Failure::usage)?;
    }
    let mut progress = Progress::new("objects put", allowed.len() as u64);
    let mut done = 0;
    let project = &project;
    let puts = allowed.iter().map(|one| async move { (one, put_one(project, args, one).await) });
    let mut puts = stream::iter(puts).buffered(PUTS_AHEAD);
    while let Some((one, put)) = puts.next().await {
        match put {
            Ok(()) => done += 1,
            Err(Refusal::Input(e)) => eprintln!("sce: input {} ({}): {e:#}", one.position, one.key),
            Err(Refusal::All(failure)) => return Err(failure),
        }
        progress.set(done);
    }
    drop(puts);
    progress.finish();
    let not_put = total as u64 - done;
    output.say(format_args!("{done} objects put, {not_put} refused"));
    output.emit(&json!({ "put": done, "refused": not_put }));
    Ok(if not_put == 0 { Exit::Done } else { Exit::Unfinished })
}

/// The files to put, in a stable order; hidden files are left out.
fn list(args: &PutArgs) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for (number, given) in (1..).zip(&args.inputs) {
        let visible = |entry: &walkdir::DirEntry| {
            entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".")
        };
        let walk = WalkDir::new(given).sort_by_file_name().into_iter().filter_entry(visible);
        for entry in walk {
            // A path may hold what the rules would refuse: it is not repeated.
            let entry = entry.map_err(|e| {
                let cause = e
                    .into_io_error()
                    .map_or_else(|| "its links form a loop".to_owned(), |e| e.to_string());
                anyhow!("list argument {number}: {cause}: check the path")
            })?;
            if entry.file_type().is_dir() {
                continue;
            }
            let path = entry.into_path();
            let relative = path.strip_prefix(given).unwrap_or(&path);
            let own = if relative.as_os_str().is_empty() {
                Path::new(given.file_name().unwrap_or_default())
            } else {
                relative
            };
            let name = own.to_string_lossy();
            let name = args.prefix.as_ref().map_or_else(
                || name.to_string(),
                |p| format!("{}/{name}", p.trim_end_matches('/')),
            );
            inputs.push(Input { path: path.clone(), name });
        }
    }
    if inputs.is_empty() {
        return Err(anyhow!("there is no file to put"));
    }
    Ok(inputs)
}

type Refused = (usize, String, NameRule);

/// Splits the inputs by the rules for names, each with its position from 1.
fn sort_out(project: &Project, inputs: Vec<Input>) -> (Vec<Allowed>, Vec<Refused>) {
    let rules = project.settings.name_rules();
    let mut seen = BTreeSet::new();
    let (mut allowed, mut refused) = (Vec::new(), Vec::new());
    for (position, Input { path, name }) in (1..).zip(inputs) {
        match rules.parse(&name) {
            Ok(key) if seen.insert(key.clone()) => allowed.push(Allowed { position, path, key }),
            Ok(_) => refused.push((position, name, NameRule::Duplicate)),
            Err(rule) => refused.push((position, name, rule)),
        }
    }
    (allowed, refused)
}

/// The names themselves, for the person's eyes only.
fn write_refused(file: &Path, refused: &[Refused]) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        for (position, name, rule) in refused {
            writeln!(file, "{position}\t{name}\t{rule}")?;
        }
        Ok(())
    };
    write().with_context(|| format!("write {}", file.display()))
}

async fn put_one(project: &Project, args: &PutArgs, one: &Allowed) -> Result<(), Refusal> {
    let ports = &project.ports;
    let registered = retry(|| ports.ledger.name(&one.key)).await?;
    if registered.is_some() && !args.replace {
        return Err(Refusal::Input(anyhow!(
            "an object of this name is registered already: choose another name, or --replace it"
        )));
    }
    // An unregistered object of this name is what a put left that died before
    // it could register: nothing refers to it.
    let put =
        if args.sealed { put_sealed(project, one).await? } else { put_plain(project, one).await? };
    let Put::Written(object) = put else {
        return Err(Refusal::Input(anyhow!(
            "another put wrote this name at the same time: repeat"
        )));
    };
    let name = Name { object, registered_at: ports.clock.now(), run: None };
    Ok(retry(|| ports.ledger.register(&name)).await?)
}

async fn put_plain(project: &Project, one: &Allowed) -> Result<Put, Refusal> {
    let mut reader = open_input(&one.path)?;
    let (ports, pit) = (&project.ports, &project.settings.pit);
    let mut writer = SealedWriter::create(ports, pit, Bucket::Data, &one.key).await?;
    while let Some(chunk) = read(&mut reader).await? {
        writer.write(&chunk).await?;
    }
    Ok(writer.finish(PutMode::Replace).await?)
}

/// Puts a file that somebody sealed elsewhere, if its context names this
/// project and this object.
async fn put_sealed(project: &Project, one: &Allowed) -> Result<Put, Refusal> {
    let mut head = open_input(&one.path)?;
    let header = read_header::<std::convert::Infallible>(&mut head).await;
    let (header, _) = header.map_err(|e| Refusal::Input(e.into()))?;
    let expected = [("pit", project.settings.pit.as_str()), ("object", one.key.as_str())];
    header.context().require(&expected).map_err(|e| Refusal::Input(e.into()))?;
    let mut reader = open_input(&one.path)?;
    let mut writer: Box<dyn ObjectWriter> =
        project.ports.objects.create(Bucket::Data, &one.key).await?;
    while let Some(chunk) = read(&mut reader).await? {
        writer.write(&chunk).await?;
    }
    Ok(writer.finish(PutMode::Replace).await?)
}

fn open_input(path: &Path) -> Result<FileReader, Refusal> {
    // Looked at before it is opened: opening a pipe would wait for its writer.
    if path.metadata().is_ok_and(|facts| !facts.is_file()) {
        return Err(Refusal::Input(anyhow!("the file cannot be read: it is not a regular file")));
    }
    // The path may hold what the rules would refuse: it is not repeated.
    FileReader::open(path)
        .map_err(|e| Refusal::Input(anyhow!("the file cannot be read: {}", e.cause())))
}

async fn read(reader: &mut FileReader) -> Result<Option<bytes::Bytes>, Refusal> {
    reader
        .next()
        .await
        .map_err(|e| Refusal::Input(anyhow!("the file cannot be read: {}", e.cause())))
}
