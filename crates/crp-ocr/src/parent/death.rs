//! Why a child died, told from its exit status and its last words.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

use crp_model::{Code, Failure};

/// What the runtimes of Rust, C++ and C say when memory cannot be had.
const OUT_OF_MEMORY: [&str; 5] =
    ["memory allocation of ", "std::bad_alloc", "std::length_error", "Cannot allocate memory", "cannot allocate memory"];

/// C++ code of the engine throws when memory runs out; an exception that reaches our frames aborts with these words.
const FOREIGN_EXCEPTION: &str = "foreign exception";

/// The failure of a child that died while it was `doing` something ("reading page 3").
pub(super) fn failure(status: Option<ExitStatus>, last_words: &str, doing: &str) -> Failure {
    let signal = status.and_then(|s| s.signal());
    let out_of_memory = OUT_OF_MEMORY.iter().chain([&FOREIGN_EXCEPTION]).any(|words| last_words.contains(words));
    match signal {
        Some(libc::SIGXCPU) => Failure::new(Code::PageTimeout, format!("Its process used up its processor time while {doing}")),
        Some(libc::SIGXFSZ) => Failure::new(Code::TooLarge, "The searchable PDF is larger than max_output_mebibytes allows"),
        Some(libc::SIGABRT) | None if out_of_memory => {
            Failure::new(Code::MemoryLimit, format!("Its process needed more memory than max_child_memory_mebibytes while {doing}"))
        }
        Some(number) => {
            Failure::new(Code::EngineCrashed, format!("Its process was ended by signal {number}{} while {doing}", name(number)))
        }
        None => {
            let ended = status.and_then(|s| s.code()).map_or_else(String::new, |code| format!(" with exit code {code}"));
            Failure::new(Code::EngineCrashed, format!("Its process ended{ended} while {doing}"))
        }
    }
}

fn name(signal: i32) -> &'static str {
    match signal {
        libc::SIGSEGV => " (SIGSEGV)",
        libc::SIGABRT => " (SIGABRT)",
        libc::SIGBUS => " (SIGBUS)",
        libc::SIGILL => " (SIGILL)",
        libc::SIGFPE => " (SIGFPE)",
        libc::SIGKILL => " (SIGKILL; perhaps the system ran out of memory)",
        libc::SIGTERM => " (SIGTERM)",
        libc::SIGSYS => " (SIGSYS)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_death_has_its_code() {
        let died = |status, words| failure(Some(ExitStatus::from_raw(status)), words, "reading page 3").code;
        assert_eq!(died(libc::SIGXCPU, ""), Code::PageTimeout);
        assert_eq!(died(libc::SIGXFSZ, ""), Code::TooLarge);
        assert_eq!(died(libc::SIGABRT, "memory allocation of 8589934592 bytes failed"), Code::MemoryLimit);
        assert_eq!(died(libc::SIGABRT, "terminate called after throwing an instance of 'std::bad_alloc'"), Code::MemoryLimit);
        assert_eq!(died(127 << 8, "cannot allocate memory for thread-local data: ABORT"), Code::MemoryLimit);
        assert_eq!(died(libc::SIGABRT, "thread 'document' has overflowed its stack"), Code::EngineCrashed);
        assert_eq!(died(libc::SIGSEGV, "memory allocation of 1 bytes failed"), Code::EngineCrashed);
        assert_eq!(died(libc::SIGKILL, ""), Code::EngineCrashed);
        assert_eq!(died(3 << 8, ""), Code::EngineCrashed);
    }
}
