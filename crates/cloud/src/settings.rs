//! `sce.toml`: the settings of a project.
//!
//! Used by both binaries. Every field has a default that works unedited after
//! `sce init`; unknown fields are refused, so that a typing error is not a
//! silent default. It must contain no secret: only the path of the key file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::Ipv4Net;
use sce_core::addresses::{AddressError, check_addresses};
use sce_core::calendar;
use sce_core::ids::Pit;
use sce_core::limits::{Budgets, LeaseRules};
use sce_core::names::NameRules;
use sce_core::resources::{Account, Resources};
use sce_core::study::{StudySettings, StudySettingsError};
use serde::{Deserialize, Serialize};

/// Name of the file in the working directory.
pub const FILE_NAME: &str = "sce.toml";
/// The largest accepted settings file, in bytes.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// The longest lease, in seconds: with its margin it must fit into the visibility timeout of
/// a message, which SQS limits to 12 hours.
const LEASE_MAX_SECONDS: u64 = 36_000;

/// The file that `sce init` writes: every default, with comments.
pub const TEMPLATE: &str = include_str!("sce.toml");

/// The adapters behind the ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everything on this machine.
    Local,
    /// S3, SQS, DynamoDB, SNS, KMS and EC2.
    Aws,
}

/// The key that wraps data keys on AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataKeys {
    /// The project's KMS key, one call per object.
    #[default]
    Kms,
    /// The project's HomerKey, itself wrapped by KMS (`sce key wrap`).
    Homer,
}

/// The project on AWS.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AwsSettings {
    /// The account; every name follows from it and the PIT.
    pub account: Option<Account>,
    /// The region; without it, the one that the AWS CLI would use.
    pub region: Option<String>,
    /// The key that wraps data keys.
    pub data_keys: DataKeys,
}

/// Exceptions from the rules for object names.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NameSettings {
    /// Harmless words that object names may contain, in addition to the built-in ones.
    pub words: Vec<String>,
    /// Whether names may contain dates (never dates of service).
    pub dates: bool,
}

/// The machine of a worker, as its launch describes it; not written by users.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MachineSettings {
    /// Size of the volume for /hipaa, in GiB.
    pub volume_gib: Option<u32>,
    /// The addresses to which the agent may connect: the VPC (V), and the ranges behind its
    /// gateway endpoints, which keep public addresses.
    pub addresses: Vec<Ipv4Net>,
}

impl MachineSettings {
    /// Formats them as the end of a settings file.
    pub fn render(&self) -> String {
        let section = toml::to_string(self).expect("numbers and addresses have a TOML form");
        format!("[machine]\n{section}")
    }
}

/// The contents of `sce.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Project identifier tag.
    pub pit: Pit,
    /// Who accepted the business associate addendum for the account, and when: "who, date".
    pub baa_accepted: Option<String>,
    /// The adapters.
    pub mode: Mode,
    /// The file of the raw wrapping key, relative to `sce.toml`.
    pub key_file: PathBuf,
    /// The directory of the local environment, relative to `sce.toml`.
    pub root: PathBuf,
    /// The directory used as the encrypted volume, relative to `sce.toml`.
    pub hipaa: PathBuf,
    /// The recipient of notices.
    pub email: String,
    /// Length of a lease from its last beat, in seconds.
    pub lease_seconds: Option<u64>,
    /// How long a worker waits at an empty queue, in milliseconds; after three such waits it
    /// looks in the ledger itself.
    pub poll_milliseconds: Option<u64>,
    /// The longest lifetime of a worker, in seconds.
    pub lifetime_seconds: u64,
    /// The project on AWS.
    pub aws: AwsSettings,
    /// Object names.
    pub names: NameSettings,
    /// The analysis of runs.
    pub study: StudySettings,
    /// The machine, as described by its launch.
    pub machine: MachineSettings,
    #[serde(skip)]
    folder: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pit: Pit::default(),
            baa_accepted: None,
            mode: Mode::Local,
            key_file: "homer.key".into(),
            root: ".sce".into(),
            hipaa: ".sce/hipaa".into(),
            email: "researcher@localhost".to_owned(),
            lease_seconds: None,
            poll_milliseconds: None,
            lifetime_seconds: 24 * 3600,
            aws: AwsSettings::default(),
            names: NameSettings::default(),
            study: StudySettings::default(),
            machine: MachineSettings::default(),
            folder: PathBuf::new(),
        }
    }
}

