// SPDX-License-Identifier: Apache-2.0
// Connections of SQLite, MariaDB and PostgreSQL behind one face, for conformance tests. The servers
// are those of scripts/databases; without them a test fails and says so.
#ifndef TEST_DATABASES_H
#define TEST_DATABASES_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tidings/barrier_mysql.h>
#include <tidings/barrier_postgres.h>
#include <tidings/barrier_sqlite.h>
#include <unistd.h>

struct database { // one connection
    const struct database_kind *kind;
    void *handle;
    struct tidings_sql sql;
};

struct database_kind {
    const char *name;
    const char *begin;   // the local transaction
    const char *patient; // locks are waited for, longer than any test lasts
    void *(*open)(void);
    void (*close)(void *handle);
    bool (*exec)(void *handle, const char *sql);
    struct tidings_sql (*adapt)(void *handle);
    void (*end_server_side)(struct database *victim, struct database *by); // NULL: cannot be
};

static const char *database_server(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL) {
        fprintf(stderr,
                "%s is not set: run the tests by scripts/test, or within scripts/databases\n",
                name);
        exit(1);
    }
    return value;
}

// ---- SQLite ----
static char sqlite_path[64];

static void sqlite_remove(void)
{
    static const char *const ends[] = { "", "-wal", "-shm" };
    char path[80];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", sqlite_path, ends[i]);
        (void)unlink(path);
    }
}

static bool sqlite_exec(void *handle, const char *sql)
{
    return sqlite3_exec(handle, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static void *sqlite_open(void)
{
    sqlite3 *db = NULL;
    if (sqlite_path[0] == '\0') {
        snprintf(sqlite_path, sizeof sqlite_path, "/tmp/tidings-barrier-%d.db", (int)getpid());
        (void)atexit(sqlite_remove);
    }
    if (sqlite3_open(sqlite_path, &db) != SQLITE_OK ||
        sqlite3_busy_timeout(db, 2000) != SQLITE_OK ||
        !sqlite_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL")) {
        abort();
    }
    return db;
}

static void sqlite_close(void *handle)
{
    if (sqlite3_close(handle) != SQLITE_OK) {
        abort();
    }
}

static struct tidings_sql sqlite_adapt(void *handle)
{
    return tidings_sqlite(handle);
}

// ---- MariaDB ----
static bool maria_exec(void *handle, const char *sql)
{
    return mysql_query(handle, sql) == 0;
}

static void *maria_open(void)
{
    MYSQL *mysql = mysql_init(NULL);
    if (mysql == NULL ||
        mysql_real_connect(mysql, NULL, "root", "", "tidings", 0,
                           database_server("TIDINGS_MARIADB"), 0) == NULL ||
        !maria_exec(mysql, "SET SESSION innodb_lock_wait_timeout = 2")) {
        fprintf(stderr, "MariaDB: %s\n", mysql_error(mysql));
        exit(1);
    }
    return mysql;
}

static void maria_close(void *handle)
{
    mysql_close(handle);
}

static struct tidings_sql maria_adapt(void *handle)
{
    return tidings_mysql(handle);
}

static void maria_end(struct database *victim, struct database *by)
{
    char sql[64];
    snprintf(sql, sizeof sql, "KILL %lu", mysql_thread_id(victim->handle));
    if (!maria_exec(by->handle, sql)) {
        abort();
    }
}

// ---- PostgreSQL ----
static bool postgres_exec(void *handle, const char *sql)
{
    PGresult *result = PQexec(handle, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static void silence(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

static void *postgres_open(void)
{
    PGconn *connection = PQconnectdb(database_server("TIDINGS_POSTGRES"));
    if (PQstatus(connection) != CONNECTION_OK) {
        fprintf(stderr, "PostgreSQL: %s\n", PQerrorMessage(connection));
        exit(1);
    }
    (void)PQsetNoticeProcessor(connection, silence, NULL);
    if (!postgres_exec(connection, "SET lock_timeout = '2s'")) {
        abort();
    }
    return connection;
}

static void postgres_close(void *handle)
{
    PQfinish(handle);
}

static struct tidings_sql postgres_adapt(void *handle)
{
    return tidings_postgres(handle);
}

static void postgres_end(struct database *victim, struct database *by)
{
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d)", PQbackendPID(victim->handle));
    if (!postgres_exec(by->handle, sql)) {
        abort();
    }
}

static const struct database_kind database_kinds[] = {
    { "sqlite", "BEGIN IMMEDIATE", "PRAGMA busy_timeout = 600000", sqlite_open, sqlite_close,
      sqlite_exec, sqlite_adapt, NULL },
    { "mariadb", "BEGIN", "SET SESSION innodb_lock_wait_timeout = 600", maria_open, maria_close,
      maria_exec, maria_adapt, maria_end },
    { "postgres", "BEGIN", "SET lock_timeout = '600s'", postgres_open, postgres_close,
      postgres_exec, postgres_adapt, postgres_end },
};

static struct database database_open(const struct database_kind *kind)
{
    void *handle = kind->open();
    return (struct database){ kind, handle, kind->adapt(handle) };
}

static void database_close(struct database *database)
{
    database->kind->close(database->handle);
}

static bool database_exec(struct database *database, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool database_exec(struct database *database, const char *format, ...)
{
    char sql[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    return database->kind->exec(database->handle, sql);
}

#endif
