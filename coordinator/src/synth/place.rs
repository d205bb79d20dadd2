//! Where a study's files may go, and how each one gets there whole.
//!
//! For: `write` and `tables`. A file is written under a name with a leading dot
//! and renamed when it is complete, so whatever interrupts the run, no half file
//! has an object's name. Must never replace a file, nor let the tables lie where
//! `sce put` would send them along with the objects.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tempfile::NamedTempFile;

const BUFFER_BYTES: usize = 1 << 20;

/// The file name of object `number`, counted from 1. Six digits, so that names
/// sort in time order; only the millionth object has seven.
pub fn object_name(number: u32) -> String {
    format!("part-{number:06}.csv")
}

fn is_object_name(name: &str) -> bool {
    name.strip_prefix("part-")
        .and_then(|rest| rest.strip_suffix(".csv"))
        .is_some_and(|digits| digits.len() >= 6 && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Makes `out` if needed. Refuses it if it already holds an object: a mixture
/// of two studies would pass for one.
pub fn prepare_out(out: &Path) -> Result<()> {
    make_directory(out)?;
    let entries = fs::read_dir(out).with_context(|| format!("list {}", out.display()))?;
    for entry in entries {
        let name = entry.with_context(|| format!("list {}", out.display()))?.file_name();
        ensure!(
            !name.to_str().is_some_and(is_object_name),
            "{} already holds {}: name an empty directory, or remove the earlier study",
            out.display(),
            name.display()
        );
    }
    Ok(())
}

/// Makes `tables` if needed. Refuses it if one of `names` is there already.
pub fn prepare_tables(tables: &Path, names: &[&str]) -> Result<()> {
    make_directory(tables)?;
    for name in names {
        ensure!(
            fs::symlink_metadata(tables.join(name)).is_err(),
            "{} already holds {name}: name another directory for the tables, or remove it",
            tables.display()
        );
    }
    Ok(())
}

/// Refuses `tables` if it is `out` or lies inside it, through whatever links
/// and dots. Makes neither.
pub fn keep_apart(out: &Path, tables: &Path) -> Result<()> {
    ensure!(
        !resolve(tables)?.starts_with(resolve(out)?),
        "the tables carry names and {} lies in the directory of the objects: \
         name a directory outside {}",
        tables.display(),
        out.display()
    );
    Ok(())
}

/// The real path of `path`, of which the last parts need not exist yet.
fn resolve(path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path).with_context(|| format!("resolve {}", path.display()))?;
    for existing in path.ancestors() {
        if let Ok(real) = existing.canonicalize() {
            let rest = path.strip_prefix(existing)?;
            if rest.components().any(|part| part == Component::ParentDir) {
                bail!(
                    "{} climbs out of a directory that does not exist: name it without `..`",
                    path.display()
                );
            }
            return Ok(real.join(rest));
        }
    }
    bail!("{} cannot be resolved: name a directory that can be made", path.display())
}

fn make_directory(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("make directory {}", path.display()))
}

/// A file on its way to `path`. It vanishes unless it is finished.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    file: BufWriter<NamedTempFile<File>>,
}

impl Draft {
    /// Starts `name` in `directory`, readable by its owner alone.
    pub fn new(directory: &Path, name: &str) -> Result<Self> {
        let path = directory.join(name);
        let file = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .tempfile_in(directory)
            .with_context(|| format!("start {}", path.display()))?;
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        Ok(Self { path, file })
    }

    /// Appends `bytes`.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).with_context(|| format!("write {}", self.path.display()))
    }

    /// Gives the file its name, unless something has that name by now.
    pub fn finish(self) -> Result<()> {
        let Self { path, file } = self;
        let file = file
            .into_inner()
            .map_err(std::io::IntoInnerError::into_error)
            .with_context(|| format!("write {}", path.display()))?;
        file.persist_noclobber(&path)
            .map_err(|error| error.error)
            .with_context(|| format!("name {}", path.display()))?;
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
        assert!(text.contains("already holds part-000007.csv: name an empty"), "{text}");
    }

    #[test]
    fn tables_are_refused_in_and_under_the_objects() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("out")).unwrap();
        fs::create_dir_all(at("other")).unwrap();
        std::os::unix::fs::symlink(at("out"), at("link")).unwrap();
        for tables in ["out", "out/in", "out/new/deep", "other/../out", "link", "link/new"] {
            let text = keep_apart(&at("out"), &at(tables)).unwrap_err().to_string();
            assert!(text.contains("carry names"), "{tables}: {text}");
        }
        let text = keep_apart(&at("out"), &at("absent/../out")).unwrap_err().to_string();
        assert!(text.contains("without `..`"), "{text}");
        for tables in ["other", "outside", "new/deep", "."] {
            keep_apart(&at("out"), &at(tables)).unwrap();
        }
        assert!(keep_apart(&at("unmade"), &at("unmade/in")).is_err());
        assert!(!at("unmade").exists(), "a refusal makes nothing");
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
