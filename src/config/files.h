/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A look at the files of a configuration before the parser opens them.
 *
 * The parser is a library's, and blocks on a FIFO, ends the process on a
 * directory and takes minutes for a huge file; the master must survive all
 * of that at a reload.
 */
#ifndef TIMED_CONFIG_FILES_H
#define TIMED_CONFIG_FILES_H

#include "base/settings.h"

#include <stdbool.h>

/*
 * Whether FILE, and what it includes from DIRECTORY, are plain files (or
 * /dev/null) of at most 1 MiB, and text in which the parser finds no other
 * includes than we do; else COMPLAINTS say which is not.  DOUBT, of SIZE bytes,
 * says which of them somebody else than root and the user of this process can
 * change, and how; it is empty if none is.
 */
bool files_check(const char *file, const char *directory, char *doubt,
		 size_t size, struct complaints *complaints);

#endif
