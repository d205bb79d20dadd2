//! The queue message: a hint that a unit exists.
//!
//! Used by submitters and workers. It must never decide anything: only the
//! ledger decides.

use serde::{Deserialize, Serialize};

use crate::ids::UnitId;

/// The longest accepted message, in bytes.
pub const MESSAGE_MAX_BYTES: usize = 4096;

/// The content of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitMessage {
    /// Version of this format.
    v: u32,
    /// The unit that may be ready to claim.
    pub unit: UnitId,
}

/// A message in another format; it is logged by its length and deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unreadable message of {bytes} bytes")]
pub struct UnreadableMessage {
    bytes: usize,
}

impl UnitMessage {
    /// Creates the message for a unit.
    pub const fn new(unit: UnitId) -> Self {
        Self { v: 1, unit }
    }

    /// Returns the message as it is sent.
    pub fn render(&self) -> String {
        format!(r#"{{"v":1,"unit":{{"run":"{}","index":{}}}}}"#, self.unit.run, self.unit.index)
    }

    /// Parses a message as it was received.
    ///
    /// # Errors
    /// Returns an error if it is too long, not JSON, or of another version or format.
    pub fn parse(body: &str) -> Result<Self, UnreadableMessage> {
        let unreadable = UnreadableMessage { bytes: body.len() };
        // Checked before parsing, so that a foreign message cannot use up memory.
        if body.len() > MESSAGE_MAX_BYTES {
            return Err(unreadable);
        }
        match serde_json::from_str::<Self>(body) {
            Ok(message) if message.v == 1 => Ok(message),
            _ => Err(unreadable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RunId;

    #[test]
    fn a_message_reads_back_and_others_do_not() {
        let message = UnitMessage::new(UnitId { run: RunId::new([7; 8]), index: 3 });
        assert_eq!(UnitMessage::parse(&message.render()), Ok(message));
        let long = format!("{}{}", message.render(), " ".repeat(MESSAGE_MAX_BYTES));
        let other = message.render().replace("\"v\":1", "\"v\":2");
        for bad in ["", "{}", "null", "[1]", &long, &other] {
            assert!(UnitMessage::parse(bad).is_err());
        }
    }
}
