/* SPDX-License-Identifier: BSD-2-Clause */
#include "config/config.h"

#include "base/trust.h"
#include "config/files.h"
#include "config/gates.h"
#include "config/services.h"
#include "config/status_page.h"

#include <bsd/string.h>
#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char DEFAULT_FILE[] = SYSCONFDIR "/timed.conf";
static const char DEFAULT_USER[] = "timed";

/* In the order of config_log.level. */
static const char *const level_names[] = { "error", "warning", "notice",
					   "info",  "debug",   NULL };

#define PLACE(member) \
	offsetof(struct config, member), sizeof(((struct config *)0)->member)

static const struct setting settings[] = {
	{ "workers", SETTING_INT, PLACE(workers), 0, CONFIG_WORKERS, NULL },
	{ "user", SETTING_STRING, PLACE(user), 1, 0, NULL },
	{ "group", SETTING_STRING, PLACE(group), 1, 0, NULL },
	{ "runtime_dir", SETTING_STRING, PLACE(runtime_dir), 1, 0, NULL },
	{ "state_dir", SETTING_STRING, PLACE(state_dir), 1, 0, NULL },
	{ "watchdog_seconds", SETTING_FLOAT, PLACE(watchdog_seconds), 2, 3600,
	  NULL },
	{ "stop_seconds", SETTING_FLOAT, PLACE(stop_seconds), 0.5, 3600, NULL },
	{ "handoff_seconds", SETTING_FLOAT, PLACE(handoff_seconds), 1, 3600,
	  NULL },
	{ "chroot", SETTING_STRING, PLACE(chroot), 0, 0, NULL },
	{ "core_dumps", SETTING_BOOL, PLACE(identity.core_dumps), 0, 0, NULL },
	{ "recycle_after", SETTING_INT, PLACE(recycle_after), 0, 1000000000,
	  NULL },
	{ "control_group", SETTING_STRING, PLACE(control_group), 0, 0, NULL },
	{ "status_for_all", SETTING_BOOL, PLACE(status_for_all), 0, 0, NULL },
	{ "hook_seconds", SETTING_FLOAT, PLACE(hook_seconds), 0.1, 3600, NULL },
	{ "hooks", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "allow", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "deny", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "limits", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "log", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "status", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ "services", SETTING_OTHER, 0, 0, 0, 0, NULL },
	{ NULL, SETTING_OTHER, 0, 0, 0, 0, NULL },
};

static const struct setting log_settings[] = {
	{ "file", SETTING_STRING, PLACE(log.file), 0, 0, NULL },
	{ "level", SETTING_CHOICE, PLACE(log.level), 0, 0, level_names },
	{ "syslog", SETTING_BOOL, PLACE(log.syslog), 0, 0, NULL },
	{ "rate", SETTING_INT, PLACE(log.rate), 0, 1000000, NULL },
	{ NULL, SETTING_OTHER, 0, 0, 0, 0, NULL },
};

/*
 * A directory: what systemd made for the unit and says in the environment
 * (systemd.exec(5)), or the one of the system.
 */
static void
default_directory(char *into, size_t size, const char *variable,
		  const char *otherwise)
{
	const char *given = getenv(variable);

	strlcpy(into, given && *given == '/' ? given : otherwise, size);
	/* It may be a list; ours is the first. */
	into[strcspn(into, ":")] = '\0';
}

static void
set_defaults(struct config *config)
{
	char logs[PATH_MAX - 16];

	*config = (struct config){
		.watchdog_seconds = 10,
		.stop_seconds = 5,
		.handoff_seconds = 10,
		.hook_seconds = 10,
		.log = { .level = 3, .syslog = true, .rate = 10000 },
		.status = { .connections = 1200 },
	};
	default_directory(config->runtime_dir, sizeof(config->runtime_dir),
			  "RUNTIME_DIRECTORY", RUNSTATEDIR "/timed");
	default_directory(config->state_dir, sizeof(config->state_dir),
			  "STATE_DIRECTORY", LOCALSTATEDIR "/lib/timed");
	default_directory(logs, sizeof(logs), "LOGS_DIRECTORY",
			  LOCALSTATEDIR "/log/timed");
	snprintf(config->log.file, sizeof(config->log.file), "%s/timed.log",
		 logs);
}

