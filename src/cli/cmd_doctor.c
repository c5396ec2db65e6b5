// SPDX-License-Identifier: Apache-2.0
// tidings doctor: looks at everything that can be seen from here and says what to do.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/error.h"
#include "base/num.h"
#include "cli/doctor.h"
#include "cli/table.h"

enum { MIB = 1024 * 1024 };

void doctor_say(struct doctor *doctor, enum doctor_verdict verdict, const char *check,
                const char *next, const char *format, ...)
{
    static const char *const names[] = { "ok", "warn", "fail" };
    char text[1024];
    char safe[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    table_text(str_of(text), safe, sizeof safe);
    doctor->counts[verdict]++;
    if (doctor->rows != NULL) {
        json_t *row = json_pack("{s:s,s:s,s:s,s:s?}", "verdict", names[verdict], "check", check,
                                "text", safe, "next", next);
        json_array_append_new(doctor->rows, row);
        return;
    }
    printf("%-4s  %-12s  %s\n", names[verdict], check, safe);
    if (next != NULL) {
        table_text(str_of(next), safe, sizeof safe);
        printf("%-20s%s\n", "", safe);
    }
    fflush(stdout);
}

// Each name server; then the brokers that they know, by asking for the topics.
static void check_name_servers(struct doctor *doctor)
{
    const char *option = cli_option(doctor->cli, "name-server");
    struct str rest = str_of(option != NULL ? option : "127.0.0.1:9876");
    struct str piece;
    char address[256];
    char error[256];
    while (str_split(&rest, ';', &piece)) {
        if (!str_copy(address, sizeof address, str_trim(piece)) || address[0] == '\0') {
            continue;
        }
        if (rest_can_connect(doctor->rest, address, error, sizeof error)) {
            doctor_say(doctor, DOCTOR_OK, "name server", NULL, "%s is there", address);
        } else {
            doctor_say(doctor, DOCTOR_FAIL, "name server",
                       "is the server running? tidings serve --data DIR starts one; --name-server "
                       "names another",
                       "%s: %s", address, error);
        }
    }
}

static void check_brokers(struct doctor *doctor, tidings_admin *admin)
{
    struct tidings_error err = { 0 };
    char *json = NULL;
    tidings_status status = tidings_admin_topics(admin, &json, &err);
    if (status == TIDINGS_OK) {
        json_t *rows = json_loads(json, 0, NULL);
        doctor_say(doctor, DOCTOR_OK, "broker", NULL, "answers; %zu topics", json_array_size(rows));
        json_decref(rows);
    } else {
        doctor_say(doctor, DOCTOR_FAIL, "broker",
                   status == TIDINGS_E_PERMISSION
                       ? "set TIDINGS_ACCESS_KEY and TIDINGS_SECRET_KEY"
                       : "the server's log tells more; is its advertised address right?",
                   "%s", error_text(&err, status));
    }
    tidings_text_free(json);
}

void doctor_mq(struct doctor *doctor)
{
    struct tidings_error err = { 0 };
    tidings_admin *admin = NULL;
    tidings_config *config = cli_config(doctor->cli, "tidings_cli");
    check_name_servers(doctor);
    tidings_status status = config != NULL ? tidings_admin_new(config, &admin, &err)
                                           : error_set(&err, TIDINGS_E_INVALID, "wrong settings");
    tidings_config_free(config);
    if (status == TIDINGS_OK) {
        check_brokers(doctor, admin);
    } else {
        doctor_say(doctor, DOCTOR_FAIL, "broker", NULL, "%s", error_text(&err, status));
    }
    tidings_admin_free(admin);
}

void doctor_disk(struct doctor *doctor, const char *folder)
{
    struct statvfs disk;
    if (statvfs(folder, &disk) != 0) {
        doctor_say(doctor, DOCTOR_FAIL, "disk", "name the folder that the server has as --data",
                   "cannot look at %s: %s", folder, strerror(errno));
        return;
    }
    unsigned long long free_bytes = (unsigned long long)disk.f_bavail * disk.f_frsize;
    unsigned long long all_bytes = (unsigned long long)disk.f_blocks * disk.f_frsize;
    unsigned long long percent = all_bytes > 0 ? free_bytes / (all_bytes / 100 + 1) : 0;
    bool full = free_bytes < 64ULL * MIB; // the default of store.disk_reserve
    bool low = free_bytes < 1024ULL * MIB || percent < 5;
    doctor_say(doctor,
               full  ? DOCTOR_FAIL
               : low ? DOCTOR_WARN
                     : DOCTOR_OK,
               "disk", full || low ? "make room, or shorten the retention" : NULL,
               "%s: %llu MiB free (%llu %%)", folder, free_bytes / MIB, percent);
    if (disk.f_files > 0 && disk.f_favail < 1000) {
        doctor_say(doctor, DOCTOR_FAIL, "disk", "remove files on this disk",
                   "%s: only %llu more files can be made", folder,
                   (unsigned long long)disk.f_favail);
    }
}

static int finish(struct doctor *doctor)
{
    if (doctor->rows != NULL) {
        (void)cli_print_json(doctor->cli, doctor->rows, NULL);
    } else {
        printf("%d ok, %d to look at, %d failed\n", doctor->counts[DOCTOR_OK],
               doctor->counts[DOCTOR_WARN], doctor->counts[DOCTOR_FAIL]);
    }
    return doctor->counts[DOCTOR_FAIL] > 0 ? 1 : 0;
}

int cmd_doctor(struct cli *cli)
{
    struct doctor doctor = { .cli = cli, .timeout_ms = 5000 };
    const char *folder = cli_option(cli, "data");
    tidings_config *config = cli_config(cli, "tidings_cli"); // says what is wrong with it
    if (config == NULL || !cli_time_ms(cli, "timeout", doctor.timeout_ms, &doctor.timeout_ms) ||
        (doctor.rest = rest_open(cli)) == NULL) {
        tidings_config_free(config);
        return 2;
    }
    tidings_config_free(config);
    rest_set_timeout(doctor.rest, doctor.timeout_ms);
    doctor.rows = cli->json ? json_array() : NULL;
    doctor_mq(&doctor);
    bool asks = doctor_http(&doctor);
    if (folder != NULL) {
        doctor_disk(&doctor, folder);
    }
    if (asks) {
        doctor_receivers(&doctor);
    }
    rest_close(doctor.rest);
    return finish(&doctor);
}
