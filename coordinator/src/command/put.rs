//! `sce put`: seals files, puts them into the store and registers their names.
//!
//! Names are checked before anything is read. An object is registered only
//! after it is completely stored, so that a run can rely on registered objects.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use futures_util::{StreamExt, stream};
use sce_cloud::caller::Caller;
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
use crate::plural::plural;
use crate::progress::Progress;
use crate::project::Project;

/// Number of objects put at the same time: most of a put is waiting for
/// responses.
const PUTS_AHEAD: usize = 8;

/// A file to put, and its name in the store.
struct Input {
    path: PathBuf,
    name: String,
}

/// A file whose name the rules allow.
struct Allowed {
    position: usize,
    path: PathBuf,
    key: ObjectKey,
}

/// Why an input was not put.
enum Refusal {
    /// The input itself is wrong; the other inputs are still put.
    Input(anyhow::Error),
    /// No other input can be put either.
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
    // `buffered` keeps the order of the inputs, so that messages come in a stable order.
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
    output.say(format_args!("{} put, {not_put} refused", plural(done, "object")));
    output.emit(&json!({ "put": done, "refused": not_put }));
    Ok(if not_put == 0 { Exit::Done } else { Exit::Unfinished })
}

/// Lists the files to put, in a stable order, without hidden files.
fn list(args: &PutArgs) -> anyhow::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for (number, given) in (1..).zip(&args.inputs) {
        // A hidden file or directory is put if the user names it explicitly (depth 0).
        let visible = |entry: &walkdir::DirEntry| {
            entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".")
        };
        let walk = WalkDir::new(given).sort_by_file_name().into_iter().filter_entry(visible);
        for entry in walk {
            // The path may contain a name that the rules refuse, so the message must not show it.
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
        return Err(anyhow!("no files to put: name files, or directories that contain files"));
    }
    Ok(inputs)
}

type Refused = (usize, String, NameRule);

/// Splits the inputs into allowed and refused names, with their positions
/// from 1.
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

/// Writes the refused names to a file that only the user can read.
fn write_refused(file: &Path, refused: &[Refused]) -> anyhow::Result<()> {
    // The mode is set at creation: there is no moment in which others can read the file.
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
            "an object of this name is already registered: choose another name, or use --replace"
        )));
    }
    // An unregistered object of this name was left by a put that was interrupted before it
    // registered the object: nothing refers to it, so it can be overwritten.
    let put =
        if args.sealed { put_sealed(project, one).await? } else { put_plain(project, one).await? };
    let Put::Written(object) = put else {
        return Err(Refusal::Input(anyhow!(
            "another put wrote this object at the same time: repeat the command"
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

/// Puts a file that was sealed elsewhere, if its context names this project
/// and this object.
async fn put_sealed(project: &Project, one: &Allowed) -> Result<Put, Refusal> {
    // The header is read in a pass of its own: an object bound to another place is refused
    // before a byte of it is uploaded.
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
    // Checked before it is opened, because opening a pipe would wait for its writer.
    if path.metadata().is_ok_and(|facts| !facts.is_file()) {
        return Err(Refusal::Input(anyhow!("cannot read the file: it is not a regular file")));
    }
    // Only the cause is shown: the path may contain a name that the rules refuse.
    FileReader::open(path)
        .map_err(|e| Refusal::Input(anyhow!("cannot read the file: {}", e.cause())))
}

async fn read(reader: &mut FileReader) -> Result<Option<bytes::Bytes>, Refusal> {
    reader.next().await.map_err(|e| Refusal::Input(anyhow!("cannot read the file: {}", e.cause())))
}
