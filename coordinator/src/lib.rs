//! The coordinator behind `sce`: submits runs, tends and watches them, and
//! fetches their results. No Polars in it, and it never opens data except
//! where the person asks for it on their own machine.

pub mod submit;
pub mod tend;
