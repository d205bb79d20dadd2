//! Which failures to open an object are permanent.

use sce_cloud::error::{Class, PortError, PortResult};

/// Why an object that the store or the keys refuse can never succeed; any
/// other failure is the environment's and goes back.
pub(super) fn permanent_reason(e: PortError) -> PortResult<String> {
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
