/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scoreboard: what is true now, in a file that everybody may map and
 * read (RUNTIME/scoreboard, mode 0644).
 *
 * It begins with the master's part: who is there, what services and
 * listeners there are, and the totals of all workers that are gone.  Then
 * come the slots, one for each worker on pages of its own.
 *
 * Every byte has one writer.  The master maps the whole file for writing,
 * but touches a slot only between two owners; a worker maps its own slot for
 * writing and all else for reading, and gives the descriptor up, so that it
 * cannot write anywhere else.  There are no pointers and no indices in it
 * that the master would follow: to the master, a slot is numbers that may
 * be wrong.
 *
 * The master's part changes in steps that belong together (a dead worker's
 * slot is folded into the totals and becomes free); `sequence` is odd while
 * such a step is under way, and readers copy again when it moved.  See
 * ipc/snapshot.h for the reader's side.
 */
#ifndef TIMED_IPC_SCOREBOARD_H
#define TIMED_IPC_SCOREBOARD_H

#include "base/histogram.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	SCOREBOARD_MAGIC = 0x44454d54, /* "TMED", little endian */
	SCOREBOARD_VERSION = 5,	       /* of this layout */
	SCOREBOARD_SERVICES = 32,
	SCOREBOARD_LISTENERS = 128,
	SCOREBOARD_SLOTS = 256,
	SCOREBOARD_SLOT_SIZE = 8192,
	SCOREBOARD_NAME = 32,
	SCOREBOARD_TEXT = 124,
	SCOREBOARD_HANDOFFS = 8, /* that are remembered */
	SCOREBOARD_PAGES = 8,	 /* listeners of the status page */
};

/* Why a connection or a datagram was turned away. */
enum refusal {
	REFUSED_LOW_PORT,	/* where such come from that answer answers */
	REFUSED_RATE,		/* its source asks too often */
	REFUSED_MALFORMED,	/* it is no request */
	REFUSED_UNSYNCHRONISED, /* the clock is, and the service says so */
	REFUSED_UNSENT,		/* the system did not take the answer */
	REFUSED_SHORTAGE,	/* no memory for it */
	REFUSED_DENIED,		/* its address may not come */
	REFUSED_CONNECTIONS,	/* so many as may are connected */
	REFUSED_PER_ADDRESS,	/* the same, from its address */
	REFUSED_PER_SECOND,	/* its address comes too often */
	REFUSALS
};

/* As status shows it: "low_port", "rate" ... */
extern const char *const refusal_names[REFUSALS];

/*
 * Counters of one service; they only grow.  What a worker has now is what it
 * accepted and took over, less what it closed and handed over.
 */
struct tally {
	uint64_t accepted; /* connections */
	uint64_t closed;
	uint64_t taken;	   /* over from other workers */
	uint64_t handed;   /* over to other workers */
	uint64_t refused;  /* connections and datagrams turned away */
	uint64_t requests; /* that were answered; none in a stream */
	uint64_t ticks;	   /* lines of a stream that a client was sent */
	uint64_t skipped;  /* lines that a client had no room for */
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t refused_by[REFUSALS]; /* `refused` is their sum */
};

enum {
	TALLY_COUNTERS = sizeof(struct tally) / sizeof(uint64_t)
};

void tally_add(struct tally *into, const struct tally *from);

/* INTO must have been FROM once, and have grown since. */
void tally_subtract(struct tally *into, const struct tally *from);

/* The connections that the owner of TALLY has. */
uint64_t tally_connections(const struct tally *tally);

/* Of a worker, as the master sees it (place) and as it sees itself (slot). */
enum worker_state {
	WORKER_NONE,
	WORKER_STARTING,
	WORKER_SERVING,
	WORKER_RETIRING, /* hands over whom it has */
	WORKER_STOPPING,
};

/* "starting", "serving" ...; "unknown" for another number. */
const char *worker_state_name(uint32_t state);

struct scoreboard_slot {
	uint64_t heartbeat; /* CLOCK_MONOTONIC, nanoseconds */
	uint32_t state;	    /* enum worker_state */
	uint32_t connections;
	uint64_t reports_lost; /* that the report pipe could not take */
	uint64_t log_lost;     /* that the log pipe could not take */
	uint64_t log_limited;  /* that the rate bound left out */
	uint64_t reserved[2];
	_Alignas(64) struct tally services[SCOREBOARD_SERVICES];
	struct histogram lateness; /* of lines sent: boundary to send() */
};

_Static_assert(sizeof(struct scoreboard_slot) <= SCOREBOARD_SLOT_SIZE,
	       "a worker fits its slot");

enum master_state {
	MASTER_STARTING,
	MASTER_RUNNING,
	MASTER_PAUSED,
	MASTER_STOPPING,
};

/* A slot as the master knows it; pid 0: free. */
struct scoreboard_place {
	int32_t pid;
	uint32_t number; /* of the worker in its generation */
	uint32_t generation;
	uint32_t state;	 /* enum worker_state */
	int64_t started; /* CLOCK_REALTIME, seconds */
};

struct scoreboard_service {
	char name[SCOREBOARD_NAME];
	char type[16];
	uint32_t active; /* it is in the configuration */
	uint32_t order;	 /* its place there */
	uint32_t paused;
	uint32_t reserved;
	struct tally gone; /* of workers that are gone */
};

struct scoreboard_listener {
	uint32_t service; /* index in services */
	char text[SCOREBOARD_TEXT];
};

/* The processes beside the workers that the master keeps running. */
enum scoreboard_side {
	SIDE_JOURNAL,
	SIDE_KEEPER,
	SIDE_STATUS,
	SIDES
};

