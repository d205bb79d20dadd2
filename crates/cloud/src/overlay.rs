//! Settings given by flag or environment variable, which override `sce.toml`.
//!
//! Used by both binaries. A coordinator passes its overlay to the workers that
//! it starts, in their environment, so that they work on the same project. It
//! must contain no secret: environments can be read.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use sce_core::ids::Pit;

use crate::settings::{FILE_NAME, Settings, SettingsError};

/// Flags override the environment, which overrides `sce.toml`.
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
    /// Directory of the local environment [default: as in the settings file]
    #[arg(long, global = true, env = "SCE_ROOT", value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Directory used as the encrypted volume [default: as in the settings file]
    #[arg(long, global = true, env = "SCE_HIPAA", value_name = "DIR")]
    pub hipaa: Option<PathBuf>,
    /// Length of a unit's lease in seconds [default: as in the settings file]
    #[arg(long, global = true, env = "SCE_LEASE_SECONDS", value_name = "SECONDS")]
    pub lease_seconds: Option<u64>,
}

impl Overlay {
    /// Returns the settings file's values, overridden by these.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        self.over(Settings::load(&self.config)?)
    }

    /// The same, with the defaults if there is no settings file.
    ///
    /// # Errors
    /// As [`Settings::load`], except for an absent file.
    pub fn settings_or_default(&self) -> Result<Settings, SettingsError> {
        match Settings::load(&self.config) {
            Err(SettingsError::Absent(_)) => self.over(Settings::default()),
            loaded => self.over(loaded?),
        }
    }

    /// Returns `settings`, read from elsewhere, overridden by these.
    ///
    /// # Errors
    /// Returns an error if a value is out of its range.
    pub fn over(&self, mut settings: Settings) -> Result<Settings, SettingsError> {
        // Flags are relative to the working directory, not to the settings file.
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

    /// Returns the environment variables that give a worker the same settings.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        // Absolute: a worker may have another working directory.
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
