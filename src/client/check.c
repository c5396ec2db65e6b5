// SPDX-License-Identifier: Apache-2.0
#include "client/check.h"

#include <stdlib.h>

#include "base/thread.h"

enum { CHECK_ID_SIZE = 256 }; // text of an id; 32 with all official clients

struct check {
    struct list node;
    struct link *link;
    int64_t table_offset;
    int64_t log_offset;
    char transaction_id[CHECK_ID_SIZE];
    struct str record; // the half message, behind this struct
    tidings_decision decision;
    char unique_id[CHECK_ID_SIZE];
    char topic[WIRE_TOPIC_MAX + 1];
};

// ---- I/O thread ----
static bool take_place(struct checks *checks)
{
    pthread_mutex_lock(&checks->lock);
    bool room = !checks->stopping && checks->count < CHECKS_MAX;
    checks->count += room;
    pthread_mutex_unlock(&checks->lock);
    return room;
}

static void give_place(struct checks *checks, struct check *check)
{
    free(check);
    pthread_mutex_lock(&checks->lock);
    checks->count--;
    pthread_mutex_unlock(&checks->lock);
}

void checks_ask(struct checks *checks, struct link *link, const struct wire_header *header,
                struct str body)
{
    struct wire_check_transaction request;
    struct str id;
    if (wire_check_transaction_decode(header, &request, NULL) != TIDINGS_OK ||
        !take_place(checks)) {
        return;
    }
    struct check *check = malloc(sizeof *check + body.len);
    if (check == NULL) {
        give_place(checks, NULL);
        return;
    }
    *check = (struct check){ .link = link,
                             .table_offset = request.table_offset,
                             .log_offset = request.log_offset,
                             .record = str_make((char *)(check + 1), body.len) };
    list_init(&check->node);
    if (body.len > 0) {
        memcpy(check + 1, body.ptr, body.len);
    }
    id = request.transaction_id.len > 0 ? request.transaction_id : request.message_id;
    if (!str_copy(check->transaction_id, sizeof check->transaction_id, id)) {
        give_place(checks, check); // longer than any id that a client makes
        return;
    }
    pthread_mutex_lock(&checks->lock);
    list_add_tail(&checks->asked, &check->node);
    pthread_cond_signal(&checks->filled);
    pthread_mutex_unlock(&checks->lock);
}

tidings_status transaction_end_fill(const struct runtime *runtime,
                                    const struct transaction_end *end, struct buf *texts,
                                    struct wire_header *header)
{
    static const int32_t bits[] = { [TIDINGS_LEAVE] = 0,
                                    [TIDINGS_COMMIT] = WIRE_SYS_COMMIT,
                                    [TIDINGS_ROLLBACK] = WIRE_SYS_ROLLBACK };
    const struct wire_end_transaction request = {
        .producer_group = str_of(config_text(runtime->config, CONFIG_GROUP)),
        .table_offset = end->table_offset,
        .log_offset = end->log_offset,
        .decision = bits[end->decision],
        .from_check = end->from_check,
        .message_id = end->message_id,
        .transaction_id = end->transaction_id,
        .topic = end->topic,
    };
    request_init(header, WIRE_END_TRANSACTION);
    buf_clear(texts);
    return wire_end_transaction_encode(&request, header, texts);
}

static void tell(struct checks *checks, const struct check *check)
{
    struct runtime *runtime = &checks->producer->runtime;
    const struct transaction_end end = { .decision = check->decision,
                                         .from_check = true,
                                         .table_offset = check->table_offset,
                                         .log_offset = check->log_offset,
                                         .message_id = str_of(check->unique_id),
                                         .transaction_id = str_of(check->transaction_id),
                                         .topic = str_of(check->topic) };
    struct wire_header header;
    if (transaction_end_fill(runtime, &end, &runtime->texts, &header) == TIDINGS_OK) {
        runtime_tell(runtime, check->link, &header, (struct str){ NULL, 0 });
    }
}

void checks_tell(struct checks *checks)
{
    struct list *node;
    do {
        pthread_mutex_lock(&checks->lock);
        node = list_pop(&checks->answered);
        pthread_mutex_unlock(&checks->lock);
        if (node != NULL) {
            struct check *check = LIST_ENTRY(node, struct check, node);
            tell(checks, check);
            give_place(checks, check);
        }
    } while (node != NULL);
}

