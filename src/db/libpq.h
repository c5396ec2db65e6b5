// SPDX-License-Identifier: Apache-2.0
// libpq, opened with the first record that is on PostgreSQL: libpq_open, then libpq()->PQexec(…).
// Private to the room.
#ifndef DB_LIBPQ_H
#define DB_LIBPQ_H

#include <libpq-fe.h>

#include "base/library.h"

#define LIBPQ_MAP(X)                                                                               \
    X(PQclear)                                                                                     \
    X(PQcmdTuples)                                                                                 \
    X(PQconnectdbParams)                                                                           \
    X(PQerrorMessage)                                                                              \
    X(PQexec)                                                                                      \
    X(PQexecPrepared)                                                                              \
    X(PQfinish)                                                                                    \
    X(PQftype)                                                                                     \
    X(PQgetisnull)                                                                                 \
    X(PQgetlength)                                                                                 \
    X(PQgetvalue)                                                                                  \
    X(PQnfields)                                                                                   \
    X(PQntuples)                                                                                   \
    X(PQprepare)                                                                                   \
    X(PQresultErrorField)                                                                          \
    X(PQresultStatus)                                                                              \
    X(PQsetNoticeReceiver)                                                                         \
    X(PQstatus)                                                                                    \
    X(PQtransactionStatus)

struct libpq {
    LIBPQ_MAP(LIBRARY_MEMBER)
};

tidings_status libpq_open(struct tidings_error *err) TIDINGS_NODISCARD;
const struct libpq *libpq(void); // filled once libpq_open has succeeded

#endif
