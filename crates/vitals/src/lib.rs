//! The vitals analysis: exact statistics, NEWS2 and data quality of vital
//! signs, from files as sites export them.
//!
//! [`rules`] and [`settings`] are pure and are all that the coordinator builds;
//! everything else is behind the feature `engine` and is what a worker runs.
//! Each folder imports only those before it: `rules`, `bytes`, `formats`,
//! `tables`, `spill`, `partial`, `results`, `outputs` (a test holds them to it).
//!
//! ```
//! # #[cfg(feature = "engine")] {
//! use sce_study::FoldLimits;
//!
//! let scratch = std::env::temp_dir();
//! let mut analysis = sce_vitals::ANALYSIS.start(&Default::default(), &scratch).unwrap();
//! let people = b"patient,birth,death\n7,1950-03-05,\n";
//! analysis.add_side_input(people).unwrap();
//! let mut object = analysis.begin("visits.csv");
//! let visits = b"patient_id,date,heart rate\n7,2024-05-01 10:00,61\n";
//! assert!(object.push(visits).is_err(), "wide CSV has more columns");
//! # }
//! ```

pub mod rules;
pub mod settings;

#[cfg(feature = "engine")]
mod analysis;
#[cfg(feature = "engine")]
mod bytes;
#[cfg(feature = "engine")]
mod defect;
#[cfg(feature = "engine")]
mod formats;
#[cfg(feature = "engine")]
mod input;
#[cfg(feature = "engine")]
mod outputs;
#[cfg(feature = "engine")]
mod partial;
#[cfg(feature = "engine")]
mod results;
#[cfg(feature = "engine")]
mod spill;
#[cfg(feature = "engine")]
mod tables;

#[cfg(feature = "engine")]
pub use analysis::{ANALYSIS, VitalsAnalysis, VitalsObject};
#[cfg(feature = "engine")]
pub use defect::Defect;
#[cfg(feature = "engine")]
pub use partial::vitals_partial::VitalsPartial;
