/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timed.conf, read, checked and made into a struct.
 *
 * A configuration is built whole, beside the one in use, or not at all; all
 * that is wrong with it is reported at once, each with file and line.
 */
#ifndef TIMED_CONFIG_CONFIG_H
#define TIMED_CONFIG_CONFIG_H

#include "base/log.h"
#include "base/settings.h"
#include "config/programs.h"
#include "journal/journal.h"
#include "sandbox/sandbox.h"
#include "worker/service.h"

#include <limits.h>

enum {
	CONFIG_WORKERS = 64, /* as many as can be asked for */
	CONFIG_SERVICES = SCOREBOARD_SERVICES,
	CONFIG_STATUS_ENTRIES = 4, /* an entry may be two addresses */
};

struct config_log {
	char file[PATH_MAX];
	int level; /* index in error, warning, notice, info, debug */
	bool syslog;
	int rate;
};

/* The status page; without listeners there is none. */
struct config_status {
	struct service_listen listen[CONFIG_STATUS_ENTRIES];
	int listen_count;
	int connections; /* at most */
};

struct config {
	int workers; /* at least 1: 0 was made the number of CPUs */
	char user[64];
	char group[64];
	char runtime_dir[PATH_MAX];
	char state_dir[PATH_MAX];
	double watchdog_seconds;
	double stop_seconds;
	double handoff_seconds;
	int recycle_after;   /* connections that a worker serves; 0: no end */
	double hook_seconds; /* that a program of theirs may take */
	struct program hooks[HOOK_KINDS];
	struct config_log log;
	struct config_status status;
	struct sandbox_identity identity;
	char chroot[PATH_MAX];	/* of the workers; empty: none */
	char control_group[64]; /* empty: none */
	gid_t control_gid;
	bool status_for_all;
	struct gate gate; /* who may come, to any service */
	struct service_config *services;
	int service_count;
	char warning[1024]; /* worth a line in the log; or empty */
	/* Which of its files somebody else can change, and how; or empty. */
	char doubt[PATH_MAX + 64];
};

/*
 * Read FILE, or, where it is NULL, SYSCONFDIR/timed.conf if that exists and
 * the defaults if it does not.  A file without `services` gets the default
 * stream, so that an empty file is the default configuration too.
 *
 * Returns the configuration, or NULL with at least one complaint.
 */
struct config *config_load(const char *file, struct complaints *complaints);

/* The default configuration, whatever any file says; NULL: out of memory. */
struct config *config_default(void);

void config_free(struct config *config);

/* The service that is called NAME; NULL: none. */
struct service_config *config_service(const struct config *config,
				      const char *name);

/* Add to what is worth a warning in the log. */
void config_warn(struct config *config, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The least important level that is logged. */
enum log_level config_log_level(const struct config *config);

/* What the journal is told; in the foreground it writes to stderr as well. */
void config_journal(const struct config *config, bool foreground,
		    struct journal_config *journal);

#endif
