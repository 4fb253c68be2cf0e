/* SPDX-License-Identifier: BSD-2-Clause */
#include "master/problem.h"

#include <bsd/string.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

void
problem_errno(struct problem *problem, int number, const char *format, ...)
{
	va_list arguments;

	problem->status =
		number == EACCES || number == EPERM ? EX_NOPERM : EX_CANTCREAT;
	va_start(arguments, format);
	vsnprintf(problem->text, sizeof(problem->text), format, arguments);
	va_end(arguments);
	strlcat(problem->text, ": ", sizeof(problem->text));
	strlcat(problem->text, strerror(number), sizeof(problem->text));
}

void
problem_set(struct problem *problem, int status, const char *format, ...)
{
	va_list arguments;

	problem->status = status;
	va_start(arguments, format);
	vsnprintf(problem->text, sizeof(problem->text), format, arguments);
	va_end(arguments);
}
