//! The tarball: one folder with the binary beside its README, to be unpacked anywhere.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::{Release, contents};
use crate::run::run;

/// Makes `crpipeline-VERSION-PROCESSOR-linux.tar.gz`.
pub(super) fn make(release: &Release, out: &Path) -> Result<PathBuf> {
    let name = format!("crpipeline-{}-{}-linux", release.version, std::env::consts::ARCH);
    let folder = release.scratch.join(&name);
    release.put_documents_into(&folder)?;
    contents::install(&release.binary, &folder.join("crpipeline"), 0o755)?;
    let file = out.join(format!("{name}.tar.gz"));
    let level = if release.quick { "1" } else { "9" };
    run(Command::new("tar")
        .arg("--create")
        .arg("--file")
        .arg(&file)
        // Without the name and the time that gzip would write: the same sources make the same bytes.
        .arg(format!("--use-compress-program=gzip -n -{level}"))
        .args(["--sort=name", "--format=gnu", "--owner=0", "--group=0", "--numeric-owner"])
        .arg(format!("--mtime=@{}", release.seconds_since_1970))
        .arg("--directory")
        .arg(&release.scratch)
        .arg(&name))?;
    Ok(file)
}
