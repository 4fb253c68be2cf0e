/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/events.h"

_Static_assert(EVENT_COUNT <= 64, "log_open() takes 64 kinds at most");

const struct log_kind event_kinds[EVENT_COUNT] = {
	[EVENT_STARTED] = { LOG_LEVEL_NOTICE, "started" },
	[EVENT_STOPPING] = { LOG_LEVEL_NOTICE, "stopping" },
	[EVENT_STOPPED] = { LOG_LEVEL_NOTICE, "stopped" },
	[EVENT_RELOADING] = { LOG_LEVEL_NOTICE, "reloading" },
	[EVENT_RELOADED] = { LOG_LEVEL_NOTICE, "reloaded" },
	[EVENT_RELOAD_FAILED] = { LOG_LEVEL_ERROR, "reload failed" },
	[EVENT_UPGRADING] = { LOG_LEVEL_NOTICE, "upgrading" },
	[EVENT_UPGRADED] = { LOG_LEVEL_NOTICE, "upgraded" },
	[EVENT_UPGRADE_FAILED] = { LOG_LEVEL_ERROR, "upgrade failed" },
	[EVENT_CONFIG_ERROR] = { LOG_LEVEL_ERROR, "configuration error" },
	[EVENT_CONFIG_WARNING] = { LOG_LEVEL_WARNING, "configuration warning" },
	[EVENT_LISTENING] = { LOG_LEVEL_NOTICE, "listening" },
	[EVENT_LISTENER_CLOSED] = { LOG_LEVEL_NOTICE, "listener closed" },
	[EVENT_WORKER_READY] = { LOG_LEVEL_INFO, "worker ready" },
	[EVENT_WORKER_RETIRED] = { LOG_LEVEL_INFO, "worker retires" },
	[EVENT_HANDED_OVER] = { LOG_LEVEL_INFO, "connections handed over" },
	[EVENT_HANDOVER_FAILED] = { LOG_LEVEL_WARNING, "handover failed" },
	[EVENT_TAKEN_OVER] = { LOG_LEVEL_INFO, "connections taken over" },
	[EVENT_TAKEOVER_FAILED] = { LOG_LEVEL_WARNING, "takeover failed" },
	[EVENT_WORKER_EXITED] = { LOG_LEVEL_NOTICE, "worker exited" },
	[EVENT_WORKER_CRASHED] = { LOG_LEVEL_ERROR, "worker crashed" },
	[EVENT_WORKER_HUNG] = { LOG_LEVEL_ERROR, "worker hung" },
	[EVENT_WORKER_RESPAWN] = { LOG_LEVEL_NOTICE, "worker respawn delayed" },
	[EVENT_WORKER_KILLED] = { LOG_LEVEL_WARNING, "worker killed" },
	[EVENT_WORKER_FAILED] = { LOG_LEVEL_ERROR, "worker failed" },
	[EVENT_JOURNAL_CRASHED] = { LOG_LEVEL_ERROR, "journal crashed" },
	[EVENT_REPORT_REFUSED] = { LOG_LEVEL_WARNING, "report refused" },
	[EVENT_CLIENT_CONNECTED] = { LOG_LEVEL_INFO, "client connected" },
	[EVENT_CLIENT_DISCONNECTED] = { LOG_LEVEL_INFO, "client disconnected" },
	[EVENT_CLIENT_REFUSED] = { LOG_LEVEL_NOTICE, "client refused" },
	[EVENT_ACCEPT_FAILED] = { LOG_LEVEL_WARNING, "accept failed" },
	[EVENT_CLOCK_STEPPED] = { LOG_LEVEL_NOTICE, "clock stepped" },
};