struct service_config *
config_service(const struct config *config, const char *name)
{
	for (int i = 0; i < config->service_count; i++)
		if (strcmp(config->services[i].name, name) == 0)
			return &config->services[i];
	return NULL;
}

void
config_warn(struct config *config, const char *format, ...)
{
	size_t used = strlen(config->warning);
	va_list arguments;

	if (used > 0)
		used = strlcat(config->warning, "; ", sizeof(config->warning));
	if (used >= sizeof(config->warning))
		return;
	va_start(arguments, format);
	vsnprintf(config->warning + used, sizeof(config->warning) - used,
		  format, arguments);
	va_end(arguments);
}

static int
processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	return CPU_COUNT(&set) > CONFIG_WORKERS ? CONFIG_WORKERS
						: CPU_COUNT(&set);
}

static void
check_directory(const char *directory, const char *name, config_setting_t *root,
		struct complaints *complaints)
{
	if (*directory != '/' && *directory)
		complain(complaints, config_setting_get_member(root, name),
			 "%s: \"%s\" must begin with a slash", name, directory);
}

/* Nobody was named: prefer our own user, and never run as root. */
static const struct passwd *
default_user(struct config *config)
{
	const struct passwd *user = getpwnam(DEFAULT_USER);

	if (user)
		return user;
	config_warn(config, "there is no user \"%s\", running as \"nobody\"",
		    DEFAULT_USER);
	return getpwnam("nobody");
}

static void
find_operators(struct config *config, config_setting_t *root,
	       struct complaints *complaints)
{
	const struct group *group;

	if (!config->control_group[0])
		return;
	group = getgrnam(config->control_group);
	if (group)
		config->control_gid = group->gr_gid;
	else
		complain(complaints, settings_place(root, "control_group"),
			 "control_group: there is no group \"%s\"",
			 config->control_group);
}

static void
find_identity(struct config *config, config_setting_t *root,
	      struct complaints *complaints)
{
	struct sandbox_identity *identity = &config->identity;
	const struct passwd *user = NULL;
	const struct group *group = NULL;

	if (config->user[0])
		user = getpwnam(config->user);
	else if (geteuid() == 0)
		user = default_user(config);
	if (!user && (config->user[0] || geteuid() == 0))
		complain(complaints, settings_place(root, "user"),
			 "user: there is no user \"%s\"",
			 config->user[0] ? config->user : "nobody");
	if (user) {
		identity->uid = user->pw_uid;
		identity->gid = user->pw_gid;
	}
	if (config->group[0]) {
		group = getgrnam(config->group);
		if (!group)
			complain(complaints, settings_place(root, "group"),
				 "group: there is no group \"%s\"",
				 config->group);
		else
			identity->gid = group->gr_gid;
	}
	identity->change = geteuid() == 0;
	if (identity->change && config->user[0] && user && user->pw_uid == 0)
		config_warn(config,
			    "user: \"%s\" has all privileges, and the workers "
			    "keep them; name a user who has none",
			    config->user);
}

/* Where nobody can put anything, and where there is nothing. */
static void
check_root(struct config *config, config_setting_t *root,
	   struct complaints *complaints)
{
	const config_setting_t *place = settings_place(root, "chroot");
	char why[PATH_MAX + 64];

	if (!config->chroot[0])
		return;
	if (config->chroot[0] != '/')
		complain(complaints, place,
			 "chroot: \"%s\" must begin with a slash",
			 config->chroot);
	else if (!config->identity.change)
		config_warn(config, "chroot: takes root, and is left out");
	else if (!trust_directory(config->chroot, why, sizeof(why)) ||
		 !trust_empty(config->chroot, why, sizeof(why)))
		complain(complaints, place, "chroot: %s", why);
}

