//! What has to be on the machine, how to see that it is there, and which package brings it.
//!
//! Looking is quick: files and folders only, no package manager and no program is started.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// Something that has to be on the machine.
pub(crate) struct Need {
    /// What it is for a person.
    pub(crate) what: &'static str,
    /// Packages of Debian and Ubuntu.
    pub(crate) apt: &'static [&'static str],
    /// What to install elsewhere: Fedora's name.
    pub(crate) dnf: &'static str,
    /// What to install elsewhere: Homebrew's name.
    pub(crate) brew: &'static str,
    found: fn() -> bool,
}

impl Need {
    /// Whether it is there.
    pub(crate) fn is_met(&self) -> bool {
        (self.found)()
    }
}

/// What `cargo xtask up` needs to build and to run.
pub(crate) const TO_RUN: &[Need] = &[
    Need {
        what: "a C compiler",
        apt: &["gcc", "libc6-dev"],
        dnf: "gcc",
        brew: "(xcode-select --install)",
        found: || program("cc").is_some(),
    },
    Need { what: "Tesseract", apt: &["tesseract-ocr"], dnf: "tesseract", brew: "tesseract", found: || program("tesseract").is_some() },
    Need {
        what: "Tesseract's English data",
        apt: &["tesseract-ocr-eng"],
        dnf: "tesseract-langpack-eng",
        brew: "tesseract",
        found: || tesseract_data("eng"),
    },
    Need {
        what: "Tesseract's data about page orientation",
        apt: &["tesseract-ocr-osd"],
        dnf: "tesseract-osd",
        brew: "tesseract",
        found: || tesseract_data("osd"),
    },
];

/// What the tests need beside that.
pub(crate) const TO_TEST: &[Need] = &[
    Need {
        what: "Tesseract's German data",
        apt: &["tesseract-ocr-deu"],
        dnf: "tesseract-langpack-deu",
        brew: "tesseract-lang",
        found: || tesseract_data("deu"),
    },
    Need { what: "qpdf", apt: &["qpdf"], dnf: "qpdf", brew: "qpdf", found: || program("qpdf").is_some() },
    Need {
        what: "pdftotext",
        apt: &["poppler-utils"],
        dnf: "poppler-utils",
        brew: "poppler",
        found: || program("pdftotext").is_some() && program("pdftoppm").is_some(),
    },
    Need {
        what: "a PostgreSQL server",
        apt: &["postgresql"],
        dnf: "postgresql-server",
        brew: "postgresql",
        found: || postgres_programs().is_some(),
    },
    Need {
        what: "Prometheus and promtool",
        apt: &["prometheus"],
        dnf: "golang-github-prometheus",
        brew: "prometheus",
        found: || program("prometheus").is_some() && program("promtool").is_some(),
    },
    Need {
        what: "Alertmanager and amtool",
        apt: &["prometheus-alertmanager"],
        dnf: "alertmanager",
        brew: "alertmanager",
        found: || alertmanager().is_some() && program("amtool").is_some(),
    },
    Need {
        what: "docker-compose",
        apt: &["docker-compose"],
        dnf: "docker-compose",
        brew: "docker-compose",
        found: || program("docker-compose").is_some(),
    },
    // Networks of their own, so that the exported files can be tried with their own ports. Other systems have none.
    Need { what: "ip", apt: &["iproute2"], dnf: "iproute", brew: "(Linux alone)", found: || !IS_LINUX || system_program("ip") },
    Need {
        what: "unshare and nsenter",
        apt: &["util-linux"],
        dnf: "util-linux",
        brew: "(Linux alone)",
        found: || !IS_LINUX || (system_program("unshare") && system_program("nsenter")),
    },
    Need {
        what: "systemd-analyze",
        apt: &["systemd"],
        dnf: "systemd",
        brew: "(Linux alone)",
        found: || !IS_LINUX || program("systemd-analyze").is_some(),
    },
    Need {
        what: "dpkg-deb and strip",
        apt: &["dpkg", "binutils"],
        dnf: "dpkg binutils",
        brew: "(Linux alone)",
        found: || !IS_LINUX || (program("dpkg-deb").is_some() && program("strip").is_some()),
    },
    Need {
        what: "Python 3 with venv and pip",
        apt: &["python3", "python3-venv"],
        dnf: "python3",
        brew: "python",
        found: python_can_make_environments,
    },
    Need { what: "Node.js with npm", apt: &["nodejs", "npm"], dnf: "nodejs-npm", brew: "node", found: || program("npm").is_some() },
    Need { what: "nginx", apt: &["nginx-light"], dnf: "nginx", brew: "nginx", found: || system_program("nginx") },
    Need { what: "Caddy", apt: &["caddy"], dnf: "caddy", brew: "caddy", found: || program("caddy").is_some() },
    Need { what: "Chromium", apt: &["chromium"], dnf: "chromium", brew: "chromium", found: || browser().is_some() },
];

