// SPDX-License-Identifier: Apache-2.0
#include "http/call.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_BUFFER = 16 * 1024 };

// ---- what libcurl asks ----
static size_t give_body(char *out, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t left = call->body.len - call->body_sent;
    size_t len = left < size * count ? left : size * count;
    if (len > 0) {
        memcpy(out, call->body.ptr + call->body_sent, len);
        call->body_sent += len;
    }
    return len;
}

// libcurl would rewind the body to send it again over another connection: that is the caller's to
// decide, and to record.
static int refuse_rewind(void *arg, curl_off_t offset, int origin)
{
    (void)arg;
    (void)offset;
    (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

static size_t take_reply(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t len = size * count;
    size_t room = call->reply.max - call->reply.len;
    size_t kept = len < room ? len : room;
    if (buf_add(&call->reply, bytes, kept) != TIDINGS_OK || kept < len) {
        call->truncated = true;
        return 0; // ends the transfer
    }
    return len;
}

static size_t count_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    (void)bytes;
    call->header_bytes += size * count;
    call->headers_too_large = call->header_bytes > HTTP_REPLY_HEADERS_MAX;
    return call->headers_too_large ? 0 : size * count;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_call *call = arg;
    const struct http_client_options *options = &call->client->options;
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
    if (purpose != CURLSOCKTYPE_IPCXN || len == 0) {
        return CURL_SOCKET_BAD;
    }
    if (options->allows != NULL &&
        !options->allows(options->arg, bytes, len, call->reason, sizeof call->reason)) {
        call->refused = true;
        return CURL_SOCKET_BAD;
    }
    call->refused = false; // another address of the name may be good
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

// ---- a request is made ----
static bool is_field(struct str text, bool is_name)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f || (is_name && (c == ' ' || c == ':' || c >= 0x80))) {
            return false;
        }
    }
    return text.len > 0 || !is_name;
}

static tidings_status add_line(struct http_call *call, const char *line, struct tidings_error *err)
{
    struct curl_slist *list = curl_slist_append(call->fields, line);
    if (list == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "http: no memory for a request");
    }
    call->fields = list;
    return TIDINGS_OK;
}

static tidings_status add_fields(struct http_call *call, const struct http_outgoing *outgoing,
                                 struct tidings_error *err)
{
    char line[HTTP_FIELD_MAX + 4];
    if (outgoing->field_count > HTTP_FIELDS_MAX) {
        return error_set(err, TIDINGS_E_TOO_LARGE, "http: %zu header fields, at most %d",
                         outgoing->field_count, HTTP_FIELDS_MAX);
    }
    tidings_status status = add_line(call, "Expect:", err); // no waiting before a large body
    for (size_t i = 0; i < outgoing->field_count && status == TIDINGS_OK; i++) {
        const struct http_field *field = &outgoing->fields[i];
        if (!is_field(field->name, true) || !is_field(field->value, false) ||
            field->name.len + field->value.len > HTTP_FIELD_MAX) {
            return error_set(err, TIDINGS_E_INVALID,
                             "http: header field %zu: a name, and a value without control "
                             "characters, of %d bytes together",
                             i + 1, HTTP_FIELD_MAX);
        }
        // A field without a value is written with a semicolon (CURLOPT_HTTPHEADER(3)).
        (void)snprintf(line, sizeof line, field->value.len > 0 ? "%.*s: %.*s" : "%.*s;%.*s",
                       (int)field->name.len, field->name.ptr, (int)field->value.len,
                       field->value.len > 0 ? field->value.ptr : "");
        status = add_line(call, line, err);
    }
    return status;
}

#define SET(option, value) (curl_easy_setopt(call->easy, (option), (value)) == CURLE_OK)

static bool set_pem(struct http_call *call, CURLoption option, const char *pem)
{
    if (pem == NULL) {
        return true;
    }
    // Two casts: the struct has no const, with the flag it is only read.
    struct curl_blob blob = { (void *)(uintptr_t)pem, strlen(pem), CURL_BLOB_COPY };
    return SET(option, &blob);
}

