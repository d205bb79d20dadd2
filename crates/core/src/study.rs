//! The settings of a study: which analysis a run computes, and how.
//!
//! Used by `sce.toml`, by the run's row and by the agent. They are part of a
//! run's identity: two runs with different settings are two runs. The settings
//! of the analysis must stay opaque here; its own crate defines and checks
//! them.

use serde::{Deserialize, Serialize};

use crate::object::ObjectRef;

/// The analysis of a study whose settings do not name one.
pub const DEFAULT_ANALYSIS: &str = "vitals/1";
/// The most side inputs of a run.
pub const SIDE_INPUTS_MAX: usize = 10;

/// The settings of an analysis, by name.
pub type AnalysisSettings = serde_json::Map<String, serde_json::Value>;

/// The analysis of a run and its settings.
///
/// ```
/// use sce_core::study::StudySettings;
///
/// let study: StudySettings =
///     serde_json::from_str(r#"{ "analysis": "vitals/1", "format": "wide" }"#)?;
/// assert_eq!(study.analysis, "vitals/1");
/// assert_eq!(study.settings["format"], "wide");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudySettings {
    /// Name and version of the analysis.
    #[serde(default = "default_analysis")]
    pub analysis: String,
    /// Every other setting; the analysis defines them.
    #[serde(flatten)]
    pub settings: AnalysisSettings,
    /// Sealed objects that the analysis reads before any other, such as tables of people.
    /// Given with the submission, never in a settings file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub side_inputs: Vec<ObjectRef>,
}

fn default_analysis() -> String {
    DEFAULT_ANALYSIS.to_owned()
}

impl Default for StudySettings {
    fn default() -> Self {
        // Equal to the settings parsed from `{}`, so that both have the same digest.
        Self {
            analysis: default_analysis(),
            settings: AnalysisSettings::new(),
            side_inputs: Vec::new(),
        }
    }
}

/// Why the settings of a study cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StudySettingsError {
    /// An analysis that this version does not have.
    #[error("study.analysis is not an analysis of this version: write {known}")]
    Analysis {
        /// The names to choose from.
        known: String,
    },
    /// One setting of the analysis.
    #[error("study.{setting}: {problem}")]
    Setting {
        /// Its path under `[study]`.
        setting: String,
        /// What is wrong, and what to write.
        problem: String,
    },
    /// The settings as a whole, or a setting that the analysis does not have.
    #[error("study: {0}")]
    Form(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_keep_their_form_from_row_to_row() {
        let text = r#"{"analysis":"vitals/1","format":"detect","ranges":"default"}"#;
        let read: StudySettings = serde_json::from_str(text).expect("settings");
        assert_eq!(serde_json::to_string(&read).expect("JSON"), text);
    }

    #[test]
    fn settings_without_an_analysis_name_the_default() {
        let read: StudySettings = serde_json::from_str("{}").expect("settings");
        assert_eq!(read, StudySettings::default());
    }
}
