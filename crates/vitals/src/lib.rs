//! The vitals analysis: exact statistics, NEWS2 and data quality of vital signs, from files as
//! sites export them.
//!
//! [`rules`] and [`settings`] are pure and are all that the coordinator builds; everything else
//! is behind the feature `engine` and runs on workers. Each folder imports only those before it:
//! `rules`, `bytes`, `formats`, `tables`, `spill`, `partial`, `results`, `outputs` (a test checks
//! this).
//!
//! ```
//! # #[cfg(feature = "engine")] {
//! use sce_study::FoldLimits;
//!
//! let scratch = std::env::temp_dir();
//! let mut analysis = sce_vitals::ANALYSIS.start(&Default::default(), &scratch).unwrap();
//! analysis.add_side_input(b"patient,birth,death\n7,1950-03-05,\n").unwrap();
//!
//! let mut object = analysis.begin("visits.csv");
//! object.push(b"date,ID,systol,diastol,resp.rate,heart rate,OSat,temp,weight,BMI\n").unwrap();
//! object.push(b"2024-05-01 10:00,7,118,77,15,61,97,98.6,170,24.39\n").unwrap();
//! let part = object.finish().unwrap();
//! assert_eq!(part.rows, 1);
//!
//! let mut fold = analysis.fold(FoldLimits::default());
//! fold.add(part).unwrap();
//! assert!(!fold.encode().unwrap().is_empty());
//! # }
//! ```

#[cfg(feature = "bench")]
pub mod bench;
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