/// Why the settings cannot be used. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file does not exist.
    #[error("{0} does not exist: run `sce init` first, or name the file with --config")]
    Absent(PathBuf),
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// The file is not valid TOML, or not of the expected form.
    #[error("{path} line {line}: {cause}; correct it, or compare with what `sce init` writes")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        cause: String,
    },
    /// Addresses that are no restriction.
    #[error("{0}: {1}")]
    Addresses(PathBuf, AddressError),
    /// Invalid settings of the study.
    #[error("{0}: {1}")]
    Study(PathBuf, StudySettingsError),
    /// A value out of its range.
    #[error("{path}: {cause}")]
    Range {
        /// The file.
        path: PathBuf,
        /// The value and its range.
        cause: &'static str,
    },
}

impl Settings {
    /// Reads the file.
    ///
    /// # Errors
    /// Returns an error if it is absent, unreadable or malformed, or has a value out of range.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        let unreadable = |e| SettingsError::Unreadable(path.to_owned(), e);
        let facts = fs::metadata(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => SettingsError::Absent(path.to_owned()),
            _ => unreadable(e),
        })?;
        // Before reading: the path may be a device or a large file by mistake.
        if facts.len() > FILE_MAX_BYTES || !facts.is_file() {
            return Err(SettingsError::Range {
                path: path.to_owned(),
                cause: "not a settings file (a regular file of at most 1 MiB)",
            });
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let absolute = std::path::absolute(path).map_err(unreadable)?;
        let mut settings = Self::parse(&text, path)?;
        settings.folder = absolute.parent().unwrap_or(Path::new("/")).to_owned();
        Ok(settings)
    }

    /// Parses settings from text that was read from `path`.
    ///
    /// ```
    /// use std::path::Path;
    ///
    /// use sce_cloud::settings::{FILE_NAME, Mode, Settings};
    ///
    /// let settings = Settings::parse("lease_seconds = 30", Path::new(FILE_NAME))?;
    /// assert_eq!(settings.mode, Mode::Local);
    /// assert_eq!(settings.lease().lease.as_secs(), 30);
    /// assert!(Settings::parse("lease_second = 30", Path::new(FILE_NAME)).is_err());
    /// # Ok::<(), sce_cloud::settings::SettingsError>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the text is malformed or has a value out of range.
    pub fn parse(text: &str, path: &Path) -> Result<Self, SettingsError> {
        let settings: Self = toml::from_str(text).map_err(|e| {
            let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            SettingsError::Malformed {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                // Only the first line: the others quote the file.
                cause: e.message().lines().next().unwrap_or_default().to_owned(),
            }
        })?;
        settings.checked(path)
    }

    /// Returns these settings if every value is within its range.
    pub(crate) fn checked(self, path: &Path) -> Result<Self, SettingsError> {
        let range = |holds: bool, cause| {
            if holds { Ok(()) } else { Err(SettingsError::Range { path: path.to_owned(), cause }) }
        };
        range(
            self.lease_seconds.is_none_or(|s| (1..=LEASE_MAX_SECONDS).contains(&s)),
            "lease_seconds must be 1 to 36000",
        )?;
        range(
            self.poll_milliseconds.is_none_or(|ms| (1..=20_000).contains(&ms)),
            "poll_milliseconds must be 1 to 20000",
        )?;
        range(
            self.baa_accepted.as_deref().is_none_or(is_acceptance),
            "baa_accepted must say who and when, in ASCII, like \"Jo Doe, 2026-11-25\"",
        )?;
        range(
            self.mode == Mode::Local || self.aws.account.is_some(),
            "mode \"aws\" needs the account: write account = \"123456789012\" under [aws]",
        )?;
        range(
            (60..=2_592_000).contains(&self.lifetime_seconds),
            "lifetime_seconds must be 60 to 2592000",
        )?;
        check_addresses(&self.machine.addresses)
            .map_err(|e| SettingsError::Addresses(path.to_owned(), e))?;
        range(
            self.study.side_inputs.is_empty(),
            "study.side_inputs is not a setting: name tables of people with sce run --people",
        )?;
        Ok(self)
    }

    /// Formats the settings that a launch passes to workers: ids, names and times only.
    pub fn worker_settings(&self, resources: &Resources) -> String {
        let data_keys = match self.aws.data_keys {
            DataKeys::Kms => "kms",
            DataKeys::Homer => "homer",
        };
        format!(
            "pit = \"{}\"\nmode = \"aws\"\nhipaa = \"/hipaa\"\nlease_seconds = {}\n\
             poll_milliseconds = {}\nlifetime_seconds = {}\n\
             [aws]\naccount = \"{}\"\nregion = \"{}\"\ndata_keys = \"{data_keys}\"\n",
            resources.pit,
            self.lease().lease.as_secs(),
            self.poll().as_millis(),
            self.lifetime_seconds,
            resources.account,
            resources.region,
        )
    }

    /// Resolves a path of the settings, relative to their file.
    pub fn path(&self, relative: &Path) -> PathBuf {
        self.folder.join(relative)
    }

    /// Returns the times of the protocol.
    pub fn lease(&self) -> LeaseRules {
        let default = match self.mode {
            Mode::Local => 15,
            Mode::Aws => 180,
        };
        LeaseRules::of(Duration::from_secs(self.lease_seconds.unwrap_or(default)))
    }

    /// Returns the budgets of the protocol.
    pub fn budgets(&self) -> Budgets {
        Budgets::default()
    }

    /// Returns how long a worker waits at an empty queue.
    pub fn poll(&self) -> Duration {
        let default = match self.mode {
            Mode::Local => 500,
            // The longest wait of SQS, so that idle workers send few requests.
            Mode::Aws => 20_000,
        };
        Duration::from_millis(self.poll_milliseconds.unwrap_or(default))
    }

    /// Returns the rules for object names.
    pub fn name_rules(&self) -> NameRules {
        NameRules::new(&self.names.words, self.names.dates)
    }
}

