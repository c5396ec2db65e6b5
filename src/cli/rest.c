// SPDX-License-Identifier: Apache-2.0
#include "cli/rest.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/num.h"
#include "cli/rest_private.h"

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct rest_reply *reply = arg;
    return buf_add(&reply->body, bytes, size * count) == TIDINGS_OK ? size * count : 0;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct rest_reply *reply = arg;
    struct str line = str_make(bytes, size * count);
    size_t colon = str_find(line, ':', 0);
    if (str_starts(line, STR("HTTP/"))) { // a new answer: what stood in a 100 is not its
        reply->content_type[0] = '\0';
        reply->date_ms = 0;
        reply->retry_after_s = 0;
    }
    if (colon == SIZE_MAX) {
        return line.len;
    }
    struct str value = str_trim(str_make(line.ptr + colon + 1, line.len - colon - 1));
    char text[256];
    if (!str_copy(text, sizeof text, value)) {
        return line.len;
    }
    if (colon == 12 && strncasecmp(line.ptr, "content-type", 12) == 0) {
        memcpy(reply->content_type, text, sizeof text);
    } else if (colon == 4 && strncasecmp(line.ptr, "date", 4) == 0) {
        time_t seconds = curl_getdate(text, NULL);
        reply->date_ms = seconds > 0 ? (int64_t)seconds * 1000 : 0;
    } else if (colon == 11 && strncasecmp(line.ptr, "retry-after", 11) == 0) {
        if (!num_parse_i64(value, 0, 86400, &reply->retry_after_s)) {
            reply->retry_after_s = 0;
        }
    }
    return line.len;
}

static bool ends(sigset_t *signals)
{
    return sigismember(signals, SIGINT) == 1 || sigismember(signals, SIGTERM) == 1;
}

// libcurl asks about once a second whether to go on.
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    sigset_t pending;
    (void)arg;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return sigpending(&pending) == 0 && ends(&pending) ? 1 : 0;
}

bool rest_pause(int64_t ms)
{
    sigset_t signals;
    struct timespec step = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = ms % 1000 * 1000000 };
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return sigtimedwait(&signals, NULL, &step) > 0;
}

// The header fields of a request; NULL when out of memory.
static struct curl_slist *make_headers(const struct rest *rest, const struct rest_request *request)
{
    struct buf line;
    struct curl_slist *list = NULL;
    bool good = true;
    // An empty value takes libcurl's own away.
    struct rest_header all[REST_HEADERS_MAX + 2] = {
        { "Expect", "" },
        { "Content-Type", request->content_type != NULL ? request->content_type : "" },
    };
    size_t count = 2;
    for (size_t i = 0; i < request->header_count; i++) {
        all[count++] = request->headers[i];
    }
    buf_init(&line, 16384);
    for (size_t i = 0; good && i < count + 1; i++) {
        buf_clear(&line);
        if (i == count && rest->key[0] == '\0') {
            break;
        }
        good = (i == count ? buf_addf(&line, "Authorization: Bearer %s", rest->key)
                           : buf_addf(&line, "%s: %s", all[i].name, all[i].value)) == TIDINGS_OK &&
               buf_add(&line, "", 1) == TIDINGS_OK;
        struct curl_slist *longer = good ? curl_slist_append(list, line.ptr) : NULL;
        good = longer != NULL;
        list = longer != NULL ? longer : list;
    }
    if (line.ptr != NULL) {
        explicit_bzero(line.ptr, line.size);
    }
    buf_deinit(&line);
    if (!good) {
        curl_slist_free_all(list);
        list = NULL;
    }
    return list;
}

static void wipe_headers(struct curl_slist *list)
{
    for (struct curl_slist *one = list; one != NULL; one = one->next) {
        explicit_bzero(one->data, strlen(one->data));
    }
    curl_slist_free_all(list);
}

static void set_request(struct rest *rest, const struct rest_request *request,
                        struct rest_reply *reply, char *error)
{
    CURL *curl = rest->curl;
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, reply);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    if (request->content_type != NULL || strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.len > 0 ? request->body.ptr : "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)rest->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)rest->timeout_ms);
}

static bool perform(struct rest *rest, const char *url, struct curl_slist *headers,
                    struct rest_reply *reply, const char *error)
{
    long status = 0;
    curl_easy_setopt(rest->curl, CURLOPT_URL, url);
    curl_easy_setopt(rest->curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl_easy_perform(rest->curl);
    curl_easy_getinfo(rest->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_setopt(rest->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(rest->curl, CURLOPT_HTTPHEADER, NULL);
    if (code == CURLE_OK) {
        reply->status = (int)status;
        return true;
    }
    reply->failure = code == CURLE_OPERATION_TIMEDOUT    ? TIDINGS_E_TIMEOUT
                     : code == CURLE_WRITE_ERROR         ? TIDINGS_E_TOO_LARGE
                     : code == CURLE_ABORTED_BY_CALLBACK ? TIDINGS_E_CLOSED
                                                         : TIDINGS_E_NETWORK;
    const char *text = reply->failure == TIDINGS_E_TOO_LARGE ? "the answer is over 64 MiB"
                       : reply->failure == TIDINGS_E_CLOSED  ? "interrupted"
                       : error[0] != '\0'                    ? error
                                                             : curl_easy_strerror(code);
    (void)snprintf(reply->error, sizeof reply->error, "%s", text);
    return false;
}

bool rest_send(struct rest *rest, const struct rest_request *request, struct rest_reply *reply)
{
    char url[REST_PATH_MAX + REST_SERVER_MAX];
    char error[CURL_ERROR_SIZE] = "";
    rest_reply_deinit(reply);
    buf_init(&reply->body, REST_REPLY_MAX);
    (void)snprintf(url, sizeof url, "%s%s", rest->server, request->path);
    struct curl_slist *headers = make_headers(rest, request);
    if (headers == NULL) {
        reply->failure = TIDINGS_E_NO_MEMORY;
        (void)snprintf(reply->error, sizeof reply->error, "no memory");
        return false;
    }
    set_request(rest, request, reply, error);
    bool came = perform(rest, url, headers, reply, error);
    wipe_headers(headers);
    return came;
}

void rest_reply_deinit(struct rest_reply *reply)
{
    buf_deinit(&reply->body);
    memset(reply, 0, sizeof *reply);
}

bool rest_is_good(const struct rest_reply *reply)
{
    return reply->status >= 200 && reply->status < 300;
}

bool rest_is_passing(const struct rest_reply *reply)
{
    return reply->failure == TIDINGS_E_NETWORK || reply->failure == TIDINGS_E_TIMEOUT ||
           reply->status == 429 || (reply->status >= 502 && reply->status <= 504);
}

CURL *rest_curl_new(void)
{
    CURL *curl = curl_easy_init();
    if (curl != NULL) {
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
        curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(curl, CURLOPT_USERAGENT, "tidings/" TIDINGS_VERSION);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    }
    return curl;
}

bool rest_can_connect(struct rest *rest, const char *address, char *error, size_t size)
{
    char url[REST_SERVER_MAX];
    char text[CURL_ERROR_SIZE] = "";
    CURL *curl = rest_curl_new();
    CURLcode code = CURLE_OUT_OF_MEMORY;
    (void)snprintf(url, sizeof url, "http://%s/", address);
    if (curl != NULL) {
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
        curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)rest->timeout_ms);
        code = curl_easy_perform(curl);
    }
    curl_easy_cleanup(curl);
    (void)snprintf(error, size, "%s", text[0] != '\0' ? text : curl_easy_strerror(code));
    return code == CURLE_OK;
}
