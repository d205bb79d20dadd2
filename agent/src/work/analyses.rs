//! The analysis of the current run, including its side inputs.
//!
//! Side inputs are opened in the same way as objects, before the objects of a
//! unit, and kept with the analysis for further units. An object is never
//! analyzed without the side inputs that its run names.

use std::path::PathBuf;
use std::sync::Arc;

use sce_cloud::error::{Class, PortError, PortResult};
use sce_cloud::ports::Ports;
use sce_cloud::retry::retry;
use sce_cloud::sealed::{OpenError, open_bytes};
use sce_core::ids::Pit;
use sce_core::object::{Bucket, ObjectRef};
use sce_core::study::StudySettings;
use sce_study::{Analysis, AnalysisEntry, AnalysisError, find_analysis};
use tokio::sync::Mutex;

use super::blocking::run_blocking;
use super::reason::permanent_reason;

/// Longest side input, in bytes (1 GiB): it is held in memory completely.
pub(crate) const SIDE_INPUT_MAX_BYTES: u64 = 1 << 30;

/// The available analyses, and the one that was started last.
pub struct StartedAnalyses {
    entries: &'static [AnalysisEntry],
    scratch: PathBuf,
    last: Mutex<Option<(StudySettings, Arc<dyn Analysis>)>>,
}

impl StartedAnalyses {
    /// No analysis is started yet; temporary files go to the directory `scratch`.
    #[must_use]
    pub const fn new(entries: &'static [AnalysisEntry], scratch: PathBuf) -> Self {
        Self { entries, scratch, last: Mutex::const_new(None) }
    }

    /// Returns the analysis of a run with its side inputs.
    pub(super) async fn get(
        &self,
        ports: &Ports,
        pit: &Pit,
        study: &StudySettings,
    ) -> PortResult<Arc<dyn Analysis>> {
        // Held until the analysis is started. A worker has one unit at a time, so no other task
        // waits for it.
        let mut last = self.last.lock().await;
        if let Some((known, analysis)) = last.as_ref()
            && known == study
        {
            return Ok(analysis.clone());
        }
        // Freed before the next one is read: side inputs may take much of the memory.
        *last = None;
        let mut analysis = self.start(study)?;
        for object in &study.side_inputs {
            analysis = add_side_input(ports, pit, analysis, object).await?;
        }
        let (_, analysis) = last.insert((study.clone(), Arc::from(analysis)));
        Ok(analysis.clone())
    }

    /// Starts the analysis of a run without side inputs, for merging: partials
    /// already contain what the analysis used of them.
    pub(super) fn start(&self, study: &StudySettings) -> PortResult<Box<dyn Analysis>> {
        let fail = |e: AnalysisError| {
            PortError::new(Class::Permanent, "start analysis", &study.analysis, e)
        };
        let entry = find_analysis(self.entries, &study.analysis).map_err(|e| fail(e.into()))?;
        entry.start(&study.settings, &self.scratch).map_err(fail)
    }
}

async fn add_side_input(
    ports: &Ports,
    pit: &Pit,
    mut analysis: Box<dyn Analysis>,
    object: &ObjectRef,
) -> PortResult<Box<dyn Analysis>> {
    let fail = |class, cause: String| PortError::new(class, "read side input", &object.key, cause);
    if object.size > SIDE_INPUT_MAX_BYTES {
        let cause = "it is larger than 1 GiB: split it, or remove people who are not in the study";
        return Err(fail(Class::Permanent, cause.to_owned()));
    }
    // Only errors of ports are retried. The inner result carries errors that cannot pass.
    let opened = retry(async || match open_bytes(ports, pit, Bucket::Data, object).await {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(OpenError::Port(e)) => permanent_reason(e).map(Err),
        Err(e) => Ok(Err(e.to_string())),
    });
    let bytes = opened.await?.map_err(|cause| fail(Class::Permanent, cause))?;
    let added = run_blocking(move || analysis.add_side_input(&bytes).map(|()| analysis)).await;
    added.map_err(|defect| {
        let class = if defect.is_permanent() { Class::Permanent } else { Class::Transient };
        fail(class, defect.to_string())
    })
}
