// SPDX-License-Identifier: Apache-2.0
// Where the server is and who asks: --server, --key, --key-file, --timeout and the environment.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "cli/rest_private.h"

#define SERVER_DEFAULT "http://127.0.0.1:8080"

enum { TIMEOUT_MOST_MS = 3600 * 1000 };

// `from`: where it came from, for the error.
static bool set_server(const struct cli *cli, struct rest *rest)
{
    const char *option = cli_option(cli, "server");
    const char *text = option != NULL ? option : getenv("TIDINGS_SERVER");
    struct str url = str_of(text != NULL && text[0] != '\0' ? text : SERVER_DEFAULT);
    while (url.len > 0 && url.ptr[url.len - 1] == '/') {
        url.len--;
    }
    bool good = str_starts(url, STR("http://")) || str_starts(url, STR("https://"));
    for (size_t i = 0; i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];
        good = good && c > ' ' && c != 0x7f && c != '?' && c != '#' && c != '@';
    }
    if (!good || !str_copy(rest->server, sizeof rest->server, url)) {
        fprintf(stderr, "tidings: %s must be a URL like http://127.0.0.1:8080, not \"%.*s\"\n",
                option != NULL ? "--server" : "TIDINGS_SERVER", STR_ARG(url));
        return false;
    }
    return true;
}

// A key is visible ASCII; it is not shown in the error.
static bool set_key_text(struct rest *rest, struct str text, const char *from)
{
    struct str key = str_trim(text);
    bool good = key.len > 0;
    for (size_t i = 0; i < key.len; i++) {
        good = good && key.ptr[i] > ' ' && key.ptr[i] < 0x7f;
    }
    if (!good || !str_copy(rest->key, sizeof rest->key, key)) {
        fprintf(stderr,
                "tidings: %s does not hold a key: one word of letters, digits and signs, as "
                "tidings key create prints it\n",
                from);
        return false;
    }
    return true;
}

static bool set_key_file(struct rest *rest, const char *path)
{
    char text[REST_KEY_MAX + 2];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file >= 0 ? read(file, text, sizeof text) : -1;
    if (got < 0) {
        fprintf(stderr, "tidings: cannot read the key file %s: %s\n", path, strerror(errno));
    }
    if (file >= 0) {
        close(file);
    }
    bool good = got >= 0 && set_key_text(rest, str_make(text, (size_t)got), path);
    explicit_bzero(text, sizeof text);
    return good;
}

static bool set_key(const struct cli *cli, struct rest *rest)
{
    const char *key = cli_option(cli, "key");
    const char *path = cli_option(cli, "key-file");
    const char *environment = getenv("TIDINGS_KEY");
    if (key != NULL && path != NULL) {
        fprintf(stderr, "tidings: --key or --key-file, not both\n");
        return false;
    }
    if (path != NULL) {
        return set_key_file(rest, path);
    }
    if (key != NULL) {
        return set_key_text(rest, str_of(key), "--key");
    }
    return environment == NULL || environment[0] == '\0' ||
           set_key_text(rest, str_of(environment), "TIDINGS_KEY");
}

static bool set_timeout(const struct cli *cli, struct rest *rest)
{
    bool own = strcmp(cli->command->words, "receiver create") == 0 ||
               strcmp(cli->command->words, "receiver set") == 0; // there it is the receiver's
    rest->timeout_ms = REST_TIMEOUT_MS;
    if (own) {
        return true;
    }
    if (!cli_time_ms(cli, "timeout", REST_TIMEOUT_MS, &rest->timeout_ms)) {
        return false;
    }
    if (rest->timeout_ms < 1 || rest->timeout_ms > TIMEOUT_MOST_MS) {
        fprintf(stderr, "tidings: --timeout must be from 1ms to 1h\n");
        return false;
    }
    return true;
}

struct rest *rest_open(struct cli *cli)
{
    struct tidings_error err = { 0 };
    if (libcurl_open(&err) != TIDINGS_OK) {
        fprintf(stderr, "tidings: %s\n", err.text);
        return NULL;
    }
    struct rest *rest = calloc(1, sizeof *rest);
    if (rest == NULL || (rest->curl = rest_curl_new()) == NULL) {
        fprintf(stderr, "tidings: no memory\n");
        free(rest);
        return NULL;
    }
    if (!set_server(cli, rest) || !set_key(cli, rest) || !set_timeout(cli, rest)) {
        rest_close(rest);
        return NULL;
    }
    sigset_t signals; // see rest_pause
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return rest;
}

void rest_close(struct rest *rest)
{
    if (rest != NULL) {
        curl_easy_cleanup(rest->curl);
        explicit_bzero(rest->key, sizeof rest->key);
        free(rest);
    }
}

const char *rest_server(const struct rest *rest)
{
    return rest->server;
}

void rest_set_timeout(struct rest *rest, int64_t timeout_ms)
{
    rest->timeout_ms = timeout_ms < 1                 ? 1
                       : timeout_ms > TIMEOUT_MOST_MS ? TIMEOUT_MOST_MS
                                                      : timeout_ms;
}

bool rest_add_header(struct cli *cli, struct rest_request *request, const char *name,
                     const char *value)
{
    struct str text = str_of(value);
    bool good = text.len > 0 && text.len <= 4096 && text.ptr[0] != ' ' &&
                text.ptr[text.len - 1] != ' ' && request->header_count < REST_HEADERS_MAX;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        good = good && c >= ' ' && c != 0x7f;
    }
    if (!good) {
        fprintf(stderr,
                "tidings %s: the value of %s must be a text of 1 to 4096 bytes without control "
                "characters and without spaces around it\n",
                cli->command->words, name);
        return false;
    }
    request->headers[request->header_count++] = (struct rest_header){ name, value };
    return true;
}
