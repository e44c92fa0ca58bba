//! The Debian package: the binary, units of systemd, a user, and the documents under `/usr/share/doc/crpipeline`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{Release, contents};
use crate::{run::run, workspace::root};

/// Where files of `deploy` go, with their modes. Who may read the settings is root alone: they may hold secrets.
const INSTALLED: &[(&str, &str, u32)] = &[
    ("systemd/crpipeline.service", "usr/lib/systemd/system/crpipeline.service", 0o644),
    ("systemd/crpipeline-worker@.service", "usr/lib/systemd/system/crpipeline-worker@.service", 0o644),
    ("systemd/crpipeline.sysusers", "usr/lib/sysusers.d/crpipeline.conf", 0o644),
    ("systemd/crpipeline.env", "etc/crpipeline/crpipeline.env", 0o640),
    ("debian/copyright", "usr/share/doc/crpipeline/copyright", 0o644),
    ("debian/conffiles", "DEBIAN/conffiles", 0o644),
    ("debian/postinst", "DEBIAN/postinst", 0o755),
    ("debian/prerm", "DEBIAN/prerm", 0o755),
    ("debian/postrm", "DEBIAN/postrm", 0o755),
];

/// Makes `crpipeline_VERSION_PROCESSOR.deb`.
pub(super) fn make(release: &Release, out: &Path) -> Result<PathBuf> {
    let tree = release.scratch.join("deb");
    release.put_documents_into(&tree.join("usr/share/doc/crpipeline"))?;
    contents::install(&release.binary, &tree.join("usr/bin/crpipeline"), 0o755)?;
    for (from, to, mode) in INSTALLED {
        contents::install(&root().join("deploy").join(from), &tree.join(to), *mode)?;
    }
    let architecture = architecture()?;
    let control = control(release, architecture, &tree)?;
    let control_file = tree.join("DEBIAN/control");
    fs::write(&control_file, control).with_context(|| format!("writing {}", control_file.display()))?;
    contents::set_mode(&control_file, 0o644)?;
    let file = out.join(format!("crpipeline_{}_{architecture}.deb", release.version));
    let packed: &[&str] = if release.quick { &["-Zgzip", "-z1"] } else { &["-Zxz"] };
    run(Command::new("dpkg-deb")
        .env("SOURCE_DATE_EPOCH", &release.seconds_since_1970)
        .args(["--root-owner-group"])
        .args(packed)
        .arg("--build")
        .arg(&tree)
        .arg(&file))
    .context("dpkg-deb makes the package; it comes with Debian and Ubuntu, elsewhere as the package dpkg")?;
    Ok(file)
}

/// The processor, as Debian calls it.
fn architecture() -> Result<&'static str> {
    Ok(match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => bail!("nobody has tried a package for {other} yet"),
    })
}

fn control(release: &Release, architecture: &str, tree: &Path) -> Result<String> {
    let template = root().join("deploy/debian/control");
    let text = fs::read_to_string(&template).with_context(|| template.display().to_string())?;
    let binary = fs::read(&release.binary).context("reading the binary")?;
    let glibc = newest_glibc(&binary).context("the binary names no version of the C library; is it linked against another one?")?;
    let filled = text
        .replace("{version}", release.version)
        .replace("{architecture}", architecture)
        .replace("{installed_kibibytes}", &kibibytes(tree)?.to_string())
        .replace("{glibc}", &format!("2.{glibc}"));
    anyhow::ensure!(!filled.contains(['{', '}']), "{} has a place that nothing fills", template.display());
    Ok(filled)
}

/// The newest symbol version of the C library that a binary names: with an older library it does not start. 36 for `GLIBC_2.36`.
fn newest_glibc(binary: &[u8]) -> Option<u32> {
    const MARK: &[u8] = b"GLIBC_2.";
    let marks = (0..binary.len()).filter(|at| binary[*at..].starts_with(MARK));
    let digits = |at: usize| -> String {
        binary[at + MARK.len()..].iter().take_while(|byte| byte.is_ascii_digit()).map(|byte| char::from(*byte)).collect()
    };
    marks.filter_map(|at| digits(at).parse().ok()).max()
}

/// What the files take when they are unpacked.
fn kibibytes(tree: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(tree).with_context(|| tree.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            sum += kibibytes(&path)?;
        } else {
            sum += fs::metadata(&path).with_context(|| path.display().to_string())?.len().div_ceil(1024);
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn the_newest_version_of_the_c_library_counts_as_a_number() {
        assert_eq!(newest_glibc(b"\0GLIBC_2.9\0GLIBC_2.34\0GLIBC_2.2.5\0GLIBC_PRIVATE\0"), Some(34));
        assert_eq!(newest_glibc(b"musl"), None);
    }

    #[test]
    fn every_file_of_the_units_and_of_the_package_is_installed() {
        let sources = workspace::files(&root()).unwrap();
        let of_package = sources
            .iter()
            .filter_map(|file| file.strip_prefix("deploy").ok())
            .filter(|file| (file.starts_with("systemd") || file.starts_with("debian")) && *file != Path::new("debian/control"));
        for file in of_package {
            assert!(INSTALLED.iter().any(|(from, _, _)| Path::new(from) == file), "{} is installed nowhere", file.display());
        }
    }

    #[test]
    fn a_file_of_settings_is_a_conffile() {
        let conffiles = fs::read_to_string(root().join("deploy/debian/conffiles")).unwrap();
        let settings = INSTALLED.iter().map(|(_, to, _)| format!("/{to}")).filter(|to| to.starts_with("/etc/"));
        assert_eq!(conffiles.lines().map(str::to_owned).collect::<Vec<_>>(), settings.collect::<Vec<_>>());
    }
}
