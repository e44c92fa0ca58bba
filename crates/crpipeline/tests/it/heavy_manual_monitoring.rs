//! The manual's page on monitoring, read as a reader does: every command in it is run, in its order.
//!
//! The part for Debian runs to the letter, on literal ports, in namespaces of its own over copies of `/etc` and `/var/lib`.
//! Three commands are stood in for: `sudo` (runs the rest), `systemctl` (starts the program of the unit), and `docker`, whose engine
//! no test machine has (docker-compose reads the files that the command is about).

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Stdio,
};

use crp_testkit::{
    namespace::{Place, enter},
    poll::until,
    programs::{output_of, program, skipped},
    smtp_sink::SmtpSink,
};

use crate::monitoring_stack::{BINARY, PATIENCE};

/// What stands in for `sudo`. Nothing is installed by a test; that the packages exist is looked up.
const SUDO: &str = r#"#!/bin/bash
case "$1" in
    apt-get) shift; exec apt-get --simulate "$@" ;;
    install) exec "$(dirname "$0")/install-as-root" "${@:2}" ;;
    *) exec "$@" ;;
esac
"#;

/// `install`, but a group that this namespace has no number for is only looked up.
const INSTALL: &str = r#"#!/bin/bash
arguments=()
while [ $# -gt 0 ]; do
    if [ "$1" = -g ]; then getent group "$2" > /dev/null || exit 1; shift 2; else arguments+=("$1"); shift; fi
done
exec install "${arguments[@]}"
"#;

/// `systemctl restart` of the units that the page names, with the programs and environments of Debian's units.
const SYSTEMCTL: &str = r#"#!/bin/bash
[ "$1" = restart ] || { echo "systemctl: $* is not stood in for" >&2; exit 1; }
for unit in "${@:2}"; do
    case "$unit" in
        prometheus|prometheus-alertmanager)
            [ -f "$HOME/$unit.pid" ] && kill "$(cat "$HOME/$unit.pid")"
            . "/etc/default/$unit"
            "/usr/bin/$unit" $ARGS > "$HOME/$unit.log" 2>&1 < /dev/null &
            echo $! > "$HOME/$unit.pid" ;;
        grafana-server)
            # It is not installed; what it would read has to be there.
            test -f /var/lib/grafana/dashboards/metrics.json
            grep -q 'path: /var/lib/grafana/dashboards' /etc/grafana/provisioning/dashboards/dashboard.yaml
            grep -q 'url: "http://localhost:9090"' /etc/grafana/provisioning/datasources/prometheus.yaml || exit 1 ;;
        *) echo "systemctl: no unit $unit" >&2; exit 1 ;;
    esac
done
"#;

/// `docker compose`, read by docker-compose: files, variables, and the services that a command names.
const DOCKER: &str = r#"#!/bin/bash
set -e
[ "$1" = compose ] || { echo "docker: $* is not stood in for" >&2; exit 1; }
shift
files=()
while [ "$1" = -f ]; do files+=(-f "$2"); shift 2; done
"$COMPOSE" "${files[@]}" config -q
known="$("$COMPOSE" "${files[@]}" config --services)"
case "$*" in
    "up -d"|"up -d --build"|ps) ;;
    "exec crpipeline "*) grep -qx crpipeline <<< "$known"; "${@:3}" --help > /dev/null ;;
    "restart "*) for service in "${@:2}"; do grep -qx "$service" <<< "$known"; done ;;
    *) echo "docker: compose $* is not stood in for" >&2; exit 1 ;;
esac
echo "docker compose ${files[*]} $* can be done"
"#;

/// The commands of the page (blocks marked `sh`) by the chapter that they stand in.
fn commands() -> BTreeMap<String, Vec<String>> {
    let page = include_str!("../../../../docs/manual/monitoring.md");
    let (mut chapters, mut chapter, mut block): (BTreeMap<_, Vec<String>>, _, Option<String>) = Default::default();
    for line in page.lines() {
        match &mut block {
            Some(text) if line == "```" => chapters.entry(String::clone(&chapter)).or_default().push(std::mem::take(text)),
            Some(text) => text.push_str(&format!("{line}\n")),
            None => {}
        }
        match line.split_once(' ') {
            _ if line == "```" => block = None,
            _ if line == "```sh" => block = Some(String::new()),
            Some(("##", title)) if block.is_none() => chapter = title.to_owned(),
            _ => {}
        }
    }
    chapters
}

fn blocks(chapter: &str) -> Vec<String> {
    commands().remove(chapter).unwrap_or_else(|| panic!("the page has no commands under {chapter:?}"))
}

/// A shell in a home of its own, where the binary and what stands in for others come first.
struct Reader {
    home: tempfile::TempDir,
    shell: tokio::process::Child,
    done: usize,
}