/* As status shows them: "journal" ... */
extern const char *const side_names[SIDES];

/* Why a generation of workers took over from the one before. */
enum handoff_cause {
	HANDOFF_RELOAD,
	HANDOFF_RESIZE,
	HANDOFF_UPGRADE,
};

struct scoreboard_handoff {
	int64_t when;	      /* CLOCK_REALTIME, seconds; 0: none */
	uint64_t began;	      /* CLOCK_MONOTONIC, nanoseconds */
	uint64_t took;	      /* until the last who left so far, the same */
	uint64_t connections; /* of those who left so far */
	uint32_t generation;  /* that took over */
	uint32_t cause;	      /* enum handoff_cause */
};

struct scoreboard_master {
	uint32_t magic;
	uint32_t layout; /* SCOREBOARD_VERSION */
	uint32_t size;	 /* of the file, bytes */
	uint32_t sequence;
	char version[16]; /* of timed */
	int32_t pid;
	uint32_t state; /* enum master_state */
	uint32_t generation;
	uint32_t listener_count;
	int64_t started;	    /* CLOCK_REALTIME, seconds */
	uint64_t started_monotonic; /* CLOCK_MONOTONIC, nanoseconds */
	uint64_t heartbeat;	    /* the same clock; one a second */
	uint64_t reloads;
	uint64_t reloads_refused;
	uint64_t upgrades;
	uint64_t upgrades_refused;
	uint64_t crashes;	  /* workers that died unasked */
	uint64_t restarts[SIDES]; /* of others, for the same reason */
	uint64_t log_lost; /* of processes that are gone, and the master's */
	uint64_t log_limited;
	struct tally gone; /* all services, those that are forgotten too */
	struct histogram lateness; /* of workers that are gone */
	struct scoreboard_service services[SCOREBOARD_SERVICES];
	struct scoreboard_listener listeners[SCOREBOARD_LISTENERS];
	struct scoreboard_place places[SCOREBOARD_SLOTS];
	uint64_t handoffs; /* so many; the last ones, the next one's place: */
	struct scoreboard_handoff handoff[SCOREBOARD_HANDOFFS];
	uint64_t page_count;
	char pages[SCOREBOARD_PAGES][SCOREBOARD_TEXT + 4];
};

enum {
	/* Whole pages, also where a page has 64 KiB. */
	SCOREBOARD_SLOTS_AT = 65536,
	SCOREBOARD_SIZE =
		SCOREBOARD_SLOTS_AT + SCOREBOARD_SLOTS * SCOREBOARD_SLOT_SIZE,
};

_Static_assert(sizeof(struct scoreboard_master) <= SCOREBOARD_SLOTS_AT,
	       "the master fits its part");

/* One process's view of it. */
struct scoreboard {
	int fd;			      /* the master's alone, else -1 */
	void *map;		      /* all of it; the master's is writable */
	struct scoreboard_slot *mine; /* a worker's own slot, writable */
	char path[PATH_MAX];	      /* the master's: to remove it */
};

/*
 * Make RUNTIME_DIR/scoreboard anew, never through what lies there: readers
 * of an old one keep that.  0, or -1 with errno.
 */
int scoreboard_create(struct scoreboard *scoreboard, const char *runtime_dir);

/*
 * Go on with the scoreboard in RUNTIME_DIR that FD has open, which another
 * image of this process made.  0, or -1 with errno: EPROTO, it is laid out in
 * another way.
 */
int scoreboard_adopt(struct scoreboard *scoreboard, const char *runtime_dir,
		     int fd);

/* Unmap it; the master's removes the file too. */
void scoreboard_close(struct scoreboard *scoreboard);

/*
 * After fork(2): become the owner of SLOT and a reader of all else.  Closes
 * the descriptor.  0, or -1 with errno.
 */
int scoreboard_own(struct scoreboard *scoreboard, int slot);

/*
 * After fork(2): become a reader of all of it.  Closes the descriptor.  0, or
 * -1 with errno.
 */
int scoreboard_watch(struct scoreboard *scoreboard);

/* The master's part; only the master writes to it. */
struct scoreboard_master *scoreboard_master(const struct scoreboard *sb);

/* A slot; only its owner writes to it, and nobody trusts it. */
struct scoreboard_slot *scoreboard_slot(const struct scoreboard *sb, int slot);

/* Around changes of the master's part that belong together. */
void scoreboard_begin(struct scoreboard_master *master);
void scoreboard_end(struct scoreboard_master *master);

/*
 * For the master: worker of PLACE is gone.  Add what its slot holds to the
 * totals (the connections that it still had are closed now) and free the slot,
 * in one step.  Numbers that cannot be are left out.  Returns how many
 * connections it still had.
 */
uint64_t scoreboard_fold(struct scoreboard *scoreboard, int slot);

/*
 * For the master: find or make the entry of a service; entries of services
 * that are gone are used again once no worker counts in them.  Returns its
 * index, or -1 when all are in use.
 */
int scoreboard_service(struct scoreboard *scoreboard, const char *name,
		       const char *type);

/*
 * For whoever shows a COPY of a slot: numbers that cannot be, which its owner
 * may have written all the same, are 0 from then on.
 */
void scoreboard_trim(struct scoreboard_slot *copy);

/* Copy shared memory word by word; SIZE is a multiple of 8. */
void scoreboard_copy(void *to, const void *from, size_t size);

/* Count in one's own slot: readers see the old value or the new one. */
static inline void
counter_add(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* One was turned away. */
static inline void
tally_refuse(struct tally *tally, enum refusal why)
{
	counter_add(&tally->refused_by[why], 1);
	counter_add(&tally->refused, 1);
}

static inline void
counter_set(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

#endif
