//! The worker's agent: opens sealed objects, analyses them and delivers
//! sealed results.

pub mod analysis;
pub mod study;
pub mod work;
