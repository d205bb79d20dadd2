//! The analyses whose settings `sce` checks before it submits a run.
//!
//! `sce` computes nothing: a worker has the analyses themselves. Another kind
//! of analysis is one more entry.

use std::path::Path;

use sce_cloud::settings::SettingsError;
use sce_core::study::{AnalysisSettings, StudySettings, StudySettingsError};
use sce_vitals::settings::{NAME, VitalsSettings};

type Canonical = fn(&AnalysisSettings) -> Result<AnalysisSettings, StudySettingsError>;

/// Names, and what checks the settings and writes their defaults out.
const ANALYSES: &[(&str, Canonical)] = &[(NAME, VitalsSettings::canonical)];

/// The settings of a study with every default written out: two texts of the
/// same meaning are one run.
pub(crate) fn canonical(
    study: &StudySettings,
    file: &Path,
) -> Result<StudySettings, SettingsError> {
    let unusable = |e| SettingsError::Study(file.to_owned(), e);
    let known = ANALYSES.iter().find(|(name, _)| *name == study.analysis);
    let (_, canonical) = known.ok_or_else(|| {
        let names: Vec<String> = ANALYSES.iter().map(|(name, _)| format!("{name:?}")).collect();
        unusable(StudySettingsError::Analysis { known: names.join(" or ") })
    })?;
    let settings = canonical(&study.settings).map_err(unusable)?;
    Ok(StudySettings { settings, ..study.clone() })
}
