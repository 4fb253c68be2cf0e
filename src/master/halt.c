/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/halt.h"

#include "base/trust.h"
#include "master/listen.h"

#include <bsd/string.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PATH = sizeof(((struct sockaddr_un *)0)->sun_path) + 1,
	HIDDEN = PATH + sizeof("..paused"),
	MARK = 2
};

/* --- filters: a program of the kernel's, over what comes --- */

static int
attach(int fd, struct sock_filter *code, size_t count)
{
	struct sock_fprog program = { (unsigned short)count, code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			  sizeof(program));
}

/*
 * A TCP listener sees the header of each segment: drop those that ask for a
 * connection (SYN without ACK), and let handshakes that are under way end.
 */
static int
drop_requests(int fd)
{
	const unsigned flags_at = 13, syn = 0x02, syn_and_ack = 0x12;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, flags_at),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, syn_and_ack),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, syn, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};

	/*
	 * A kernel may want CAP_NET_ADMIN for that.  Without it whoever comes
	 * between a look at the queue and the shutdown is cut off.
	 */
	if (attach(fd, code, sizeof(code) / sizeof(*code)) == 0)
		return 0;
	return errno == EPERM ? 0 : -1;
}

static int
drop_all(int fd)
{
	struct sock_filter code[] = { BPF_STMT(BPF_RET | BPF_K, 0) };

	return attach(fd, code, 1);
}

static void
drop_nothing(int fd)
{
	int unused = 0;

	(void)setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused,
			 sizeof(unused));
}

static bool
filtered(int fd)
{
	struct sock_filter code;
	socklen_t instructions =
		0; /* that there is room for, and that it has */

	return getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, &code,
			  &instructions) == 0 &&
	       instructions > 0;
}

/* --- unix sockets: two names --- */

static int
names(const struct addr *address, char path[PATH], char hidden[HIDDEN])
{
	const char *base;

	memcpy(path, address->un.sun_path, PATH - 1);
	path[PATH - 1] = '\0';
	base = strrchr(path, '/');
	base = base ? base + 1 : path;
	snprintf(hidden, HIDDEN, "%.*s.%s.paused", (int)(base - path), path,
		 base);
	if (*path)
		return 0;
	errno = EOPNOTSUPP;
	return -1;
}

static bool
is_hidden(const struct addr *address)
{
	char path[PATH], hidden[HIDDEN];
	struct stat status;

	return names(address, path, hidden) == 0 &&
	       lstat(hidden, &status) == 0 && S_ISSOCK(status.st_mode);
}

/* The hidden name may be too long for an address: then by a descriptor. */
static int
connect_by_name(int fd, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int file, result, error;

	if (strlcpy(address.sun_path, path, sizeof(address.sun_path)) <
	    sizeof(address.sun_path))
		return connect(fd, (struct sockaddr *)&address,
			       sizeof(address));
	file = open(path, O_PATH | O_CLOEXEC);
	if (file < 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d",
		 file);
	result = connect(fd, (struct sockaddr *)&address, sizeof(address));
	error = errno;
	close(file);
	errno = error;
	return result;
}

/* Whoever is not known to be dead is taken for alive. */
static bool
answers(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool dead;

	if (fd < 0)
		return true;
	dead = connect_by_name(fd, path) < 0 &&
	       (errno == ECONNREFUSED || errno == ENOENT);
	close(fd);
	return !dead;
}

static bool
is_own(const struct stat *status)
{
	return status->st_uid == geteuid() && status->st_gid == getegid();
}

/* Nobody else can put another file in the place of PATH. */
static bool
is_ours_alone(const char *path)
{
	char directory[HIDDEN], why[2 * PATH];

	strlcpy(directory, path, sizeof(directory));
	return trust_directory(dirname(directory), why, sizeof(why));
}

/* A socket file without a socket, for those who may connect to LIKE. */
static int
make_dead(const char *path, const char *like)
{
	struct stat status;
	mode_t mask;
	int result;

	if (lstat(like, &status) < 0)
		return -1;
	mask = umask(0);
	result = mknod(path, S_IFSOCK | (status.st_mode & 0777), 0);
	umask(mask);
	/* Else they are refused for another reason. */
	if (result == 0 && !is_own(&status) && is_ours_alone(path))
		(void)!lchown(path, status.st_uid, status.st_gid);
	return result;
}

