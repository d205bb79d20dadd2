//! What every notifier promises: people can read what was published.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sce_cloud::ports::Notifier;

use crate::candidates::{Candidate, every};

every!(notifiers holds a_notice_can_be_read notices_do_not_overwrite_each_other);

/// Python's own mail parser: subject, recipient, date and text as JSON.
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

async fn a_notice_can_be_read(candidate: &Candidate<dyn Notifier>) {
    let long = format!("[sce] run 0123456789abcdef done, {}", "counts ".repeat(30));
    let text = "20 objects\n\n.\nFrom here on: Größe ≤ 3 µg\nhttps://example.org/?a=b\n";
    for subject in
        ["[sce] run 0123456789abcdef done", "Lauf beendet: 20 Objekte, übrig 0 ✓", long.trim()]
    {
        candidate.port().publish(subject, text).await.unwrap();
        let mails = files(&candidate.home.path().join("new"));
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].extension().unwrap(), "eml");
        let (got_subject, to, year, got_text) = parse(&mails[0]);
        assert_eq!((got_subject.as_str(), to.as_str()), (subject, "someone@example.org"));
        assert_eq!(got_text.replace("\r\n", "\n").trim_end(), text.trim_end());
        assert!(year >= 2026);
        fs::remove_file(&mails[0]).unwrap();
    }
    assert_eq!(files(&candidate.home.path().join("tmp")), Vec::<PathBuf>::new());
}

async fn notices_do_not_overwrite_each_other(candidate: &Candidate<dyn Notifier>) {
    let publish = |n: usize| {
        let door = candidate.doors[n % candidate.doors.len()].clone();
        tokio::spawn(async move { door.publish(&format!("notice {n}"), "text").await })
    };
    for task in (0..20).map(publish).collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    assert_eq!(files(&candidate.home.path().join("new")).len(), 20);
    assert_eq!(files(&candidate.home.path().join("tmp")).len(), 0);
}
