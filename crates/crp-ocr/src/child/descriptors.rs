//! The child's descriptors: a socket and a pipe to its parent, the standard error, the documents that come by the socket, nothing else.
#![allow(unsafe_code, reason = "closing what a parent left open takes numbers")]

use std::{
    fs::File,
    io::{self, BufReader, IoSliceMut, Read},
    mem::MaybeUninit,
    os::fd::{AsRawFd, OwnedFd, RawFd},
};

use rustix::{
    cmsg_space,
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg},
};

use crate::protocol::MAX_FILES;

/// The way to the parent while files may still come by it. It is read without a buffer: a descriptor belongs to the very bytes that
/// it came with.
pub(super) struct Inbox {
    from_parent: OwnedFd,
    pub(super) to_parent: File,
    files: Vec<OwnedFd>,
}

/// The way to the parent of a closed sandbox: bytes alone.
pub(super) struct Wire {
    pub(super) from_parent: BufReader<File>,
    pub(super) to_parent: File,
}

/// Takes socket and pipe away from standard input and output (a library that prints must not speak to the parent) and closes every
/// other descriptor above the standard three.
pub(super) fn take_inbox() -> io::Result<Inbox> {
    let from_parent = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let to_parent = File::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?);
    let nothing = File::open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    drop(nothing);
    let mut own = [from_parent.as_raw_fd(), to_parent.as_raw_fd()];
    own.sort_unstable();
    close_all_but(&own);
    Ok(Inbox { from_parent, to_parent, files: Vec::new() })
}

impl Inbox {
    /// The files that have come, if they are as many as expected.
    pub(super) fn take_files(&mut self, expected: usize) -> io::Result<Vec<File>> {
        let files: Vec<File> = std::mem::take(&mut self.files).into_iter().map(File::from).collect();
        if files.len() == expected {
            return Ok(files);
        }
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{} files came instead of {expected}", files.len())))
    }

    /// From now on no file is taken any more.
    pub(super) fn into_wire(self) -> Wire {
        Wire { from_parent: BufReader::new(File::from(self.from_parent)), to_parent: self.to_parent }
    }
}

impl Read for Inbox {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(target_os = "linux")]
        const FLAGS: RecvFlags = RecvFlags::CMSG_CLOEXEC;
        #[cfg(not(target_os = "linux"))]
        const FLAGS: RecvFlags = RecvFlags::empty();
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_FILES))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(&self.from_parent, &mut [IoSliceMut::new(buffer)], &mut control, FLAGS)?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(files) = message {
                self.files.extend(files);
            }
        }
        if received.flags.contains(ReturnFlags::CTRUNC) || self.files.len() > MAX_FILES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "more files came than any request has"));
        }
        Ok(received.bytes)
    }
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