static int
hide(const struct addr *address)
{
	char path[PATH], hidden[HIDDEN];
	int error;

	if (names(address, path, hidden) < 0)
		return -1;
	if (is_hidden(address) && answers(hidden))
		return 0;
	/* Somebody who died may have left that. */
	halt_forget(address);
	/* Nobody finds one whose file is gone. */
	if (make_dead(hidden, path) < 0)
		return errno == ENOENT ? 0 : -1;
	if (renameat2(AT_FDCWD, hidden, AT_FDCWD, path, RENAME_EXCHANGE) == 0)
		return 0;
	error = errno;
	unlink(hidden);
	errno = error;
	return -1;
}

static int
show(const struct addr *address)
{
	char path[PATH], hidden[HIDDEN];

	if (!is_hidden(address) || names(address, path, hidden) < 0)
		return 0;
	return rename(hidden, path);
}

bool
halt_alive(const struct addr *address)
{
	char path[PATH], hidden[HIDDEN];

	return names(address, path, hidden) == 0 &&
	       (answers(path) || answers(hidden));
}

void
halt_forget(const struct addr *address)
{
	char path[PATH], hidden[HIDDEN];

	if (is_hidden(address) && names(address, path, hidden) == 0)
		unlink(hidden);
}

/* --- TCP --- */

/*
 * A port that the kernel chose is given back when the listener is shut: ask for
 * it again.  Any other is still held, and that is the error then.
 */
static int
hold_port(int fd, const struct addr *address)
{
	return bind(fd, &address->sa, address->length) == 0 ||
			       errno != EADDRINUSE
		       ? 0
		       : -1;
}

/* While it does not listen, others could otherwise have its port. */
static void
let_reuse(int fd, int reuse)
{
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
}

/*
 * What tells a listener that was shut from a socket that never listened, where
 * there are no filters: bytes that receiving waits for, of which it has none.
 */
static void
mark(int fd, bool shut)
{
	int bytes = shut ? MARK : 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

static bool
is_marked(int fd)
{
	int bytes = 0;
	socklen_t length = sizeof(bytes);

	return getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, &length) == 0 &&
	       bytes == MARK;
}

static int
shut(int fd, const struct addr *address)
{
	if (shutdown(fd, SHUT_RD) < 0 && errno != ENOTCONN)
		return -1;
	if (hold_port(fd, address) < 0)
		return -1;
	let_reuse(fd, 0);
	mark(fd, true);
	return 0;
}

static int
listen_again(int fd, const struct addr *address)
{
	int error;

	drop_nothing(fd);
	if (halt_waiting(fd, address, ADDR_TCP) >= 0)
		return 0;
	let_reuse(fd, 1);
	mark(fd, false);
	if (hold_port(fd, address) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
		return 0;
	error = errno;
	let_reuse(fd, 0);
	mark(fd, true);
	(void)drop_requests(fd);
	errno = error;
	return -1;
}

/* --- all of them --- */

int
halt_begin(int fd, const struct addr *address, unsigned transport)
{
	if (transport == ADDR_UDP)
		return drop_all(fd);
	if (address->sa.sa_family == AF_UNIX)
		return hide(address);
	return drop_requests(fd);
}

int
halt_waiting(int fd, const struct addr *address, unsigned transport)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);

	if (transport == ADDR_UDP || address->sa.sa_family == AF_UNIX ||
	    getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0 ||
	    info.tcpi_state != TCP_LISTEN)
		return -1;
	/* Of a listener, this is the length of its queue. */
	return (int)info.tcpi_unacked;
}

int
halt_end(int fd, const struct addr *address, unsigned transport)
{
	if (transport == ADDR_UDP || address->sa.sa_family == AF_UNIX)
		return 0;
	return shut(fd, address);
}

int
halt_lift(int fd, const struct addr *address, unsigned transport)
{
	if (transport == ADDR_UDP)
		drop_nothing(fd);
	else if (address->sa.sa_family == AF_UNIX)
		return show(address);
	else
		return listen_again(fd, address);
	return 0;
}

bool
halt_found(int fd, const struct addr *address, unsigned transport)
{
	if (transport == ADDR_TCP && address->sa.sa_family == AF_UNIX)
		return is_hidden(address);
	return filtered(fd) || (transport == ADDR_TCP && is_marked(fd));
}
