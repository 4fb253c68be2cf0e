/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Passwords: hashed with the best method that there is, and in a process that
 * may die.
 */
#include "keeper/hasher.h"
#include "keeper/password.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <crypt.h>

static void
a_hash_is_of_its_password_alone(void **state)
{
	char hash[STORE_HASH], other[STORE_HASH];

	(void)state;
	assert_true(password_hash("correct horse", 13, hash));
	assert_true(password_matches("correct horse", 13, hash));
	assert_false(password_matches("correct horsf", 13, hash));
	assert_false(password_matches("correct hors", 12, hash));
	assert_false(password_matches("correct horse\0", 14, hash));
	/* Salted: the same password looks different. */
	assert_true(password_hash("correct horse", 13, other));
	assert_string_not_equal(hash, other);
	assert_true(password_matches("correct horse", 13, other));
}

static void
the_method_is_the_preferred_one(void **state)
{
	char hash[STORE_HASH];

	(void)state;
	assert_true(password_hash("correct horse", 13, hash));
	assert_memory_equal(hash, crypt_preferred_method(),
			    strlen(crypt_preferred_method()));
	assert_int_equal(crypt_checksalt(hash), CRYPT_SALT_OK);
}

static void
two_spellings_are_one_password(void **state)
{
	const char *one = "Andr\u00e9 and me", *two = "Andre\u0301 and me";
	char hash[STORE_HASH];

	(void)state;
	assert_true(password_hash(one, strlen(one), hash));
	assert_true(password_matches(two, strlen(two), hash));
}

static void
what_is_no_hash_matches_nothing(void **state)
{
	(void)state;
	assert_false(password_matches("correct horse", 13, ""));
	assert_false(password_matches("correct horse", 13, "*"));
	assert_false(password_matches("*0", 2, "*0"));
	assert_false(password_matches("correct horse", 13, "correct horse"));
}

static void
what_is_too_long_for_libcrypt_is_refused(void **state)
{
	char hash[STORE_HASH], text[600];

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_false(password_hash(text, sizeof(text), hash));
	assert_true(password_hash(text, 255, hash));
}

struct run {
	struct loop loop;
	struct hasher hasher;
	struct hasher_result result;
	int results;
};

static void
done(void *context, const struct hasher_result *result)
{
	struct run *run = context;

	run->result = *result;
	run->results++;
	loop_stop(&run->loop);
}

static int
start(void **state)
{
	struct run *run = calloc(1, sizeof(*run));

	*state = run;
	return loop_open(&run->loop) < 0 ||
			       hasher_open(&run->hasher, &run->loop, done, run)
		       ? -1
		       : 0;
}

static int
stop(void **state)
{
	struct run *run = *state;
	pid_t pid = run->hasher.pid;

	hasher_close(&run->hasher);
	/* It is gone, and was waited for. */
	if (kill(pid, 0) == 0)
		return -1;
	loop_close(&run->loop);
	free(run);
	return 0;
}

static bool
ask(struct run *run, enum hasher_work what, const char *password,
    const char *hash)
{
	struct hasher_job job = { .work = what,
				  .length = (uint32_t)strlen(password) };

	strcpy(job.password, password);
	strcpy(job.hash, hash);
	hasher_begin(&run->hasher, &job);
	assert_int_equal(loop_run(&run->loop), 0);
	return run->result.good;
}

static void
a_process_does_the_work(void **state)
{
	struct run *run = *state;
	char hash[STORE_HASH];

	assert_true(ask(run, HASHER_HASH, "correct horse", ""));
	strcpy(hash, run->result.hash);
	assert_true(password_matches("correct horse", 13, hash));
	assert_true(ask(run, HASHER_MATCH, "correct horse", hash));
	assert_false(ask(run, HASHER_MATCH, "wrong horse", hash));
	assert_false(ask(run, HASHER_PRETEND, "nobody", ""));
	assert_int_equal(run->results, 4);
	assert_int_equal(getpriority(PRIO_PROCESS, (id_t)run->hasher.pid), 10);
}

static void
the_password_is_wiped(void **state)
{
	struct run *run = *state;
	static const struct hasher_job nothing;

	ask(run, HASHER_HASH, "correct horse", "");
	assert_memory_equal(&run->hasher.job, &nothing, sizeof(nothing));
}

static void
one_that_dies_is_replaced_and_its_work_done(void **state)
{
	struct run *run = *state;
	struct hasher_job job = { .work = HASHER_HASH,
				  .length = 8,
				  .password = "12345678" };
	pid_t pid = run->hasher.pid;

	kill(pid, SIGSTOP);
	hasher_begin(&run->hasher, &job);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	hasher_reap(&run->hasher, pid);
	assert_int_equal(run->hasher.pid, 0);
	hasher_check(&run->hasher);
	assert_true(run->hasher.pid > 0);
	assert_int_equal(loop_run(&run->loop), 0);
	assert_int_equal(run->results, 1);
	assert_true(password_matches("12345678", 8, run->result.hash));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hash_is_of_its_password_alone),
		cmocka_unit_test(the_method_is_the_preferred_one),
		cmocka_unit_test(two_spellings_are_one_password),
		cmocka_unit_test(what_is_no_hash_matches_nothing),
		cmocka_unit_test(what_is_too_long_for_libcrypt_is_refused),
		cmocka_unit_test_setup_teardown(a_process_does_the_work, start,
						stop),
		cmocka_unit_test_setup_teardown(the_password_is_wiped, start,
						stop),
		cmocka_unit_test_setup_teardown(
			one_that_dies_is_replaced_and_its_work_done, start,
			stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
