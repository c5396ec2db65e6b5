// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "http/server.h"

// The fields' values are not set: there are 4 KiB of them, and most responses have none.
void response_init(struct http_response *response)
{
    response->status = 200;
    response->content_type = "text/plain; charset=utf-8";
    response->field_count = 0;
}

void http_response_field(struct http_response *response, const char *name, const char *format, ...)
{
    va_list args;
    BASE_ASSERT(response->field_count < HTTP_RESPONSE_FIELDS_MAX);
    char *value = response->fields[response->field_count].value;
    va_start(args, format);
    int len = vsnprintf(value, HTTP_RESPONSE_FIELD_SIZE, format, args);
    va_end(args);
    BASE_ASSERT(len >= 0 && len < HTTP_RESPONSE_FIELD_SIZE);
    for (char *c = value; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = ' '; // no second line, whatever went into it
        }
    }
    response->fields[response->field_count++].name = name;
}

static bool has_field(const struct http_response *response, const char *name)
{
    for (size_t i = 0; i < response->field_count; i++) {
        if (strcasecmp(response->fields[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

void response_refuse(struct http_server *server, int status, const char *text,
                     struct http_response *response)
{
    response->status = status;
    if (server->options.refuse != NULL) {
        server->options.refuse(server->options.arg, status, text, response);
    } else if (buf_addf(&response->body, "%s\n", text) != TIDINGS_OK) {
        response->body.len = 0;
    }
    if (response->status == 503 && response->field_count < HTTP_RESPONSE_FIELDS_MAX &&
        !has_field(response, "Retry-After")) {
        http_response_field(response, "Retry-After", "1");
    }
}

static struct MHD_Response *make_answer(struct http_response *response, bool has_body)
{
    static char nothing[1];
    if (!has_body || response->body.len == 0) {
        return MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    }
    if (response->body.size <= HTTP_SPARE_BODY) {
        return MHD_create_response_from_buffer(response->body.len, response->body.ptr,
                                               MHD_RESPMEM_PERSISTENT);
    }
    // The buffer is handed over instead of copied; it was made by malloc, and is freed by free.
    struct MHD_Response *answer = MHD_create_response_from_buffer(
        response->body.len, response->body.ptr, MHD_RESPMEM_MUST_FREE);
    if (answer != NULL) {
        buf_init(&response->body, HTTP_RESPONSE_MAX);
    }
    return answer;
}

enum MHD_Result response_queue(struct MHD_Connection *mhd, struct http_response *response)
{
    bool has_body = response->status != 204 && response->status != 304;
    struct MHD_Response *answer = make_answer(response, has_body);
    if (answer == NULL) {
        return MHD_NO;
    }
    enum MHD_Result result = MHD_YES;
    if (has_body && response->content_type != NULL) {
        result =
            MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, response->content_type);
    }
    for (size_t i = 0; i < response->field_count && result == MHD_YES; i++) {
        if (response->fields[i].value[0] != '\0') {
            result = MHD_add_response_header(answer, response->fields[i].name,
                                             response->fields[i].value);
        }
    }
    if (result == MHD_YES) {
        result = MHD_queue_response(mhd, (unsigned)response->status, answer);
    }
    MHD_destroy_response(answer);
    return result;
}
