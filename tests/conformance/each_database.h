// SPDX-License-Identifier: Apache-2.0
// Runs a conformance suite on an SQLite file and on a database of its own in each server of
// TIDINGS_DB_URLS (scripts/databases): programs that run side by side share no tables, no locks and
// no connections that one of them may end.
#ifndef TEST_EACH_DATABASE_H
#define TEST_EACH_DATABASE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "db/db.h"

// `path`: the SQLite file's, NULL for a server's database. Returns how many tests failed.
typedef int each_run(const char *url, const char *path);

static void each_remove_file(const char *path)
{
    static const char *const ends[] = { "", "-wal", "-shm" };
    char name[128];
    for (size_t i = 0; i < BASE_COUNT(ends); i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
}

static void each_exec(const char *url, const char *sql)
{
    struct tidings_error err = { 0 };
    struct db *db = NULL;
    tidings_status status = db_open(url, &(struct db_options){ .sync = DB_SYNC_NORMAL }, &db, &err);
    if (status == TIDINGS_OK) {
        status = db_exec(db, sql, &err);
    }
    if (status != TIDINGS_OK) {
        (void)fprintf(stderr, "%s: %s\n", sql, err.text);
        exit(1);
    }
    db_close(db);
}

// As if nothing had ever been there.
static inline void each_empty(const char *url, const char *path)
{
    if (path != NULL) {
        each_remove_file(path);
    } else {
        each_exec(url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    }
}

static int each_file(const char *program, each_run *run)
{
    char folder[64];
    char path[96];
    char url[128];
    (void)snprintf(folder, sizeof folder, "/tmp/tidings-%s-XXXXXX", program);
    if (mkdtemp(folder) == NULL) {
        return 1;
    }
    (void)snprintf(path, sizeof path, "%s/r.db", folder);
    (void)snprintf(url, sizeof url, "sqlite://%s", path);
    int failed = run(url, path);
    each_remove_file(path);
    (void)rmdir(folder);
    return failed;
}

// "postgresql:///tidings?host=…" with another database's name in it.
static int each_server(const char *program, struct str server, each_run *run)
{
    char name[64];
    char url[512];
    char sql[128];
    char *given = str_dup(server);
    size_t slash = str_find_str(server, STR(":///"));
    size_t end = str_find(server, '?', 0);
    if (given == NULL || slash == SIZE_MAX || end == SIZE_MAX) {
        (void)fprintf(stderr, "TIDINGS_DB_URLS: no URL like scheme:///database?…\n");
        exit(1);
    }
    (void)snprintf(name, sizeof name, "test_%s_%d", program, (int)getpid());
    (void)snprintf(url, sizeof url, "%.*s%s%.*s", (int)(slash + 4), server.ptr, name,
                   (int)(server.len - end), server.ptr + end);
    (void)snprintf(sql, sizeof sql, "CREATE DATABASE %s", name);
    each_exec(given, sql);
    int failed = run(url, NULL);
    (void)snprintf(sql, sizeof sql, "DROP DATABASE %s", name);
    each_exec(given, sql);
    free(given);
    return failed;
}

static int each_database(const char *program, each_run *run)
{
    const char *urls = getenv("TIDINGS_DB_URLS");
    struct str rest = str_of(urls);
    struct str piece;
    if (urls == NULL) {
        (void)fprintf(stderr, "TIDINGS_DB_URLS is not set: run the tests by scripts/test, or "
                              "within scripts/databases\n");
        return 1;
    }
    int failed = each_file(program, run);
    while (str_split(&rest, ' ', &piece)) {
        failed += piece.len > 0 ? each_server(program, piece, run) : 0;
    }
    return failed;
}

#endif
