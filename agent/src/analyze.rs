//! `sce-agent analyze`: the same analysis for local files, sealed or plain.

use std::collections::HashSet;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use sce_cloud::error::Class;
use sce_cloud::local::{FileKeys, FileReader};
use sce_cloud::overlay::Overlay;
use sce_cloud::ports::ObjectReader as _;
use sce_cloud::sealed::{OpenError, open_stream};
use sce_cloud::settings::Settings;
use sce_cloud::system::SystemEntropy;
use sce_core::study::StudySettingsError;
use sce_study::{
    Analysis, AnalysisError, Deliverable, FoldLimits, InputFact, InputOutcome, ObjectPart,
    RunFacts, find_analysis,
};

use crate::analyses::ANALYSES;
use crate::cli::AnalyzeArgs;
use crate::work::SIDE_INPUT_MAX_BYTES;

/// The first bytes of a sealed object: format version 2, suite 0478.
const SEALED_START: [u8; 3] = [0x02, 0x04, 0x78];
/// Replaces the run's id in results of local files.
const NO_RUN: &str = "files at hand";

/// The command line asks for something impossible.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(String);

impl From<StudySettingsError> for UsageError {
    fn from(e: StudySettingsError) -> Self {
        Self(e.to_string())
    }
}

/// Analyzes the files. Returns false if one was quarantined.
pub(crate) async fn analyze(args: &AnalyzeArgs, overlay: &Overlay) -> anyhow::Result<bool> {
    let mut settings = overlay.settings_or_default()?;
    if let Some(format) = &args.format {
        settings.study.settings.insert("format".to_owned(), format.as_str().into());
    }
    // Results are per object, and the merge would fail on an object that occurs twice.
    let names: HashSet<&PathBuf> = args.files.iter().collect();
    if names.len() < args.files.len() {
        return Err(UsageError("a file is named twice: name each file once".to_owned()).into());
    }
    std::fs::create_dir_all(&args.out).with_context(|| format!("create {}", args.out.display()))?;
    let analysis = start(args, &settings).await?;
    let mut fold = analysis.fold(FoldLimits::default());
    let mut inputs = Vec::new();
    for file in &args.files {
        let object = file.display().to_string();
        let mut fact =
            InputFact { object: object.clone(), outcome: InputOutcome::Analyzed, reason: None };
        match read(analysis.as_ref(), &object, file, args, &settings).await? {
            Ok(part) => fold.add(part)?,
            Err(reason) => {
                eprintln!("sce-agent: {object} quarantined: {reason}");
                fact.outcome = InputOutcome::Quarantined;
                fact.reason = Some(reason);
            }
        }
        inputs.push(fact);
    }
    // The order of the arguments must not change the results.
    inputs.sort_by(|a, b| a.object.cmp(&b.object));
    let complete = inputs.iter().all(|input| input.outcome == InputOutcome::Analyzed);
    let facts = RunFacts { run: NO_RUN.to_owned(), inputs };
    write_results(&fold.deliver(&facts)?, &args.out)?;
    Ok(complete)
}

fn write_results(deliverables: &[Deliverable], out: &Path) -> anyhow::Result<()> {
    for one in deliverables {
        let write = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(out)?;
            io::copy(&mut one.content.open()?, &mut file)?;
            file.persist(out.join(&one.name))?;
            Ok(())
        };
        write().with_context(|| format!("write {} into {}", one.name, out.display()))?;
    }
    eprintln!("sce-agent: results in {}, in the clear", out.display());
    Ok(())
}

/// Starts the analysis and reads the tables of people.
async fn start(args: &AnalyzeArgs, settings: &Settings) -> anyhow::Result<Box<dyn Analysis>> {
    let entry = find_analysis(ANALYSES, &settings.study.analysis).map_err(UsageError::from)?;
    let started = entry.start(&settings.study.settings, &args.out);
    let mut analysis = started.map_err(|e| match e {
        AnalysisError::Settings(e) => anyhow::Error::from(UsageError::from(e)),
        e => e.into(),
    })?;
    for path in &args.people {
        let mut content = Vec::new();
        let sink = |plaintext: &[u8]| {
            // Checked for each chunk, so that a larger file is not read into memory first.
            if (content.len() + plaintext.len()) as u64 > SIDE_INPUT_MAX_BYTES {
                return Err(
                    "it is larger than 1 GiB: split it, or remove people who are not in the study",
                );
            }
            content.extend_from_slice(plaintext);
            Ok(())
        };
        // A table of people may be sealed for any object key of the project, because the user
        // names the file explicitly.
        let added = match stream(path, Bound::Project, settings, sink).await? {
            Ok(()) => analysis.add_side_input(&content).map_err(|defect| defect.to_string()),
            Err(reason) => Err(reason),
        };
        added.map_err(|reason| UsageError(format!("{}: {reason}", path.display())))?;
    }
    Ok(analysis)
}

/// Reads a file. Returns its partial, or the reason to quarantine it.
async fn read(
    analysis: &dyn Analysis,
    object: &str,
    path: &Path,
    args: &AnalyzeArgs,
    settings: &Settings,
) -> anyhow::Result<Result<ObjectPart, String>> {
    let mut reader = analysis.begin(object);
    let bound = Bound::Object(args.object.as_deref());
    let read = stream(path, bound, settings, |plaintext| reader.push(plaintext)).await?;
    Ok(read.and_then(|()| reader.finish().map_err(|defect| defect.to_string())))
}

/// The encryption context that a sealed file must have.
enum Bound<'a> {
    /// This project.
    Project,
    /// This project and this object key; `None` for the file's name.
    Object(Option<&'a str>),
}

/// Streams a file's plaintext, sealed or not, into `sink`. The inner error is
/// the reason why this can never succeed.
async fn stream<E: Display>(
    path: &Path,
    bound: Bound<'_>,
    settings: &Settings,
    mut sink: impl FnMut(&[u8]) -> Result<(), E>,
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
    // The key file is needed only now: plain files can be analyzed without one.
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
        // A wrong key concerns this file only; any other failure of a port would hit every file.
        Err(OpenError::Port(e)) if e.class != Class::WrongKey => Err(e.into()),
        Err(e) => Ok(Err(e.to_string())),
    }
}

fn object_key(path: &Path, given: Option<&str>) -> anyhow::Result<String> {
    if let Some(key) = given {
        return Ok(key.to_owned());
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let name =
        name.ok_or_else(|| UsageError(format!("{}: give its key with --object", path.display())))?;
    Ok(name.strip_suffix(".sealed").unwrap_or(name).to_owned())
}

fn is_sealed(path: &Path) -> anyhow::Result<bool> {
    let mut start = Vec::new();
    let file = File::open(path).and_then(|file| file.take(3).read_to_end(&mut start).map(drop));
    file.with_context(|| format!("read {}", path.display()))?;
    Ok(start == SEALED_START)
}
