/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker/conn_debt.h"

#include "worker/conn.h"
#include "worker/service.h"

#include <stdlib.h>
#include <string.h>

/* One for CONN, out of the list.  False: no memory. */
static bool
make(struct conn *conn, uint64_t since)
{
	struct conn_debt *debt = malloc(sizeof(*debt));

	if (!debt)
		return false;
	*debt = (struct conn_debt){ .since = since };
	conn->debt = debt;
	return true;
}

void
conn_debt_list(struct conn *conn)
{
	struct conn_debts *list = &conn->instance->blocked;
	struct conn_debt *debt = conn->debt;
	struct conn_debt *before;

	if (!debt)
		return;
	debt->conn = conn;
	/* As a rule it is the last, unless it was handed over. */
	before = TAILQ_LAST(list, conn_debts);
	while (before && before->since > debt->since)
		before = TAILQ_PREV(before, conn_debts, entry);
	if (before)
		TAILQ_INSERT_AFTER(list, before, debt, entry);
	else
		TAILQ_INSERT_HEAD(list, debt, entry);
}

void
conn_debt_unlist(struct conn *conn)
{
	if (conn->debt)
		TAILQ_REMOVE(&conn->instance->blocked, conn->debt, entry);
}

void
conn_debt_drop(struct conn *conn)
{
	if (!conn->debt)
		return;
	message_drop(conn->debt->owed);
	free(conn->debt);
	conn->debt = NULL;
}

bool
conn_debt_wait(struct conn *conn, uint64_t since)
{
	if (conn->debt)
		conn_debt_unlist(conn);
	else if (!make(conn, since))
		return false;
	conn->debt->since = since;
	conn_debt_list(conn);
	return true;
}

void
conn_debt_settle(struct conn *conn)
{
	conn_debt_unlist(conn);
	conn_debt_drop(conn);
}

/* --- the hand-off --- */

void
conn_debt_save(const struct conn *conn, struct handoff_conn *saved,
	       const char **owed)
{
	const struct conn_debt *debt = conn->debt;

	*owed = NULL;
	saved->owed = (uint16_t)conn_owes(conn);
	saved->blocked_since = debt ? debt->since : 0;
	if (debt)
		saved->flags |= CONN_BLOCKED;
	if (debt && debt->owed)
		*owed = debt->owed->bytes + debt->from;
}

bool
conn_debt_restore(struct conn *conn, const struct handoff_conn *saved,
		  const char *owed)
{
	if (saved->owed == 0 && !(saved->flags & CONN_BLOCKED))
		return true;
	if (!make(conn, saved->blocked_since))
		return false;
	if (saved->owed == 0)
		return true;
	/* A message of its own, with this one holder. */
	conn->debt->owed = message_new(saved->owed);
	if (!conn->debt->owed)
		return false;
	memcpy(conn->debt->owed->bytes, owed, saved->owed);
	return true;
}
