/* SPDX-License-Identifier: BSD-2-Clause */
#include "sandbox/refused.h"

#include "ipc/events.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif

enum {
	CALLS = 512, /* more than any kernel has as yet */
	NAME = 24,
	FILTERED = 1, /* si_code: SYS_SECCOMP of <asm/siginfo.h> */
};

/* A handler is given nothing but the signal. */
static struct {
	char (*names)[NAME];
	void (*tell)(void *context, int number, const char *name);
	void *context;
} watch;

/* Where the result of a system call is, once the handler is through. */
static void
set_result(ucontext_t *at, int result)
{
#if defined __x86_64__
	at->uc_mcontext.gregs[REG_RAX] = result;
#elif defined __i386__
	at->uc_mcontext.gregs[REG_EAX] = result;
#elif defined __aarch64__
	at->uc_mcontext.regs[0] = (unsigned long long)(long long)result;
#elif defined __arm__
	at->uc_mcontext.arm_r0 = (unsigned long)result;
#elif defined __riscv
	at->uc_mcontext.__gregs[REG_A0] = (unsigned long)result;
#else
	(void)at;
	(void)result;
#endif
}

bool
refused_possible(void)
{
#if defined __x86_64__ || defined __i386__ || defined __aarch64__ || \
	defined __arm__ || defined __riscv
	return true;
#else
	return false;
#endif
}

static const char *
name_of(int number)
{
	if (!watch.names || number < 0 || number >= CALLS ||
	    !watch.names[number][0])
		return "unknown";
	return watch.names[number];
}

/* Nothing here waits, takes memory, or can be refused itself. */
static void
refused(int signal, siginfo_t *info, void *at)
{
	int error = errno;

	(void)signal;
	/* Anybody may send it. */
	if (info->si_code != FILTERED)
		return;
	watch.tell(watch.context, info->si_syscall, name_of(info->si_syscall));
	set_result(at, -EPERM);
	errno = error;
}

static void
tell_log(void *context, int number, const char *name)
{
	struct log_record record;

	(void)context;
	if (!log_begin(&record, EVENT_CALL_REFUSED))
		return;
	log_tag(&record, "call", "%s", name);
	log_tag(&record, "number", "%d", number);
	log_end(&record);
}

void
refused_prepare(void)
{
#ifdef HAVE_SECCOMP
	uint32_t arch = seccomp_arch_native();

	if (watch.names)
		return;
	/* Without them, it is numbers. */
	watch.names = calloc(CALLS, sizeof(*watch.names));
	for (int i = 0; watch.names && i < CALLS; i++) {
		char *name = seccomp_syscall_resolve_num_arch(arch, i);

		if (name)
			strncpy(watch.names[i], name, NAME - 1);
		free(name);
	}
#endif
}

int
refused_watch(void (*tell)(void *context, int number, const char *name),
	      void *context)
{
	struct sigaction action = { .sa_sigaction = refused,
				    .sa_flags = SA_SIGINFO };

	refused_prepare();
	watch.tell = tell ? tell : tell_log;
	watch.context = context;
	sigemptyset(&action.sa_mask);
	return sigaction(SIGSYS, &action, NULL);
}
