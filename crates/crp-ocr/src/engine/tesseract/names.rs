//! Under which names and where systems keep Tesseract's library, and where they keep its language data.

use std::{ffi::OsString, fs, path::Path};

/// Folders in which language data is looked for when the library's own folder has none: Debian and Ubuntu, those of Tesseract 4,
/// Arch and Alpine, Fedora, built from source or Homebrew on Intel, Homebrew on Apple silicon, MacPorts.
pub(super) const DATA_FOLDERS: [&str; 7] = [
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/share/tesseract/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
    "/opt/local/share/tessdata",
];

/// How the library is called on a kind of system.
pub(super) struct Naming {
    /// Names that are tried one after the other, the newest first; the loader looks for bare names in its own folders.
    names: &'static [&'static str],
    /// Folders that are looked through when none of the names is there: some builds have every digit of the version in the name.
    folders: &'static [&'static str],
    /// What comes before the version in a file's name, and what after it.
    around_version: (&'static str, &'static str),
}

/// Homebrew on Apple silicon, on Intel, and MacPorts; none of these folders is one that the loader looks into by itself.
const MAC_OS: Naming = Naming {
    names: &[
        "libtesseract.5.dylib",
        "/opt/homebrew/lib/libtesseract.5.dylib",
        "/usr/local/lib/libtesseract.5.dylib",
        "/opt/local/lib/libtesseract.5.dylib",
        "libtesseract.4.dylib",
        "/opt/homebrew/lib/libtesseract.4.dylib",
        "/usr/local/lib/libtesseract.4.dylib",
        "/opt/local/lib/libtesseract.4.dylib",
        "libtesseract.dylib",
    ],
    folders: &["/opt/homebrew/lib", "/usr/local/lib", "/opt/local/lib"],
    around_version: ("libtesseract.", ".dylib"),
};

/// Debian, Ubuntu, Alpine and Arch build with autotools: one digit. Fedora builds with CMake: two digits. openSUSE has had three.
const LINUX: Naming = Naming {
    names: &[
        "libtesseract.so.5",
        "libtesseract.so.5.9",
        "libtesseract.so.5.8",
        "libtesseract.so.5.7",
        "libtesseract.so.5.6",
        "libtesseract.so.5.5",
        "libtesseract.so.5.4",
        "libtesseract.so.5.3",
        "libtesseract.so.5.2",
        "libtesseract.so.5.1",
        "libtesseract.so.5.0",
        "libtesseract.so.4",
        "libtesseract.so",
        "/home/linuxbrew/.linuxbrew/lib/libtesseract.so.5",
    ],
    folders: &[
        "/usr/local/lib64",
        "/usr/local/lib",
        "/usr/lib64",
        "/usr/lib",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/opt/local/lib",
    ],
    around_version: ("libtesseract.so.", ""),
};

impl Naming {
    /// That of the system that this runs on.
    pub(super) fn of_this_system() -> &'static Self {
        if cfg!(target_os = "macos") { &MAC_OS } else { &LINUX }
    }

    /// Names and paths to try, one after the other.
    pub(super) fn candidates(&self) -> impl Iterator<Item = OsString> {
        let names = self.names.iter().map(OsString::from);
        // Nobody looks into folders before the names have failed.
        names.chain(self.folders.iter().flat_map(|folder| self.libraries_in(Path::new(folder))))
    }

    /// The libraries in a folder, the newest first.
    fn libraries_in(&self, folder: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut found: Vec<(Vec<u32>, OsString)> =
            entries.filter_map(|entry| Some((self.version_in(entry.file_name().to_str()?)?, entry.path().into_os_string()))).collect();
        found.sort_by(|a, b| b.cmp(a));
        found.into_iter().map(|(_, path)| path).collect()
    }

    /// The version in the name of a file; `None` if it is no library of Tesseract.
    fn version_in(&self, name: &str) -> Option<Vec<u32>> {
        let (before, after) = self.around_version;
        let version = name.strip_prefix(before)?.strip_suffix(after)?;
        version.split('.').map(|number| number.parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_on_every_system_that_ships_tesseract_is_tried() {
        let shipped = [
            ("Debian 12 and 13, Ubuntu 24.04, Alpine, Arch", &LINUX, "libtesseract.so.5"),
            ("Debian 11, Ubuntu 22.04", &LINUX, "libtesseract.so.4"),
            ("Fedora 42", &LINUX, "libtesseract.so.5.5"),
            ("Fedora 38", &LINUX, "libtesseract.so.5.3"),
            ("Homebrew on Linux", &LINUX, "/home/linuxbrew/.linuxbrew/lib/libtesseract.so.5"),
            ("Homebrew on Apple silicon", &MAC_OS, "/opt/homebrew/lib/libtesseract.5.dylib"),
            ("Homebrew on Intel", &MAC_OS, "/usr/local/lib/libtesseract.5.dylib"),
            ("MacPorts", &MAC_OS, "/opt/local/lib/libtesseract.5.dylib"),
        ];
        for (system, naming, name) in shipped {
            assert!(naming.names.contains(&name), "{system}: {name}");
        }
    }

    #[test]
    fn a_newer_library_comes_before_an_older_one() {
        for naming in [&LINUX, &MAC_OS] {
            let is_of =
                |name: &str, major: &str| name.contains(&format!("tesseract.so.{major}")) || name.contains(&format!("tesseract.{major}"));
            let first_of_4 = naming.names.iter().position(|name| is_of(name, "4")).unwrap();
            let last_of_5 = naming.names.iter().rposition(|name| is_of(name, "5") && !name.starts_with("/home")).unwrap();
            assert!(is_of(naming.names[0], "5") && last_of_5 < first_of_4, "{:?}", naming.names);
        }
    }

    #[test]
    fn names_with_every_digit_of_the_version_are_found_in_folders_the_newest_first() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["libtesseract.so.5.3.0", "libtesseract.so.5.10.1", "libtesseract.so", "libtesseract.so.5.3.0.py", "libtesseract.a"];
        let other = ["libtesseract.5.5.dylib", "libtesseract.dylib", "libtesseract.5.dylib", "libtesseract_training.so.5"];
        files.iter().chain(&other).for_each(|name| fs::write(folder.path().join(name), "").unwrap());
        let found = |naming: &Naming| -> Vec<String> {
            let paths = naming.libraries_in(folder.path());
            paths.iter().map(|path| Path::new(path).file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(found(&LINUX), ["libtesseract.so.5.10.1", "libtesseract.so.5.3.0"]);
        assert_eq!(found(&MAC_OS), ["libtesseract.5.5.dylib", "libtesseract.5.dylib"]);
    }
}