// ---- check threads ----
// False when the half message cannot be read: no answer is better than a wrong one.
static bool ask_checker(struct checks *checks, struct check *check, struct message_room *room)
{
    const tidings_config *config = checks->producer->runtime.config;
    struct wire_message wire;
    tidings_message message;
    if (wire_message_decode(check->record, &wire, NULL) != TIDINGS_OK ||
        message_read(&wire, false, room, &message, NULL) != TIDINGS_OK) {
        return false;
    }
    struct str group = message_property(&message, WIRE_P_PGROUP);
    struct str unique_id = message_property(&message, WIRE_P_UNIQ_KEY);
    if ((group.ptr != NULL && !str_eq_c(group, config_text(config, CONFIG_GROUP))) ||
        !str_copy(check->unique_id, sizeof check->unique_id, unique_id) ||
        !str_copy(check->topic, sizeof check->topic, message.topic)) {
        return false;
    }
    // The unique id is what the transaction was begun with; some brokers do not repeat it.
    if (check->unique_id[0] != '\0') {
        memcpy(check->transaction_id, check->unique_id, sizeof check->transaction_id);
    }
    check->decision = checks->checker(checks->arg, check->transaction_id, &message);
    return check->decision == TIDINGS_LEAVE || check->decision == TIDINGS_COMMIT ||
           check->decision == TIDINGS_ROLLBACK;
}

static struct check *next_check(struct checks *checks)
{
    pthread_mutex_lock(&checks->lock);
    while (!checks->stopping && list_empty(&checks->asked)) {
        pthread_cond_wait(&checks->filled, &checks->lock);
    }
    struct list *node = checks->stopping ? NULL : list_pop(&checks->asked);
    pthread_mutex_unlock(&checks->lock);
    return node != NULL ? LIST_ENTRY(node, struct check, node) : NULL;
}

static void *work(void *arg)
{
    struct checks *checks = arg;
    struct message_room room;
    struct check *check;
    message_room_init(&room);
    while ((check = next_check(checks)) != NULL) {
        if (!ask_checker(checks, check, &room)) {
            give_place(checks, check);
            continue;
        }
        pthread_mutex_lock(&checks->lock);
        list_add_tail(&checks->answered, &check->node);
        pthread_mutex_unlock(&checks->lock);
        runtime_wake(&checks->producer->runtime);
    }
    message_room_deinit(&room);
    return NULL;
}

// ---- life ----
tidings_status checks_new(struct tidings_producer *producer, tidings_checker *checker, void *arg,
                          struct checks **ret, struct tidings_error *err)
{
    struct checks *checks = calloc(1, sizeof *checks);
    *ret = checks;
    if (checks == NULL) {
        return error_set(err, TIDINGS_E_NO_MEMORY, "no memory for the checks");
    }
    checks->producer = producer;
    checks->checker = checker;
    checks->arg = arg;
    list_init(&checks->asked);
    list_init(&checks->answered);
    pthread_mutex_init(&checks->lock, NULL);
    pthread_cond_init(&checks->filled, NULL);
    return TIDINGS_OK;
}

static void free_all(struct list *checks)
{
    for (struct list *node = list_pop(checks); node != NULL; node = list_pop(checks)) {
        free(LIST_ENTRY(node, struct check, node));
    }
}

void checks_free(struct checks *checks)
{
    if (checks != NULL) {
        free_all(&checks->asked);
        free_all(&checks->answered);
        pthread_cond_destroy(&checks->filled);
        pthread_mutex_destroy(&checks->lock);
        free(checks);
    }
}

tidings_status checks_start(struct checks *checks, struct tidings_error *err)
{
    int64_t count = config_number(checks->producer->runtime.config, CONFIG_CHECK_THREADS);
    int result = 0;
    while (checks->thread_count < (unsigned)count && result == 0) {
        result = thread_start(&checks->threads[checks->thread_count], work, checks);
        checks->thread_count += result == 0;
    }
    if (result != 0) {
        checks_stop(checks);
        return error_set_errno(err, TIDINGS_E_AGAIN, result, "cannot start the check threads");
    }
    return TIDINGS_OK;
}

void checks_stop(struct checks *checks)
{
    pthread_mutex_lock(&checks->lock);
    checks->stopping = true;
    pthread_cond_broadcast(&checks->filled);
    pthread_mutex_unlock(&checks->lock);
    for (unsigned i = 0; i < checks->thread_count; i++) {
        pthread_join(checks->threads[i], NULL);
    }
    checks->thread_count = 0;
}
