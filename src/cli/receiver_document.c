// SPDX-License-Identifier: Apache-2.0
#include "cli/receiver_document.h"

#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cli/input.h"

// Members that are texts, numbers and times; a full stop leads into an object.
static const struct {
    const char *option;
    const char *member;
} texts[] = {
    { "url", "url" },
    { "ladder", "ladder" },
    { "ack-status", "ack.status" },
    { "ack-body", "ack.body" },
    { "signature", "signature.scheme" },
    { "signature-header", "signature.header" },
    { "signature-prefix", "signature.prefix" },
    { "second-header", "signature.secondHeader" },
    { "basic", "auth.basic" },
    { "bearer", "auth.bearer" },
    { "soap", "soap.version" },
    { "soap-action", "soap.action" },
};
static const struct {
    const char *option;
    const char *member;
} numbers[] = {
    { "attempt-limit", "attemptLimit" },
    { "in-flight", "inFlight" },
    { "rate", "ratePerSecond" },
    { "burst", "burst" },
};
static const struct {
    const char *option;
    const char *member;
} times[] = { { "timeout", "timeoutMs" }, { "window", "windowMs" } };

// Takes the value. False when it is no UTF-8.
static bool set_member(json_t *document, const char *member, json_t *value)
{
    const char *stop = strchr(member, '.');
    json_t *object = document;
    if (value == NULL) {
        return false;
    }
    if (stop != NULL) {
        char outer[32];
        (void)str_copy(outer, sizeof outer, str_make(member, (size_t)(stop - member)));
        object = json_object_get(document, outer);
        if (!json_is_object(object)) {
            object = json_object();
            json_object_set_new(document, outer, object);
        }
        member = stop + 1;
    }
    return json_object_set_new(object, member, value) == 0;
}

static bool set_texts(struct cli *cli, json_t *document)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *value = cli_option(cli, texts[i].option);
        if (value != NULL && !set_member(document, texts[i].member, json_string(value))) {
            fprintf(stderr, "tidings %s: --%s must be text in UTF-8\n", cli->command->words,
                    texts[i].option);
            return false;
        }
    }
    return true;
}

static bool set_numbers(struct cli *cli, json_t *document)
{
    int64_t value;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!cli_number(cli, numbers[i].option, -1, 0, INT32_MAX, &value)) {
            return false;
        }
        if (value >= 0) {
            (void)set_member(document, numbers[i].member, json_integer(value));
        }
    }
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        if (!cli_time_ms(cli, times[i].option, -1, &value)) {
            return false;
        }
        if (value >= 0) {
            (void)set_member(document, times[i].member, json_integer(value));
        }
    }
    return true;
}

struct headers {
    struct cli *cli;
    json_t *document;
    bool is_patch;
};

static bool set_header(void *arg, struct str text)
{
    struct headers *headers = arg;
    struct str name;
    struct str value;
    char key[512];
    if (!input_pair(headers->cli, "header", text, &name, &value)) {
        return false;
    }
    json_t *object = json_object_get(headers->document, "headers");
    if (!json_is_object(object)) {
        object = json_object();
        json_object_set_new(headers->document, "headers", object);
    }
    bool removes = headers->is_patch && value.len == 0;
    if (!str_copy(key, sizeof key, name) ||
        json_object_set_new(object, key,
                            removes ? json_null() : json_stringn(value.ptr, value.len)) != 0) {
        fprintf(stderr, "tidings %s: --header must be text in UTF-8, its name at most 511 bytes\n",
                headers->cli->command->words);
        return false;
    }
    return true;
}

static bool set_secret(struct cli *cli, json_t *document)
{
    const char *secret = cli_option(cli, "secret");
    const char *path = cli_option(cli, "secret-file");
    struct buf text;
    if (secret != NULL && path != NULL) {
        fprintf(stderr, "tidings %s: --secret or --secret-file, not both\n", cli->command->words);
        return false;
    }
    buf_init(&text, 65536);
    bool good = (path == NULL || input_read(cli, path, &text)) &&
                (secret == NULL || buf_add_str(&text, str_of(secret)) == TIDINGS_OK);
    if (good && (secret != NULL || path != NULL)) {
        struct str trimmed = str_trim(buf_str(&text));
        json_t *list =
            json_pack("[{s:s%}]", "secret", trimmed.ptr != NULL ? trimmed.ptr : "", trimmed.len);
        good = list != NULL && json_object_set_new(document, "secrets", list) == 0;
        if (!good) {
            fprintf(stderr, "tidings %s: the secret must be text in UTF-8\n", cli->command->words);
        }
    }
    if (text.ptr != NULL) {
        explicit_bzero(text.ptr, text.size);
    }
    buf_deinit(&text);
    return good;
}

json_t *receiver_document(struct cli *cli, bool is_patch)
{
    const char *path = cli_option(cli, "file");
    json_t *document = path != NULL ? input_json(cli, path) : json_object();
    if (document == NULL) {
        return NULL;
    }
    struct headers headers = { cli, document, is_patch };
    json_t *types = input_names(cli, "type");
    bool good = (types != NULL || !cli_switch(cli, "type")) && set_texts(cli, document) &&
                set_numbers(cli, document) && input_each(cli, "header", set_header, &headers) &&
                set_secret(cli, document);
    if (!good) {
        json_decref(types);
        json_decref(document);
        return NULL;
    }
    if (types != NULL) {
        json_object_set_new(document, "types", types);
    }
    return document;
}
