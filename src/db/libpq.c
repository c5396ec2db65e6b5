// SPDX-License-Identifier: Apache-2.0
#include "db/libpq.h"

LIBRARY_DEFINE(libpq, LIBPQ_MAP, .file = TIDINGS_FILE_PQ, .package = "libpq5",
               .purpose = "a database of PostgreSQL")
