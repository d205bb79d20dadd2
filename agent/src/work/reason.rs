//! Decides which failures to open an object are permanent.

use sce_cloud::error::{Class, PortError, PortResult};

/// Returns why an object can never be opened. Any other failure is a failure of
/// the environment, and is returned as an error.
pub(super) fn permanent_reason(e: PortError) -> PortResult<String> {
    // `Permanent` and `Configuration` would hit every object alike, so they fail the attempt
    // instead of quarantining the object.
    match e.class {
        Class::Absent => Ok("it is missing from the store: put it again, then retry".to_owned()),
        Class::Changed => {
            Ok("it changed after it was registered: put it again with --replace, then retry"
                .to_owned())
        }
        Class::WrongKey => Ok(format!("{e}: configure the key it was sealed with, then retry")),
        Class::Transient | Class::Permanent | Class::Configuration => Err(e),
    }
}
