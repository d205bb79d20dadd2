//! `sce-agent analyze`: the same analysis for files at hand, sealed or plain.

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

/// How a sealed object begins: format version 2, suite 0478.
const SEALED_START: [u8; 3] = [0x02, 0x04, 0x78];
/// In place of the run's id, in results of files at hand.
const NO_RUN: &str = "files at hand";

/// The command line asks for something that cannot be done.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(String);

impl From<StudySettingsError> for UsageError {
    fn from(e: StudySettingsError) -> Self {
        Self(e.to_string())
    }
}

/// Analyzes the files; false if one was quarantined.
pub(crate) async fn analyze(args: &AnalyzeArgs, overlay: &Overlay) -> anyhow::Result<bool> {
    let mut settings = overlay.settings_or_default()?;
    if let Some(format) = &args.format {
        settings.study.settings.insert("format".to_owned(), format.as_str().into());
    }
    let names: HashSet<&PathBuf> = args.files.iter().collect();
    if names.len() < args.files.len() {
        return Err(UsageError("a file is named twice: name each once".to_owned()).into());
    }
    std::fs::create_dir_all(&args.out).with_context(|| format!("make {}", args.out.display()))?;
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

/// The analysis with the tables of people read.
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
            if (content.len() + plaintext.len()) as u64 > SIDE_INPUT_MAX_BYTES {
                return Err("it is over 1 GiB: split it, or leave out who is not in the study");
            }
            content.extend_from_slice(plaintext);
            Ok(())
        };
        // A table of people may have any name in the project: the user named it.
        let added = match stream(path, Bound::Project, settings, sink).await? {
            Ok(()) => analysis.add_side_input(&content).map_err(|defect| defect.to_string()),
            Err(reason) => Err(reason),
        };
        added.map_err(|reason| UsageError(format!("{}: {reason}", path.display())))?;
    }
    Ok(analysis)
}

/// The file's partial, or why it is quarantined.
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

/// What a sealed file must be bound to.
enum Bound<'a> {
    /// This project.
    Project,
    /// The object of this key too; none given: of the file's name.
    Object(Option<&'a str>),
}

/// Streams a file's plaintext into `sink`, sealed or not; or says why that
/// can never succeed.
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
