/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of services that are paused. */
#include "master/paused.h"

#include <bsd/string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Services by the names of their listeners; NULL ends them. */
static struct listeners
serve(const char *const *names)
{
	struct listeners listeners = { .count = 0 };

	for (; *names; names++)
		strlcpy(listeners.items[listeners.count++].service_name, *names,
			SCOREBOARD_NAME);
	return listeners;
}

static const char *const three[] = {
	"one", "one", "two", "three", "three", NULL
};

static void
each_service_is_named_once(void **state)
{
	static const char *const names[] = { "one", "two", "three" };
	struct listeners listeners = serve(three);
	int at = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_string_equal(listeners_service(&listeners, &at),
				    names[i]);
	assert_null(listeners_service(&listeners, &at));
	assert_null(listeners_service(&listeners, &at));
	listeners.count = at = 0;
	assert_null(listeners_service(&listeners, &at));
}

static void
names_come_and_go(void **state)
{
	struct listeners listeners = serve(three);
	struct paused paused = { .all = false };

	(void)state;
	assert_false(paused_has(&paused, "one"));
	assert_true(paused_put_on(&paused, "one"));
	assert_false(paused_put_on(&paused, "one"));
	assert_true(paused_put_on(&paused, "two"));
	assert_true(paused_has(&paused, "one"));
	assert_false(paused_has(&paused, "three"));
	assert_false(paused_take_off(&paused, &listeners, "three"));
	assert_true(paused_take_off(&paused, &listeners, "one"));
	assert_false(paused_has(&paused, "one"));
	assert_true(paused_has(&paused, "two"));
	assert_true(paused_take_off(&paused, &listeners, NULL));
	assert_false(paused_has(&paused, "two"));
	assert_false(paused_take_off(&paused, &listeners, NULL));
}

static void
all_are_those_too_that_are_not_known(void **state)
{
	struct listeners listeners = serve(three);
	struct paused paused = { .all = false };

	(void)state;
	paused_put_on(&paused, "one");
	assert_true(paused_put_on(&paused, NULL));
	assert_false(paused_put_on(&paused, NULL));
	assert_false(paused_put_on(&paused, "two"));
	assert_true(paused_has(&paused, "four"));
	paused_prune(&paused, &listeners);
	assert_true(paused_has(&paused, "four"));
}

static void
all_but_one_are_the_others_by_name(void **state)
{
	struct listeners listeners = serve(three);
	struct paused paused = { .all = true };

	(void)state;
	assert_true(paused_take_off(&paused, &listeners, "two"));
	assert_true(paused_has(&paused, "one"));
	assert_false(paused_has(&paused, "two"));
	assert_true(paused_has(&paused, "three"));
	assert_false(paused_has(&paused, "four"));
}

static void
a_name_that_is_gone_is_forgotten(void **state)
{
	static const char *const fewer[] = { "two", "four", NULL };
	struct listeners listeners = serve(fewer);
	struct paused paused = { .all = false };

	(void)state;
	paused_put_on(&paused, "one");
	paused_put_on(&paused, "two");
	paused_prune(&paused, &listeners);
	assert_false(paused_has(&paused, "one"));
	assert_true(paused_has(&paused, "two"));
	assert_int_equal(paused.count, 1);
}

static void
it_can_be_carried(void **state)
{
	struct paused before = { .all = false }, after;
	json_t *text;

	(void)state;
	paused_put_on(&before, "one");
	paused_put_on(&before, "two");
	text = paused_save(&before);
	paused_restore(&after, text);
	json_decref(text);
	assert_memory_equal(&before, &after, sizeof(before));
	paused_put_on(&before, NULL);
	text = paused_save(&before);
	paused_restore(&after, text);
	json_decref(text);
	assert_true(paused_has(&after, "any"));
	/* An image before this one may have known no such thing. */
	paused_restore(&after, NULL);
	assert_false(paused_has(&after, "one"));
	assert_false(after.all);
}

static void
more_names_than_there_is_room_for(void **state)
{
	struct paused paused;
	json_t *names = json_array();
	json_t *text;

	(void)state;
	for (int i = 0; i < 3 * SCOREBOARD_SERVICES; i++)
		json_array_append_new(names, json_sprintf("service%d", i));
	json_array_append_new(names, json_integer(1));
	text = json_pack("{s:b, s:o}", "all", 0, "names", names);
	paused_restore(&paused, text);
	json_decref(text);
	assert_int_equal(paused.count, SCOREBOARD_SERVICES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_service_is_named_once),
		cmocka_unit_test(names_come_and_go),
		cmocka_unit_test(all_are_those_too_that_are_not_known),
		cmocka_unit_test(all_but_one_are_the_others_by_name),
		cmocka_unit_test(a_name_that_is_gone_is_forgotten),
		cmocka_unit_test(it_can_be_carried),
		cmocka_unit_test(more_names_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
