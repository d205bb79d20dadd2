//! The vitals analysis from CSV bytes to deliverables: exactness under every split and order,
//! agreement with an independent calculation, defects, and damaged partials.
#![allow(clippy::unwrap_used)]

mod agreement;
mod damage;
mod defects;
mod driver;
mod formats;
mod many;
mod merging;
mod outputs;
