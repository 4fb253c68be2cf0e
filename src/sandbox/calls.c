/* SPDX-License-Identifier: BSD-2-Clause */
#ifdef HAVE_SECCOMP
#include "sandbox/calls.h"

#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

enum {
	W = 1 << SANDBOX_WORKER,
	J = 1 << SANDBOX_JOURNAL,
	K = 1 << SANDBOX_KEEPER,
	H = 1 << SANDBOX_HASHER,
	S = 1 << SANDBOX_STATUS,
	/* What has an event loop. */
	L = W | J | K | S,
	ALL = L | H,
	/* What opens files. */
	F = J | K,
};

/* Of an argument that is an int the kernel looks at no more than this. */
static const uint64_t INT = UINT32_MAX;

/*
 * Some have had several numbers; the C library makes the newest that it knows.
 * The keeper has what its child takes to get ready: fork, setpriority, seccomp.
 */
const struct calls_plain calls_plain[] = {
	/* memory, time, itself, its end */
	{ SCMP_SYS(brk), ALL },
	{ SCMP_SYS(sysinfo), ALL }, /* how much there is: qsort(3) asks */
	{ SCMP_SYS(munmap), ALL },
	{ SCMP_SYS(mremap), J | K | H }, /* workers: see filter.c */
	{ SCMP_SYS(madvise), ALL },
	{ SCMP_SYS(futex), ALL },
	{ SCMP_SYS(futex_time64), ALL },
	{ SCMP_SYS(clock_gettime), ALL },
	{ SCMP_SYS(clock_gettime64), ALL },
	{ SCMP_SYS(gettimeofday), ALL },
	{ SCMP_SYS(time), ALL },
	{ SCMP_SYS(getrandom), ALL },
	{ SCMP_SYS(getpid), ALL },
	{ SCMP_SYS(gettid), ALL },
	{ SCMP_SYS(getuid), ALL },
	{ SCMP_SYS(geteuid), ALL },
	{ SCMP_SYS(getgid), ALL },
	{ SCMP_SYS(getegid), ALL },
	{ SCMP_SYS(restart_syscall), ALL },
	{ SCMP_SYS(rt_sigaction), ALL },
	{ SCMP_SYS(rt_sigprocmask), ALL },
	{ SCMP_SYS(rt_sigreturn), ALL },
	{ SCMP_SYS(sigreturn), ALL },
	{ SCMP_SYS(exit), ALL },
	{ SCMP_SYS(exit_group), ALL },
	/* what is open */
	{ SCMP_SYS(read), ALL },
	{ SCMP_SYS(write), ALL },
	{ SCMP_SYS(close), ALL },
	{ SCMP_SYS(sendto), ALL },
	{ SCMP_SYS(send), ALL },
	{ SCMP_SYS(recvfrom), ALL },
	{ SCMP_SYS(recv), ALL },
	{ SCMP_SYS(readv), L },
	{ SCMP_SYS(writev), L },
	{ SCMP_SYS(pread64), L },
	{ SCMP_SYS(lseek), L },
	{ SCMP_SYS(_llseek), L },
	{ SCMP_SYS(fstat), L },
	{ SCMP_SYS(fstat64), L },
	{ SCMP_SYS(sendmsg), L },
	{ SCMP_SYS(recvmsg), L },
	{ SCMP_SYS(sendmmsg), W },
	{ SCMP_SYS(recvmmsg), W },
	{ SCMP_SYS(recvmmsg_time64), W },
	/* the one ring that it has, for sends alone (worker/batch.h) */
	{ SCMP_SYS(io_uring_enter), W },
	{ SCMP_SYS(accept4), W | S },
	{ SCMP_SYS(shutdown), L },
	{ SCMP_SYS(getsockopt), L },
	{ SCMP_SYS(setsockopt), L },
	{ SCMP_SYS(getsockname), L },
	{ SCMP_SYS(getpeername), L },
	/* the loop */
	{ SCMP_SYS(epoll_ctl), L },
	{ SCMP_SYS(epoll_wait), L },
	{ SCMP_SYS(epoll_pwait), L },
	{ SCMP_SYS(timerfd_create), L },
	{ SCMP_SYS(timerfd_settime), L },
	{ SCMP_SYS(timerfd_settime64), L },
	{ SCMP_SYS(poll), L },
	{ SCMP_SYS(ppoll), L },
	{ SCMP_SYS(ppoll_time64), L },
	/* a turn that another worker has (ipc/turn.h), the master's part */
	{ SCMP_SYS(sched_yield), W | S },
	/* the state of the clock: who may set it, nobody is */
	{ SCMP_SYS(adjtimex), W | S },
	{ SCMP_SYS(clock_adjtime), W | S },
	{ SCMP_SYS(clock_adjtime64), W | S },
	/* files */
	{ SCMP_SYS(open), F },
	{ SCMP_SYS(openat), F },
	{ SCMP_SYS(stat), F },
	{ SCMP_SYS(stat64), F },
	{ SCMP_SYS(lstat), F },
	{ SCMP_SYS(lstat64), F },
	{ SCMP_SYS(statx), F },
	{ SCMP_SYS(newfstatat), F },
	{ SCMP_SYS(fstatat64), F },
	{ SCMP_SYS(pwrite64), F },
	{ SCMP_SYS(ftruncate), F },
	{ SCMP_SYS(ftruncate64), F },
	{ SCMP_SYS(fsync), F },
	{ SCMP_SYS(fdatasync), F },
	{ SCMP_SYS(access), K },
	{ SCMP_SYS(faccessat), K },
	{ SCMP_SYS(faccessat2), K },
	{ SCMP_SYS(readlink), K },
	{ SCMP_SYS(readlinkat), K },
	{ SCMP_SYS(getcwd), K },
	{ SCMP_SYS(unlink), K },
	{ SCMP_SYS(unlinkat), K },
	{ SCMP_SYS(fallocate), K },
	{ SCMP_SYS(fchmod), K },
	{ SCMP_SYS(fchown), K },
	{ SCMP_SYS(fchown32), K },
	{ SCMP_SYS(flock), K },
	{ SCMP_SYS(msync), K },
	/* another program's lock, which SQLite waits for */
	{ SCMP_SYS(nanosleep), K },
	{ SCMP_SYS(clock_nanosleep), K },
	{ SCMP_SYS(clock_nanosleep_time64), K },
	/* syslog, whose daemon comes and goes; who says so, and from where */
	{ SCMP_SYS(connect), J },
	{ SCMP_SYS(uname), J },
	/* the hasher: made, made ready, waited for */
	{ SCMP_SYS(set_robust_list), K },
	{ SCMP_SYS(fork), K },
	{ SCMP_SYS(close_range), K },
	{ SCMP_SYS(setpriority), K },
	{ SCMP_SYS(seccomp), K },
	{ SCMP_SYS(capget), K },
	{ SCMP_SYS(capset), K },
	{ SCMP_SYS(wait4), K },
	{ SCMP_SYS(waitid), K },
};
const int calls_plain_count = sizeof(calls_plain) / sizeof(*calls_plain);

