/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests to the keeper and its answers: what is written is read as it was,
 * and whatever else comes is refused.
 */
#include "ipc/keeper_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct keeper_asked request = {
	.head = { .type = KEEPER_SAY,
		  .token = 3,
		  .session = 5,
		  .number = 7,
		  .from = 11,
		  .until = 13,
		  .kind = 1,
		  .count = 17,
		  .name_length = 3,
		  .text_length = 5,
		  .more_length = 2 },
	.name = "ada",
	.text = "hello",
	.more = "ok",
};

static const struct keeper_told answer = {
	.head = { .outcome = KEEPER_BUSY,
		  .token = 3,
		  .session = 5,
		  .key = 7,
		  .user = 11,
		  .cursor = 13,
		  .seq = 17,
		  .count = 19,
		  .absent = 1,
		  .name_length = 3,
		  .text_length = 5 },
	.name = "ada",
	.text = "hello",
};

static void
a_request_arrives_as_it_was(void **state)
{
	char bytes[KEEPER_REQUEST_MOST];
	struct keeper_asked got;
	size_t length = keeper_wire_request(&request, bytes);

	(void)state;
	assert_int_equal(length, sizeof(struct keeper_request) + 10);
	assert_true(keeper_wire_asked(bytes, length, &got));
	assert_int_equal(got.head.type, KEEPER_SAY);
	assert_int_equal(got.head.token, 3);
	assert_int_equal(got.head.session, 5);
	assert_int_equal(got.head.number, 7);
	assert_int_equal(got.head.from, 11);
	assert_int_equal(got.head.until, 13);
	assert_int_equal(got.head.kind, 1);
	assert_int_equal(got.head.count, 17);
	assert_memory_equal(got.name, "ada", 3);
	assert_memory_equal(got.text, "hello", 5);
	assert_memory_equal(got.more, "ok", 2);
}

static void
an_answer_arrives_as_it_was(void **state)
{
	char *bytes = malloc(KEEPER_ANSWER_MOST);
	struct keeper_told got;
	size_t length = keeper_wire_answer(&answer, bytes);

	(void)state;
	assert_true(keeper_wire_told(bytes, length, &got));
	assert_int_equal(got.head.outcome, KEEPER_BUSY);
	assert_int_equal(got.head.token, 3);
	assert_int_equal(got.head.session, 5);
	assert_int_equal(got.head.key, 7);
	assert_int_equal(got.head.user, 11);
	assert_int_equal(got.head.cursor, 13);
	assert_int_equal(got.head.seq, 17);
	assert_int_equal(got.head.count, 19);
	assert_int_equal(got.head.absent, 1);
	assert_memory_equal(got.name, "ada", 3);
	assert_memory_equal(got.text, "hello", 5);
	free(bytes);
}

static void
what_is_too_long_is_not_written(void **state)
{
	char *bytes = malloc(KEEPER_ANSWER_MOST);
	struct keeper_asked asked = request;
	struct keeper_told told = answer;

	(void)state;
	asked.head.name_length = NAME_SIZE;
	assert_int_equal(keeper_wire_request(&asked, bytes), 0);
	asked = request;
	asked.head.text_length = KEEPER_TEXT + 1;
	assert_int_equal(keeper_wire_request(&asked, bytes), 0);
	asked = request;
	asked.head.more_length = NAME_PASSWORD_MOST + 1;
	assert_int_equal(keeper_wire_request(&asked, bytes), 0);
	told.head.text_length = KEEPER_PAGE + 1;
	assert_int_equal(keeper_wire_answer(&told, bytes), 0);
	told = answer;
	told.head.name_length = UINT32_MAX;
	assert_int_equal(keeper_wire_answer(&told, bytes), 0);
	free(bytes);
}

/* A copy that ends where the heap does, for the sanitizer to see. */
static size_t
asked(const char *bytes, size_t length)
{
	char *exact = malloc(length + 1);
	struct keeper_asked got;
	size_t taken;

	memcpy(exact + 1, bytes, length);
	taken = keeper_wire_asked(exact + 1, length, &got);
	free(exact);
	return taken;
}

/* And what follows a whole one is left alone. */
static void
a_request_that_is_cut_is_none(void **state)
{
	char bytes[KEEPER_REQUEST_MOST + 1] = "";
	size_t length = keeper_wire_request(&request, bytes);

	(void)state;
	for (size_t n = 0; n < sizeof(bytes); n++)
		assert_int_equal(asked(bytes, n), n < length ? 0 : length);
}

static void
a_request_with_a_wrong_head_is_none(void **state)
{
	char bytes[KEEPER_REQUEST_MOST];
	size_t length = keeper_wire_request(&request, bytes);
	struct keeper_request *head = (struct keeper_request *)(void *)bytes;
	struct keeper_request kept = *head;

	(void)state;
	assert_true(asked(bytes, length));
	head->version++;
	assert_false(asked(bytes, length));
	*head = kept;
	head->type = 0;
	assert_false(asked(bytes, length));
	head->type = KEEPER_TYPES;
	assert_false(asked(bytes, length));
	*head = kept;
	head->token = 0;
	assert_false(asked(bytes, length));
	*head = kept;
	head->name_length++;
	assert_false(asked(bytes, length));
	*head = kept;
	head->name_length = UINT16_MAX;
	assert_false(asked(bytes, length));
	/* Lengths that only together are right. */
	*head = kept;
	head->text_length = (uint16_t)(head->text_length - 10);
	head->more_length = (uint16_t)(head->more_length + 10);
	assert_false(asked(bytes, length));
	*head = kept;
	head->length = 0;
	assert_false(asked(bytes, length));
}

static void
an_answer_that_does_not_add_up_is_none(void **state)
{
	char *bytes = calloc(1, KEEPER_ANSWER_MOST);
	size_t length = keeper_wire_answer(&answer, bytes);
	struct keeper_answer *head = (struct keeper_answer *)(void *)bytes;
	struct keeper_answer kept = *head;
	struct keeper_told got;

	(void)state;
	for (size_t n = 0; n < length + 5; n++)
		assert_int_equal(keeper_wire_told(bytes, n, &got),
				 n < length ? 0 : length);
	head->outcome = KEEPER_OUTCOMES;
	assert_false(keeper_wire_told(bytes, length, &got));
	*head = kept;
	head->text_length = UINT32_MAX - 2;
	assert_false(keeper_wire_told(bytes, length, &got));
	*head = kept;
	head->name_length += UINT32_C(1) << 31;
	head->text_length += UINT32_C(1) << 31;
	assert_false(keeper_wire_told(bytes, length, &got));
	*head = kept;
	head->version++;
	assert_false(keeper_wire_told(bytes, length, &got));
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_arrives_as_it_was),
		cmocka_unit_test(an_answer_arrives_as_it_was),
		cmocka_unit_test(what_is_too_long_is_not_written),
		cmocka_unit_test(a_request_that_is_cut_is_none),
		cmocka_unit_test(a_request_with_a_wrong_head_is_none),
		cmocka_unit_test(an_answer_that_does_not_add_up_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
