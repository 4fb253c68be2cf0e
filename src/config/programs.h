/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's programs: `hooks` in timed.conf.  master/hooks.h runs them.
 */
#ifndef TIMED_CONFIG_PROGRAMS_H
#define TIMED_CONFIG_PROGRAMS_H

#include "base/settings.h"

struct config;

/* What a program can be run on. */
enum hook_kind {
	HOOK_READY,
	HOOK_RELOAD,
	HOOK_RELOAD_FAILED,
	HOOK_PAUSE,
	HOOK_RESUME,
	HOOK_WORKER_CRASH,
	HOOK_STOP,
	HOOK_KINDS
};

enum {
	PROGRAM_ARGUMENTS = 32 /* with its path */
};

/* As execv(3) takes it; arguments[0], its path, is NULL where there is none. */
struct program {
	char *arguments[PROGRAM_ARGUMENTS + 1];
};

/* "ready", "reload" ...: its name in timed.conf. */
const char *programs_name(enum hook_kind kind);

/*
 * Fill config->hooks.  They are an error where config->doubt is not empty.  A program that could not be run is worth a warning, and
 * no more: it may be there when it is due.
 */
void programs_read(struct config *config, config_setting_t *root,
		   struct complaints *complaints);

void programs_free(struct config *config);

#endif
