//! The sandbox, attacked from inside in every way we can think of, as this user and as an ordinary one; with a control that gets out.
#![cfg(target_os = "linux")]

mod support;

use std::{
    net::TcpListener,
    os::{fd::AsFd, unix::fs::PermissionsExt},
    path::Path,
    process::Command,
};

use crp_metrics::Metrics;
use crp_model::{Code, pipeline::OcrMode};
use crp_ocr::{ChildCommand, probe_sandbox};
use support::{child, english, faulty, page, pdf, start};

/// A folder with files to spoil, a port to connect to and a descriptor to leak: what an attacker could want.
struct Bait {
    folder: tempfile::TempDir,
    listener: TcpListener,
    _leaked: std::os::fd::OwnedFd,
}

impl Bait {
    fn lay() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        for name in ["a", "b", "c"] {
            std::fs::write(folder.path().join(name), name).unwrap();
            std::fs::set_permissions(folder.path().join(name), std::fs::Permissions::from_mode(0o666)).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // A plain dup is inherited by whatever is started.
        let leaked = rustix::io::dup(listener.as_fd()).unwrap();
        Self { folder, listener, _leaked: leaked }
    }

    fn env(&self) -> [(String, String); 2] {
        let port = self.listener.local_addr().unwrap().port();
        [("CRP_ATTACK_SCRATCH".to_owned(), self.folder.path().display().to_string()), ("CRP_ATTACK_PORT".to_owned(), port.to_string())]
    }

    /// The bait is untouched and nobody has called.
    fn is_untouched(&self) -> bool {
        let mut names: Vec<String> =
            std::fs::read_dir(self.folder.path()).unwrap().flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        self.listener.set_nonblocking(true).unwrap();
        let whole = ["a", "b", "c"].iter().all(|n| std::fs::read_to_string(self.folder.path().join(n)).is_ok_and(|text| text == *n));
        names == ["a", "b", "c"] && whole && self.listener.accept().is_err()
    }
}

fn assert_nothing_got_out(report: &str) {
    let tried: usize = report.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
    assert!(tried > 200 && report.ends_with("tried, 0 out: "), "{report}");
}

/// What the attacks report from inside the sandbox.
async fn attack(mut command: ChildCommand, file: &Path, bait: &Bait) -> String {
    command.env.extend(bait.env().map(|(name, value)| (name.into(), value.into())));
    let mut child = start(&command, file, &english(OcrMode::Off), &Metrics::for_tests()).await.unwrap();
    let failure = child.read_page(page(1)).await.unwrap_err();
    assert_eq!(failure.code, Code::PageFailed, "the attacked process lives and reports: {failure}");
    failure.message
}

#[tokio::test]
async fn nothing_gets_out_of_the_sandbox() {
    let level = probe_sandbox(&child(&[])).await.unwrap();
    if !level.seccomp {
        return eprintln!("SKIPPED: this kernel has no system call filter ({level:?})");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Some words"]);
    let bait = Bait::lay();
    assert_nothing_got_out(&attack(faulty("attack"), &file, &bait).await);
    assert!(bait.is_untouched());
}

#[tokio::test]
async fn nothing_gets_out_as_an_ordinary_user_either() {
    if !rustix::process::getuid().is_root() {
        return eprintln!("SKIPPED: the other attack test has just run as an ordinary user");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = pdf(folder.path(), &["Some words"]);
    // The program may lie where an ordinary user cannot look.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = folder.path().join("document-child");
    std::fs::copy(env!("CARGO_BIN_EXE_document-child"), &program).unwrap();
    let mut command = faulty("attack");
    let ordinary = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"].map(Into::into);
    command.args = ordinary.into_iter().chain([program.into_os_string()]).collect();
    command.program = "/usr/bin/setpriv".into();
    if !command.program.exists() {
        return eprintln!("SKIPPED: there is no setpriv here");
    }
    let bait = Bait::lay();
    assert_nothing_got_out(&attack(command, &file, &bait).await);
    assert!(bait.is_untouched());
}

#[test]
fn without_the_sandbox_the_same_attacks_get_out() {
    let bait = Bait::lay();
    let control = Command::new(env!("CARGO_BIN_EXE_document-child"))
        .envs(bait.env())
        .env("CRP_FAULT", "attack_without_sandbox")
        .output()
        .expect("the control runs");
    let report = String::from_utf8(control.stdout).unwrap();
    let lines: Vec<&str> = report.lines().collect();
    assert!(lines[0].starts_with("38 tried, 38 out:"), "{report}");
    assert!(!bait.is_untouched());
    // Calls that nobody may make, or that this kernel lacks, are refused without a sandbox too; root may make most of the rest.
    eprintln!("{}", lines[2]);
    let numbers: Vec<usize> = lines[1].split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
    let wanted = if rustix::process::getuid().is_root() { numbers[0] * 4 / 5 } else { numbers[0] / 2 };
    assert!(numbers[0] > 140 && numbers[1] > wanted, "{report}");
}
