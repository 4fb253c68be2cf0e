/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/refer.h"

#include <bsd/string.h>
#include <errno.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum {
	LINES = 10 /* that are shown unless a number is asked for */
};

static void
refer(struct master *master, struct control_peer *peer,
      enum journal_order order, struct journal_request *request)
{
	request->uid = peer->guest.uid;
	request->pid = peer->guest.pid;
	if (scribe_refer(&master->scribe, order, request, peer->source.fd) == 0)
		close(control_give(peer));
	else
		control_refuse(peer, EX_TEMPFAIL,
			       "the journal does not take requests now: %s",
			       strerror(errno));
}

void
refer_log(struct master *master, struct control_peer *peer)
{
	const struct control_request *asked = &peer->request;
	const struct control_value *lines = control_value(asked, "lines");
	const struct control_value *follow = control_value(asked, "follow");
	const struct control_value *file = control_value(asked, "file");
	const struct control_value *at = control_value(asked, "at");
	struct journal_request request = {
		.lines = lines ? (uint32_t)lines->number : LINES,
		.follow = follow && follow->number,
		.resume = file && at,
		.at = at ? at->number : 0,
	};

	if (!file != !at || (file && strlcpy(request.file, file->text,
					     sizeof(request.file)) >=
					     sizeof(request.file)))
		control_refuse(peer, EX_USAGE,
			       "\"file\" and \"at\" are those of a line");
	else
		refer(master, peer, JOURNAL_SHOW, &request);
}

void
refer_log_clear(struct master *master, struct control_peer *peer)
{
	struct journal_request request = { 0 };

	refer(master, peer, JOURNAL_CLEAR, &request);
}
