//! `sce-agent analyze`: the same analysis for files at hand, sealed or plain.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use sce_cloud::error::Class;
use sce_cloud::local::{FileKeys, FileReader};
use sce_cloud::overlay::Overlay;
use sce_cloud::ports::ObjectReader as Stream;
use sce_cloud::sealed::{OpenError, open_stream};
use sce_cloud::settings::Settings;
use sce_cloud::system::SystemEntropy;
use sce_core::vitals::People;

use crate::analysis::{PeopleReader, VitalsStudy};
use crate::cli::AnalyzeArgs;
use crate::study::{Defect, InputFact, InputOutcome, ObjectReader, RunFacts, Study};

/// How a sealed object begins: format version 2, suite 0478.
const SEALED_START: [u8; 3] = [0x02, 0x04, 0x78];
/// Files' parts held before they are merged into one.
const PARTS_MAX: usize = 4;
/// What stands for the run's id in results of files at hand.
const NO_RUN: &str = "files at hand";

/// The command line asks for something that cannot be done.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(String);

/// Analyses the files; false if one was set aside.
pub(crate) async fn analyze(args: &AnalyzeArgs, overlay: &Overlay) -> anyhow::Result<bool> {
    let mut settings = overlay.settings_or_default()?;
    if let Some(format) = args.format {
        settings.study.format = format;
    }
    let names: HashSet<&PathBuf> = args.files.iter().collect();
    if names.len() < args.files.len() {
        return Err(UsageError("a file is named twice: name each once".to_owned()).into());
    }
    std::fs::create_dir_all(&args.out).with_context(|| format!("make {}", args.out.display()))?;
    let people = read_people(args, &settings).await?;
    let study = VitalsStudy::new(args.out.clone()).with_settings(&settings.study, people)?;
    let mut parts = Vec::new();
    let mut inputs = Vec::new();
    for file in &args.files {
        let object = file.display().to_string();
        let mut fact =
            InputFact { object: object.clone(), outcome: InputOutcome::Analysed, reason: None };
        match read(&study, &object, file, args, &settings).await? {
            Ok(part) if parts.len() < PARTS_MAX => parts.push(part),
            Ok(part) => {
                parts.push(part);
                parts = vec![study.merge(parts)?];
            }
            Err(reason) => {
                eprintln!("sce-agent: {object} set aside: {reason}");
                fact.outcome = InputOutcome::Quarantined;
                fact.reason = Some(reason);
            }
        }
        inputs.push(fact);
    }
    inputs.sort_by(|a, b| a.object.cmp(&b.object));
    let complete = inputs.iter().all(|input| input.outcome == InputOutcome::Analysed);
    let facts = RunFacts { run: NO_RUN.to_owned(), inputs };
    write_results(&study, &facts, parts, &args.out)?;
    Ok(complete)
}

fn write_results<S: Study>(
    study: &S,
    facts: &RunFacts,
    parts: Vec<S::Partial>,
    out: &Path,
) -> anyhow::Result<()> {
    let merged = study.merge(parts)?;
    for one in study.deliver(facts, merged)? {
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(out)?;
            io::copy(&mut one.content.open()?, &mut file)?;
            file.persist(out.join(one.name))?;
            Ok(())
        };
        write().with_context(|| format!("write {} into {}", one.name, out.display()))?;
    }
    eprintln!("sce-agent: results in {}, in the clear", out.display());
    Ok(())
}

/// Who is in the tables of people.
async fn read_people(args: &AnalyzeArgs, settings: &Settings) -> anyhow::Result<Arc<People>> {
    let mut people = People::default();
    for path in &args.people {
        let mut reader = PeopleReader::new(people);
        // A table may lie anywhere in the project: it was named by hand.
        let read =
            stream(path, Bound::Project, settings, |plaintext| reader.push(plaintext)).await?;
        people = read
            .and_then(|()| reader.finish().map_err(|defect| defect.to_string()))
            .map_err(|reason| UsageError(format!("{}: {reason}", path.display())))?;
    }
    Ok(Arc::new(people))
}

/// The file's partial, or why it is set aside.
async fn read<S: Study>(
    study: &S,
    object: &str,
    path: &Path,
    args: &AnalyzeArgs,
    settings: &Settings,
) -> anyhow::Result<Result<S::Partial, String>> {
    let mut reader = study.begin(object);
    let bound = Bound::Object(args.object.as_deref());
    let read = stream(path, bound, settings, |plaintext| reader.push(plaintext)).await?;
    Ok(read.and_then(|()| reader.finish().map_err(|defect| defect.to_string())))
}

/// What a sealed file must be bound to.
enum Bound<'a> {
    /// This project.
    Project,
    /// The object of this key too; none given: of the file's name.
    Object(Option<&'a str>),
}

/// Streams a file's plaintext into `sink`, sealed or not; or says why that
/// can never succeed.
async fn stream(
    path: &Path,
    bound: Bound<'_>,
    settings: &Settings,
    mut sink: impl FnMut(&[u8]) -> Result<(), Defect>,
) -> anyhow::Result<Result<(), String>> {
    let mut stream = FileReader::open(path).map_err(|e| UsageError(e.to_string()))?;
    if !is_sealed(path)? {
        while let Some(chunk) = stream.next().await? {
            if let Err(defect) = sink(&chunk) {
                return Ok(Err(defect.to_string()));
            }
        }
        return Ok(Ok(()));
    }
    let keys =
        FileKeys::open(&settings.path(&settings.key_file), &settings.pit, Arc::new(SystemEntropy))?;
    let pit = ("pit", settings.pit.as_str());
    let opened = match bound {
        Bound::Project => open_stream(&mut stream, &keys, &[pit], sink).await,
        Bound::Object(given) => {
            let key = object_key(path, given)?;
            open_stream(&mut stream, &keys, &[pit, ("object", &key)], sink).await
        }
    };
    match opened {
        Ok(_) => Ok(Ok(())),
        Err(OpenError::Port(e)) if e.class != Class::WrongKey => Err(e.into()),
        Err(e) => Ok(Err(e.to_string())),
    }
}

fn object_key(path: &Path, given: Option<&str>) -> anyhow::Result<String> {
    if let Some(key) = given {
        return Ok(key.to_owned());
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name
        .ok_or_else(|| UsageError(format!("{}: name the object with --object", path.display())))?;
    Ok(name.strip_suffix(".sealed").unwrap_or(name).to_owned())
}

fn is_sealed(path: &Path) -> anyhow::Result<bool> {
    let mut start = Vec::new();
    let file = File::open(path).and_then(|file| file.take(3).read_to_end(&mut start).map(drop));
    file.with_context(|| format!("read {}", path.display()))?;
    Ok(start == SEALED_START)
}
