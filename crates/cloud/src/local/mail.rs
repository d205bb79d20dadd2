//! Notices as mails in a maildir: `.eml` files that any mail reader opens.
//!
//! Used in local mode. A notice must never be visible before it is complete.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use mail_builder::MessageBuilder;

use crate::error::{Class, PortError, PortResult};
use crate::ports::{Clock, Entropy, Notifier};

/// A maildir with its three folders.
pub struct Maildir {
    root: PathBuf,
    recipient: String,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Maildir {
    /// Opens the maildir and creates its folders.
    ///
    /// # Errors
    /// Returns an error if a folder cannot be created.
    pub fn open(
        root: &Path,
        recipient: &str,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> PortResult<Self> {
        for folder in ["tmp", "new", "cur"] {
            fs::create_dir_all(root.join(folder)).map_err(|e| mail_error(root, &e))?;
        }
        Ok(Self { root: root.to_owned(), recipient: recipient.to_owned(), clock, entropy })
    }
}

#[async_trait]
impl Notifier for Maildir {
    async fn publish(&self, subject: &str, text: &str) -> PortResult<()> {
        let mut unique = [0; 8];
        self.entropy.fill(&mut unique)?;
        let now = self.clock.now();
        // Time and random bytes: unique among processes, and sorted by time.
        let name = format!("{}.{}.eml", now.0, hex::encode(unique));
        let mail = MessageBuilder::new()
            .from(("sce", "sce@localhost"))
            .to(self.recipient.as_str())
            .date(now.0.div_euclid(1000))
            .message_id(format!("{}@localhost", hex::encode(unique)))
            .subject(subject)
            .text_body(text)
            .write_to_vec();
        let draft = self.root.join("tmp").join(&name);
        let new = self.root.join("new");
        mail.and_then(|mail| {
            // Written to `tmp` and renamed, so that mail readers see complete mails only.
            let mut file = File::create_new(&draft)?;
            file.write_all(&mail)?;
            file.sync_all()?;
            fs::rename(&draft, new.join(&name))?;
            File::open(&new)?.sync_all()
        })
        .inspect_err(|_| drop(fs::remove_file(&draft)))
        .map_err(|e| mail_error(&self.root, &e))
    }
}

fn mail_error(root: &Path, e: &std::io::Error) -> PortError {
    PortError::new(Class::Permanent, "write notice", root.display(), e)
}
