// SPDX-License-Identifier: Apache-2.0
// HTTP for the two demo services: a server (libmicrohttpd), one GET (libcurl), JSON answers
// (jansson).
#ifndef DEMO_WEB_H
#define DEMO_WEB_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct web_request {
    const char *method;
    const char *path;
    const char *body; // ends with NUL
    size_t body_len;
    void *connection; // for web_header and web_query
};

struct web_server;
// Answers with an HTTP status and a new JSON value (taken over; NULL answers without a body).
typedef int web_handler(void *arg, const struct web_request *request, json_t **ret_answer);

// Listens on loopback, one thread per core's worth of connections; NULL when it cannot (said on
// stderr).
struct web_server *web_start(int port, web_handler *handler, void *arg);
void web_stop(struct web_server *server);
const char *web_header(const struct web_request *request, const char *name); // NULL when absent
const char *web_query(const struct web_request *request, const char *name);
// The part of the path behind `prefix`, if it is one piece; NULL otherwise.
const char *web_tail(const struct web_request *request, const char *prefix);
// {"error": text}
json_t *web_error(const char *text);

// GET with time-outs. Returns the HTTP status, or 0 when there was no answer; *ret_body is new JSON
// or NULL.
int web_get(const char *url, json_t **ret_body);

// Waits for SIGTERM or SIGINT (blocked by web_block_signals, before any thread starts).
void web_block_signals(void);
void web_wait_signal(void);

// Money: "12.34" ↔ 1234 minor units (two digits). 0 when the text is no amount > 0 with at most two
// decimals.
int64_t money_parse(const char *text);
void money_format(int64_t minor, char *out, size_t size);
int64_t now_ms(void);

#endif
