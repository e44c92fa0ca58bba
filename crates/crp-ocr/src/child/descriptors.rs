//! The child's descriptors: two pipes, the standard error, the document, perhaps an output, and nothing else.
#![allow(unsafe_code, reason = "descriptors arrive as numbers")]

use std::{
    fs::File,
    io::{self, BufReader},
    os::fd::{AsRawFd, FromRawFd, RawFd},
};

use rustix::io::{FdFlags, fcntl_getfd};

use super::Wire;

/// Takes the pipes to the parent away from standard input and output: a library that prints must not speak to the parent.
pub(super) fn take_wire() -> io::Result<Wire> {
    let from_parent = File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?);
    let to_parent = File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?);
    let nothing = File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    Ok(Wire { from_parent: BufReader::new(from_parent), to_parent })
}

/// Takes the inherited descriptors `kept` as files and closes every other one above the standard three.
pub(super) fn keep_only(kept: &[RawFd], wire: &Wire) -> io::Result<Vec<File>> {
    let own = [wire.from_parent.get_ref().as_raw_fd(), wire.to_parent.as_raw_fd()];
    let mut files = Vec::new();
    for &number in kept {
        if number < 3 || own.contains(&number) || files.iter().any(|f: &File| f.as_raw_fd() == number) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a descriptor number is taken already"));
        }
        // SAFETY: the parent passed this descriptor on for us alone; that it is open is checked before anything is done with it.
        let file = unsafe { File::from_raw_fd(number) };
        match fcntl_getfd(&file) {
            Ok(_) => rustix::io::fcntl_setfd(&file, FdFlags::CLOEXEC)?,
            Err(error) => {
                std::mem::forget(file);
                return Err(error.into());
            }
        }
        files.push(file);
    }
    let mut open: Vec<RawFd> = own.into_iter().chain(kept.iter().copied()).collect();
    open.sort_unstable();
    close_all_but(&open);
    Ok(files)
}

/// Closes everything from 3 up but the sorted `open`.
fn close_all_but(open: &[RawFd]) {
    let mut from = 3;
    for &number in open {
        close_range(from, number - 1);
        from = number + 1;
    }
    close_range(from, RawFd::MAX);
}

fn close_range(first: RawFd, last: RawFd) {
    if first > last {
        return;
    }
    #[cfg(target_os = "linux")]
    {
        let (first, last) = (first.cast_unsigned(), last.cast_unsigned());
        // SAFETY: no descriptor in this range is owned by anything in this process: it has just started and its own are left out.
        if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0 {
            return;
        }
    }
    // Kernels before 5.9 and other systems: one by one, as far as descriptors of a young process can reach.
    for number in first..=last.min(4096) {
        // SAFETY: as above; closing a number that is not open does nothing.
        unsafe { libc::close(number) };
    }
}
