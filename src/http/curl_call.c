// SPDX-License-Identifier: Apache-2.0
#include "http/curl_call.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/clock.h"

enum {
    RECEIVE_BUFFER = 16 * 1024,
    AUTHORITIES_S = 300, // then the file of authorities is read anew
    URL_KEPT_MAX = 4096,
    REPLY_KEPT_MAX = 16 * 1024,
};

// ---- what libcurl asks ----
// Asked each time before a request goes out. libcurl would send a second time over another
// connection when the first one ended without an answer: that is the caller's to decide, and to
// record. A GET may be repeated.
static int before_request(void *arg, char *ip, char *local_ip, int port, int local_port)
{
    struct curl_call *call = arg;
    (void)ip;
    (void)local_ip;
    (void)port;
    (void)local_port;
    if (call->sent && !call->is_get) {
        call->sent_again = true;
        return CURL_PREREQFUNC_ABORT;
    }
    call->sent = true;
    return CURL_PREREQFUNC_OK;
}

static size_t take_reply(char *bytes, size_t size, size_t count, void *arg)
{
    struct curl_call *call = arg;
    size_t len = size * count;
    size_t room = call->reply.max - call->reply.len;
    size_t kept = len < room ? len : room;
    if (buf_add(&call->reply, bytes, kept) != TIDINGS_OK || kept < len) {
        call->truncated = true;
        return 0; // ends the transfer
    }
    return len;
}

static size_t read_head(char *bytes, size_t size, size_t count, void *arg)
{
    struct curl_call *call = arg;
    size_t len = size * count;
    call->header_bytes += len;
    call->headers_too_large = call->header_bytes > HTTP_REPLY_HEADERS_MAX;
    head_line(str_make(bytes, len), &call->head_broken, &call->head_ended);
    struct str value;
    if (head_field(str_trim(str_make(bytes, len)), STR("retry-after:"), &value)) {
        call->retry_after_ms = head_retry_after_ms(value, clock_wall_ms(clock_system()));
    }
    return call->headers_too_large || call->head_broken ? 0 : len;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct curl_call *call = arg;
    const struct http_client_options *options = &call->call.client->options;
    const uint8_t *bytes = NULL;
    size_t len = 0;
    if (address->family == AF_INET) {
        bytes =
            (const uint8_t *)&((const struct sockaddr_in *)(const void *)&address->addr)->sin_addr;
        len = 4;
    } else if (address->family == AF_INET6) {
        bytes = (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)&address->addr)
                    ->sin6_addr;
        len = 16;
    }
    call->sent_again = call->sent && !call->is_get; // there is nothing to connect for
    if (purpose != CURLSOCKTYPE_IPCXN || len == 0 || call->sent_again) {
        return CURL_SOCKET_BAD;
    }
    if (options->allows != NULL &&
        !options->allows(options->arg, bytes, len, call->reason, sizeof call->reason)) {
        call->refused = true;
        return CURL_SOCKET_BAD;
    }
    call->refused = false; // another address of the name may be good
    return sockets_open(call->call.client->curl, address->family, address->socktype,
                        address->protocol);
}

// ---- a request is made ----
// The list that libcurl is given is made of our own nodes, in memory that a call keeps.
static tidings_status add_fields(struct curl_call *call, const struct http_outgoing *outgoing,
                                 struct tidings_error *err)
{
    size_t offsets[HTTP_FIELDS_MAX];
    buf_clear(&call->lines);
    for (size_t i = 0; i < outgoing->field_count; i++) {
        const struct http_field *field = &outgoing->fields[i];
        // A field without a value is written with a semicolon (CURLOPT_HTTPHEADER(3)).
        struct str separator = field->value.len > 0 ? STR(": ") : STR(";");
        offsets[i] = call->lines.len;
        if (buf_add_str(&call->lines, field->name) != TIDINGS_OK ||
            buf_add_str(&call->lines, separator) != TIDINGS_OK ||
            buf_add_str(&call->lines, field->value) != TIDINGS_OK ||
            buf_add(&call->lines, "", 1) != TIDINGS_OK) {
            return error_set(err, TIDINGS_E_NO_MEMORY, "http: no memory for a request");
        }
    }
    for (size_t i = 0; i < outgoing->field_count; i++) { // the memory moves no more
        call->fields[i].next = &call->fields[i + 1];
        call->fields[i + 1].data = call->lines.ptr + offsets[i];
    }
    call->fields[outgoing->field_count].next = NULL;
    return TIDINGS_OK;
}

