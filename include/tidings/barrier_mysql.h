// SPDX-License-Identifier: Apache-2.0
// The barrier over a connection of MySQL or MariaDB: link with -lmysqlclient or -lmariadb.
//
//   struct tidings_sql sql = tidings_mysql(connection);
//
// A check waits for a local transaction that is open: set innodb_lock_wait_timeout on its
// connection. Commits are durable with innodb_flush_log_at_trx_commit = 1, which is the default.
#ifndef TIDINGS_BARRIER_MYSQL_H
#define TIDINGS_BARRIER_MYSQL_H

#include <mysql.h>
#include <stdio.h>
#include <string.h>

#include <tidings/barrier.h>
#include <tidings/cast.h>

enum { TIDINGS_MYSQL_PARAMS = 4 };

// Numbers of errors: MySQL 8.0 Error Message Reference; 1020 and 1927 MariaDB's.
static inline tidings_status tidings_mysql_status(unsigned int number, const char *text,
                                                  struct tidings_error *err)
{
    tidings_status status = TIDINGS_E_INTERNAL;
    switch (number) {
    case 1062: status = TIDINGS_E_DUPLICATE; break;  // ER_DUP_ENTRY
    case 1020:                                       // ER_CHECKREAD: a snapshot that is too old
    case 1205:                                       // ER_LOCK_WAIT_TIMEOUT
    case 1213: status = TIDINGS_E_AGAIN; break;      // ER_LOCK_DEADLOCK
    case 1021:                                       // ER_DISK_FULL
    case 1114: status = TIDINGS_E_DISK_FULL; break;  // ER_RECORD_FILE_FULL
    case 1142: status = TIDINGS_E_PERMISSION; break; // ER_TABLEACCESS_DENIED_ERROR
    case 1927:                                       // ER_CONNECTION_KILLED
    case 2006:                                       // CR_SERVER_GONE_ERROR
    case 2013:                                       // CR_SERVER_LOST
    case 2055: status = TIDINGS_E_LOST; break;       // CR_SERVER_LOST_EXTENDED
    default: break;
    }
    return tidings_sql_fail(err, status, text);
}

// Prepares, binds and executes; *ret is closed by the caller, NULL when there was none.
static inline tidings_status tidings_mysql_execute(MYSQL *mysql, const char *sql,
                                                   const char *const *params, int count,
                                                   MYSQL_STMT **ret, struct tidings_error *err)
{
    char texts[TIDINGS_MYSQL_PARAMS][TIDINGS_BARRIER_ID_MAX + 1];
    MYSQL_BIND binds[TIDINGS_MYSQL_PARAMS];
    *ret = mysql_stmt_init(mysql);
    if (*ret == TIDINGS_NULL) {
        return tidings_mysql_status(mysql_errno(mysql), mysql_error(mysql), err);
    }
    if (count > TIDINGS_MYSQL_PARAMS) {
        return tidings_sql_fail(err, TIDINGS_E_INVALID, "more parameters than the barrier has");
    }
    memset(binds, 0, sizeof binds);
    for (int i = 0; i < count; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%s", params[i]);
        binds[i].buffer_type = MYSQL_TYPE_STRING;
        binds[i].buffer = texts[i];
        binds[i].buffer_length = TIDINGS_CAST(unsigned long, strlen(texts[i]));
    }
    if (mysql_stmt_prepare(*ret, sql, TIDINGS_CAST(unsigned long, strlen(sql))) != 0 ||
        (count > 0 && mysql_stmt_bind_param(*ret, binds) != 0) || mysql_stmt_execute(*ret) != 0) {
        return tidings_mysql_status(mysql_stmt_errno(*ret), mysql_stmt_error(*ret), err);
    }
    return TIDINGS_OK;
}

static inline void tidings_mysql_close(MYSQL_STMT *statement)
{
    if (statement != TIDINGS_NULL) {
        (void)mysql_stmt_close(statement);
    }
}

static inline tidings_status tidings_mysql_run(void *connection, const char *sql,
                                               const char *const *params, int count,
                                               int64_t *ret_changed, struct tidings_error *err)
{
    MYSQL_STMT *statement;
    tidings_status status = tidings_mysql_execute(TIDINGS_CAST(MYSQL *, connection), sql, params,
                                                  count, &statement, err);
    *ret_changed =
        status == TIDINGS_OK ? TIDINGS_CAST(int64_t, mysql_stmt_affected_rows(statement)) : 0;
    tidings_mysql_close(statement);
    return status;
}

static inline tidings_status tidings_mysql_get(void *connection, const char *sql,
                                               const char *const *params, int count, char *out,
                                               size_t size, struct tidings_error *err)
{
    MYSQL_STMT *statement;
    MYSQL_BIND column;
    unsigned long len = 0;
    tidings_status status = tidings_mysql_execute(TIDINGS_CAST(MYSQL *, connection), sql, params,
                                                  count, &statement, err);
    memset(&column, 0, sizeof column);
    column.buffer_type = MYSQL_TYPE_STRING;
    column.buffer = out;
    column.buffer_length = TIDINGS_CAST(unsigned long, size - 1);
    column.length = &len;
    if (status == TIDINGS_OK && (mysql_stmt_bind_result(statement, &column) != 0 ||
                                 mysql_stmt_store_result(statement) != 0)) {
        status =
            tidings_mysql_status(mysql_stmt_errno(statement), mysql_stmt_error(statement), err);
    }
    int code = status == TIDINGS_OK ? mysql_stmt_fetch(statement) : 1;
    if (status == TIDINGS_OK && code == MYSQL_NO_DATA) {
        status = tidings_sql_fail(err, TIDINGS_E_NOT_FOUND, "no such row");
    } else if (status == TIDINGS_OK && code == 1) {
        status =
            tidings_mysql_status(mysql_stmt_errno(statement), mysql_stmt_error(statement), err);
    }
    out[status == TIDINGS_OK && len < size ? len : (status == TIDINGS_OK ? size - 1 : 0)] = '\0';
    tidings_mysql_close(statement);
    return status;
}

static inline int tidings_mysql_in_transaction(void *connection)
{
    unsigned int state = TIDINGS_CAST(MYSQL *, connection)->server_status;
    return (state & SERVER_STATUS_IN_TRANS) != 0 || (state & SERVER_STATUS_AUTOCOMMIT) == 0;
}

static inline struct tidings_sql tidings_mysql(MYSQL *connection)
{
    struct tidings_sql sql = { connection, TIDINGS_SQL_MYSQL, tidings_mysql_run, tidings_mysql_get,
                               tidings_mysql_in_transaction };
    return sql;
}

#endif
