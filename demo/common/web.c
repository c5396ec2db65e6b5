// SPDX-License-Identifier: Apache-2.0
#include "web.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BODY_MAX = 64 * 1024, THREADS = 4, CONNECTIONS_MAX = 256, MONEY_DIGITS_MAX = 13 };

struct web_server {
    struct MHD_Daemon *daemon;
    web_handler *handler;
    void *arg;
};
struct upload {
    char *body;
    size_t len;
    int too_large;
};

// ---- server ----
static enum MHD_Result answer(struct MHD_Connection *connection, int status, json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        text != NULL ? strlen(text) : 0, text,
        text != NULL ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        free(text);
        return MHD_NO;
    }
    enum MHD_Result result =
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    if (result == MHD_YES) {
        result = MHD_queue_response(connection, (unsigned)status, response);
    }
    MHD_destroy_response(response);
    return result;
}

static void take_upload(struct upload *upload, const char *bytes, size_t len)
{
    char *grown =
        upload->len + len < BODY_MAX ? realloc(upload->body, upload->len + len + 1) : NULL;
    if (grown == NULL) {
        upload->too_large = 1;
        return;
    }
    memcpy(grown + upload->len, bytes, len);
    upload->body = grown;
    upload->len += len;
    grown[upload->len] = '\0';
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *len, void **state)
{
    struct web_server *server = arg;
    struct upload *upload = *state;
    json_t *json = NULL;
    (void)version;
    if (upload == NULL) {
        *state = upload = calloc(1, sizeof *upload);
        return upload != NULL ? MHD_YES : MHD_NO;
    }
    if (*len > 0) {
        take_upload(upload, bytes, *len);
        *len = 0;
        return MHD_YES;
    }
    if (upload->too_large) {
        return answer(connection, 413, web_error("the body is too large"));
    }
    struct web_request request = { method, path, upload->body != NULL ? upload->body : "",
                                   upload->len, connection };
    int status = server->handler(server->arg, &request, &json);
    return answer(connection, status, json);
}

static void on_done(void *arg, struct MHD_Connection *connection, void **state,
                    enum MHD_RequestTerminationCode code)
{
    struct upload *upload = *state;
    (void)arg;
    (void)connection;
    (void)code;
    if (upload != NULL) {
        free(upload->body);
        free(upload);
        *state = NULL;
    }
}

struct web_server *web_start(int port, web_handler *handler, void *arg)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    struct web_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return NULL;
    }
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->handler = handler;
    server->arg = arg;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, (uint16_t)port, NULL, NULL, on_request, server,
        MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, 30u,
        MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_END);
    if (server->daemon == NULL) {
        fprintf(stderr, "cannot serve HTTP on 127.0.0.1:%d: is another program there?\n", port);
        free(server);
        return NULL;
    }
    return server;
}

void web_stop(struct web_server *server)
{
    MHD_stop_daemon(server->daemon);
    free(server);
    curl_global_cleanup();
}

const char *web_header(const struct web_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *web_query(const struct web_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *web_tail(const struct web_request *request, const char *prefix)
{
    size_t len = strlen(prefix);
    if (strncmp(request->path, prefix, len) != 0 || request->path[len] == '\0' ||
        strchr(request->path + len, '/') != NULL) {
        return NULL;
    }
    return request->path + len;
}

json_t *web_error(const char *text)
{
    return json_pack("{s:s}", "error", text);
}

// ---- client ----
static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct upload *upload = arg;
    take_upload(upload, bytes, size * count);
    return upload->too_large ? 0 : size * count;
}

int web_get(const char *url, json_t **ret_body)
{
    struct upload upload = { 0 };
    long status = 0;
    CURL *curl = curl_easy_init();
    *ret_body = NULL;
    if (curl == NULL) {
        return 0;
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 1000L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 3000L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &upload);
    if (curl_easy_perform(curl) == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        if (upload.body != NULL) {
            *ret_body = json_loads(upload.body, 0, NULL);
        }
    }
    curl_easy_cleanup(curl);
    free(upload.body);
    return (int)status;
}

// ---- signals ----
static sigset_t stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

void web_block_signals(void)
{
    sigset_t set = stop_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

void web_wait_signal(void)
{
    sigset_t set = stop_signals();
    int number;
    sigwait(&set, &number);
}

// ---- money and time ----
int64_t money_parse(const char *text)
{
    int64_t minor = 0;
    int digits = 0;
    int decimals = -1;
    for (; *text != '\0'; text++) {
        if (*text == '.' && decimals < 0 && digits > 0) {
            decimals = 0;
            continue;
        }
        if (*text < '0' || *text > '9' || digits == MONEY_DIGITS_MAX || decimals == 2) {
            return 0;
        }
        minor = minor * 10 + (*text - '0');
        digits++;
        decimals += decimals >= 0;
    }
    for (; decimals < 2; decimals++) {
        if (decimals < 0) {
            decimals = 0;
        }
        minor *= 10;
    }
    return minor;
}

void money_format(int64_t minor, char *out, size_t size)
{
    int n = snprintf(out, size, "%lld.%02d", (long long)(minor / 100), (int)(minor % 100));
    if (n < 0 && size > 0) {
        out[0] = '\0';
    }
}

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