static bool set_credentials(struct http_call *call, const struct http_outgoing *outgoing)
{
    return set_pem(call, CURLOPT_CAINFO_BLOB, outgoing->ca_pem) &&
           set_pem(call, CURLOPT_SSLCERT_BLOB, outgoing->client_pem) &&
           set_pem(call, CURLOPT_SSLKEY_BLOB, outgoing->client_key_pem) &&
           (outgoing->basic == NULL ||
            (SET(CURLOPT_HTTPAUTH, CURLAUTH_BASIC) && SET(CURLOPT_USERPWD, outgoing->basic))) &&
           (outgoing->bearer == NULL || (SET(CURLOPT_HTTPAUTH, CURLAUTH_BEARER) &&
                                         SET(CURLOPT_XOAUTH2_BEARER, outgoing->bearer)));
}

static bool set_manners(struct http_call *call)
{
    return SET(CURLOPT_PROTOCOLS_STR, "http,https") && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
           SET(CURLOPT_PROXY, "") && SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) &&
           SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER) &&
           SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) && SET(CURLOPT_PIPEWAIT, 1L) &&
           SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) && SET(CURLOPT_TCP_NODELAY, 1L) &&
           SET(CURLOPT_HTTP09_ALLOWED, 0L);
}

static bool set_callbacks(struct http_call *call)
{
    return SET(CURLOPT_PRIVATE, call) && SET(CURLOPT_ERRORBUFFER, call->curl_error) &&
           SET(CURLOPT_OPENSOCKETFUNCTION, open_socket) && SET(CURLOPT_OPENSOCKETDATA, call) &&
           SET(CURLOPT_READFUNCTION, give_body) && SET(CURLOPT_READDATA, call) &&
           SET(CURLOPT_SEEKFUNCTION, refuse_rewind) && SET(CURLOPT_SEEKDATA, call) &&
           SET(CURLOPT_WRITEFUNCTION, take_reply) && SET(CURLOPT_WRITEDATA, call) &&
           SET(CURLOPT_HEADERFUNCTION, count_header) && SET(CURLOPT_HEADERDATA, call);
}

static bool set_request(struct http_call *call, const struct http_outgoing *outgoing)
{
    bool is_get = strcmp(outgoing->method, "GET") == 0;
    // Of an empty body there is nothing to rewind, so libcurl may not reuse a connection for it.
    bool fresh = outgoing->body.len == 0 && !is_get;
    return SET(CURLOPT_URL, outgoing->url) && SET(CURLOPT_HTTPHEADER, call->fields) &&
           SET(CURLOPT_TIMEOUT_MS, (long)outgoing->deadline_ms) &&
           SET(CURLOPT_CONNECTTIMEOUT_MS, (long)outgoing->deadline_ms) &&
           SET(CURLOPT_FRESH_CONNECT, (long)fresh) &&
           (is_get ? SET(CURLOPT_HTTPGET, 1L)
                   : SET(CURLOPT_POST, 1L) && SET(CURLOPT_CUSTOMREQUEST, outgoing->method) &&
                         SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)outgoing->body.len));
}

tidings_status call_new(struct http_client *client, const struct http_outgoing *outgoing,
                        struct http_call **ret, struct tidings_error *err)
{
    struct http_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "http: no memory for a request");
    }
    call->client = client;
    call->body = outgoing->body;
    list_init(&call->node);
    buf_init(&call->reply, outgoing->reply_max);
    call->easy = curl_easy_init();
    tidings_status status = call->easy != NULL
                                ? add_fields(call, outgoing, err)
                                : error_set(err, TIDINGS_E_NO_MEMORY, "http: no memory");
    if (status == TIDINGS_OK && !(set_manners(call) && set_callbacks(call) &&
                                  set_request(call, outgoing) && set_credentials(call, outgoing))) {
        status = error_set(err, TIDINGS_E_INVALID, "http: libcurl does not take this request");
    }
    if (status != TIDINGS_OK) {
        call_free(call);
        return status;
    }
    *ret = call;
    return TIDINGS_OK;
}

void call_free(struct http_call *call)
{
    if (call->easy != NULL) {
        curl_easy_cleanup(call->easy);
    }
    curl_slist_free_all(call->fields);
    buf_deinit(&call->reply);
    free(call);
}

