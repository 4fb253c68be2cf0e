/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A timed whose processes attempt, once each, what somebody would who had taken
 * them over.  An attempt that is not refused with EPERM ends the process.
 */
#include "journal/readers.h"
#include "keeper/context.h"
#include "keeper/password.h"
#include "worker/beats.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

void __real_readers_turn(struct readers *readers);
void __wrap_readers_turn(struct readers *readers);
void __real_supply_check(struct keeper *keeper);
void __wrap_supply_check(struct keeper *keeper);
bool __real_password_hash(const char *password, size_t length,
			  char hash[STORE_HASH]);
bool __wrap_password_hash(const char *password, size_t length,
			  char hash[STORE_HASH]);
void __real_beats_send(struct beats *beats, struct scoreboard_slot *slot,
		       const struct instance *instances, int instance_count,
		       uint32_t connections);
void __wrap_beats_send(struct beats *beats, struct scoreboard_slot *slot,
		       const struct instance *instances, int instance_count,
		       uint32_t connections);

static pid_t master;

static void __attribute__((constructor)) remember_master(void)
{
	master = getpid();
}

static void
is_refused(long result)
{
	if (result != -1 || errno != EPERM)
		abort();
}

static void
attempt_files(void)
{
	is_refused(open("/etc/passwd", O_RDONLY));
	is_refused(open("/tmp/of-a-worker", O_WRONLY | O_CREAT, 0600));
	is_refused(unlink("/etc/passwd"));
	is_refused(chmod("/etc/passwd", 0666));
	is_refused(mkdir("/tmp/of-a-worker", 0700));
}

static void
attempt_network(int fd)
{
	struct sockaddr_in address = { .sin_family = AF_INET };

	is_refused(socket(AF_INET, SOCK_STREAM, 0));
	is_refused(socket(AF_UNIX, SOCK_STREAM, 0));
	is_refused(connect(fd, (struct sockaddr *)&address, sizeof(address)));
	is_refused(bind(fd, (struct sockaddr *)&address, sizeof(address)));
}

static void
attempt_processes(int fd)
{
	char name[] = "/bin/true";
	char *arguments[] = { name, NULL };
	pid_t pid;

	is_refused(execve(name, arguments, NULL));
	pid = fork();
	if (pid == 0)
		_exit(0);
	is_refused(pid);
	is_refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	is_refused(kill(master, SIGTERM));
	is_refused(syscall(SYS_tgkill, master, master, SIGTERM));
	is_refused(fcntl(fd, F_SETOWN, master));
}

/* What is mapped does not grow over what is not. */
static void
attempt_neighbours(struct scoreboard_slot *slot)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *begin = (char *)((uintptr_t)slot & ~(page - 1));

	if (mremap(begin, page, 4 * page, MREMAP_MAYMOVE) != MAP_FAILED ||
	    errno != ENOMEM)
		abort();
}

static void
attempt_rights(void)
{
	is_refused(setuid(0));
	is_refused(chroot("/"));
	is_refused(syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */));
	is_refused((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	is_refused(syscall(SYS_io_uring_setup, 1, NULL));
	is_refused(syscall(SYS_bpf, 0, NULL, 0));
}

void
__wrap_beats_send(struct beats *beats, struct scoreboard_slot *slot,
		  const struct instance *instances, int instance_count,
		  uint32_t connections)
{
	static bool attempted;

	if (!attempted) {
		attempted = true;
		attempt_files();
		attempt_network(beats->report.fd);
		attempt_processes(beats->report.fd);
		attempt_rights();
		attempt_neighbours(slot);
	}
	__real_beats_send(beats, slot, instances, instance_count, connections);
}

void
__wrap_readers_turn(struct readers *readers)
{
	static bool attempted;

	if (!attempted) {
		attempted = true;
		is_refused(socket(AF_INET, SOCK_STREAM, 0));
	}
	__real_readers_turn(readers);
}

void
__wrap_supply_check(struct keeper *keeper)
{
	static bool attempted;

	if (!attempted) {
		attempted = true;
		is_refused(socket(AF_UNIX, SOCK_STREAM, 0));
		is_refused(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	}
	__real_supply_check(keeper);
}

bool
__wrap_password_hash(const char *password, size_t length, char hash[STORE_HASH])
{
	is_refused(open("/etc/passwd", O_RDONLY));
	return __real_password_hash(password, length, hash);
}