static void
read_log(struct config *config, config_setting_t *root,
	 struct complaints *complaints)
{
	config_setting_t *group = config_setting_get_member(root, "log");

	if (!group)
		return;
	if (!config_setting_is_group(group)) {
		complain(complaints, group, "log: must be a group in braces");
		return;
	}
	settings_read(group, log_settings, config, NULL, NULL, complaints);
	if (config->log.file[0] && config->log.file[0] != '/')
		complain(complaints, settings_place(group, "file"),
			 "file: \"%s\" must begin with a slash",
			 config->log.file);
}

static void
read_all(struct config *config, config_t *parsed, struct complaints *complaints)
{
	config_setting_t *root = config_root_setting(parsed);

	settings_read(root, settings, config, NULL, NULL, complaints);
	read_log(config, root, complaints);
	check_directory(config->runtime_dir, "runtime_dir", root, complaints);
	check_directory(config->state_dir, "state_dir", root, complaints);
	find_identity(config, root, complaints);
	find_operators(config, root, complaints);
	check_root(config, root, complaints);
	if (config->workers == 0)
		config->workers = processors();
	programs_read(config, root, complaints);
	gates_read_all(&config->gate, root, complaints);
	services_read(config, root, complaints);
	status_page_read(config, root, complaints);
}

/* A syntax error is the only one that ends the search for more. */
static bool
parse(struct config *config, config_t *parsed, const char *file,
      struct complaints *complaints)
{
	char path[PATH_MAX];
	const char *directory;

	strlcpy(path, file, sizeof(path));
	directory = dirname(path);
	if (!files_check(file, directory, config->doubt, sizeof(config->doubt),
			 complaints))
		return false;
	config_set_include_dir(parsed, directory);
	if (config_read_file(parsed, file) == CONFIG_TRUE)
		return true;
	if (config_error_type(parsed) == CONFIG_ERR_FILE_IO)
		complain(complaints, NULL, "%s: %s", file,
			 errno ? strerror(errno) : "cannot be read");
	else
		complain(complaints, NULL, "%s:%d: %s",
			 config_error_file(parsed) ? config_error_file(parsed)
						   : file,
			 config_error_line(parsed), config_error_text(parsed));
	return false;
}

static bool
open_file(struct config *config, config_t *parsed, const char *file,
	  struct complaints *complaints)
{
	errno = 0;
	if (file)
		return parse(config, parsed, file, complaints);
	if (access(DEFAULT_FILE, F_OK) < 0 && errno == ENOENT)
		return true;
	return parse(config, parsed, DEFAULT_FILE, complaints);
}

struct config *
config_default(void)
{
	struct complaints complaints = { 0 };
	struct config *config = malloc(sizeof(*config));
	config_t nothing;

	if (!config)
		return NULL;
	set_defaults(config);
	config_init(&nothing);
	read_all(config, &nothing, &complaints);
	config_destroy(&nothing);
	complaints_free(&complaints);
	return config;
}

struct config *
config_load(const char *file, struct complaints *complaints)
{
	struct config *config = malloc(sizeof(*config));
	config_t parsed;

	if (!config) {
		complain(complaints, NULL, "out of memory");
		return NULL;
	}
	set_defaults(config);
	config_init(&parsed);
	if (open_file(config, &parsed, file, complaints))
		read_all(config, &parsed, complaints);
	config_destroy(&parsed);
	if (complaints->count || complaints->forgot) {
		config_free(config);
		return NULL;
	}
	return config;
}

void
config_free(struct config *config)
{
	if (!config)
		return;
	services_free(config);
	gates_free(&config->gate);
	programs_free(config);
	free(config);
}

enum log_level
config_log_level(const struct config *config)
{
	return (enum log_level)log_level_parse(level_names[config->log.level]);
}

void
config_journal(const struct config *config, bool foreground,
	       struct journal_config *journal)
{
	memset(journal, 0, sizeof(*journal));
	strlcpy(journal->file, config->log.file, sizeof(journal->file));
	journal->syslog = config->log.syslog;
	journal->to_stderr = foreground;
}
