//! The command line: commands, flags and their help. What they do stands in `commands/`.

mod jobs;
mod monitoring;

use std::{num::NonZeroU32, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use crp_model::LayoutFormat;

pub(crate) use self::{
    jobs::{JobsCommand, JobsListArguments, JobsRetryArguments},
    monitoring::{MonitoringCheck, MonitoringCommand, MonitoringExport},
};
use crate::{config::Flag, values};

/// Turns scans into searchable PDF, text, layout and fields.
#[derive(Debug, Parser)]
#[command(name = "crpipeline", version, max_term_width = 120, disable_help_subcommand = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Settings of every command.
    #[command(flatten)]
    pub(crate) common: Common,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 all done, 1 internal error, 2 bad arguments or configuration, 3 an input is unusable,
4 something it needs is missing, 5 a stage failed, 130 interrupted. With several files all are tried; the first failure gives the code.

Examples:
  crpipeline run scan.pdf              writes scan.ocr.pdf, scan.ocr.txt and scan.ocr.json beside it
  crpipeline serve                     web and API on http://127.0.0.1:8080, metrics on http://127.0.0.1:9100/metrics
  crpipeline doctor                    tells what is missing";

/// Settings of every command.
#[derive(Args, Debug)]
pub(crate) struct Common {
    /// Configuration file [default: crpipeline.toml here, else /etc/crpipeline/crpipeline.toml] [env: CRPIPELINE_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of database and objects [env: CRPIPELINE_DATA_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// error, warn, info, debug or trace [env: CRPIPELINE_LOG_LEVEL]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
    /// human or json [env: CRPIPELINE_LOG_FORMAT]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves web, API, worker and metrics in one process
    #[command(after_help = "Examples:
  crpipeline serve
  CRPIPELINE_ADMIN_EMAIL=me@example.org CRPIPELINE_ADMIN_PASSWORD_FILE=/run/secrets/admin crpipeline serve
  crpipeline serve --listen 0.0.0.0:8080 --public-url https://documents.example.org --data-dir /var/lib/crpipeline
  DATABASE_URL=postgres://crpipeline@db/crpipeline crpipeline serve --no-worker       beside workers of their own")]
    Serve(ServeArguments),
    /// Works on the jobs of servers that share its PostgreSQL; any number of workers, started and stopped at any time
    #[command(
        after_help = "It needs the same DATABASE_URL and S3_BUCKET (with what belongs to them) as the servers. SIGTERM: it takes no new task,
finishes what is nearly done, hands the rest back and ends within shutdown_grace_seconds. Killed, its tasks go on elsewhere
as soon as their leases are over.

Examples:
  DATABASE_URL=postgres://crpipeline@db/crpipeline S3_BUCKET=documents crpipeline worker
  crpipeline worker --config /etc/crpipeline/crpipeline.toml --worker-slots 8
  crpipeline worker --metrics-listen 127.0.0.1:9102                                  the second one on this machine"
    )]
    Worker(WorkerArguments),
    /// Makes files searchable, without a server
    #[command(after_help = "Without -o the outputs NAME.ocr.pdf, NAME.ocr.txt and NAME.ocr.json stand beside the input;
with -o they are DIR/NAME.pdf, DIR/NAME.txt and DIR/NAME.json; --format adds others. Earlier outputs are replaced, an input never.