// ---- how it ended ----
static const struct {
    CURLcode code;
    enum http_failure failure;
} failures[] = {
    { CURLE_OK, HTTP_FINE },
    { CURLE_COULDNT_RESOLVE_HOST, HTTP_RESOLVE },
    { CURLE_COULDNT_CONNECT, HTTP_CONNECT },
    { CURLE_OPERATION_TIMEDOUT, HTTP_DEADLINE },
    { CURLE_SSL_CONNECT_ERROR, HTTP_TLS },
    { CURLE_PEER_FAILED_VERIFICATION, HTTP_TLS },
    { CURLE_SSL_ISSUER_ERROR, HTTP_TLS },
    { CURLE_SSL_INVALIDCERTSTATUS, HTTP_TLS },
    { CURLE_SSL_CIPHER, HTTP_TLS },
    { CURLE_SSL_CLIENTCERT, HTTP_TLS },
    { CURLE_SEND_ERROR, HTTP_SEND },
    { CURLE_SEND_FAIL_REWIND, HTTP_RECEIVE }, // sent once, and nothing came back
    { CURLE_RECV_ERROR, HTTP_RECEIVE },
    { CURLE_GOT_NOTHING, HTTP_RECEIVE },
    { CURLE_PARTIAL_FILE, HTTP_RECEIVE },
    { CURLE_HTTP2, HTTP_MALFORMED },
    { CURLE_HTTP2_STREAM, HTTP_RECEIVE },
    { CURLE_WEIRD_SERVER_REPLY, HTTP_MALFORMED },
    { CURLE_UNSUPPORTED_PROTOCOL, HTTP_MALFORMED }, // HTTP/0.9
    { CURLE_BAD_CONTENT_ENCODING, HTTP_MALFORMED },
};

static enum http_failure failure_of(const struct http_call *call, CURLcode code)
{
    if (call->ended) {
        return HTTP_ENDED;
    }
    if (code == CURLE_WRITE_ERROR) { // we ended it
        return call->headers_too_large ? HTTP_MALFORMED
               : call->truncated       ? HTTP_FINE
                                       : HTTP_IMPOSSIBLE;
    }
    if (code == CURLE_COULDNT_CONNECT && call->refused) {
        return HTTP_REFUSED;
    }
    for (size_t i = 0; i < BASE_COUNT(failures); i++) {
        if (failures[i].code == code) {
            return failures[i].failure;
        }
    }
    return HTTP_IMPOSSIBLE;
}

static const char *error_of(const struct http_call *call, CURLcode code, enum http_failure failure)
{
    if (failure == HTTP_FINE) {
        return "";
    }
    if (failure == HTTP_REFUSED) {
        return call->reason;
    }
    if (call->headers_too_large) {
        return "the reply has more than 64 KiB of headers";
    }
    if (code == CURLE_SEND_FAIL_REWIND) {
        return "the connection was closed before an answer came";
    }
    return call->curl_error[0] != '\0' ? call->curl_error : curl_easy_strerror(code);
}

static int64_t time_of(struct http_call *call, CURLINFO which)
{
    curl_off_t us = 0;
    return curl_easy_getinfo(call->easy, which, &us) == CURLE_OK && us > 0 ? (int64_t)us : -1;
}

static long number_of(struct http_call *call, CURLINFO which)
{
    long value = 0;
    return curl_easy_getinfo(call->easy, which, &value) == CURLE_OK ? value : 0;
}

void call_read_result(struct http_call *call, CURLcode code, struct http_result *ret)
{
    enum http_failure failure = failure_of(call, code);
    curl_off_t retry_after_s = 0;
    (void)curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    long version = number_of(call, CURLINFO_HTTP_VERSION);
    *ret = (struct http_result){
        .failure = failure,
        .error = error_of(call, code, failure),
        .status = (int)number_of(call, CURLINFO_RESPONSE_CODE),
        .truncated = call->truncated,
        .reused = number_of(call, CURLINFO_NUM_CONNECTS) == 0,
        .reply = buf_str(&call->reply),
        .retry_after_ms = retry_after_s < INT32_MAX ? (int64_t)retry_after_s * 1000 : INT64_MAX,
        .dns_us = time_of(call, CURLINFO_NAMELOOKUP_TIME_T),
        .connect_us = time_of(call, CURLINFO_CONNECT_TIME_T),
        .tls_us = time_of(call, CURLINFO_APPCONNECT_TIME_T),
        .first_byte_us = time_of(call, CURLINFO_STARTTRANSFER_TIME_T),
        .total_us = time_of(call, CURLINFO_TOTAL_TIME_T),
        .http_version = version == CURL_HTTP_VERSION_1_0   ? 10
                        : version == CURL_HTTP_VERSION_1_1 ? 11
                        : version == CURL_HTTP_VERSION_2_0 ? 20
                                                           : 0,
    };
}
