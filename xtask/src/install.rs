//! Installs what is missing: apt on Debian and Ubuntu, a clear sentence elsewhere. Services are not started.

use std::{
    io::{IsTerminal as _, Write as _, stdin, stdout},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    needs::{Need, program},
    run::{run, shown},
};

/// Sees to it that all of `needs` are met, or says what to do.
pub(crate) fn install_missing(needs: &[&Need]) -> Result<()> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    if program("apt-get").is_none() {
        bail!("{}", advice(&missing));
    }
    install_with_apt(&packages(&missing))?;
    let still = self::missing(needs);
    if !still.is_empty() {
        bail!("apt-get reported success, but still missing: {}", names(&still));
    }
    Ok(())
}

fn missing<'a>(needs: &[&'a Need]) -> Vec<&'a Need> {
    needs.iter().copied().filter(|need| !need.is_met()).collect()
}

fn names(needs: &[&Need]) -> String {
    needs.iter().map(|need| need.what).collect::<Vec<_>>().join(", ")
}

fn packages(needs: &[&Need]) -> Vec<&'static str> {
    let mut packages: Vec<&'static str> = needs.iter().flat_map(|need| need.apt.iter().copied()).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// What to install where we do not install by ourselves.
fn advice(missing: &[&Need]) -> String {
    let of = |name: fn(&Need) -> &'static str| -> String {
        let mut names: Vec<&str> = missing.iter().map(|need| name(need)).collect();
        names.sort_unstable();
        names.dedup();
        names.join(" ")
    };
    format!(
        "missing: {}\nInstall them, then run this again:\n  Fedora, RHEL:  sudo dnf install {}\n  macOS:         brew install {}\n  Debian names:  {}",
        names(missing),
        of(|need| need.dnf),
        of(|need| need.brew),
        packages(missing).join(" ")
    )
}

fn install_with_apt(packages: &[&str]) -> Result<()> {
    let mut command = as_root(packages)?;
    println!("Installing {} (services are not started)", packages.join(" "));
    run(command.args(["sh", "-c", APT_SCRIPT, "install"]).args(packages).stdin(std::process::Stdio::null()))
        .with_context(|| format!("by hand: apt-get install --no-install-recommends {}", packages.join(" ")))
}

/// `env` as root: directly, or through sudo after asking on the terminal.
fn as_root(packages: &[&str]) -> Result<Command> {
    if rustix::process::geteuid().is_root() {
        return Ok(Command::new("env"));
    }
    let by_hand = format!("sudo apt-get install --no-install-recommends {}", packages.join(" "));
    if program("sudo").is_none() || !stdin().is_terminal() {
        bail!("packages are missing and this is neither root nor a terminal to ask on; run:\n  {by_hand}");
    }
    print!("These packages are missing: {}\nInstall them with sudo apt-get? [Y/n] ", packages.join(" "));
    stdout().flush()?;
    let mut answer = String::new();
    // No bytes at all is the end of the input: nobody said yes.
    if stdin().read_line(&mut answer)? == 0 || !is_yes(&answer) {
        bail!("not installed; run this when you want to go on:\n  {by_hand}");
    }
    // Asked for now, in the foreground of the terminal: what runs later has a process group of its own and could not read the password.
    let mut ask = Command::new("sudo");
    ask.arg("-v");
    if !ask.status().with_context(|| shown(&ask))?.success() {
        bail!("sudo refused; as root, run:\n  {by_hand}");
    }
    let mut command = Command::new("sudo");
    command.args(["-n", "env"]);
    Ok(command)
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "" | "y" | "yes")
}

/// A `policy-rc.d` that says no keeps packages from starting their services (Prometheus' exporter would take port 9100).
/// One that is already there is somebody's decision and stays. Lists are refreshed only when the first try fails.
const APT_SCRIPT: &str = r#"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy" || exit 1
fi
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
get() { apt-get install -y -q -o Dpkg::Use-Pty=0 --no-install-recommends "$@"; }
if ! ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1; then apt-get update -q || exit 1; fi
get "$@" || { apt-get update -q && get "$@"; }
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::needs::{TO_RUN, TO_TEST};

    #[test]
    fn the_advice_names_every_missing_thing_once_for_each_system() {
        let all: Vec<&Need> = TO_RUN.iter().chain(TO_TEST).collect();
        let advice = advice(&all);
        for need in &all {
            assert!(advice.contains(need.what) && advice.contains(need.dnf) && advice.contains(need.brew), "{}", need.what);
        }
        assert_eq!(advice.matches(" poppler-utils").count(), 2, "{advice}");
    }

    #[test]
    fn only_a_yes_or_return_is_consent() {
        assert!(is_yes("\n") && is_yes("y\n") && is_yes("Yes\n"));
        assert!(!is_yes("n\n") && !is_yes("what\n"));
    }

    #[test]
    fn recommended_packages_and_services_never_come_along() {
        assert!(APT_SCRIPT.contains("--no-install-recommends") && APT_SCRIPT.contains("exit 101"));
    }
}
