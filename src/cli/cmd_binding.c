// SPDX-License-Identifier: Apache-2.0
// tidings binding …: topics that are listened to for receivers.
#include <stdio.h>
#include <string.h>

#include "cli/input.h"
#include "cli/rest.h"

static int about_one(struct cli *cli, const char *method, json_t *body)
{
    struct rest_path path;
    struct rest *rest = rest_open(cli);
    if (rest == NULL) {
        json_decref(body);
        return 2;
    }
    rest_path_init(&path, "/v1/bindings");
    rest_path_segment(&path, cli->words[0]);
    json_t *answer = rest_json(cli, rest, method, path.text, body);
    if (answer != NULL && json_object_size(answer) == 0) { // 204
        json_object_set_new(answer, "done", json_string(cli->words[0]));
    }
    int code = cli_print_json(cli, answer, NULL);
    rest_close(rest);
    return code;
}

int cmd_binding_show(struct cli *cli)
{
    return about_one(cli, "GET", NULL);
}

int cmd_binding_delete(struct cli *cli)
{
    return about_one(cli, "DELETE", NULL);
}

int cmd_binding_list(struct cli *cli)
{
    static const char *const columns[] = { "name",     "state",   "topic", "group",
                                           "accepted", "refused", "error", NULL };
    size_t index;
    json_t *row;
    struct rest *rest = rest_open(cli);
    if (rest == NULL) {
        return 2;
    }
    json_t *root = rest_json(cli, rest, "GET", "/v1/bindings", NULL);
    json_t *items = json_incref(json_object_get(root, "items"));
    json_array_foreach(items, index, row)
    {
        json_t *settings = json_object_get(row, "settings");
        if (!cli->json) { // what stands deeper, for the table
            json_object_set(row, "topic", json_object_get(settings, "topic"));
            json_object_set(row, "group", json_object_get(settings, "group"));
        }
    }
    int code = cli_print_json(cli, items, columns);
    json_decref(root);
    rest_close(rest);
    return code;
}

struct settings {
    struct cli *cli;
    json_t *document;
};

static bool set_client_setting(void *arg, struct str text)
{
    struct settings *settings = arg;
    struct str name;
    struct str value;
    char key[128];
    if (!input_pair(settings->cli, "set", text, &name, &value)) {
        return false;
    }
    json_t *object = json_object_get(settings->document, "settings");
    if (!json_is_object(object)) {
        object = json_object();
        json_object_set_new(settings->document, "settings", object);
    }
    if (!str_copy(key, sizeof key, name) ||
        json_object_set_new(object, key, json_stringn(value.ptr, value.len)) != 0) {
        fprintf(stderr, "tidings binding put: --set must be NAME=VALUE in UTF-8\n");
        return false;
    }
    return true;
}

static json_t *read_settings(struct cli *cli)
{
    static const char *const names[][2] = {
        { "topic", "topic" },
        { "group", "group" },
        { "tags", "tags" },
        { "source", "source" },
        { "type", "type" },
        { "tx-no", "txNo" },
        { "content-type", "contentType" },
        { "name-servers", "nameServers" },
    };
    const char *path = cli_option(cli, "file");
    struct settings settings = { cli, path != NULL ? input_json(cli, path) : json_object() };
    if (settings.document == NULL) {
        return NULL;
    }
    bool good = input_each(cli, "set", set_client_setting, &settings);
    for (size_t i = 0; good && i < sizeof names / sizeof names[0]; i++) {
        const char *value = cli_option(cli, names[i][0]);
        good = value == NULL ||
               json_object_set_new(settings.document, names[i][1], json_string(value)) == 0;
        if (!good) {
            fprintf(stderr, "tidings binding put: --%s must be text in UTF-8\n", names[i][0]);
        }
    }
    json_t *receivers = good ? input_names(cli, "receiver") : NULL;
    good = good && (receivers != NULL || !cli_switch(cli, "receiver"));
    if (receivers != NULL) {
        json_object_set_new(settings.document, "receivers", receivers);
    }
    if (good && (json_object_get(settings.document, "topic") == NULL ||
                 json_object_get(settings.document, "group") == NULL)) {
        fprintf(stderr, "tidings binding put: --topic and --group must be given\n");
        good = false;
    }
    if (!good) {
        json_decref(settings.document);
        settings.document = NULL;
    }
    return settings.document;
}

int cmd_binding_put(struct cli *cli)
{
    json_t *document = read_settings(cli);
    return document != NULL ? about_one(cli, "PUT", document) : 2;
}
