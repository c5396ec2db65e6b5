// SPDX-License-Identifier: Apache-2.0
// The course of one request: header, body in pieces, handler, answer (now or later), done.
#include <stdlib.h>

#include "base/num.h"
#include "http/server.h"

enum { BODY_FIRST_MAX = 64 * 1024 }; // what is believed of Content-Length before anything came

void exchange_set_phase(struct http_exchange *exchange, enum phase phase)
{
    struct worker *worker = exchange->worker;
    if (exchange->connection->phase == PHASE_WRITING) {
        worker->writing--;
    }
    exchange->connection->phase = phase;
    exchange->connection->since_ms = worker->now_ms;
    if (phase == PHASE_WRITING) {
        worker->writing++;
    }
}

// ---- the path ----
static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

// Decodes in place. What is no escape, or stands for NUL, or is a control character, makes the
// whole request a wrong one.
static size_t unescape(char *text, bool *ret_bad)
{
    size_t out = 0;
    for (size_t in = 0; text[in] != '\0'; in++) {
        int byte = (unsigned char)text[in];
        if (byte == '%') {
            int high = hex_digit(text[in + 1]);
            int low = high >= 0 ? hex_digit(text[in + 2]) : -1;
            if (low < 0) {
                *ret_bad = true;
                break;
            }
            byte = high * 16 + low;
            in += 2;
        }
        *ret_bad = *ret_bad || byte == 0;
        text[out++] = (char)byte;
    }
    text[out] = '\0';
    return out;
}

size_t exchange_unescape(void *arg, struct MHD_Connection *mhd, char *text)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *connection = info != NULL ? info->socket_context : NULL;
    bool bad = false;
    (void)arg;
    size_t len = unescape(text, &bad);
    if (bad && connection != NULL) {
        connection->bad_escape = true;
    }
    return len;
}

// A proxy's way to ask, which servers take too (RFC 9112 section 3.2.2): the path begins behind the
// host.
static const char *without_host(const char *path)
{
    const char *host = strstr(path, "://");
    if (path[0] == '/' || host == NULL) {
        return path;
    }
    const char *slash = strchr(host + 3, '/');
    return slash != NULL ? slash : "/";
}

static bool is_clean_path(const char *path)
{
    for (const char *c = path; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return false;
        }
    }
    return path[0] == '/';
}

// ---- the body ----
static void clear(struct buf *buf)
{
    if (buf->size > HTTP_SPARE_BODY) {
        buf_deinit(buf);
    } else {
        buf_clear(buf);
    }
}

static void drop_body(struct http_exchange *exchange)
{
    if (exchange->held > 0) {
        atomic_fetch_sub(&exchange->worker->server->bodies_held, exchange->held);
        exchange->held = 0;
    }
    clear(&exchange->body);
}

static void refuse_body(struct http_exchange *exchange, int status, const char *text)
{
    drop_body(exchange);
    exchange->refusal = status;
    exchange->refusal_text = text;
}

static void refuse_too_large(struct http_exchange *exchange)
{
    refuse_body(exchange, 413, "the body is larger than this server takes");
}

static void refuse_for_now(struct http_exchange *exchange)
{
    refuse_body(exchange, 503, "too many request bodies are held at the moment; try again");
}

// Makes room, and counts what is allocated for all requests together.
static void reserve(struct http_exchange *exchange, size_t more)
{
    struct http_server *server = exchange->worker->server;
    size_t max = server->options.bodies_total_max;
    tidings_status status = buf_reserve(&exchange->body, more, NULL);
    size_t grown = exchange->body.size - exchange->held;
    exchange->held += grown;
    // Not `atomic_fetch_add(…, grown) + grown`: of that sum GCC 12 makes twice the old value.
    size_t others = grown > 0 ? atomic_fetch_add(&server->bodies_held, grown) : 0;
    bool too_many = max > 0 && grown > 0 && (others > max || grown > max - others);
    if (status == TIDINGS_E_TOO_LARGE) {
        refuse_too_large(exchange);
    } else if (status != TIDINGS_OK || too_many) {
        refuse_for_now(exchange);
    }
}

static bool take_piece(struct http_exchange *exchange, const char *bytes, size_t len)
{
    if (exchange->refusal == 0) {
        reserve(exchange, len);
    }
    if (exchange->refusal == 0) {
        return buf_add(&exchange->body, bytes, len) == TIDINGS_OK; // there is room
    }
    exchange->drained += len;
    return exchange->drained <= HTTP_DRAIN_MAX;
}

// ---- the answer ----
static enum MHD_Result send_answer(struct http_exchange *exchange)
{
    drop_body(exchange);
    exchange->request.body = (struct str){ 0 };
    exchange_set_phase(exchange, PHASE_WRITING);
    return response_queue(exchange->mhd, &exchange->response);
}

static enum MHD_Result refuse(struct http_exchange *exchange, int status, const char *text)
{
    response_refuse(exchange->worker->server, status, text, &exchange->response);
    return send_answer(exchange);
}

