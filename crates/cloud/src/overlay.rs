//! Settings given by flag or environment; both win over `sce.toml`.
//!
//! Shared by both binaries. A coordinator hands its overlay to the workers it
//! starts as environment, so that they work on the same project.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use sce_core::ids::Pit;

use crate::settings::{FILE_NAME, Settings, SettingsError};

/// Flags that win over the environment, which wins over `sce.toml`.
#[derive(Debug, Clone, Default, Args)]
pub struct Overlay {
    /// Settings file of the project
    #[arg(long, global = true, env = "SCE_CONFIG", value_name = "FILE", default_value = FILE_NAME)]
    pub config: PathBuf,
    /// Project identifier tag [default: as in the settings file]
    #[arg(long, global = true, env = "SCE_PIT", value_name = "PIT")]
    pub pit: Option<Pit>,
    /// File of the wrapping key [default: as in the settings file]
    #[arg(long, global = true, env = "SCE_KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Directory of the embedded environment [default: as in the settings file]
    #[arg(long, global = true, env = "SCE_ROOT", value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Directory standing for the encrypted volume [default: as in the settings file]
    #[arg(long, global = true, env = "SCE_HIPAA", value_name = "DIR")]
    pub hipaa: Option<PathBuf>,
    /// Seconds that a worker's claim lasts [default: as in the settings file]
    #[arg(long, global = true, env = "SCE_LEASE_SECONDS", value_name = "SECONDS")]
    pub lease_seconds: Option<u64>,
}

impl Overlay {
    /// The settings file's values with these on top.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        self.over(Settings::load(&self.config)?)
    }

    /// The same where the settings file may be absent: then its defaults.
    ///
    /// # Errors
    /// As [`Settings::load`], but for an absent file.
    pub fn settings_or_default(&self) -> Result<Settings, SettingsError> {
        match Settings::load(&self.config) {
            Err(SettingsError::Absent(_)) => self.over(Settings::default()),
            loaded => self.over(loaded?),
        }
    }

    /// `settings`, read elsewhere, with these on top.
    ///
    /// # Errors
    /// A value is out of its range.
    pub fn over(&self, mut settings: Settings) -> Result<Settings, SettingsError> {
        let absolute = |path: &PathBuf| {
            std::path::absolute(path).map_err(|e| SettingsError::Unreadable(path.clone(), e))
        };
        for (given, field) in [
            (&self.key_file, &mut settings.key_file),
            (&self.root, &mut settings.root),
            (&self.hipaa, &mut settings.hipaa),
        ] {
            if let Some(path) = given {
                *field = absolute(path)?;
            }
        }
        if let Some(pit) = &self.pit {
            settings.pit = pit.clone();
        }
        if let Some(seconds) = self.lease_seconds {
            settings.lease_seconds = Some(seconds);
        }
        settings.checked(&self.config)
    }

    /// What a worker needs in its environment to see the same settings.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        let absolute = |path: &PathBuf| {
            std::path::absolute(path).unwrap_or_else(|_| path.clone()).into_os_string()
        };
        let paths = [
            ("SCE_KEY_FILE", &self.key_file),
            ("SCE_ROOT", &self.root),
            ("SCE_HIPAA", &self.hipaa),
        ];
        let mut environment = vec![("SCE_CONFIG", absolute(&self.config))];
        environment.extend(
            paths
                .iter()
                .filter_map(|(name, path)| path.as_ref().map(|path| (*name, absolute(path)))),
        );
        environment.extend(self.pit.as_ref().map(|pit| ("SCE_PIT", pit.to_string().into())));
        environment.extend(self.lease_seconds.map(|s| ("SCE_LEASE_SECONDS", s.to_string().into())));
        environment
    }
}
