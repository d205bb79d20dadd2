//! The analyses that a worker can compute: another kind is one more entry.

use sce_study::AnalysisEntry;

/// The table that a run's settings choose from by name.
pub const ANALYSES: &[AnalysisEntry] = &[sce_vitals::ANALYSIS];
