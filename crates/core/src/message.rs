//! The queue's message: a hint that a unit exists. Only the ledger decides.

use serde::{Deserialize, Serialize};

use crate::ids::UnitId;

/// Longest message we read, in bytes.
pub const MESSAGE_MAX_BYTES: usize = 4096;

/// What one message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitMessage {
    /// Version of this form.
    v: u32,
    /// The unit that may be claimable.
    pub unit: UnitId,
}

/// A message that is not ours; it is logged by its length and deleted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unreadable message of {bytes} bytes")]
pub struct UnreadableMessage {
    bytes: usize,
}

impl UnitMessage {
    /// The message for a unit.
    pub const fn new(unit: UnitId) -> Self {
        Self { v: 1, unit }
    }

    /// The message as sent.
    pub fn render(&self) -> String {
        format!(r#"{{"v":1,"unit":{{"run":"{}","index":{}}}}}"#, self.unit.run, self.unit.index)
    }

    /// Reads a message as received.
    ///
    /// # Errors
    /// It is too long, not JSON, of another version or not of this form.
    pub fn parse(body: &str) -> Result<Self, UnreadableMessage> {
        let unreadable = UnreadableMessage { bytes: body.len() };
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