/*
 * No code is made or brought in; a process has one thread; a descriptor tells
 * nobody by signal that it is ready.  Limits are its own, and only shrink.
 */
const struct calls_formed calls_formed[] = {
	{ SCMP_SYS(mmap), ALL, 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mmap2), ALL, 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mprotect), ALL, 2, PROT_EXEC, 0 },
	{ SCMP_SYS(prlimit64), ALL, 0, INT, 0 },
	{ SCMP_SYS(newfstatat), W, 3, AT_EMPTY_PATH, AT_EMPTY_PATH },
	{ SCMP_SYS(statx), W, 2, AT_EMPTY_PATH, AT_EMPTY_PATH },
	{ SCMP_SYS(fcntl), L, 1, INT, F_GETFD },
	{ SCMP_SYS(fcntl), L, 1, INT, F_SETFD },
	{ SCMP_SYS(fcntl), L, 1, INT, F_GETFL },
	{ SCMP_SYS(fcntl), L, 1, INT, F_SETFL },
	{ SCMP_SYS(fcntl), L, 1, INT, F_DUPFD_CLOEXEC },
	{ SCMP_SYS(fcntl), K, 1, INT, F_GETLK },
	{ SCMP_SYS(fcntl), K, 1, INT, F_SETLK },
	{ SCMP_SYS(fcntl), K, 1, INT, F_SETLKW },
	{ SCMP_SYS(fcntl64), L, 1, INT, F_GETFD },
	{ SCMP_SYS(fcntl64), L, 1, INT, F_SETFD },
	{ SCMP_SYS(fcntl64), L, 1, INT, F_GETFL },
	{ SCMP_SYS(fcntl64), L, 1, INT, F_SETFL },
	{ SCMP_SYS(fcntl64), L, 1, INT, F_DUPFD_CLOEXEC },
	{ SCMP_SYS(fcntl64), K, 1, INT, F_GETLK64 },
	{ SCMP_SYS(fcntl64), K, 1, INT, F_SETLK64 },
	{ SCMP_SYS(fcntl64), K, 1, INT, F_SETLKW64 },
	{ SCMP_SYS(ioctl), L, 1, INT, SIOCOUTQ },
	{ SCMP_SYS(ioctl), L, 1, INT, FIONREAD },
	{ SCMP_SYS(ioctl), J, 1, INT, TCGETS },
	{ SCMP_SYS(socket), J, 0, INT, AF_UNIX },
	{ SCMP_SYS(socketpair), K, 0, INT, AF_UNIX },
	/* A fork: a process, and no thread, with nothing else of its own. */
	{ SCMP_SYS(clone), K, 0,
	  CLONE_VM | CLONE_FILES | CLONE_THREAD | CLONE_NEWNS | CLONE_NEWUSER |
		  CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
		  CLONE_NEWCGROUP,
	  0 },
	{ SCMP_SYS(kill), K, 1, INT, SIGKILL },
	{ SCMP_SYS(prctl), K, 0, INT, PR_SET_DUMPABLE },
	{ SCMP_SYS(prctl), K, 0, INT, PR_SET_NO_NEW_PRIVS },
	{ SCMP_SYS(prctl), K, 0, INT, PR_SET_SECCOMP },
	{ SCMP_SYS(prctl), K, 0, INT, PR_GET_SECCOMP },
	{ SCMP_SYS(prctl), K, 0, INT, PR_CAP_AMBIENT },
};
const int calls_formed_count = sizeof(calls_formed) / sizeof(*calls_formed);
#endif
