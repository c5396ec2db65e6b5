// SPDX-License-Identifier: Apache-2.0
// Bindings: stored first, then listened by.
#include <stdlib.h>

#include "intake/private.h"

void binding_free(struct binding *binding)
{
    buf_deinit(&binding->document);
    free(binding);
}

static struct binding *find_or_make(struct intake *intake, struct str name)
{
    struct binding *binding = map_get(&intake->bindings, name);
    if (binding != NULL) {
        return binding;
    }
    binding = calloc(1, sizeof *binding);
    if (binding == NULL || !str_copy(binding->name, sizeof binding->name, name) ||
        map_put(&intake->bindings, name, binding, NULL) != TIDINGS_OK) {
        free(binding);
        return NULL;
    }
    buf_init(&binding->document, INTAKE_DOCUMENT_MAX);
    return binding;
}

static void listen_by(struct intake *intake, struct binding *binding, struct str document)
{
    struct settings *settings = NULL;
    struct tidings_error err = { 0 };
    struct ear *ear = NULL;
    const struct settings_source source = { .name = str_of(binding->name),
                                            .document = document,
                                            .name_servers = intake->name_servers,
                                            .client_settings = intake->client_settings,
                                            .seal = intake->options.seal };
    tidings_status status = settings_parse(&source, &settings, &err);
    if (status == TIDINGS_OK) {
        ear = ear_start(intake, str_of(binding->name), settings, &err);
    }
    settings_unref(settings);
    intake_end_ear(intake, binding->ear);
    binding->ear = ear;
    binding->error[0] = '\0';
    if (ear == NULL) {
        (void)str_copy(binding->error, sizeof binding->error, str_of(err.text));
        log_line(intake->options.log, LOG_ERROR, "intake",
                 "msg=\"a binding does not listen\" binding=%s reason=\"%s\"", binding->name,
                 err.text);
    }
}

void binding_apply(struct intake *intake, const struct record_binding *row)
{
    struct binding *binding = find_or_make(intake, row->name);
    if (binding == NULL) {
        log_line(intake->options.log, LOG_ERROR, "intake",
                 "msg=\"no memory for a binding\" binding=\"%.*s\"", STR_ARG(row->name));
        return;
    }
    buf_clear(&binding->document);
    if (buf_add_str(&binding->document, row->document) != TIDINGS_OK) {
        buf_clear(&binding->document);
    }
    binding->version = row->version;
    listen_by(intake, binding, row->document);
}

// ---- changes ----
struct change {
    struct keeper_task task;
    struct mail mail;
    struct intake *intake;
    bool drops;
    char name[RECORD_NAME_MAX + 1];
    struct buf document;
    struct record_binding row;
    tidings_status status;
    struct tidings_error err;
    intake_changed *done;
    void *arg;
};

static tidings_status run_change(struct keeper_task *task, struct record *record,
                                 struct tidings_error *err)
{
    struct change *change = BASE_CONTAINER_OF(task, struct change, task);
    struct record_binding found = { 0 };
    struct buf room;
    if (change->drops) {
        change->status = record_binding_drop(record, str_of(change->name), err);
        return change->status == TIDINGS_E_NOT_FOUND ? TIDINGS_OK : change->status;
    }
    buf_init(&room, INTAKE_DOCUMENT_MAX + RECORD_NAME_MAX + 1);
    change->row = (struct record_binding){ .name = str_of(change->name),
                                           .document = buf_str(&change->document) };
    tidings_status status = record_binding_get(record, change->row.name, &room, &found, err);
    if (status == TIDINGS_OK) {
        change->row.version = found.version;
    }
    buf_deinit(&room);
    if (status == TIDINGS_OK || status == TIDINGS_E_NOT_FOUND) {
        status = record_binding_put(record, &change->row, err);
    }
    return status;
}

static void change_done(struct keeper_task *task, tidings_status status,
                        const struct tidings_error *err)
{
    struct change *change = BASE_CONTAINER_OF(task, struct change, task);
    if (status != TIDINGS_OK) {
        change->status = status;
    }
    if (err != NULL) {
        change->err = *err;
    }
    intake_mail(change->intake, &change->mail);
}

