// SPDX-License-Identifier: Apache-2.0
// Requests of the commands to the notifier's HTTP API (docs/openapi.yaml), over libcurl: one
// connection, one request at a time, each with a deadline, replies bounded.
//
// Common options: --server URL (or TIDINGS_SERVER), --key, --key-file (or TIDINGS_KEY), --timeout.
// The key is never printed. Proxies of the environment are not used, redirects not followed: a key
// goes to the server that was named and nowhere else.
#ifndef CLI_REST_H
#define CLI_REST_H

#include <jansson.h>

#include "base/str.h"
#include "cli/cli.h"

enum {
    REST_REPLY_MAX = 64 * 1024 * 1024,
    REST_PATH_MAX = 8192,
    REST_HEADERS_MAX = 16,
    REST_TIMEOUT_MS = 30000,
};

struct rest;

struct rest_header {
    const char *name;
    const char *value;
};
struct rest_request {
    const char *method;
    const char *path; // "/v1/…", with its query
    struct str body;
    const char *content_type; // NULL without a body
    struct rest_header headers[REST_HEADERS_MAX];
    size_t header_count;
};
struct rest_reply {
    int status; // of HTTP, 0 when none came
    struct buf body;
    char content_type[256];
    int64_t date_ms; // of the header Date, 0 without
    int64_t retry_after_s;
    tidings_status failure; // OK when there is a status
    char error[256];
};

// NULL when it was said on stderr which option is wrong: exit code 2.
struct rest *rest_open(struct cli *cli);
void rest_close(struct rest *rest); // NULL allowed
const char *rest_server(const struct rest *rest);
// Requests take at most this long from now on.
void rest_set_timeout(struct rest *rest, int64_t timeout_ms);
// False when the value cannot be a header's (said on stderr): control characters, spaces around it.
bool rest_add_header(struct cli *cli, struct rest_request *request, const char *name,
                     const char *value);

// `reply` is zeroed at first and empty again after rest_reply_deinit. True when a reply came, with
// whatever status.
bool rest_send(struct rest *rest, const struct rest_request *request, struct rest_reply *reply);
void rest_reply_deinit(struct rest_reply *reply);
bool rest_is_good(const struct rest_reply *reply); // 2xx
// A failure that may pass by itself: no connection, 429, 502 to 504.
bool rest_is_passing(const struct rest_reply *reply);
// Says on stderr what the server said and the next step. Returns 1.
int rest_fail(const struct cli *cli, const struct rest *rest, const struct rest_reply *reply);

// The usual course: sends (body: taken, may be NULL), wants a 2xx with JSON. NULL when it was said
// on stderr what failed. An answer without a body (204) is an empty object.
json_t *rest_json(struct cli *cli, struct rest *rest, const char *method, const char *path,
                  json_t *body);
json_t *rest_reply_json(const struct cli *cli, const struct rest_reply *reply);

// Paths: a segment or a query parameter, percent-encoded. False when it becomes too long.
struct rest_path {
    char text[REST_PATH_MAX];
    size_t len;
    bool has_query;
    bool too_long;
};
void rest_path_init(struct rest_path *path, const char *text);
void rest_path_add(struct rest_path *path, const char *text);     // as it is
void rest_path_segment(struct rest_path *path, const char *text); // "/" and the text, encoded
void rest_path_query(struct rest_path *path, const char *name, const char *value);
void rest_path_query_number(struct rest_path *path, const char *name, int64_t value);

// All pages of a list: calls `each` with the items of one page, until it returns false, an error
// came, or the end. True when the end was reached or `each` wanted no more.
typedef bool rest_each(void *arg, json_t *items, bool more);
bool rest_pages(struct cli *cli, struct rest *rest, const struct rest_path *path, rest_each *each,
                void *arg);

// Waits, but not beyond a signal to end (SIGINT, SIGTERM), which rest_open has blocked: true when
// one came. Requests under way end at such a signal, too.
bool rest_pause(int64_t ms);
// Whether somebody listens there ("host:port"), of whatever protocol.
bool rest_can_connect(struct rest *rest, const char *address, char *error, size_t size);

#endif