static enum MHD_Result handle(struct http_exchange *exchange)
{
    struct worker *worker = exchange->worker;
    const struct http_server_options *options = &worker->server->options;
    if (exchange->refusal != 0) {
        return refuse(exchange, exchange->refusal, exchange->refusal_text);
    }
    if (worker->stopping) {
        return refuse(exchange, 503, "the server is stopping");
    }
    exchange->request.body = buf_str(&exchange->body);
    exchange_set_phase(exchange, PHASE_HANDLING);
    options->handler(options->arg, &exchange->request, &exchange->response);
    if (!exchange->is_later) {
        return send_answer(exchange);
    }
    // From here on the exchange is its answerer's, until worker_push has brought it back.
    worker->later++;
    MHD_suspend_connection(exchange->mhd);
    return MHD_YES;
}

void http_exchange_later(struct http_exchange *exchange)
{
    BASE_ASSERT(!exchange->is_later);
    exchange->is_later = true;
}

void http_exchange_answer(struct http_exchange *exchange)
{
    worker_push(exchange->worker, exchange);
}

// ---- what libmicrohttpd calls ----
void exchange_free(struct http_exchange *exchange)
{
    buf_deinit(&exchange->body);
    buf_deinit(&exchange->response.body);
    free(exchange);
}

// With buffers that are empty.
static struct http_exchange *take_exchange(struct worker *worker)
{
    struct http_exchange *exchange = worker->spare;
    if (exchange != NULL) {
        worker->spare = exchange->next;
        worker->spare_count--;
        return exchange;
    }
    exchange = malloc(sizeof *exchange);
    if (exchange != NULL) {
        buf_init(&exchange->body, worker->server->options.body_max);
        buf_init(&exchange->response.body, HTTP_RESPONSE_MAX);
    }
    return exchange;
}

static void give_exchange(struct worker *worker, struct http_exchange *exchange)
{
    if (worker->spare_count == HTTP_SPARE_MAX) {
        exchange_free(exchange);
        return;
    }
    clear(&exchange->response.body);
    exchange->next = worker->spare;
    worker->spare = exchange;
    worker->spare_count++;
}

static struct http_exchange *exchange_new(struct worker *worker, struct MHD_Connection *mhd,
                                          const char *path, const char *method)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    bool is_known = info != NULL && info->socket_context != NULL;
    struct http_exchange *exchange = is_known ? take_exchange(worker) : NULL;
    if (exchange == NULL) {
        return NULL;
    }
    exchange->worker = worker;
    exchange->mhd = mhd;
    exchange->connection = info->socket_context;
    exchange->next = NULL;
    exchange->held = 0;
    exchange->drained = 0;
    exchange->refusal = 0;
    exchange->refusal_text = "";
    exchange->is_later = false;
    exchange->is_answered = false;
    exchange->request = (struct http_request){ method, without_host(path), { 0 }, exchange };
    response_init(&exchange->response);
    exchange_set_phase(exchange, PHASE_READING);
    return exchange;
}

// The header is there, the body is not. OK to go on; an answer now ends the connection, which is
// right only for a client that waits for our word before it sends, or that has too much to say.
static enum MHD_Result begin(struct http_exchange *exchange)
{
    const char *text = http_request_header(&exchange->request, "Content-Length");
    int64_t length = 0;
    if (exchange->connection->bad_escape || !is_clean_path(exchange->request.path)) {
        exchange->connection->bad_escape = false;
        exchange->refusal = 400;
        exchange->refusal_text = "the path or query has a wrong percent escape";
    }
    if (text == NULL || !num_parse_i64(str_of(text), 0, INT64_MAX, &length)) {
        length = text != NULL ? INT64_MAX : 0;
    }
    if (exchange->refusal == 0 && (uint64_t)length > exchange->body.max) {
        refuse_too_large(exchange);
    }
    bool waits = http_request_header(&exchange->request, "Expect") != NULL;
    if (exchange->refusal != 0 && length > 0 && (waits || length > HTTP_DRAIN_MAX)) {
        return refuse(exchange, exchange->refusal, exchange->refusal_text);
    }
    if (exchange->refusal == 0 && length > 0) {
        reserve(exchange, length < BODY_FIRST_MAX ? (size_t)length : BODY_FIRST_MAX);
    }
    return MHD_YES;
}

enum MHD_Result exchange_on_request(void *arg, struct MHD_Connection *mhd, const char *path,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_len, void **state)
{
    struct http_exchange *exchange = *state;
    (void)version;
    if (exchange == NULL) {
        exchange = exchange_new(arg, mhd, path, method);
        *state = exchange;
        return exchange != NULL ? begin(exchange) : MHD_NO;
    }
    if (exchange->is_answered) {
        return send_answer(exchange);
    }
    if (*upload_len > 0) {
        bool goes_on = take_piece(exchange, upload, *upload_len);
        *upload_len = 0;
        return goes_on ? MHD_YES : MHD_NO;
    }
    return handle(exchange);
}

void exchange_on_done(void *arg, struct MHD_Connection *mhd, void **state,
                      enum MHD_RequestTerminationCode code)
{
    struct http_exchange *exchange = *state;
    (void)arg;
    (void)mhd;
    (void)code;
    if (exchange != NULL) {
        exchange_set_phase(exchange, PHASE_WAITING);
        drop_body(exchange);
        give_exchange(exchange->worker, exchange);
        *state = NULL;
    }
}
