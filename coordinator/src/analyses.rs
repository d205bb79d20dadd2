//! The analyses whose settings `sce` checks before it submits a run.
//!
//! `sce` checks settings only; the workers contain the analyses themselves. To
//! add an analysis, add an entry to the table.

use std::path::Path;

use sce_cloud::settings::SettingsError;
use sce_core::study::{AnalysisSettings, StudySettings, StudySettingsError};
use sce_vitals::settings::{NAME, VitalsSettings};

type Canonical = fn(&AnalysisSettings) -> Result<AnalysisSettings, StudySettingsError>;

/// Each analysis by name, with the function that checks its settings and fills
/// in their defaults.
const ANALYSES: &[(&str, Canonical)] = &[(NAME, VitalsSettings::canonical)];

/// Returns the settings of a study with every default filled in, so that
/// settings files with the same meaning give the same run.
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