void binding_drop(struct intake *intake, struct str name)
{
    struct binding *binding = map_remove(&intake->bindings, name);
    if (binding != NULL) {
        intake_end_ear(intake, binding->ear);
        binding_free(binding);
    }
}

static void take_change(struct mail *mail)
{
    struct change *change = BASE_CONTAINER_OF(mail, struct change, mail);
    struct intake *intake = change->intake;
    intake->changes++;
    if (change->status == TIDINGS_OK && !atomic_load(&intake->stopping)) {
        if (change->drops) {
            binding_drop(intake, str_of(change->name));
        } else {
            binding_apply(intake, &change->row);
        }
    }
    if (change->status == TIDINGS_E_NOT_FOUND && change->err.text[0] == '\0') {
        (void)error_set(&change->err, TIDINGS_E_NOT_FOUND, "there is no binding \"%s\"",
                        change->name);
    }
    change->done(change->arg, change->status, change->row.version, &change->err);
    buf_deinit(&change->document);
    free(change);
}

static tidings_status post_change(struct intake *intake, struct str name, struct str document,
                                  bool drops, intake_changed *done, void *arg,
                                  struct tidings_error *err)
{
    struct change *change = calloc(1, sizeof *change);
    if (change == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for a binding");
    }
    *change = (struct change){ .task = { .run = run_change, .done = change_done },
                               .mail = { .take = take_change },
                               .intake = intake,
                               .drops = drops,
                               .done = done,
                               .arg = arg };
    buf_init(&change->document, INTAKE_DOCUMENT_MAX);
    tidings_status status = buf_add_str(&change->document, document);
    if (status == TIDINGS_OK && !str_copy(change->name, sizeof change->name, name)) {
        status = error_set(err, TIDINGS_E_INVALID, "a binding's name has at most %d bytes",
                           RECORD_NAME_MAX);
    }
    if (status == TIDINGS_OK) {
        status = keeper_post(notify_keeper(intake->options.notify), &change->task);
    }
    if (status != TIDINGS_OK) {
        buf_deinit(&change->document);
        free(change);
        return error_set(err, status, "the binding was not stored: %s", error_text(err, status));
    }
    return TIDINGS_OK;
}

static tidings_status check(struct str name, struct str document, const struct seal *seal,
                            struct tidings_error *err)
{
    struct settings *settings = NULL;
    const struct settings_source source = { .name = name,
                                            .document = document,
                                            .name_servers = "127.0.0.1:9876",
                                            .client_settings = "",
                                            .seal = seal };
    tidings_status status = receiver_name_check(name, err);
    if (status == TIDINGS_OK) {
        status = settings_parse(&source, &settings, err);
    }
    settings_unref(settings);
    return status;
}

tidings_status intake_check(struct str name, struct str document, struct tidings_error *err)
{
    return check(name, document, NULL, err);
}

tidings_status intake_put(struct intake *intake, struct str name, struct str document,
                          intake_changed *done, void *arg, struct tidings_error *err)
{
    struct buf sealed;
    tidings_status status = check(name, document, intake->options.seal, err);
    if (status == TIDINGS_OK && map_get(&intake->bindings, name) == NULL &&
        intake->bindings.count >= INTAKE_BINDINGS_MAX) {
        status =
            error_set(err, TIDINGS_E_FULL, "there are %d bindings already", INTAKE_BINDINGS_MAX);
    }
    buf_init(&sealed, INTAKE_DOCUMENT_MAX);
    if (status == TIDINGS_OK) {
        status = settings_seal(name, document, intake->options.seal, &sealed, err);
    }
    if (status == TIDINGS_OK) {
        status = post_change(intake, name, buf_str(&sealed), false, done, arg, err);
    }
    buf_deinit(&sealed);
    return status;
}

tidings_status intake_drop(struct intake *intake, struct str name, intake_changed *done, void *arg,
                           struct tidings_error *err)
{
    if (map_get(&intake->bindings, name) == NULL) {
        return error_set(err, TIDINGS_E_NOT_FOUND, "there is no binding \"%.*s\"", STR_ARG(name));
    }
    return post_change(intake, name, STR(""), true, done, arg, err);
}