impl Reader {
    fn at(folder: Option<&Path>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        fs::create_dir(&bin).unwrap();
        symlink(BINARY, bin.join("crpipeline")).unwrap();
        for (name, text) in [("sudo", SUDO), ("install-as-root", INSTALL), ("systemctl", SYSTEMCTL), ("docker", DOCKER)] {
            fs::write(bin.join(name), text).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let log = fs::File::create(home.path().join("page.log")).unwrap();
        // With a number space of its own, so that whatever the page starts ends with the shell.
        let mut shell = tokio::process::Command::new("unshare");
        shell.args(["--pid", "--fork", "--kill-child"]);
        if !rustix::process::geteuid().is_root() {
            shell.args(["--user", "--map-root-user"]);
        }
        shell.args(["bash", "-eu", "-o", "pipefail"]);
        shell.env_clear().env("HOME", home.path()).env("TMPDIR", home.path()).env("LANG", "C.UTF-8");
        shell.env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display()));
        shell.envs(program("docker-compose").map(|path| ("COMPOSE", path)));
        shell.current_dir(folder.unwrap_or(home.path())).kill_on_drop(true);
        shell.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        let shell = shell.spawn().expect("unshare and bash are there");
        Self { home, shell, done: 0 }
    }

    /// What the commands printed so far.
    fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.home.path().join("page.log")).unwrap()).into_owned()
    }

    /// Runs one block and gives what it printed.
    async fn runs(&mut self, block: &str) -> String {
        use tokio::io::AsyncWriteExt as _;
        let (file, before) = (self.home.path().join(format!("block-{}.sh", self.done)), self.said().len());
        fs::write(&file, block).unwrap();
        let (mark, line) = (format!("==== block {} is done", self.done), file.display());
        let order = format!("set -x; . {line} < /dev/null; {{ set +x; }} 2> /dev/null; echo '{mark}'\n");
        self.shell.stdin.as_mut().expect("a pipe").write_all(order.as_bytes()).await.unwrap();
        self.done += 1;
        until(&format!("the end of\n{block}"), PATIENCE * 2, async || {
            if self.said().contains(&mark) {
                return Some(());
            }
            let ended = self.shell.try_wait().unwrap();
            assert!(ended.is_none(), "a command of the page failed:\n{block}\n---- everything that was printed ----\n{}", self.said());
            None
        })
        .await;
        self.said()[before..].to_owned()
    }
}

#[test]
fn every_command_of_the_page_stands_in_a_chapter_that_a_test_runs() {
    let chapters: Vec<String> = commands().into_keys().collect();
    assert_eq!(chapters, ["On Debian, without Docker", "The alerts", "When node_exporter runs on the same machine", "With Docker"]);
    let marked = include_str!("../../../../docs/manual/monitoring.md").matches("```sh\n").count();
    assert_eq!(commands().values().map(Vec::len).sum::<usize>(), marked);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_debian_the_page_leads_from_nothing_to_a_chart_and_from_a_wrong_password_to_a_mail() {
    if program("apt-get").is_none() || !Path::new("/usr/bin/prometheus-alertmanager").is_file() {
        return skipped("this chapter is about Debian's packages");
    }
    if enter(module_path!(), "on_debian_the_page_leads_from_nothing_to_a_chart_and_from_a_wrong_password_to_a_mail") == Place::Outside {
        return;
    }
    let _copies = over_copies();
    let mail = SmtpSink::start(25).await;
    let mut reader = Reader::at(None);
    let (mut said, blocks) = (String::new(), blocks("On Debian, without Docker"));
    for block in &blocks {
        said.push_str(&reader.runs(block).await);
    }
    for wanted in ["jobs_total{status=\"succeeded\"} 0", " 0 missing", "SUCCESS"] {
        assert!(said.contains(wanted), "{wanted:?} was not printed:\n{said}");
    }
    assert_eq!(said.matches("attempt 401").count(), 6, "{said}");
    let is_so = |mail: &crp_testkit::smtp_sink::Mail| mail.subject.starts_with("[FIRING] CrpipelineLoginFailures:");
    let told = mail.mail_when("about the wrong passwords", PATIENCE, is_so).await;
    assert_eq!(told.to, ["me@example.org"]);
    assert!(told.text.contains("What to do first: ") && told.text.contains("localhost:9100"), "{}", told.text);
    // The question that the page asks about what fires now, once something does.
    let question = blocks.iter().find(|block| block.contains("amtool alert query")).expect("the page asks Alertmanager");
    let answer = reader.runs(question).await;
    println!("{}", reader.said());
    assert!(answer.contains("CrpipelineLoginFailures"), "{answer}");
}

/// `/etc` and `/var/lib` of this namespace are copies from here on, and go with the returned folder.
///
/// What is removed with that folder must not be the machine's own: nothing of it is mounted into the folder.
fn over_copies() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let script = r#"
        mkdir "$1/etc" "$1/lib" "$1/lib/prometheus" "$1/lib/prometheus/alertmanager"
        cp -rd --preserve=mode /etc/. "$1/etc" 2> /dev/null
        cp -rd --preserve=mode /var/lib/dpkg /var/lib/apt "$1/lib" 2> /dev/null
        set -e
        mount --bind "$1/etc" /etc
        mount --rbind "$1/lib" /var/lib
    "#;
    output_of(std::process::Command::new("sh").args(["-c", script, "sh"]).arg(folder.path()));
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn with_docker_every_command_of_the_page_is_about_files_and_services_that_exist() {
    let (Some(_), Some(_)) = (program("docker-compose"), program("unshare")) else { return };
    let source = source();
    for chapter in ["With Docker", "The alerts"] {
        let mut reader = Reader::at(Some(source.path()));
        if chapter == "The alerts" {
            reader.runs("cd monitoring").await;
        }
        for block in blocks(chapter) {
            let said = reader.runs(&block).await;
            let asked = block.lines().filter(|line| line.contains("docker compose ")).count();
            assert_eq!(said.matches(" can be done\n").count(), asked, "{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_node_exporter_the_export_names_the_other_port() {
    if program("unshare").is_none() {
        return;
    }
    let mut reader = Reader::at(None);
    for block in blocks("When node_exporter runs on the same machine") {
        let said = reader.runs(&block).await;
        assert!(said.contains("\"localhost:9101\""), "{said}");
    }
}

/// A folder with what the commands find in that of the source.
fn source() -> tempfile::TempDir {
    let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap(), tempfile::tempdir().unwrap());
    symlink(from.join("deploy"), to.path().join("deploy")).unwrap();
    output_of(std::process::Command::new("cp").arg("-r").arg(from.join("monitoring")).arg(to.path()));
    to
}
