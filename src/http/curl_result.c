// SPDX-License-Identifier: Apache-2.0
#include "http/curl_call.h"

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
    { CURLE_RECV_ERROR, HTTP_RECEIVE },
    { CURLE_GOT_NOTHING, HTTP_RECEIVE },
    { CURLE_PARTIAL_FILE, HTTP_RECEIVE },
    { CURLE_HTTP2, HTTP_MALFORMED },
    { CURLE_HTTP2_STREAM, HTTP_RECEIVE },
    { CURLE_WEIRD_SERVER_REPLY, HTTP_MALFORMED },
    { CURLE_UNSUPPORTED_PROTOCOL, HTTP_MALFORMED }, // HTTP/0.9
    { CURLE_BAD_CONTENT_ENCODING, HTTP_MALFORMED },
};

static enum http_failure failure_of(const struct curl_call *call, CURLcode code)
{
    if (call->sent_again && code != CURLE_OK) { // sent once, and nothing came back
        return HTTP_RECEIVE;
    }
    if (code == CURLE_WRITE_ERROR) { // we ended it
        return call->headers_too_large || call->head_broken ? HTTP_MALFORMED
               : call->truncated                            ? HTTP_FINE
                                                            : HTTP_IMPOSSIBLE;
    }
    if (code == CURLE_OK && !call->head_ended) {
        return HTTP_RECEIVE;
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

static const char *error_of(const struct curl_call *call, CURLcode code, enum http_failure failure)
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
    if (call->head_broken) {
        return "the reply's head is no HTTP";
    }
    if (code == CURLE_OK) {
        return "the reply ended within its head";
    }
    if (call->sent_again) {
        return "the connection was closed before an answer came";
    }
    return call->curl_error[0] != '\0' ? call->curl_error : curl_easy_strerror(code);
}

// Of one that did not run the figures are those of the request before.
static int64_t time_of(struct curl_call *call, CURLINFO which)
{
    curl_off_t us = 0;
    return call->call.running && curl_easy_getinfo(call->easy, which, &us) == CURLE_OK && us > 0
               ? (int64_t)us + call->call.waited_us
               : -1;
}

static long number_of(struct curl_call *call, CURLINFO which)
{
    long value = 0;
    return call->call.running && curl_easy_getinfo(call->easy, which, &value) == CURLE_OK ? value
                                                                                          : 0;
}

void curl_read_result(struct http_call *base, struct http_result *ret)
{
    struct curl_call *call = curl_call_of(base);
    enum http_failure failure;
    const char *error;
    if (!client_ended_early(base, &failure, &error)) {
        failure = failure_of(call, call->code);
        error = error_of(call, call->code, failure);
    }
    long version = number_of(call, CURLINFO_HTTP_VERSION);
    int64_t total_us = time_of(call, CURLINFO_TOTAL_TIME_T); // -1 also of less than a microsecond
    *ret = (struct http_result){
        .failure = failure,
        .error = error,
        .status = (int)number_of(call, CURLINFO_RESPONSE_CODE),
        .truncated = call->truncated,
        .reused = call->call.running && number_of(call, CURLINFO_NUM_CONNECTS) == 0,
        .reply = buf_str(&call->reply),
        .retry_after_ms = call->retry_after_ms,
        .dns_us = time_of(call, CURLINFO_NAMELOOKUP_TIME_T),
        .connect_us = time_of(call, CURLINFO_CONNECT_TIME_T),
        .tls_us = time_of(call, CURLINFO_APPCONNECT_TIME_T),
        .first_byte_us = time_of(call, CURLINFO_STARTTRANSFER_TIME_T),
        .total_us = total_us > 0 ? total_us : call->call.waited_us,
        .http_version = version == CURL_HTTP_VERSION_1_0   ? 10
                        : version == CURL_HTTP_VERSION_1_1 ? 11
                        : version == CURL_HTTP_VERSION_2_0 ? 20
                                                           : 0,
    };
}
