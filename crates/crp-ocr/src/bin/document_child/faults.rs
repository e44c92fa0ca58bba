//! Faults of an otherwise honest child, inside the closed sandbox: what a page may do to the process that reads it.
#![allow(unsafe_code, reason = "crashing takes unsafe code")]

use std::{hint::black_box, io::Write};

use crp_model::{Failure, PageNo};

/// The fault with this name.
pub(crate) fn named(name: &str) -> Option<fn(PageNo) -> Result<(), Failure>> {
    Some(match name {
        "crash" => crash,
        "abort" => |_| std::process::abort(),
        "exit" => |_| std::process::exit(0),
        "hang" => |_| loop {
            std::thread::park();
        },
        "spin" => |_| loop {
            black_box(());
        },
        "processor_time" => processor_time,
        "flood" => |_| loop {
            let _ = std::io::stderr().write_all(&[b'!'; 4096]);
        },
        "out_of_memory" => out_of_memory,
        "deep" => |page| {
            black_box(recurse(u64::from(page.get())));
            Ok(())
        },
        "panic" => |page| panic!("page {page} is a trap"),
        "panic_on_page_2" => |page| {
            assert!(page.get() != 2, "page 2 is a trap");
            Ok(())
        },
        "chatter" => |page| {
            println!("a library talks about page {page} on standard output");
            Ok(())
        },
        _ => return None,
    })
}

fn crash(_page: PageNo) -> Result<(), Failure> {
    loop {
        // The first is caught by Rust's own handler, which looks for an overflown stack and then steps aside.
        // SAFETY: ending this process by a signal is what is wanted.
        unsafe { libc::raise(libc::SIGSEGV) };
    }
}

/// What the kernel sends when the soft limit of processor time is passed.
fn processor_time(_page: PageNo) -> Result<(), Failure> {
    // SAFETY: ending this process by a signal is what is wanted.
    unsafe { libc::raise(libc::SIGXCPU) };
    Ok(())
}

fn out_of_memory(_page: PageNo) -> Result<(), Failure> {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1u8; 64 << 20]));
    }
}

#[expect(unconditional_recursion, reason = "the stack is to overflow")]
fn recurse(depth: u64) -> u64 {
    let filler = black_box([depth; 64]);
    recurse(depth + 1) + filler[7]
}
