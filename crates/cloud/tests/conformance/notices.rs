//! What every notifier must do: users can read what was published.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use sce_cloud::ports::WorkQueue;
use serde_json::Value;

use crate::candidates::{Mailbox, Notified, every};

every!(notifiers holds a_notice_can_be_read notices_do_not_overwrite_each_other);

/// Python's mail parser: subject, recipient, date and text as JSON.
const PARSE: &str = "
import email, email.policy, json, sys
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
assert not mail.defects, mail.defects
print(json.dumps([mail['subject'], mail['to'], mail['date'].datetime.year, mail.get_content()]))
";

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn parse(mail: &Path) -> (String, String, u32, String) {
    let mut python = Command::new("python3")
        .args(["-c", PARSE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("these tests need python3");
    python.stdin.take().unwrap().write_all(&fs::read(mail).unwrap()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{} is no mail", mail.display());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// How long a check waits for an expected state.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest subject that SNS accepts, in characters.
const SNS_SUBJECT_MAX: usize = 100;

impl Mailbox {
    /// Removes all notices and returns them as subject and text.
    async fn empty(&self, expected: usize) -> Vec<(String, String)> {
        match self {
            Self::Folder(folder) => {
                assert_eq!(files(&folder.join("tmp")), Vec::<PathBuf>::new());
                files(&folder.join("new")).iter().map(|mail| take_mail(mail)).collect()
            }
            Self::Queue(queue) => {
                let mut notices = Vec::new();
                // An unexpected notice would already be there, or arrive immediately.
                while let Some(message) = queue
                    .receive(
                        if notices.len() < expected { PATIENCE } else { Duration::ZERO },
                        PATIENCE,
                    )
                    .await
                    .unwrap()
                {
                    queue.delete(&message.receipt).await.unwrap();
                    let notice: Value = serde_json::from_str(&message.body).unwrap();
                    let field = |name: &str| notice[name].as_str().unwrap().to_owned();
                    notices.push((field("Subject"), field("Message")));
                }
                notices
            }
        }
    }

    /// True if a subject arrives unchanged, or reduced to what SNS accepts.
    fn shows(&self, subject: &str, got: &str) -> bool {
        let plain = subject.is_ascii() && subject.len() <= SNS_SUBJECT_MAX;
        match self {
            Self::Queue(_) if !plain => {
                let begin = subject.split(|c: char| !c.is_ascii()).next().unwrap_or_default();
                let begin = &begin[..begin.len().min(SNS_SUBJECT_MAX)];
                got.starts_with(begin) && got.is_ascii() && got.len() <= SNS_SUBJECT_MAX
            }
            _ => got == subject,
        }
    }
}

fn take_mail(mail: &Path) -> (String, String) {
    assert_eq!(mail.extension().unwrap(), "eml");
    let (subject, to, year, text) = parse(mail);
    assert_eq!(to, "someone@example.org");
    assert!(year >= 2026);
    fs::remove_file(mail).unwrap();
    (subject, text)
}

async fn a_notice_can_be_read(notified: &Notified) {
    let long = format!("[sce] run 0123456789abcdef done, {}", "counts ".repeat(30));
    let text = "20 objects\n\n.\nFrom here on: Größe ≤ 3 µg\nhttps://example.org/?a=b\n";
    for subject in
        ["[sce] run 0123456789abcdef done", "Lauf beendet: 20 Objekte, übrig 0 ✓", long.trim()]
    {
        notified.notifiers.port().publish(subject, text).await.unwrap();
        let [(got_subject, got_text)] = &notified.mailbox.empty(1).await[..] else {
            panic!("not one notice");
        };
        assert!(notified.mailbox.shows(subject, got_subject), "{subject} arrives as {got_subject}");
        assert_eq!(got_text.replace("\r\n", "\n").trim_end(), text.trim_end());
    }
}

async fn notices_do_not_overwrite_each_other(notified: &Notified) {
    let doors = &notified.notifiers.doors;
    let publish = |n: usize| {
        let door = doors[n % doors.len()].clone();
        tokio::spawn(async move { door.publish(&format!("notice {n:02}"), "text").await })
    };
    for task in (0..20).map(publish).collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    let mut subjects: Vec<_> =
        notified.mailbox.empty(20).await.into_iter().map(|(subject, _)| subject).collect();
    subjects.sort();
    let published: Vec<_> = (0..20).map(|n| format!("notice {n:02}")).collect();
    assert_eq!(subjects, published);
}
