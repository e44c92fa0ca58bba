//! What `cargo xtask dist` makes is whole: unpacked anywhere, it reads a document, and systemd takes its units.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crp_testkit::{ServerPlan, Upload, programs, samples, words::score};
use tempfile::TempDir;

use super::{BINARY, repository, text};

/// The packages of the binary that is tested, in a folder; `None` where they cannot be made.
fn packages() -> Option<TempDir> {
    for program in ["dpkg-deb", "strip", "tar", "sha256sum"] {
        programs::program(program)?;
    }
    // Beside the binary: whoever runs the tests by `cargo xtask test` has just built it.
    let xtask = Path::new(BINARY).with_file_name("xtask");
    if !xtask.is_file() {
        programs::skipped("xtask is not built; cargo xtask test builds it");
        return None;
    }
    let out = tempfile::tempdir().unwrap();
    let mut dist = Command::new(xtask);
    dist.env("CARGO_MANIFEST_DIR", repository("xtask")).env("SOURCE_DATE_EPOCH", "1700000000");
    programs::output_of(dist.args(["dist", "--binary", BINARY, "--out"]).arg(out.path()));
    Some(out)
}

/// The file in a folder whose name ends so.
fn file(folder: &Path, ends: &str) -> PathBuf {
    let files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let found = files.iter().find(|path| path.to_string_lossy().ends_with(ends));
    found.unwrap_or_else(|| panic!("no {ends} among {files:?}")).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_of_one_command_are_whole_and_what_is_unpacked_reads_a_document() {
    let Some(out) = packages() else { return };
    programs::output_of(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(out.path()));
    let version = env!("CARGO_PKG_VERSION");
    let deb = file(out.path(), &format!("_{}.deb", if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" }));
    assert!(deb.file_name().unwrap().to_string_lossy().starts_with(&format!("crpipeline_{version}_")));

    let root = out.path().join("root");
    programs::output_of(Command::new("dpkg-deb").arg("--extract").args([&deb, &root]));
    the_package_says_what_it_needs(&deb, out.path());
    systemd_takes_the_units(&root);
    nothing_private_is_inside(&root);
    a_document_is_read(&root.join("usr/bin/crpipeline")).await;

    let tarball = file(out.path(), "-linux.tar.gz");
    programs::output_of(Command::new("tar").arg("--extract").arg("--file").arg(&tarball).arg("--directory").arg(out.path()));
    let folder = out.path().join(format!("crpipeline-{version}-{}-linux", env::consts::ARCH));
    let said = programs::output_of(Command::new(folder.join("crpipeline")).arg("--version"));
    assert!(String::from_utf8_lossy(&said).starts_with(&format!("crpipeline {version}")));
    let licences = fs::read_to_string(folder.join("THIRD-PARTY-LICENCES.txt")).unwrap();
    assert!(licences.contains("\ntokio 1."), "the licences of what is inside go with it");
    links_lead_somewhere(&folder);
    links_lead_somewhere(&root.join("usr/share/doc/crpipeline"));
}

fn the_package_says_what_it_needs(deb: &Path, out: &Path) {
    let control = String::from_utf8(programs::output_of(Command::new("dpkg-deb").arg("--field").arg(deb))).unwrap();
    let field = |name: &str| {
        let line = control.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {control}")).to_owned()
    };
    assert_eq!((field("Package"), field("Version")), ("crpipeline".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
    let needs = field("Depends");
    for wanted in ["libc6 (>= 2.", "tesseract-ocr ", "tesseract-ocr-eng", "tesseract-ocr-osd"] {
        assert!(needs.contains(wanted), "{wanted}: {needs}");
    }
    let inside = out.join("control");
    programs::output_of(Command::new("dpkg-deb").arg("--control").args([deb, &inside]));
    assert_eq!(fs::read_to_string(inside.join("conffiles")).unwrap(), "/etc/crpipeline/crpipeline.env\n");
    for script in ["postinst", "prerm", "postrm"] {
        let path = inside.join(script);
        programs::output_of(Command::new("sh").arg("-n").arg(&path));
        let script = fs::read_to_string(path).unwrap();
        assert!(!script.contains("rm -r") && !script.contains("userdel"), "documents stay, and who owns them: {script}");
    }
}

fn systemd_takes_the_units(root: &Path) {
    let Some(analyze) = programs::program("systemd-analyze") else { return };
    let mut command = Command::new(analyze);
    command.args(["verify", "--no-pager", "--man=no"]).arg(format!("--root={}", root.display()));
    let units = ["crpipeline.service", "crpipeline-worker@.service"];
    let output = command.args(units.map(|unit| format!("/usr/lib/systemd/system/{unit}"))).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    // What it says about units that the folder does not have is about the folder.
    let about_ours: Vec<&str> = said.lines().filter(|line| line.contains("crpipeline") && !line.contains("not found")).collect();
    assert!(about_ours.is_empty(), "{said}");
}

fn nothing_private_is_inside(root: &Path) {
    let listing =
        String::from_utf8(programs::output_of(Command::new("find").arg(root).args(["-type", "f", "-printf", "%m %P\\n"]))).unwrap();
    let modes: BTreeSet<&str> = listing.lines().filter_map(|line| line.split_once(' ')).map(|(mode, _)| mode).collect();
    assert_eq!(modes, BTreeSet::from(["640", "644", "755"]));
    assert!(listing.contains("640 etc/crpipeline/crpipeline.env\n"), "settings may hold secrets");
    for secret in ["deploy/secrets/", "/.git/", "node_modules", "garage.env"] {
        assert!(!listing.contains(secret), "{secret}");
    }
}

async fn a_document_is_read(program: &Path) {
    let server = ServerPlan::new(&program.display().to_string()).start().await;
    let api = server.admin().await;
    let ids = api.accepted(&Upload::of("letter.pdf", samples::letter_pdf())).await;
    api.succeeded_job(&ids.job).await;
    for (truth, text) in samples::letter_texts().iter().zip(api.texts(&ids.job).await) {
        assert!(score(truth, &text).recall > 0.97, "{text}");
    }
    assert!(server.terminate().await.success());
}

/// Every link of the documents to a file of ours, followed in the package.
fn links_lead_somewhere(folder: &Path) {
    for document in ["README.md", "deploy/README.md", "docs/manual/README.md", "docs/manual/operations.md", "monitoring/README.md"] {
        let path = folder.join(document);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{document}: {error}"));
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.contains("://"));
        for link in targets.filter_map(|link| link.split('#').next()).filter(|link| !link.is_empty()) {
            assert!(path.parent().unwrap().join(link).exists(), "{document} links to {link}, which is not in the package");
        }
    }
}

#[test]
fn versions_in_the_files_are_the_one_of_cargo() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(text("deploy/kubernetes/base/kustomization.yaml").contains(&format!("newTag: {version}\n")));
    assert!(text("deploy/debian/control").contains("\nVersion: {version}\n"));
}
