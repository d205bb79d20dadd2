//! Checks the directories of the pseudo-data and writes complete files.
//!
//! Used by `write` and `tables`. A file is written under a name with a leading
//! dot and renamed when it is complete, so that after an interruption no
//! incomplete file has the name of an object. Must never replace a file, or
//! accept a directory of the tables from which `sce put` would upload them with
//! the objects.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tempfile::NamedTempFile;

const BUFFER_BYTES: usize = 1 << 20;

/// Returns the file name of object `number`, counted from 1. It has six digits,
/// so that names sort in time order; only the millionth object has seven.
pub fn object_name(number: u32) -> String {
    format!("part-{number:06}.csv")
}

fn is_object_name(name: &str) -> bool {
    name.strip_prefix("part-")
        .and_then(|rest| rest.strip_suffix(".csv"))
        .is_some_and(|digits| digits.len() >= 6 && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Creates `out` if needed. Refuses it if it already contains an object, because
/// the objects of two studies in one directory would look like one study.
pub fn prepare_out(out: &Path) -> Result<()> {
    make_directory(out)?;
    let entries = fs::read_dir(out).with_context(|| format!("list {}", out.display()))?;
    for entry in entries {
        let name = entry.with_context(|| format!("list {}", out.display()))?.file_name();
        ensure!(
            !name.to_str().is_some_and(is_object_name),
            "{} already contains {}: choose an empty directory, or remove the earlier pseudo-data",
            out.display(),
            name.display()
        );
    }
    Ok(())
}

/// Creates `tables` if needed. Refuses it if it already contains one of `names`.
pub fn prepare_tables(tables: &Path, names: &[&str]) -> Result<()> {
    make_directory(tables)?;
    for name in names {
        // A dangling link counts as well, hence not `exists`, which follows links.
        ensure!(
            fs::symlink_metadata(tables.join(name)).is_err(),
            "{} already contains {name}: choose another directory for the tables, or remove it",
            tables.display()
        );
    }
    Ok(())
}

/// Refuses `tables` if it is `out` or a directory inside it, also through links
/// and `..`. Creates neither.
pub fn refuse_nested(out: &Path, tables: &Path) -> Result<()> {
    ensure!(
        !resolve(tables)?.starts_with(resolve(out)?),
        "the tables contain names, but {} is in the directory of the objects: \
         choose a directory outside {}",
        tables.display(),
        out.display()
    );
    Ok(())
}

/// Returns the real path of `path`, whose last components need not exist yet.
fn resolve(path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path).with_context(|| format!("resolve {}", path.display()))?;
    for existing in path.ancestors() {
        if let Ok(real) = existing.canonicalize() {
            let rest = path.strip_prefix(existing)?;
            // Where `..` leads depends on whether the missing part becomes a link: refuse it.
            if rest.components().any(|part| part == Component::ParentDir) {
                bail!(
                    "{} leaves a directory that does not exist: write the path without `..`",
                    path.display()
                );
            }
            return Ok(real.join(rest));
        }
    }
    bail!("cannot resolve {}: choose a directory that can be created", path.display())
}

fn make_directory(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("create directory {}", path.display()))
}

/// A file being written to `path`. It is deleted unless it is finished.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    file: BufWriter<NamedTempFile<File>>,
}

impl Draft {
    /// Creates the draft of `name` in `directory`, readable only by its owner.
    pub fn new(directory: &Path, name: &str) -> Result<Self> {
        let path = directory.join(name);
        // Temporary files have mode 0600, which the final file keeps.
        let file = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .tempfile_in(directory)
            .with_context(|| format!("create {}", path.display()))?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(Self { path, file })
    }

    /// Appends `bytes`.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).with_context(|| format!("write {}", self.path.display()))
    }

    /// Renames the file to its final name, unless a file of that name exists.
    pub fn finish(self) -> Result<()> {
        let Self { path, file } = self;
        let file = file
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)
            .with_context(|| format!("write {}", path.display()))?;
        // Without replacing: another command may have written the file in the meantime.
        file.persist_noclobber(&path)
            .map_err(|error| error.error)
            .with_context(|| format!("rename to {}", path.display()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn object_names_count_from_one_in_six_digits() {
        assert_eq!(object_name(1), "part-000001.csv");
        assert_eq!(object_name(1_000_000), "part-1000000.csv");
        for name in ["part-000001.csv", "part-1000000.csv"] {
            assert!(is_object_name(name));
        }
        for name in [".part-000001.csv.x", "part-1.csv", "part-00000a.csv", "notes.csv"] {
            assert!(!is_object_name(name), "{name}");
        }
    }

    #[test]
    fn a_directory_with_objects_is_refused_and_others_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("new/out");
        prepare_out(&out).unwrap();
        fs::write(out.join("readme.txt"), "x").unwrap();
        fs::write(out.join(".part-000001.csv.left"), "x").unwrap();
        prepare_out(&out).unwrap();
        fs::write(out.join("part-000007.csv"), "x").unwrap();
        let text = prepare_out(&out).unwrap_err().to_string();
        assert!(text.contains("already contains part-000007.csv: choose an empty"), "{text}");
    }

    #[test]
    fn tables_are_refused_in_and_under_the_objects() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("out")).unwrap();
        fs::create_dir_all(at("other")).unwrap();
        std::os::unix::fs::symlink(at("out"), at("link")).unwrap();
        for tables in ["out", "out/in", "out/new/deep", "other/../out", "link", "link/new"] {
            let text = refuse_nested(&at("out"), &at(tables)).unwrap_err().to_string();
            assert!(text.contains("contain names"), "{tables}: {text}");
        }
        let text = refuse_nested(&at("out"), &at("absent/../out")).unwrap_err().to_string();
        assert!(text.contains("without `..`"), "{text}");
        for tables in ["other", "outside", "new/deep", "."] {
            refuse_nested(&at("out"), &at(tables)).unwrap();
        }
        assert!(refuse_nested(&at("absent"), &at("absent/in")).is_err());
        assert!(!at("absent").exists(), "a refusal creates nothing");
    }

    #[test]
    fn a_draft_is_named_only_when_finished_and_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let names = || -> Vec<String> {
            let entries = fs::read_dir(dir.path()).unwrap();
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
        };
        let mut draft = Draft::new(dir.path(), "part-000001.csv").unwrap();
        draft.write(b"abc").unwrap();
        assert!(names()[0].starts_with(".part-000001.csv."));
        drop(draft);
        assert_eq!(names(), Vec::<String>::new());

        for (text, kept) in [("first", true), ("second", false)] {
            let mut draft = Draft::new(dir.path(), "part-000001.csv").unwrap();
            draft.write(text.as_bytes()).unwrap();
            assert_eq!(draft.finish().is_ok(), kept);
        }
        assert_eq!(names(), ["part-000001.csv"]);
        assert_eq!(fs::read_to_string(dir.path().join("part-000001.csv")).unwrap(), "first");
    }
}