#define SET(option, value) (curl_easy_setopt(call->easy, (option), (value)) == CURLE_OK)

static bool set_pem(struct curl_call *call, CURLoption option, const char *pem)
{
    if (pem == NULL) {
        return true;
    }
    // Two casts: the struct has no const, with the flag it is only read.
    struct curl_blob blob = { (void *)(uintptr_t)pem, strlen(pem), CURL_BLOB_COPY };
    return SET(option, &blob);
}

static bool set_credentials(struct curl_call *call, const struct http_outgoing *outgoing)
{
    return set_pem(call, CURLOPT_CAINFO_BLOB, outgoing->ca_pem) &&
           set_pem(call, CURLOPT_SSLCERT_BLOB, outgoing->client_pem) &&
           set_pem(call, CURLOPT_SSLKEY_BLOB, outgoing->client_key_pem) &&
           (outgoing->basic == NULL ||
            (SET(CURLOPT_HTTPAUTH, CURLAUTH_BASIC) && SET(CURLOPT_USERPWD, outgoing->basic))) &&
           (outgoing->bearer == NULL || (SET(CURLOPT_HTTPAUTH, CURLAUTH_BEARER) &&
                                         SET(CURLOPT_XOAUTH2_BEARER, outgoing->bearer)));
}

static bool set_manners(struct curl_call *call)
{
    return SET(CURLOPT_PROTOCOLS_STR, "http,https") && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
           SET(CURLOPT_PROXY, "") && SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) &&
           SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER) &&
           SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) &&
           SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) && SET(CURLOPT_TCP_NODELAY, 1L) &&
           SET(CURLOPT_HTTP09_ALLOWED, 0L);
}

// The authorities that everybody trusts are read and parsed once and kept for a while, in place of
// once for each connection (some 25 ms on this thread), where they are one file and no folder: the
// folder of a distribution holds the same ones. A libcurl that does not know this reads them anew.
static void set_authorities(struct curl_call *call)
{
    const char *file = NULL;
    if (curl_easy_getinfo(call->easy, CURLINFO_CAINFO, &file) == CURLE_OK && file != NULL &&
        SET(CURLOPT_CA_CACHE_TIMEOUT, (long)AUTHORITIES_S)) {
        (void)SET(CURLOPT_CAPATH, NULL);
    }
}

static bool set_callbacks(struct curl_call *call)
{
    return SET(CURLOPT_PRIVATE, call) && SET(CURLOPT_ERRORBUFFER, call->curl_error) &&
           SET(CURLOPT_OPENSOCKETFUNCTION, open_socket) && SET(CURLOPT_OPENSOCKETDATA, call) &&
           SET(CURLOPT_CLOSESOCKETFUNCTION, sockets_close) &&
           SET(CURLOPT_CLOSESOCKETDATA, call->call.client->curl) &&
           SET(CURLOPT_PREREQFUNCTION, before_request) && SET(CURLOPT_PREREQDATA, call) &&
           SET(CURLOPT_WRITEFUNCTION, take_reply) && SET(CURLOPT_WRITEDATA, call) &&
           SET(CURLOPT_HEADERFUNCTION, read_head) && SET(CURLOPT_HEADERDATA, call);
}

// All that is the same for every request.
static bool set_constants(struct curl_call *call)
{
    static char no_expect[] = "Expect:"; // no waiting before a large body
    call->fields[0] = (struct curl_slist){ .data = no_expect };
    call->set_deadline_ms = -1;
    buf_clear(&call->set_url);
    set_authorities(call);
    return set_manners(call) && set_callbacks(call) && SET(CURLOPT_HTTPHEADER, call->fields);
}

// ---- what differs; what is already so is not set again ----
static bool set_url(struct curl_call *call, const char *url)
{
    struct str wanted = str_of(url);
    if (call->set_url.len > 0 && str_eq(buf_str(&call->set_url), wanted)) {
        return true;
    }
    buf_clear(&call->set_url);
    if (!SET(CURLOPT_URL, url)) {
        return false;
    }
    if (buf_add_str(&call->set_url, wanted) != TIDINGS_OK) {
        buf_clear(&call->set_url); // too long to be kept: it is set each time
    }
    return true;
}

