/* SPDX-License-Identifier: BSD-2-Clause */
#include "ipc/keeper_wire.h"

#include <string.h>
#include <sys/socket.h>

int
keeper_wire_pair(int ends[2])
{
	return socketpair(AF_UNIX,
			  SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			  ends);
}

static char *
put(char *at, const char *string, size_t length)
{
	if (length > 0)
		memcpy(at, string, length);
	return at + length;
}

static bool
request_fits(const struct keeper_request *head)
{
	return head->name_length < NAME_SIZE &&
	       head->text_length <= KEEPER_TEXT &&
	       head->more_length <= NAME_PASSWORD_MOST;
}

static size_t
request_length(const struct keeper_request *head)
{
	return sizeof(*head) + head->name_length + head->text_length +
	       head->more_length;
}

size_t
keeper_wire_request(const struct keeper_asked *request, char *bytes)
{
	struct keeper_request head = request->head;
	char *at = bytes + sizeof(head);

	if (!request_fits(&head))
		return 0;
	head.version = KEEPER_WIRE_VERSION;
	head.reserved = 0;
	head.length = (uint32_t)request_length(&head);
	memcpy(bytes, &head, sizeof(head));
	at = put(at, request->name, head.name_length);
	at = put(at, request->text, head.text_length);
	put(at, request->more, head.more_length);
	return head.length;
}

size_t
keeper_wire_asked(const char *bytes, size_t length,
		  struct keeper_asked *request)
{
	struct keeper_request *head = &request->head;

	if (length < sizeof(*head))
		return 0;
	memcpy(head, bytes, sizeof(*head));
	if (head->version != KEEPER_WIRE_VERSION || head->type == 0 ||
	    head->type >= KEEPER_TYPES || head->token == 0 ||
	    !request_fits(head) || head->length > length ||
	    request_length(head) != head->length)
		return 0;
	request->name = bytes + sizeof(*head);
	request->text = request->name + head->name_length;
	request->more = request->text + head->text_length;
	return head->length;
}

static bool
answer_fits(const struct keeper_answer *head)
{
	return head->name_length < NAME_SIZE &&
	       head->text_length <= KEEPER_PAGE;
}

static size_t
answer_length(const struct keeper_answer *head)
{
	return sizeof(*head) + head->name_length + head->text_length;
}

size_t
keeper_wire_answer(const struct keeper_told *answer, char *bytes)
{
	struct keeper_answer head = answer->head;

	if (!answer_fits(&head))
		return 0;
	head.version = KEEPER_WIRE_VERSION;
	head.length = (uint32_t)answer_length(&head);
	memcpy(bytes, &head, sizeof(head));
	put(put(bytes + sizeof(head), answer->name, head.name_length),
	    answer->text, head.text_length);
	return head.length;
}

size_t
keeper_wire_told(const char *bytes, size_t length, struct keeper_told *answer)
{
	struct keeper_answer *head = &answer->head;

	if (length < sizeof(*head))
		return 0;
	memcpy(head, bytes, sizeof(*head));
	if (head->version != KEEPER_WIRE_VERSION ||
	    head->outcome >= KEEPER_OUTCOMES || !answer_fits(head) ||
	    head->length > length || answer_length(head) != head->length)
		return 0;
	answer->name = bytes + sizeof(*head);
	answer->text = answer->name + head->name_length;
	return head->length;
}