Examples:
  crpipeline run scan.pdf
  crpipeline run -l eng+deu -o searchable/ *.pdf photo.jpg fax.tif
  crpipeline run --max-memory 512 --max-pixels 30 plans.pdf                  on a small machine
  crpipeline run --sandbox require --max-pages 50 --page-timeout 20 -o out/ from-strangers/*.pdf
  crpipeline run -p invoices.yaml --json inbox/*.pdf | jq -r 'select(.failure) | .file'")]
    Run(RunArguments),
    /// Checks configuration, folders, Tesseract and ports, and says what to do
    #[command(after_help = "Exit code 0: crPipeline can work here (perhaps with warnings). 4: something it needs is missing.

Examples:
  crpipeline doctor
  crpipeline doctor --json | jq '.checks[] | select(.outcome != \"ok\")'")]
    Doctor {
        /// Prints one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Checks or shows the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Creates users, resets passwords, unlocks accounts; the server may run or be down
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Brings the database to this version's schema (`serve` does it by itself)
    #[command(after_help = "On SQLite the file is copied beside itself before its schema changes.

Examples:
  crpipeline migrate --check     says what would be done; exit code 0: nothing
  crpipeline migrate")]
    Migrate {
        /// Changes nothing; exit code 4 if there is something to do
        #[arg(long)]
        check: bool,
    },
    /// Writes dashboards, rules and configuration for Prometheus, Alertmanager and Grafana, or tries them
    #[command(subcommand)]
    Monitoring(MonitoringCommand),
    /// Copies everything that is needed to restore into a folder; the server may run
    #[command(
        after_help = "A later backup into the same folder copies only what is new and takes the place of the earlier one once it is whole.
Exit code 4: the backup is whole, but for objects that the storage did not have.

Examples:
  crpipeline backup /backup/crpipeline
  crpipeline backup --data-dir /var/lib/crpipeline /backup/monday --json | jq .documents
  crpipeline restore /backup/crpipeline --check"
    )]
    Backup(BackupArguments),
    /// Brings a backup back into an empty database and an empty storage
    #[command(
        after_help = "Database and storage are those of the configuration: SQLite or PostgreSQL, a folder or a bucket, whatever the backup came from.
Exit code 3: the backup is unfinished or damaged. 2: something is in the way; nothing was changed.

Examples:
  crpipeline restore /backup/crpipeline --check                       reads and compares every byte, changes nothing
  crpipeline restore /backup/crpipeline --data-dir /var/lib/crpipeline"
    )]
    Restore(RestoreArguments),
    /// Takes the documents of a folder, after all others in priority; started again it goes on where it stopped
    #[command(after_help = "The server may run. The folder stays as it is; links and hidden files are left out, folders in it are not.
What was taken stands in a record, one JSON object for each file with hash, document and job; files in it are not taken again
unless they changed. Exit code 3: some files are no documents; all others were taken.

Examples:
  crpipeline import /mnt/scans --dry-run                what would be taken
  crpipeline import /mnt/scans -p invoices
  crpipeline import /mnt/scans --organization \"Tax office\" --record scans.jsonl --json | jq .taken")]
    Import(ImportArguments),
    /// Writes everything of one organization into a ZIP that can be read without crPipeline; the server may run
    #[command(
        after_help = "Originals, results, and lists of documents, users, pipelines and the audit log, in JSON. Until it is whole the file is called
FILE.zip.partial. Every object is compared with its SHA-256; exit code 4: some are missing or damaged, manifest.json names them.

Examples:
  crpipeline export --to everything.zip
  crpipeline export --organization \"Tax office\" --to /mnt/usb/tax-office.zip
  crpipeline export --to everything.zip --json | jq .missing"
    )]
    Export(ExportArguments),
    /// Lists jobs and tries failed ones again
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Compares rows with stored objects, says what is missing or damaged, and mends what can be mended
    #[command(after_help = "The server may run. Exit code 0: nothing was found, or all of it is mended. 4: something waits for you.
--repair removes objects that no row names, and runs documents again whose results are missing while their bytes are there.

Examples:
  crpipeline check
  crpipeline check --hashes --json | jq '.findings[] | select(.is_mended | not)'
  crpipeline check --hashes --repair")]
    Check(CheckArguments),
    /// Copies the database into another one
    #[command(subcommand)]
    Db(DbCommand),
}

/// `crpipeline import`
#[derive(Args, Debug)]
pub(crate) struct ImportArguments {
    /// The folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Name or id of the pipeline [default: make every page searchable]
    #[arg(short, long, value_name = "NAME")]
    pub(crate) pipeline: Option<String>,
    /// Whose documents they become [default: the only organization]
    #[arg(long, value_name = "NAME")]
    pub(crate) organization: Option<String>,
    /// Looks at every file and changes nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// File that says what was taken [default: one for this folder in the folder imports of the data directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `crpipeline serve`
#[derive(Args, Debug)]
pub(crate) struct ServeArguments {
    /// Address of API and UI [default: 127.0.0.1:8080] [env: CRPIPELINE_LISTEN]
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) listen: Option<String>,
    /// Address of /metrics [default: 127.0.0.1:9100] [env: CRPIPELINE_METRICS_LISTEN]
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) metrics_listen: Option<String>,
    /// Address under which people reach the server [env: CRPIPELINE_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Tasks at a time [default: number of processors] [env: CRPIPELINE_WORKER_SLOTS]
    #[arg(long, value_name = "N")]
    pub(crate) worker_slots: Option<String>,
    /// Web and API alone; processes called `crpipeline worker` do the work. Needs PostgreSQL
    #[arg(long, conflicts_with = "worker_slots")]
    pub(crate) no_worker: bool,
}

/// `crpipeline worker`
#[derive(Args, Debug)]
pub(crate) struct WorkerArguments {
    /// Address of /metrics, /livez and /readyz [default: 127.0.0.1:9101] [env: CRPIPELINE_METRICS_LISTEN]
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) metrics_listen: Option<String>,
    /// Tasks at a time [default: number of processors] [env: CRPIPELINE_WORKER_SLOTS]
    #[arg(long, value_name = "N")]
    pub(crate) worker_slots: Option<String>,
}

/// `crpipeline run`
#[derive(Args, Debug)]
pub(crate) struct RunArguments {
    /// PDF, TIFF, PNG or JPEG files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Pipeline file [default: make every page searchable]
    #[arg(short, long, value_name = "PIPELINE.YAML")]
    pub(crate) pipeline: Option<PathBuf>,
    /// Tesseract's language codes, joined by + [default: the pipeline's, else eng]
    #[arg(short, long, value_name = "LANGUAGES")]
    pub(crate) languages: Option<String>,
    /// Pages at a time [default: number of processors]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// Folder for the outputs; it is made when it is missing
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Writes the layout also as NAME.hocr, NAME.alto.xml or NAME.tsv; several are joined by commas
    #[arg(long = "format", value_name = "hocr,alto,tsv", value_delimiter = ',', value_parser = values::layout_format)]
    pub(crate) formats: Vec<LayoutFormat>,
    /// Memory of all processes of this run together; pages wait for one another, one too large alone is scaled down
    /// [default: 0, three quarters of the machine's or its container's] [env: CRPIPELINE_MAX_MEMORY_MEBIBYTES]
    #[arg(long, value_name = "MEBIBYTES")]
    pub(crate) max_memory: Option<String>,
    /// Largest picture that a page is read from, in millions of pixels; a larger page is scaled down, with a warning
    /// [default: 60] [env: CRPIPELINE_MAX_PAGE_MEGAPIXELS]
    #[arg(long, value_name = "MEGAPIXELS")]
    pub(crate) max_pixels: Option<String>,
    /// Most pages of a file; one with more is refused [default: 5000] [env: CRPIPELINE_MAX_PAGES]
    #[arg(long, value_name = "N")]
    pub(crate) max_pages: Option<String>,
    /// Longest time for one page; waiting for memory does not count [default: 120] [env: CRPIPELINE_PAGE_TIMEOUT_SECONDS]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) page_timeout: Option<String>,
    /// What happens where the kernel cannot lock in the processes that read: nothing is read, or with what there is
    /// [default: best-effort] [env: CRPIPELINE_SANDBOX]
    #[arg(long, value_name = "require|best-effort")]
    pub(crate) sandbox: Option<String>,
    /// Prints one JSON object per file
    #[arg(long)]
    pub(crate) json: bool,
}

/// `crpipeline config`
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Says what is wrong, every mistake at once
    #[command(after_help = "Example:
  crpipeline config check --config /etc/crpipeline/crpipeline.toml")]
    Check,
    /// Shows every setting with its value and where it comes from; secrets are masked
    #[command(after_help = "Examples:
  crpipeline config show
  crpipeline config show --json | jq -r '.[] | select(.source != \"default\") | .setting'")]
    Show {
        /// Prints JSON
        #[arg(long)]
        json: bool,
    },
    /// Prints the JSON Schema of crpipeline.toml
    #[command(after_help = "Example:
  crpipeline config schema > crpipeline.schema.json")]
    Schema,
}

/// `crpipeline admin`
#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Creates a platform administrator
    #[command(after_help = "Examples:
  crpipeline admin create me@example.org                       prints a new password once
  crpipeline admin create me@example.org --password-stdin < password.txt")]
    Create {
        /// E-mail address
        email: String,
        /// Name to show [default: the address]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Reads the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Gives a user a new password and ends the user's sessions
    #[command(after_help = "Examples:
  crpipeline admin reset-password me@example.org               prints a new password once
  crpipeline admin reset-password me@example.org --password-stdin < password.txt")]
    ResetPassword {
        /// E-mail address
        email: String,
        /// Reads the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
    /// Says how many tasks of an organization may run at the same time, over all processes
    #[command(after_help = "It counts from the next task on, instead of queue.max_running_tasks_per_organization. Tasks that run go on.

Examples:
  crpipeline admin limit --organization \"Tax office\" --running-tasks 2
  crpipeline admin limit --organization \"Tax office\" --none          as the configuration says for all")]
    Limit {
        /// Whose tasks [default: the only organization]
        #[arg(long, value_name = "NAME")]
        organization: Option<String>,
        /// How many
        #[arg(long, value_name = "N", required_unless_present = "none")]
        running_tasks: Option<NonZeroU32>,
        /// Takes its own limit back
        #[arg(long, conflicts_with = "running_tasks")]
        none: bool,
    },
    /// Lets a locked or slowed-down account sign in again
    #[command(after_help = "Example:
  crpipeline admin unlock me@example.org")]
    Unlock {
        /// E-mail address
        email: String,
    },
}

/// `crpipeline backup`
#[derive(Args, Debug)]
pub(crate) struct BackupArguments {
    /// Folder for the backup: a new or empty one, or one with an earlier backup
    #[arg(value_name = "FOLDER")]
    pub(crate) target: PathBuf,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `crpipeline restore`
#[derive(Args, Debug)]
pub(crate) struct RestoreArguments {
    /// Folder with the backup
    #[arg(value_name = "FOLDER")]
    pub(crate) source: PathBuf,
    /// Changes nothing: reads every byte of the backup and says whether it is whole
    #[arg(long)]
    pub(crate) check: bool,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `crpipeline export`
#[derive(Args, Debug)]
pub(crate) struct ExportArguments {
    /// Whose documents [default: the only organization]
    #[arg(long, value_name = "NAME")]
    pub(crate) organization: Option<String>,
    /// The file, which is not there yet; beside it there has to be room for the largest document
    #[arg(long, value_name = "FILE.zip")]
    pub(crate) to: PathBuf,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `crpipeline check`
#[derive(Args, Debug)]
pub(crate) struct CheckArguments {
    /// Reads every byte and compares it with its SHA-256, not only sizes
    #[arg(long)]
    pub(crate) hashes: bool,
    /// Mends what can be mended
    #[arg(long)]
    pub(crate) repair: bool,
    /// Objects without a row count as left over when they are older; younger ones may be about to get one
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=87600))]
    pub(crate) min_age_hours: u32,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `crpipeline db`
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Copies every row of the configured database into an empty one, of either kind; the server has to be stopped
    #[command(
        after_help = "Rows are counted at the end, in one transaction: the new database has all of them or none. Objects stay where they are.
A password in --to can be seen by everybody on the machine; leave it to --to-file, or to PGPASSWORD and ~/.pgpass.

Examples:
  crpipeline db copy --to postgres://crpipeline@localhost/crpipeline
  crpipeline db copy --to-file /run/secrets/new-database-url
  DATABASE_URL=postgres://crpipeline@localhost/crpipeline crpipeline db copy --to sqlite:/var/lib/crpipeline/crpipeline.db"
    )]
    Copy(DbCopyArguments),
}

/// `crpipeline db copy`
#[derive(Args, Debug)]
pub(crate) struct DbCopyArguments {
    /// The empty database: postgres://… or sqlite:PATH
    #[arg(long, value_name = "URL", required_unless_present = "to_file", conflicts_with = "to_file")]
    pub(crate) to: Option<String>,
    /// File that holds the URL
    #[arg(long, value_name = "FILE")]
    pub(crate) to_file: Option<PathBuf>,
    /// Prints one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl Cli {
    /// The settings that the flags give.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        let data_dir = self.common.data_dir.as_ref().map(|dir| dir.to_string_lossy().into_owned());
        let mut given = vec![
            ("storage", "data_dir", "data-dir", data_dir),
            ("log", "level", "log-level", self.common.log_level.clone()),
            ("log", "format", "log-format", self.common.log_format.clone()),
        ];
        if let Command::Serve(serve) = &self.command {
            given.push(("server", "listen", "listen", serve.listen.clone()));
            given.push(("metrics", "listen", "metrics-listen", serve.metrics_listen.clone()));
            given.push(("server", "public_url", "public-url", serve.public_url.clone()));
            given.push(("worker", "slots", "worker-slots", serve.worker_slots.clone()));
        }
        if let Command::Worker(worker) = &self.command {
            given.push(("metrics", "listen", "metrics-listen", worker.metrics_listen.clone()));
            given.push(("worker", "slots", "worker-slots", worker.worker_slots.clone()));
        }
        if let Command::Run(run) = &self.command {
            given.push(("reading", "max_memory_mebibytes", "max-memory", run.max_memory.clone()));
            given.push(("limits", "max_page_megapixels", "max-pixels", run.max_pixels.clone()));
            given.push(("limits", "max_pages", "max-pages", run.max_pages.clone()));
            given.push(("limits", "page_timeout_seconds", "page-timeout", run.page_timeout.clone()));
            given.push(("reading", "sandbox", "sandbox", run.sandbox.clone()));
        }
        given.into_iter().filter_map(|(section, key, name, text)| Some(Flag { section, key, name, text: text? })).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_of_today_has_an_example_in_its_help() {
        fn check(command: &clap::Command) {
            if command.get_about().is_some_and(|about| about.to_string().starts_with("(comes later)")) {
                return;
            }
            if command.has_subcommands() && command.get_name() != "crpipeline" {
                command.get_subcommands().for_each(check);
            } else {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("Example"), "{} has no example", command.get_name());
                command.get_subcommands().for_each(check);
            }
        }
        let command = Cli::command();
        command.clone().debug_assert();
        check(&command);
    }
}
