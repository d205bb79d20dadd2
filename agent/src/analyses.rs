//! The analyses that a worker can compute. To add one, add an entry.

use sce_study::AnalysisEntry;

/// The analyses, from which a run's settings choose one by name.
pub const ANALYSES: &[AnalysisEntry] = &[sce_vitals::ANALYSIS];
