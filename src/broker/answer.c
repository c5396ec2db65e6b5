// SPDX-License-Identifier: Apache-2.0
#include "broker/answer.h"

#include <stdarg.h>
#include <stdio.h>

struct asker asker_of(const struct request *request)
{
    return (struct asker){
        .conn_id = net_conn_id(request->conn),
        .opaque = request->header->opaque,
        .code = request->header->code,
        .serialize = request->header->serialize,
        .oneway = (request->header->flag & WIRE_FLAG_ONEWAY) != 0,
    };
}

static void init_from_asker(const struct asker *asker, struct wire_header *response, int32_t code)
{
    response->code = code;
    response->opaque = asker->opaque;
    response->flag = WIRE_FLAG_RESPONSE;
    response->version = WIRE_VERSION;
    response->language = WIRE_LANGUAGE_OTHER;
    response->serialize = asker->serialize;
    response->remark = (struct str){ 0 };
    response->ext_count = 0;
}

void answer_begin(const struct asker *asker, struct wire_header *response, int32_t code)
{
    init_from_asker(asker, response, code);
    response->ext[0] = (struct wire_pair){ STR("MSG_REGION"), STR("DefaultRegion") };
    response->ext[1] = (struct wire_pair){ STR("TRACE_ON"), STR("true") };
    response->ext_count = 2;
}

static bool write_frame(struct net_conn *conn, const struct wire_header *header, struct str body)
{
    struct buf *out = net_conn_out(conn);
    size_t before = out->len;
    tidings_status status = wire_header_encode(header, body.len, out);
    if (status == TIDINGS_OK) {
        status = buf_add_str(out, body);
    }
    if (status != TIDINGS_OK) {
        out->len = before;
        net_conn_abort(conn); // cannot take the answer: a slow reader, or no memory
        return false;
    }
    // Else it was closed meanwhile: its closed callback cleans up.
    return net_conn_flush(conn) == TIDINGS_OK;
}

void answer_send(struct broker *broker, const struct asker *asker,
                 const struct wire_header *response, struct str body)
{
    if (response->code != WIRE_SUCCESS && response->code != WIRE_PULL_NOT_FOUND &&
        response->code != WIRE_PULL_RETRY_IMMEDIATELY) {
        broker->stats.requests_refused++;
    }
    if (asker->oneway) {
        return;
    }
    struct net_conn *conn = net_conn_find(broker->options.loop, asker->conn_id);
    if (conn != NULL) {
        (void)write_frame(conn, response, body);
    }
}

void answer_impossible(struct broker *broker, const struct asker *asker)
{
    struct net_conn *conn = net_conn_find(broker->options.loop, asker->conn_id);
    if (conn != NULL && !asker->oneway) {
        net_conn_abort(conn);
    }
}

static bool send_to_client(struct broker *broker, uint64_t conn_id, struct wire_header *push,
                           int32_t flag, struct str body)
{
    push->opaque = (int32_t)(rnd_next(&broker->rnd) & 0x7fffffff);
    push->flag = flag;
    push->version = WIRE_VERSION;
    push->language = WIRE_LANGUAGE_OTHER;
    push->serialize = WIRE_JSON; // every client reads it
    struct net_conn *conn = net_conn_find(broker->options.loop, conn_id);
    return conn != NULL && write_frame(conn, push, body);
}

bool answer_ask(struct broker *broker, uint64_t conn_id, struct wire_header *push, struct str body)
{
    return send_to_client(broker, conn_id, push, 0, body);
}

bool answer_push(struct broker *broker, uint64_t conn_id, struct wire_header *push, struct str body)
{
    return send_to_client(broker, conn_id, push, WIRE_FLAG_ONEWAY, body);
}

static void answer_text(struct request *request, int32_t code, struct str remark)
{
    struct asker asker = asker_of(request);
    struct wire_header response;
    init_from_asker(&asker, &response, code);
    response.remark = remark;
    answer_send(request->broker, &asker, &response, (struct str){ 0 });
}

void answer_code(struct request *request, int32_t code, const char *remark)
{
    answer_text(request, code, str_of(remark));
}

void answer_codef(struct request *request, int32_t code, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    answer_code(request, code, n < 0 ? "error" : text);
}

void answer_error(struct request *request, tidings_status status, const struct tidings_error *err)
{
    answer_code(request, status_remoting(status), error_text(err, status));
}

void answer_number(struct request *request, const char *field, int64_t value)
{
    struct asker asker = asker_of(request);
    struct wire_header response;
    char text[24];
    init_from_asker(&asker, &response, WIRE_SUCCESS);
    response.ext[0] =
        (struct wire_pair){ str_of(field), str_make(text, num_format_i64(text, value)) };
    response.ext_count = 1;
    answer_send(request->broker, &asker, &response, (struct str){ 0 });
}

void answer_body(struct request *request, struct str body)
{
    struct asker asker = asker_of(request);
    struct wire_header response;
    init_from_asker(&asker, &response, WIRE_SUCCESS);
    answer_send(request->broker, &asker, &response, body);
}

void answer_made(struct request *request, tidings_status status, const struct tidings_error *err)
{
    if (status == TIDINGS_OK) {
        answer_body(request, buf_str(&request->broker->body));
    } else {
        answer_error(request, status, err);
    }
}

tidings_status answer_comma(struct buf *out, bool *first)
{
    tidings_status status = *first ? TIDINGS_OK : buf_add(out, ",", 1);
    *first = false;
    return status;
}