bool curl_call_set_deadline(struct curl_call *call, int64_t left_ms)
{
    if (left_ms == call->set_deadline_ms) {
        return true;
    }
    call->set_deadline_ms = left_ms;
    return SET(CURLOPT_TIMEOUT_MS, (long)left_ms) && SET(CURLOPT_CONNECTTIMEOUT_MS, (long)left_ms);
}

static bool set_request(struct curl_call *call, const struct http_outgoing *outgoing)
{
    struct str body = outgoing->body;
    call->is_get = strcmp(outgoing->method, "GET") == 0;
    if (!set_url(call, outgoing->url)) {
        return false;
    }
    if (call->is_get) {
        return SET(CURLOPT_CUSTOMREQUEST, NULL) && SET(CURLOPT_HTTPGET, 1L);
    }
    // Headers and body leave in one write. The bytes stay the caller's.
    return SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) &&
           SET(CURLOPT_POSTFIELDS, body.len > 0 ? body.ptr : "") &&
           (strcmp(outgoing->method, "POST") == 0 ? SET(CURLOPT_CUSTOMREQUEST, NULL)
                                                  : SET(CURLOPT_CUSTOMREQUEST, outgoing->method));
}

// ---- calls are kept ----
static struct curl_call *make(struct curl_way *way)
{
    struct curl_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        return NULL;
    }
    call->call.way = &curl_way;
    call->call.client = way->client;
    list_init(&call->call.node);
    list_init(&call->call.wait);
    heap_node_init(&call->call.due);
    buf_init(&call->lines, (size_t)HTTP_FIELDS_MAX * (HTTP_FIELD_MAX + 4));
    buf_init(&call->set_url, URL_KEPT_MAX);
    call->easy = curl_easy_init();
    if (call->easy == NULL || !set_constants(call)) {
        curl_call_free(call);
        return NULL;
    }
    return call;
}

tidings_status curl_way_take(struct curl_way *way, const struct http_outgoing *outgoing,
                             struct http_call **ret, struct tidings_error *err)
{
    struct list *kept = list_pop(&way->idle);
    struct curl_call *call =
        kept != NULL ? curl_call_of(LIST_ENTRY(kept, struct http_call, node)) : make(way);
    if (call == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "http: no memory for a request");
    }
    way->idle_count -= kept != NULL;
    call->reply.max = outgoing->reply_max;
    call->has_secrets = outgoing->ca_pem != NULL || outgoing->client_pem != NULL ||
                        outgoing->client_key_pem != NULL || outgoing->basic != NULL ||
                        outgoing->bearer != NULL;
    tidings_status status = add_fields(call, outgoing, err);
    if (status == TIDINGS_OK && !(set_request(call, outgoing) && set_credentials(call, outgoing))) {
        status = error_set(err, TIDINGS_E_INVALID, "http: libcurl does not take this request");
    }
    if (status != TIDINGS_OK) {
        curl_call_release(&call->call);
        return status;
    }
    *ret = &call->call;
    return TIDINGS_OK;
}

void curl_call_free(struct curl_call *call)
{
    if (call->easy != NULL) {
        curl_easy_cleanup(call->easy);
    }
    buf_deinit(&call->lines);
    buf_deinit(&call->set_url);
    buf_deinit(&call->reply);
    free(call);
}

void curl_call_release(struct http_call *base)
{
    struct curl_call *call = curl_call_of(base);
    struct http_client *client = base->client;
    struct curl_way *way = client->curl;
    bool is_good = true;
    if (call->has_secrets) { // all options go, so that none can be forgotten here
        curl_easy_reset(call->easy);
        is_good = set_constants(call);
    }
    if (!is_good || client->closing || way->idle_count >= HTTP_CALLS_KEPT_MAX) {
        curl_call_free(call);
        return;
    }
    call->reply.len = 0;
    if (call->reply.size > REPLY_KEPT_MAX) {
        buf_deinit(&call->reply);
    }
    if (call->lines.size > REPLY_KEPT_MAX) {
        buf_deinit(&call->lines);
    }
    call->header_bytes = 0;
    call->retry_after_ms = 0;
    call->head_broken = call->head_ended = false;
    call->truncated = call->headers_too_large = call->refused = false;
    call->sent = call->sent_again = false;
    base->ended = base->expired = base->no_memory = base->running = false;
    call->reason[0] = call->curl_error[0] = '\0';
    base->waited_us = 0;
    list_add_head(&way->idle, &base->node); // the warmest first
    way->idle_count++;
}
