//! The analysis of the run at hand, with its side inputs read.
//!
//! Side inputs are read before a unit's objects, through the same sealed path,
//! and kept with the analysis for the units that follow. No object is analyzed
//! without a side input that its run names.

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

/// Longest side input read, in bytes (1 GiB): it is held until it is read.
pub(crate) const SIDE_INPUT_MAX_BYTES: u64 = 1 << 30;

/// The analyses to choose from, and the one that was started last.
pub struct StartedAnalyses {
    entries: &'static [AnalysisEntry],
    scratch: PathBuf,
    last: Mutex<Option<(StudySettings, Arc<dyn Analysis>)>>,
}

impl StartedAnalyses {
    /// Nothing started yet; temporary files go to the directory `scratch`.
    #[must_use]
    pub const fn new(entries: &'static [AnalysisEntry], scratch: PathBuf) -> Self {
        Self { entries, scratch, last: Mutex::const_new(None) }
    }

    /// The analysis of a run with its side inputs.
    pub(super) async fn get(
        &self,
        ports: &Ports,
        pit: &Pit,
        study: &StudySettings,
    ) -> PortResult<Arc<dyn Analysis>> {
        let mut last = self.last.lock().await;
        if let Some((known, analysis)) = last.as_ref()
            && known == study
        {
            return Ok(analysis.clone());
        }
        *last = None;
        let mut analysis = self.start(study)?;
        for object in &study.side_inputs {
            analysis = add_side_input(ports, pit, analysis, object).await?;
        }
        let (_, analysis) = last.insert((study.clone(), Arc::from(analysis)));
        Ok(analysis.clone())
    }

    /// The analysis of a run without side inputs, for merging: partials hold
    /// what the analysis took from them.
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
        let cause = "it is over 1 GiB: split it, or leave out who is not in the study";
        return Err(fail(Class::Permanent, cause.to_owned()));
    }
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
