// SPDX-License-Identifier: Apache-2.0
// The HTTP port of the server: alive, ready, its clock, our key.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/doctor.h"
#include "cli/table.h"

enum { CLOCK_FINE_MS = 5000, CLOCK_BAD_MS = 300000 };

static bool get(struct doctor *doctor, const char *path, struct rest_reply *reply)
{
    struct rest_request request = { .method = "GET", .path = path };
    return rest_send(doctor->rest, &request, reply);
}

// The header Date is whole seconds: a second off is nothing.
static void check_clock(struct doctor *doctor, int64_t before_ms, int64_t after_ms,
                        int64_t server_ms)
{
    if (server_ms == 0) {
        doctor_say(doctor, DOCTOR_WARN, "clock", NULL, "the server does not tell its time");
        return;
    }
    int64_t off_ms = server_ms + 1000 < before_ms ? before_ms - server_ms - 1000
                     : server_ms > after_ms       ? server_ms - after_ms
                                                  : 0;
    enum doctor_verdict verdict = off_ms >= CLOCK_BAD_MS    ? DOCTOR_FAIL
                                  : off_ms >= CLOCK_FINE_MS ? DOCTOR_WARN
                                                            : DOCTOR_OK;
    doctor_say(
        doctor, verdict, "clock",
        verdict == DOCTOR_OK
            ? NULL
            : "let NTP set both clocks: signatures are refused when they are 5 minutes apart",
        "the server's clock is %lld s %s", (long long)off_ms / 1000,
        off_ms == 0             ? "away from ours"
        : server_ms < before_ms ? "behind ours"
                                : "ahead of ours");
}

static bool check_port(struct doctor *doctor)
{
    struct rest_reply reply = { 0 };
    int64_t before_ms = clock_wall_ms(clock_system());
    bool came = get(doctor, "/healthz", &reply);
    int64_t after_ms = clock_wall_ms(clock_system());
    if (!came) {
        doctor_say(doctor, DOCTOR_FAIL, "HTTP",
                   "is the server running? --server names its HTTP port", "%s: %s",
                   rest_server(doctor->rest), reply.error);
    } else if (!rest_is_good(&reply)) {
        doctor_say(doctor, DOCTOR_FAIL, "HTTP", "look at the server's log",
                   "%s/healthz answers HTTP %d", rest_server(doctor->rest), reply.status);
    } else {
        doctor_say(doctor, DOCTOR_OK, "HTTP", NULL, "%s answers", rest_server(doctor->rest));
        check_clock(doctor, before_ms, after_ms, reply.date_ms);
    }
    rest_reply_deinit(&reply);
    return came;
}

static void check_ready(struct doctor *doctor)
{
    struct rest_reply reply = { 0 };
    char text[200];
    if (get(doctor, "/readyz", &reply) && rest_is_good(&reply)) {
        doctor_say(doctor, DOCTOR_OK, "ready", NULL, "the server takes requests");
    } else {
        table_text(reply.status > 0 ? buf_str(&reply.body) : str_of(reply.error), text,
                   sizeof text);
        doctor_say(doctor, DOCTOR_FAIL, "ready", "the server's log tells more", "%s", text);
    }
    rest_reply_deinit(&reply);
}

static bool check_key(struct doctor *doctor)
{
    struct rest_reply reply = { 0 };
    bool came = get(doctor, "/v1/whoami", &reply);
    bool good = came && rest_is_good(&reply);
    if (good) {
        json_t *who = json_loadb(reply.body.ptr != NULL ? reply.body.ptr : "", reply.body.len,
                                 JSON_ALLOW_NUL, NULL);
        const char *name = json_string_value(json_object_get(who, "name"));
        const char *role = json_string_value(json_object_get(who, "role"));
        bool is_operator = role != NULL && strcmp(role, "operator") == 0;
        doctor_say(doctor, is_operator ? DOCTOR_OK : DOCTOR_WARN, "key",
                   is_operator ? NULL : "with a key of role operator more can be looked at",
                   "accepted: %s, role %s", name != NULL ? name : "?", role != NULL ? role : "?");
        json_decref(who);
    } else if (reply.status == 401 || reply.status == 403) {
        doctor_say(
            doctor, DOCTOR_FAIL, "key",
            "give one with TIDINGS_KEY or --key-file; tidings key create operator NAME makes "
            "one",
            "not accepted (HTTP %d)", reply.status);
    } else if (reply.status == 404) {
        doctor_say(doctor, DOCTOR_FAIL, "key", "is --server the HTTP port of a Tidings server?",
                   "no notification API there");
    } else {
        doctor_say(doctor, DOCTOR_FAIL, "key", "the server's log tells more", "%s (HTTP %d)",
                   came ? "the API does not answer" : reply.error, reply.status);
    }
    rest_reply_deinit(&reply);
    return good;
}

bool doctor_http(struct doctor *doctor)
{
    if (!check_port(doctor)) {
        return false;
    }
    check_ready(doctor);
    return check_key(doctor);
}