/// What the benchmarks need beside that.
pub(crate) const TO_BENCH: &[Need] = &[Need {
    what: "the fonts Liberation Sans and Serif",
    apt: &["fonts-liberation"],
    dnf: "liberation-fonts-all",
    brew: "(Linux alone)",
    found: || liberation_fonts().is_some(),
}];

/// A peer that the benchmarks measure; without it they go on and say so.
pub(crate) const PEER_OF_DEBIAN: Need = Need {
    what: "OCRmyPDF of the distribution",
    apt: &["ocrmypdf"],
    dnf: "ocrmypdf",
    brew: "ocrmypdf",
    found: || is_program(Path::new(OCRMYPDF_OF_DEBIAN)),
};

/// Where the distribution puts it; another one may stand earlier on the search path.
pub(crate) const OCRMYPDF_OF_DEBIAN: &str = "/usr/bin/ocrmypdf";

const IS_LINUX: bool = cfg!(target_os = "linux");

/// Whether `name` is on the search path, or where only root looks for programs.
fn system_program(name: &str) -> bool {
    program(name).is_some() || ["/usr/sbin", "/sbin"].iter().any(|folder| is_program(&Path::new(folder).join(name)))
}

/// The program `name` on the search path.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|file| is_program(file))
}

/// The folder of the fonts Liberation Sans and Serif.
pub(crate) fn liberation_fonts() -> Option<PathBuf> {
    let folders = ["/usr/share/fonts/truetype/liberation", "/usr/share/fonts/liberation-fonts", "/usr/share/fonts/liberation"];
    let complete = |folder: &PathBuf| ["Sans", "Serif"].iter().all(|face| folder.join(format!("Liberation{face}-Regular.ttf")).is_file());
    folders.into_iter().map(PathBuf::from).find(complete)
}

/// Chromium, or what is built from it, under the names that distributions give it.
pub(crate) fn browser() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(program)
}

/// Alertmanager, which Debian calls otherwise than the project does.
pub(crate) fn alertmanager() -> Option<PathBuf> {
    program("prometheus-alertmanager").or_else(|| program("alertmanager"))
}

/// The folder of PostgreSQL's server programs, the newest version if there are several. Debian keeps them off the search path.
pub(crate) fn postgres_programs() -> Option<PathBuf> {
    let version = |folder: &PathBuf| -> u32 {
        let name = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        name.and_then(|name| name.parse().ok()).unwrap_or(0)
    };
    let mut folders: Vec<PathBuf> = subfolders("/usr/lib/postgresql").into_iter().map(|folder| folder.join("bin")).collect();
    folders.sort_by_key(version);
    let on_path = program("initdb").and_then(|file| Some(file.parent()?.to_path_buf()));
    folders
        .into_iter()
        .rev()
        .chain(on_path)
        .find(|folder| ["initdb", "postgres", "pg_isready"].iter().all(|name| is_program(&folder.join(name))))
}

/// Whether Tesseract's data for `language` is in one of the places where distributions put it.
fn tesseract_data(language: &str) -> bool {
    let file = format!("{language}.traineddata");
    let from_environment =
        env::var_os("TESSDATA_PREFIX").map(PathBuf::from).into_iter().flat_map(|prefix| [prefix.join("tessdata"), prefix]);
    let of_debian = subfolders("/usr/share/tesseract-ocr").into_iter().map(|version| version.join("tessdata"));
    let elsewhere = ["/usr/share/tessdata", "/usr/share/tesseract/tessdata", "/usr/local/share/tessdata", "/opt/homebrew/share/tessdata"];
    from_environment.chain(of_debian).chain(elsewhere.map(PathBuf::from)).any(|folder| folder.join(&file).is_file())
}

/// Debian cuts `ensurepip` out of Python and brings it back with `python3-venv`; without it no environment gets a pip.
fn python_can_make_environments() -> bool {
    let Some(python) = program("python3") else { return false };
    // Another Python than the distribution's (pyenv, Homebrew) brings all of it.
    if !python.starts_with("/usr/bin") {
        return true;
    }
    subfolders("/usr/lib").iter().any(|folder| {
        folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python3."))
            && folder.join("ensurepip/__init__.py").is_file()
    })
}

fn subfolders(folder: &str) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_a_file_that_may_be_run() {
        assert!(program("sh").is_some());
        assert!(program("no-such-program-anywhere").is_none());
        assert!(!is_program(Path::new("/etc/passwd")));
        assert!(!is_program(Path::new("/etc")));
    }

    #[test]
    fn every_need_says_what_to_install_everywhere() {
        for need in TO_RUN.iter().chain(TO_TEST).chain(TO_BENCH).chain([&PEER_OF_DEBIAN]) {
            assert!(!need.what.is_empty() && !need.apt.is_empty() && !need.dnf.is_empty() && !need.brew.is_empty(), "{}", need.what);
        }
    }
}
