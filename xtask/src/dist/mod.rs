//! `cargo xtask dist`: a tarball and a Debian package of the binary with everything that belongs to it, so that nobody has to compile.

mod contents;
mod deb;
mod licences;
mod tarball;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::{
    run::{run, told},
    web_app,
    workspace::{cargo, root, target},
};

/// What is packaged, and where the packages go.
#[derive(Args)]
pub(crate) struct Dist {
    /// Profile of Cargo; the web app is inside with `release` alone.
    #[arg(long, default_value = "release")]
    profile: String,
    /// A binary that was built already; nothing is built then.
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    binary: Option<PathBuf>,
    /// Folder for the packages.
    #[arg(long, value_name = "DIR", default_value = "dist")]
    out: PathBuf,
}

/// What all packages of one version have in common.
struct Release {
    /// As in Cargo.toml.
    version: &'static str,
    /// The binary, without what only a debugger reads.
    binary: PathBuf,
    /// Every time stamp, in seconds since 1970, so that the same sources make the same bytes.
    seconds_since_1970: String,
    /// The licences of what is inside.
    licences: String,
    /// Where packages are put together.
    scratch: PathBuf,
    /// Packed quickly instead of small.
    quick: bool,
}

/// Builds, packs, and says what came out.
pub(crate) fn dist(arguments: &Dist) -> Result<ExitCode> {
    ensure!(cfg!(target_os = "linux"), "packages are made on Linux, for the processor of the machine that makes them");
    let built = match &arguments.binary {
        Some(binary) => binary.clone(),
        None => build(&arguments.profile)?,
    };
    let scratch = target().join("xtask/dist").join(std::process::id().to_string());
    let packages = pack(arguments, &built, &scratch);
    let removed = fs::remove_dir_all(&scratch);
    let packages = packages?;
    removed.with_context(|| format!("removing {}", scratch.display()))?;
    for package in &packages {
        let mebibytes = fs::metadata(package)?.len().div_ceil(1 << 20);
        println!("{} ({mebibytes} MiB)", package.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn build(profile: &str) -> Result<PathBuf> {
    // Cargo calls the folder of its profile dev "debug".
    let folder = if profile == "dev" { "debug" } else { profile };
    if profile != "dev" {
        web_app::build()?;
    }
    run(cargo().args(["build", "--locked", "--bin", "crpipeline", "--profile", profile]))?;
    Ok(target().join(folder).join("crpipeline"))
}

fn pack(arguments: &Dist, built: &Path, scratch: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(scratch).with_context(|| format!("making {}", scratch.display()))?;
    let out = root().join(&arguments.out);
    fs::create_dir_all(&out).with_context(|| format!("making {}", out.display()))?;
    let release = Release {
        version: env!("CARGO_PKG_VERSION"),
        binary: stripped(built, scratch)?,
        seconds_since_1970: last_change()?,
        licences: licences::text()?,
        scratch: scratch.to_owned(),
        quick: arguments.binary.is_some() || arguments.profile == "dev",
    };
    release.binary_is_this_version()?;
    let packages = vec![tarball::make(&release, &out)?, deb::make(&release, &out)?];
    let sums = out.join("SHA256SUMS");
    fs::write(&sums, sums_of(&out, &packages)?).with_context(|| format!("writing {}", sums.display()))?;
    Ok(packages)
}

impl Release {
    /// Everything but the binary, below this folder.
    fn put_documents_into(&self, folder: &Path) -> Result<()> {
        contents::copy(folder)?;
        licences::write_to(&folder.join(licences::FILE), &self.licences)
    }

    /// A binary of another version, or of another processor, must not get into a package with our name.
    fn binary_is_this_version(&self) -> Result<()> {
        let told = output(Command::new(&self.binary).arg("--version"))?;
        let wanted = format!("crpipeline {}", self.version);
        ensure!(told.trim() == wanted || told.starts_with(&format!("{wanted} ")), "the binary says \"{}\", not \"{wanted}\"", told.trim());
        Ok(())
    }
}

/// The binary without its symbols, which are most of its size.
fn stripped(built: &Path, scratch: &Path) -> Result<PathBuf> {
    let binary = scratch.join("crpipeline");
    run(Command::new("strip").arg("-o").arg(&binary).arg(built)).context("strip comes with the C compiler (Debian: binutils)")?;
    Ok(binary)
}

/// `SOURCE_DATE_EPOCH`, which builders of packages agree on, else the time of the last commit.
fn last_change() -> Result<String> {
    let text = match env::var("SOURCE_DATE_EPOCH") {
        Ok(given) => given,
        Err(_) => output(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root()))?,
    };
    let seconds = text.trim().to_owned();
    if seconds.is_empty() || !seconds.bytes().all(|byte| byte.is_ascii_digit()) {
        bail!("{seconds:?} is no time in seconds since 1970 (SOURCE_DATE_EPOCH, or the last commit)");
    }
    Ok(seconds)
}

/// What `sha256sum -c SHA256SUMS` wants to read: names without their folder.
fn sums_of(folder: &Path, packages: &[PathBuf]) -> Result<String> {
    let names = packages.iter().filter_map(|package| package.file_name());
    output(Command::new("sha256sum").args(names).current_dir(folder))
}

/// What a program writes to standard output.
fn output(command: &mut Command) -> Result<String> {
    let said = command.output().with_context(|| crate::run::shown(command))?;
    let errors = String::from_utf8_lossy(&said.stderr);
    ensure!(said.status.success(), "`{}` {}: {}", crate::run::shown(command), told(said.status), errors.trim());
    String::from_utf8(said.stdout).context("what it says is no text")
}
