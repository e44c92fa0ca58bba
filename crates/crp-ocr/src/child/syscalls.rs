//! The system call filter of the closed sandbox: what reading a document never needs is refused.
//!
//! Refused calls answer `EPERM`, so that libraries take their ordinary error paths. `clone3` answers `ENOSYS`: its arguments lie in
//! memory that a filter cannot see, and the C library then falls back to `clone`, whose flags it can.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
    apply_filter_all_threads,
};

/// Puts the filters in force; false where the kernel has none.
///
/// # Errors
/// When a filter cannot be made or is refused by a kernel that has them.
pub(super) fn close() -> Result<bool, Box<dyn std::error::Error>> {
    let arch: TargetArch = std::env::consts::ARCH.try_into()?;
    let refuse = SeccompFilter::new(rules()?, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM as u32), arch)?;
    let unknown = BTreeMap::from([(libc::SYS_clone3, vec![])]);
    let unknown = SeccompFilter::new(unknown, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32), arch)?;
    // The long list comes last: it refuses the very call that puts filters in force.
    for filter in [BpfProgram::try_from(unknown)?, nothing_unknown(), BpfProgram::try_from(refuse)?] {
        match apply_filter_all_threads(&filter) {
            Ok(()) => {}
            Err(seccompiler::Error::Seccomp(e)) if matches!(e.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

/// Always refused, whatever the arguments.
const REFUSED: &[i64] = &[
    // Network and messages between processes.
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_shutdown,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // New programs and processes (`clone` has a rule of its own).
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_unshare,
    libc::SYS_setns,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_get_robust_list,
    libc::SYS_kcmp,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_setpgid,
    libc::SYS_setsid,
    libc::SYS_setpriority,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setaffinity,
    libc::SYS_ioprio_set,
    // Files by name; Landlock does not know all of these, and old kernels do not know Landlock.
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_tree,
    libc::SYS_memfd_create,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_unlinkat,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fchmodat,
    libc::SYS_fchmod,
    libc::SYS_fchownat,
    libc::SYS_fchown,
    libc::SYS_utimensat,
    libc::SYS_truncate,
    libc::SYS_chdir,
    libc::SYS_fchdir,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_statfs,
    // Both look at a name even where a descriptor is given, so that also a descriptor's facts are not to be had by them.
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_getxattr,
    libc::SYS_lgetxattr,
    libc::SYS_fgetxattr,
    libc::SYS_listxattr,
    libc::SYS_llistxattr,
    libc::SYS_flistxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_flock,
    libc::SYS_sync,
    libc::SYS_syncfs,
    libc::SYS_inotify_init1,
    libc::SYS_fanotify_init,
    // Mounts and the machine.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    // Large and rarely used parts of the kernel, where its holes are found.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_io_setup,
    libc::SYS_io_submit,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_personality,
    libc::SYS_vhangup,
    // Other identities and other limits.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_capset,
    libc::SYS_setrlimit,
];

/// The old names of calls, which only the older instruction sets have.
#[cfg(target_arch = "x86_64")]
const REFUSED_OLD: &[i64] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_open,
    libc::SYS_creat,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_mknod,
    libc::SYS_unlink,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_rename,
    libc::SYS_readlink,
    libc::SYS_access,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_inotify_init,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_kexec_file_load,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_OLD: &[i64] = &[];

/// Numbers of Linux that the libc crate does not name, or not with one type everywhere.
const F_SETSIG: libc::c_int = 10;
const F_SETOWN_EX: libc::c_int = 15;
const F_OFD_SETLK: libc::c_int = 37;
const F_OFD_SETLKW: libc::c_int = 38;
const F_SETLEASE: libc::c_int = 1024;
const F_NOTIFY: libc::c_int = 1026;
/// Asks whether a descriptor is a terminal, as libraries do before they write to one.
const TCGETS: u64 = 0x5401;
/// Names a thread, or a piece of memory.
const HARMLESS_PRCTL: [libc::c_int; 3] = [libc::PR_SET_NAME, libc::PR_GET_NAME, 0x5356_4d41];
/// Flags of `clone` that make a namespace, or a handle of the new thread.
const REFUSED_CLONE: [libc::c_int; 9] = [
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_PTRACE,
    libc::CLONE_PIDFD,
];

fn rules() -> Result<BTreeMap<i64, Vec<SeccompRule>>, seccompiler::BackendError> {
    use SeccompCmpArgLen::{Dword, Qword};
    use SeccompCmpOp::{Eq, MaskedEq, Ne};

    let rule = |argument, length, compare, value| SeccompRule::new(vec![SeccompCondition::new(argument, length, compare, value)?]);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.iter().chain(REFUSED_OLD).map(|call| (*call, vec![])).collect();
    let own = u64::from(std::process::id());
    // Threads are wanted, processes and namespaces are not.
    let mut clone = vec![rule(0, Qword, MaskedEq(libc::CLONE_THREAD as u64), 0)?];
    for flag in REFUSED_CLONE {
        let flag = u64::from(flag.cast_unsigned());
        clone.push(rule(0, Qword, MaskedEq(flag), flag)?);
    }
    rules.insert(libc::SYS_clone, clone);
    // `abort` signals its own process; anyone else's is out of bounds.
    rules.insert(libc::SYS_kill, vec![rule(0, Dword, Ne, own)?]);
    rules.insert(libc::SYS_tgkill, vec![rule(0, Dword, Ne, own)?]);
    // Reading a limit is harmless; setting one, or looking at another process's, is not.
    rules.insert(libc::SYS_prlimit64, vec![rule(2, Qword, Ne, 0)?, rule(0, Dword, Ne, 0)?]);
    // Through a descriptor that only reads, a terminal can be made to type, a file be made unchangeable and a file system be frozen;
    // through any socket, the machine's network interfaces be seen and changed.
    rules.insert(libc::SYS_ioctl, vec![rule(1, Dword, Ne, TCGETS)?]);
    // A pipe could signal another process on our behalf; a lock or a lease would keep others waiting.
    let refused = [libc::F_SETOWN, F_SETSIG, F_SETOWN_EX, libc::F_SETLK, libc::F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW, F_SETLEASE, F_NOTIFY];
    rules.insert(libc::SYS_fcntl, refused.iter().map(|&c| rule(1, Dword, Eq, c as u64)).collect::<Result<_, _>>()?);
    // It stays bound to its parent's life, and as it is.
    let unknown = HARMLESS_PRCTL.iter().map(|&c| SeccompCondition::new(0, Dword, Ne, c as u64)).collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_prctl, vec![SeccompRule::new(unknown)?]);
    Ok(rules)
}

/// Calls from this number on are newer than the list above; they have the same numbers on every machine.
const FIRST_UNKNOWN: u32 = 442;
/// Those of them that a thread library may use: waiting for several locks, and for one.
const HARMLESS_NEWER: [u32; 4] = [449, 454, 455, 456];

/// What this list does not know is unknown to the child: calls that later kernels bring are no way out.
/// On x86-64 every call has a second number (the x32 interface, bit 30), which is beyond that limit too.
fn nothing_unknown() -> BpfProgram {
    let instruction = |code: u32, jt, jf, k| seccompiler::sock_filter { code: code as u16, jt, jf, k };
    let jump = libc::BPF_JMP | libc::BPF_K;
    let left = HARMLESS_NEWER.len() as u8;
    // Load the number, at the start of the record; below the limit, allow; else look for it among the harmless ones.
    let mut program = vec![
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(jump | libc::BPF_JGE, 0, left + 1, FIRST_UNKNOWN),
    ];
    program.extend(
        HARMLESS_NEWER.iter().zip((1..=left).rev()).map(|(number, to_allow)| instruction(jump | libc::BPF_JEQ, to_allow, 0, *number)),
    );
    program.push(instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32));
    program.push(instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW));
    program
}
