/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Run a program that may make no system calls but those whose names are lines
 * of standard input, as under SystemCallFilter= of a unit: allowing PROGRAM ...
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_SECCOMP
#include <seccomp.h>

static int
allow(scmp_filter_ctx filter)
{
	char line[128];
	int count = 0;

	while (fgets(line, sizeof(line), stdin)) {
		int call;

		line[strcspn(line, "\n")] = '\0';
		call = seccomp_syscall_resolve_name(line);
		if (call != __NR_SCMP_ERROR &&
		    seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) == 0)
			count++;
	}
	return count;
}

int
main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));

	if (argc < 2 || !filter || allow(filter) < 100)
		return 1;
	if (!freopen("/dev/null", "r", stdin) || seccomp_load(filter) < 0)
		return 1;
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 1;
}
#else
int
main(void)
{
	fputs("built without libseccomp\n", stderr);
	return 1;
}
#endif
