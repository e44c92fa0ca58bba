//! Calls to the kernel with arguments that do no harm, also where nothing refuses them: null, numbers of nothing, sizes of nothing.

use std::{io, ptr};

use super::{SCRATCH, call, parent, past_the_filter};

const NULL: i64 = 0;
/// A number that is no descriptor, no process and no object.
const NOTHING: i64 = -1;
/// In the tables: the address of a path that exists.
const A_PATH: i64 = -4242;

/// Name, number and arguments of a call that reading a document never needs.
type Probe = (&'static str, i64, [i64; 5]);

/// Every probe; each got out if anything but the lack of a right answered.
pub(super) fn all() -> Vec<(String, super::Attempt)> {
    let mut all: Vec<(String, super::Attempt)> = Vec::new();
    for (name, number, arguments) in FILES.iter().chain(PROCESSES).chain(MACHINE).chain(MESSAGES).chain(NEWER).copied() {
        let arguments = arguments.map(|argument| if argument == A_PATH { c"/etc/passwd".as_ptr() as i64 } else { argument });
        all.push((name.to_owned(), Box::new(move || call(number, arguments).or_else(past_the_filter))));
    }
    for (name, path) in PATHS {
        all.push(((*name).to_owned(), Box::new(move || open_each_way(path))));
    }
    for family in 0..=46 {
        all.push((format!("socket_of_family_{family}"), Box::new(move || socket(family))));
    }
    all.push(("name_parents_memory".to_owned(), Box::new(|| open_each_way(&format!("/proc/{}/mem", parent())))));
    all.push(("name_parents_root".to_owned(), Box::new(|| open_each_way(&format!("/proc/{}/root/etc/passwd", parent())))));
    all.push(("name_parents_descriptor".to_owned(), Box::new(|| open_each_way(&format!("/proc/{}/fd/0", parent())))));
    let of_parent: [(&str, i64, [i64; 4]); 3] = [
        ("pin_parent", libc::SYS_sched_setaffinity, [8, NULL, 0, 0]),
        ("limits_of_parent", libc::SYS_prlimit64, [7, NULL, NULL, 0]),
        ("robust_list_of_parent", libc::SYS_get_robust_list, [NULL, NULL, 0, 0]),
    ];
    for (name, number, [a, b, c, d]) in of_parent {
        all.push((name.to_owned(), Box::new(move || call(number, [parent(), a, b, c, d]).or_else(past_the_filter))));
    }
    all.push(("attributes_of_a_descriptor".to_owned(), Box::new(flags_of_a_file_open_for_reading)));
    all
}

/// Names of things that a reader of documents has no business with.
const PATHS: &[(&str, &str)] = &[
    ("name_root_by_process", "/proc/self/root/etc/passwd"),
    ("name_folder_by_process", "/proc/self/cwd"),
    ("name_own_memory", "/proc/self/mem"),
    ("name_own_descriptor", "/proc/self/fd/0"),
    ("name_kernel_log", "/dev/kmsg"),
    ("name_memory", "/dev/mem"),
    ("name_terminal", "/dev/tty"),
    ("name_new_terminal", "/dev/ptmx"),
    ("name_shared_memory", "/dev/shm"),
    ("name_chance", "/dev/urandom"),
    ("name_virtual_machine", "/dev/kvm"),
    ("name_user_file_system", "/dev/fuse"),
    ("name_network_device", "/dev/net/tun"),
    ("name_settings_of_the_kernel", "/proc/sys/kernel/core_pattern"),
    ("name_trigger_of_the_kernel", "/proc/sysrq-trigger"),
    ("name_groups_of_control", "/sys/fs/cgroup"),
    ("name_sockets_of_the_engine_of_containers", "/run/docker.sock"),
];

/// By the old call, by the usual one, by the newest; to read, to write, and as a mere handle.
fn open_each_way(path: &str) -> io::Result<()> {
    let path = std::ffi::CString::new(path)?;
    let name = path.as_ptr() as i64;
    let how = [0u64; 3];
    let nowhere = i64::from(libc::AT_FDCWD);
    let mut last = Ok(());
    for flags in [libc::O_RDONLY, libc::O_WRONLY, libc::O_PATH] {
        let flags = i64::from(flags | libc::O_NONBLOCK | libc::O_NOCTTY);
        let attempts = [
            call(libc::SYS_openat, [nowhere, name, flags, 0, 0]),
            call(libc::SYS_openat2, [nowhere, name, how.as_ptr() as i64, 24, 0]),
            #[cfg(target_arch = "x86_64")]
            call(libc::SYS_open, [name, flags, 0, 0, 0]),
        ];
        for attempt in attempts {
            match attempt.or_else(past_the_filter) {
                Ok(()) => return Ok(()),
                error => last = error,
            }
        }
    }
    last
}

/// A socket of each type there is.
fn socket(family: i64) -> io::Result<()> {
    let types = [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_RDM, libc::SOCK_SEQPACKET, libc::SOCK_DCCP, 10];
    let attempts = types.into_iter().flat_map(|kind| {
        let arguments = [family, kind.into(), 0, [0i32; 2].as_ptr() as i64, 0];
        [
            call(libc::SYS_socket, arguments).or_else(past_the_filter),
            call(libc::SYS_socketpair, [family, kind.into(), 0, NULL, 0]).or_else(past_the_filter),
        ]
    });
    attempts.reduce(io::Result::or).unwrap_or(Ok(()))
}

/// Flags of a file can be changed through a descriptor that only reads: so can the whole file system be frozen.
fn flags_of_a_file_open_for_reading() -> io::Result<()> {
    const FS_IOC_GETFLAGS: i64 = 0x8008_6601;
    let flags = 0i64;
    let own = std::env::var_os(SCRATCH).and_then(|folder| std::fs::File::open(std::path::Path::new(&folder).join("b")).ok());
    // In the sandbox no file can be opened; the document is the descriptor that is at hand.
    let descriptor = own.as_ref().map_or(3, |file| std::os::fd::AsRawFd::as_raw_fd(file).into());
    call(libc::SYS_ioctl, [descriptor, FS_IOC_GETFLAGS, (&raw const flags) as i64, 0, 0]).or_else(past_the_filter)
}

const FILES: &[Probe] = &[
    ("stat_by_name", libc::SYS_newfstatat, [libc::AT_FDCWD as i64, A_PATH, NULL, 0, 0]),
    ("stat_by_the_new_call", libc::SYS_statx, [libc::AT_FDCWD as i64, A_PATH, 0, 0x7ff, NULL]),
    ("access_by_name", libc::SYS_faccessat, [libc::AT_FDCWD as i64, A_PATH, 0, 0, 0]),
    ("space_by_name", libc::SYS_statfs, [A_PATH, NULL, 0, 0, 0]),
    ("handle_of_a_file", libc::SYS_name_to_handle_at, [libc::AT_FDCWD as i64, A_PATH, NULL, NULL, 0]),
    ("file_by_handle", libc::SYS_open_by_handle_at, [NOTHING, NULL, 0, 0, 0]),
    ("mode_of_a_descriptor", libc::SYS_fchmod, [NOTHING, 0, 0, 0, 0]),
    ("owner_of_a_descriptor", libc::SYS_fchown, [NOTHING, NOTHING, NOTHING, 0, 0]),
    ("time_of_a_descriptor", libc::SYS_utimensat, [NOTHING, NULL, NULL, 0, 0]),
    ("mark_a_descriptor", libc::SYS_fsetxattr, [NOTHING, NULL, NULL, 0, 0]),
    ("read_a_mark", libc::SYS_fgetxattr, [NOTHING, NULL, NULL, 0, 0]),
    ("list_marks", libc::SYS_flistxattr, [NOTHING, NULL, 0, 0, 0]),
    ("remove_a_mark", libc::SYS_fremovexattr, [NOTHING, NULL, 0, 0, 0]),
    ("remove_a_mark_of_a_link", libc::SYS_lremovexattr, [NULL, NULL, 0, 0, 0]),
    ("list_marks_of_a_link", libc::SYS_llistxattr, [NULL, NULL, 0, 0, 0]),
    ("lock_a_descriptor", libc::SYS_flock, [NOTHING, 0, 0, 0, 0]),
    ("lease_a_descriptor", libc::SYS_fcntl, [NOTHING, 1024, 0, 0, 0]),
    ("watch_a_descriptor", libc::SYS_fcntl, [NOTHING, 1026, 0, 0, 0]),
    ("make_a_link", libc::SYS_linkat, [NOTHING, NULL, NOTHING, NULL, 0]),
    ("make_a_device", libc::SYS_mknodat, [NOTHING, NULL, 0, 0, 0]),
    ("watch_by_name", libc::SYS_fanotify_init, [NOTHING, 0, 0, 0, 0]),
    ("write_all_disks", libc::SYS_syncfs, [NOTHING, 0, 0, 0, 0]),
    ("ask_a_descriptor_anything", libc::SYS_ioctl, [NOTHING, 0x1234_5678, NULL, 0, 0]),
    ("type_on_the_terminal", libc::SYS_ioctl, [0, 0x5412, NULL, 0, 0]),
    ("take_the_terminal", libc::SYS_ioctl, [NOTHING, 0x540e, 0, 0, 0]),
    ("freeze_the_file_system", libc::SYS_ioctl, [NOTHING, 0xc004_5877, 0, 0, 0]),
];

const PROCESSES: &[Probe] = &[
    ("program_by_descriptor", libc::SYS_execveat, [NOTHING, NULL, NULL, NULL, 0]),
    ("trace", libc::SYS_ptrace, [libc::PTRACE_CONT as i64, 0, NULL, NULL, 0]),
    ("write_process_memory", libc::SYS_process_vm_writev, [0, NULL, 0, NULL, 0]),
    ("advise_process_memory", libc::SYS_process_madvise, [NOTHING, NULL, 0, 0, 0]),
    ("compare_processes", libc::SYS_kcmp, [0, 0, 0, 0, 0]),
    ("move_pages", libc::SYS_move_pages, [0, 0, NULL, NULL, NULL]),
    ("migrate_pages", libc::SYS_migrate_pages, [0, 0, NULL, NULL, 0]),
    ("descriptor_of_a_process", libc::SYS_pidfd_getfd, [NOTHING, 0, 0, 0, 0]),
    ("signal_by_handle", libc::SYS_pidfd_send_signal, [NOTHING, 0, NULL, 0, 0]),
    ("signal_a_thread", libc::SYS_tkill, [NOTHING, 0, 0, 0, 0]),
    ("signal_with_a_word", libc::SYS_rt_sigqueueinfo, [NOTHING, 0, NULL, 0, 0]),
    ("signal_a_thread_with_a_word", libc::SYS_rt_tgsigqueueinfo, [NOTHING, NOTHING, 0, NULL, 0]),
    ("group_of_a_process", libc::SYS_setpgid, [NOTHING, NOTHING, 0, 0, 0]),
    ("haste_of_a_process", libc::SYS_setpriority, [0, NOTHING, 0, 0, 0]),
    ("order_of_a_process", libc::SYS_sched_setparam, [0, NULL, 0, 0, 0]),
    ("order_by_the_new_call", libc::SYS_sched_setattr, [0, NULL, 0, 0, 0]),
    ("disks_of_a_process", libc::SYS_ioprio_set, [1, 0, 0, 0, 0]),
    ("enter_a_namespace", libc::SYS_setns, [NOTHING, 0, 0, 0, 0]),
    ("thread_in_a_namespace_of_users", libc::SYS_clone, [(libc::CLONE_THREAD | libc::CLONE_NEWUSER) as i64, 0, 0, 0, 0]),
    ("thread_in_a_namespace_of_hosts", libc::SYS_clone, [(libc::CLONE_THREAD | libc::CLONE_NEWUTS) as i64, 0, 0, 0, 0]),
    ("thread_in_a_namespace_of_networks", libc::SYS_clone, [(libc::CLONE_THREAD | libc::CLONE_NEWNET) as i64, 0, 0, 0, 0]),
    ("make_limits", libc::SYS_setrlimit, [99, NULL, 0, 0, 0]),
    ("be_readable", libc::SYS_prctl, [libc::PR_SET_DUMPABLE as i64, 7, 0, 0, 0]),
    ("be_traced_by_anyone", libc::SYS_prctl, [libc::PR_SET_PTRACER as i64, -7, 0, 0, 0]),
    ("map_of_own_memory", libc::SYS_prctl, [libc::PR_SET_MM as i64, 99, 0, 0, 0]),
    ("bits_of_safety", libc::SYS_prctl, [libc::PR_SET_SECUREBITS as i64, -1, 0, 0, 0]),
    ("gain_privileges_again", libc::SYS_prctl, [libc::PR_SET_NO_NEW_PRIVS as i64, 0, 0, 0, 0]),
    ("rights", libc::SYS_capset, [NULL, NULL, 0, 0, 0]),
    ("groups_of_users", libc::SYS_setgroups, [1 << 20, NULL, 0, 0, 0]),
    ("another_kind_of_process", libc::SYS_personality, [0xffff_ffff, 0, 0, 0, 0]),
];

const MACHINE: &[Probe] = &[
    ("mount_nothing", libc::SYS_mount, [NULL, NULL, NULL, 0, 0]),
    ("unmount_nothing", libc::SYS_umount2, [NULL, 0, 0, 0, 0]),
    ("mount_by_the_new_calls", libc::SYS_fsopen, [NULL, NOTHING, 0, 0, 0]),
    ("configure_a_mount", libc::SYS_fsconfig, [NOTHING, 0, NULL, NULL, 0]),
    ("pick_a_mount", libc::SYS_fspick, [NOTHING, NULL, NOTHING, 0, 0]),
    ("move_a_mount", libc::SYS_move_mount, [NOTHING, NULL, NOTHING, NULL, NOTHING]),
    ("copy_a_mount", libc::SYS_open_tree, [NOTHING, NULL, NOTHING, 0, 0]),
    ("another_root", libc::SYS_pivot_root, [NULL, NULL, 0, 0, 0]),
    ("swap", libc::SYS_swapon, [NULL, 0, 0, 0, 0]),
    ("restart_the_machine", libc::SYS_reboot, [0, 0, 0, NULL, 0]),
    ("load_into_the_kernel", libc::SYS_init_module, [NULL, 0, NULL, 0, 0]),
    ("load_a_file_into_the_kernel", libc::SYS_finit_module, [NOTHING, NULL, 0, 0, 0]),
    ("another_kernel", libc::SYS_kexec_load, [0, 99, NULL, NOTHING, 0]),
    ("set_the_clock", libc::SYS_clock_settime, [0, NULL, 0, 0, 0]),
    ("adjust_the_clock", libc::SYS_adjtimex, [NULL, 0, 0, 0, 0]),
    ("adjust_a_clock", libc::SYS_clock_adjtime, [0, NULL, 0, 0, 0]),
    ("name_the_machine", libc::SYS_sethostname, [NULL, 1, 0, 0, 0]),
    ("accounts_of_processes", libc::SYS_acct, [1, 0, 0, 0, 0]),
    ("quotas", libc::SYS_quotactl, [NOTHING, NULL, 0, NULL, 0]),
    ("log_of_the_kernel", libc::SYS_syslog, [10, NULL, 0, 0, 0]),
    ("rings", libc::SYS_io_uring_register, [NOTHING, 0, NULL, 0, 0]),
    ("enter_a_ring", libc::SYS_io_uring_enter, [NOTHING, 0, 0, 0, NULL]),
    ("old_rings", libc::SYS_io_setup, [1, NULL, 0, 0, 0]),
    ("programs_in_the_kernel", libc::SYS_bpf, [99, NULL, 0, 0, 0]),
    ("add_a_key", libc::SYS_add_key, [NULL, NULL, NULL, 0, 0]),
    ("ask_for_a_key", libc::SYS_request_key, [NULL, NULL, NULL, 0, 0]),
];

const MESSAGES: &[Probe] = &[
    ("remove_shared_memory", libc::SYS_shmctl, [NOTHING, 0, NULL, 0, 0]),
    ("attach_shared_memory", libc::SYS_shmat, [NOTHING, NULL, 0, 0, 0]),
    ("list_shared_memory", libc::SYS_shmctl, [0, 13, NULL, 0, 0]),
    ("semaphores", libc::SYS_semget, [0, 0, 0, 0, 0]),
    ("change_semaphores", libc::SYS_semop, [NOTHING, NULL, 1, 0, 0]),
    ("remove_semaphores", libc::SYS_semctl, [NOTHING, 0, 0, 0, 0]),
    ("queues", libc::SYS_msgget, [0x7fff_fffe, 0, 0, 0, 0]),
    ("send_to_a_queue", libc::SYS_msgsnd, [NOTHING, NULL, 0, 0, 0]),
    ("take_from_a_queue", libc::SYS_msgrcv, [NOTHING, NULL, 0, 0, 0]),
    ("remove_a_queue", libc::SYS_msgctl, [NOTHING, 0, NULL, 0, 0]),
    ("open_a_named_queue", libc::SYS_mq_open, [NULL, 0, 0, NULL, 0]),
    ("remove_a_named_queue", libc::SYS_mq_unlink, [NULL, 0, 0, 0, 0]),
    ("pass_a_descriptor", libc::SYS_sendmsg, [NOTHING, NULL, 0, 0, 0]),
    ("take_a_descriptor", libc::SYS_recvmsg, [NOTHING, NULL, 0, 0, 0]),
    ("send_anything", libc::SYS_sendto, [NOTHING, NULL, 0, 0, NULL]),
    ("send_much", libc::SYS_sendmmsg, [NOTHING, NULL, 0, 0, 0]),
    ("connect", libc::SYS_connect, [NOTHING, NULL, 0, 0, 0]),
    ("listen", libc::SYS_listen, [NOTHING, 0, 0, 0, 0]),
    ("accept", libc::SYS_accept4, [NOTHING, NULL, NULL, 0, 0]),
];

/// Calls that have the same number everywhere, some of them newer than this program's libraries.
const NEWER: &[Probe] = &[
    ("settings_of_a_mount", 442, [NOTHING, NULL, 0, NULL, 0]),
    ("quotas_of_a_descriptor", 443, [NOTHING, NOTHING, 0, NULL, 0]),
    ("secret_memory", 447, [NOTHING, 0, 0, 0, 0]),
    ("release_a_process", 448, [NOTHING, 0, 0, 0, 0]),
    ("home_of_memory", 450, [NULL, 0, 0, 99, 0]),
    ("cache_of_a_file", 451, [NOTHING, NULL, NULL, NOTHING, 0]),
    ("mode_by_the_new_call", 452, [NOTHING, NULL, 0, NOTHING, 0]),
    ("facts_of_a_mount", 457, [NULL, NULL, 0, 0, 0]),
    ("list_of_mounts", 458, [NULL, NULL, 0, 0, 0]),
    ("modules_of_safety", 460, [NOTHING, NULL, 0, 0, 0]),
    ("mark_by_name", 463, [NOTHING, NULL, 0, NULL, NULL]),
    ("remove_a_mark_by_name", 466, [NOTHING, NULL, 0, NULL, 0]),
    ("copy_a_mount_with_settings", 467, [NOTHING, NULL, 0, NULL, 0]),
    ("attributes_by_name", 469, [NOTHING, NULL, NULL, 0, NOTHING]),
];

/// Memory that the parent could see, had it left any.
pub(super) fn write_to_what_was_inherited() -> io::Result<()> {
    for descriptor in 3..64 {
        // SAFETY: what it points to is our own; the kernel says whether a document may be written.
        let mapped = unsafe { libc::mmap(ptr::null_mut(), 4096, libc::PROT_WRITE, libc::MAP_SHARED, descriptor, 0) };
        let written = call(libc::SYS_pwrite64, [descriptor.into(), c"x".as_ptr() as i64, 1, 0, 0]);
        let cut = call(libc::SYS_ftruncate, [descriptor.into(), 0, 0, 0, 0]);
        let grown = call(libc::SYS_fallocate, [descriptor.into(), 0, 0, 1 << 20, 0]);
        if mapped != libc::MAP_FAILED || written.is_ok() || cut.is_ok() || grown.is_ok() {
            return Ok(());
        }
    }
    Err(io::Error::other("nothing can be written"))
}