/// True if the text says who accepted the addendum, and on which day.
fn is_acceptance(text: &str) -> bool {
    text.split_once(',').is_some_and(|(who, day)| {
        let day = day.trim();
        // CloudFormation returns other characters as question marks.
        let plain =
            !who.trim().is_empty() && text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
        plain && day.len() == 10 && calendar::parse(day.as_bytes()).is_some()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, SettingsError> {
        Settings::parse(text, Path::new(FILE_NAME))
    }

    #[test]
    fn the_written_file_holds_the_defaults() {
        let written = parse(TEMPLATE).unwrap();
        assert_eq!(format!("{written:?}"), format!("{:?}", Settings::default()));
        assert_eq!(format!("{:?}", parse("").unwrap()), format!("{:?}", Settings::default()));
    }

    #[test]
    fn machine_settings_are_read_as_they_were_rendered() {
        let machine = MachineSettings {
            volume_gib: Some(100),
            addresses: ["10.0.0.0/16", "52.216.0.0/15"].map(|net| net.parse().unwrap()).into(),
        };
        for machine in [machine, MachineSettings::default()] {
            let read = parse(&format!("pit = \"hipaa\"\n[aws]\n{}", machine.render())).unwrap();
            assert_eq!(format!("{:?}", read.machine), format!("{machine:?}"));
        }
    }

    #[test]
    fn errors_name_the_line_and_what_is_wrong() {
        for (text, expected) in [
            (
                "pit = \"hipaa\"\nlease_second = 3\n",
                "sce.toml line 2: unknown field `lease_second`",
            ),
            ("pit = \"Not A Pit\"", "line 1: not a project identifier tag"),
            ("pit = ", "line 1:"),
            ("mode = \"gcp\"", "line 1: unknown variant `gcp`"),
            ("mode = \"aws\"", "needs the account"),
            ("[aws]\naccount = \"12\"", "line 2: not an AWS account"),
            ("baa_accepted = \"Jo Doe\"", "baa_accepted must say who and when"),
            ("baa_accepted = \"Jo Doe, 2026-13-25\"", "baa_accepted must say who and when"),
            ("baa_accepted = \"J\u{f6}rg, 2026-11-25\"", "baa_accepted must say who and when"),
            ("lease_seconds = 0", "lease_seconds must be 1 to 36000"),
            ("[machine]\naddresses = [\"10.0.0.0\"]", "line 2:"),
            ("[machine]\naddresses = [\"0.0.0.0/0\"]", "none wider than /8"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
