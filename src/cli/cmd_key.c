// SPDX-License-Identifier: Apache-2.0
// tidings key create ROLE NAME: a new API key, shown once, and its line for the server's keys file.
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "cli/cli.h"

enum { KEY_BYTES = 32, KEY_SIZE = 64, KEY_NAME_MAX = 127, KEY_LINE_MAX = 8192 };

static bool is_name(const char *text, const char *signs)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && strchr(signs, c) == NULL) {
            return false;
        }
    }
    return len > 0;
}

static bool check(struct cli *cli)
{
    static const char *const roles[] = { "operator", "initiator", "receiver" };
    bool found = false;
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        found = found || strcmp(cli->words[0], roles[i]) == 0;
    }
    if (!found) {
        fprintf(stderr, "tidings key create: ROLE is operator, initiator or receiver, not \"%s\"\n",
                cli->words[0]);
        return false;
    }
    if (!is_name(cli->words[1], "._-") || strlen(cli->words[1]) > KEY_NAME_MAX) {
        fprintf(stderr, "tidings key create: NAME is 1 to %d letters, digits, . _ -\n",
                KEY_NAME_MAX);
        return false;
    }
    static const char *const lists[] = { "sources", "receivers" };
    for (size_t i = 0; i < 2; i++) {
        const char *value = cli_option(cli, lists[i]);
        if (value == NULL) {
            continue;
        }
        if (!is_name(value, "._-*,:/")) {
            fprintf(stderr,
                    "tidings key create: --%s is names or patterns separated by commas, like "
                    "pay,shop.* (no spaces)\n",
                    lists[i]);
            return false;
        }
    }
    return true;
}

// "tdk_" and base64 of URLs (RFC 4648 section 5) of 32 random bytes.
static bool make_key(char key[KEY_SIZE])
{
    unsigned char bytes[KEY_BYTES + 1];
    if (RAND_bytes(bytes, KEY_BYTES) != 1) {
        fprintf(stderr, "tidings key create: the system has no randomness\n");
        return false;
    }
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t used = (size_t)snprintf(key, KEY_SIZE, "tdk_");
    bytes[KEY_BYTES] = 0;
    for (size_t bit = 0; bit < (size_t)KEY_BYTES * 8; bit += 6) {
        unsigned two = ((unsigned)bytes[bit / 8] << 8) | bytes[bit / 8 + 1];
        key[used++] = alphabet[two >> (10 - bit % 8) & 63];
    }
    key[used] = '\0';
    OPENSSL_cleanse(bytes, sizeof bytes);
    return true;
}

static bool make_line(struct cli *cli, const char *key, int64_t rate, struct buf *line)
{
    unsigned char digest[32];
    unsigned len = sizeof digest;
    const char *sources = cli_option(cli, "sources");
    const char *receivers = cli_option(cli, "receivers");
    bool good = EVP_Digest(key, strlen(key), digest, &len, EVP_sha256(), NULL) == 1 &&
                buf_addf(line, "%s %s sha256:", cli->words[0], cli->words[1]) == TIDINGS_OK;
    for (size_t i = 0; good && i < sizeof digest; i++) {
        good = buf_addf(line, "%02x", digest[i]) == TIDINGS_OK;
    }
    good = good && (sources == NULL || buf_addf(line, " sources=%s", sources) == TIDINGS_OK) &&
           (receivers == NULL || buf_addf(line, " receivers=%s", receivers) == TIDINGS_OK) &&
           (rate == 0 || buf_addf(line, " rate=%lld", (long long)rate) == TIDINGS_OK);
    if (!good) {
        fprintf(stderr, "tidings key create: the line would be over %d bytes\n", KEY_LINE_MAX);
    }
    return good;
}

int cmd_key_create(struct cli *cli)
{
    char key[KEY_SIZE];
    struct buf line;
    int64_t rate;
    if (!check(cli) || !cli_number(cli, "rate", 0, 1, 1000000, &rate)) {
        return 2;
    }
    buf_init(&line, KEY_LINE_MAX);
    bool good = make_key(key) && make_line(cli, key, rate, &line);
    if (good && cli->json) {
        printf("{\"key\":\"%s\",\"line\":\"%.*s\"}\n", key, STR_ARG(buf_str(&line)));
    } else if (good) {
        printf("key:  %s\nline: %.*s\n", key, STR_ARG(buf_str(&line)));
        fprintf(stderr,
                "The key is shown this once: hand it to %s. Put the line into the server's "
                "keys file and send the server SIGHUP.\n",
                cli->words[1]);
    }
    OPENSSL_cleanse(key, sizeof key);
    buf_deinit(&line);
    return good ? 0 : 1;
}
