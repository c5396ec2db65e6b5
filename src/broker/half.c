// SPDX-License-Identifier: Apache-2.0
#include "broker/half.h"

#include <stdlib.h>

#include "broker/answer.h"

enum {
    CHECKS_PER_TURN = 64,
    TURN_MS = 50,        // between turns while many are due
    BUSY_MS = 1000,      // until a half is looked at again that cannot be checked now
    TIMER_MAX_MS = 1000, // look at the wall clock at least this often: it may jump
};

static void fire(void *arg);

static struct str key_of(const int64_t *position)
{
    return str_make((const char *)position, sizeof *position);
}

tidings_status halves_init(struct broker *broker)
{
    struct halves *halves = &broker->halves;
    *halves = (struct halves){ 0 };
    map_init(&halves->by_position, HALVES_MAX);
    heap_init(&halves->by_time, HALVES_MAX);
    return net_timer_new(broker->options.loop, fire, broker, &halves->timer);
}

void halves_deinit(struct broker *broker)
{
    struct halves *halves = &broker->halves;
    struct str key;
    void *value;
    size_t cursor = 0;
    while (map_next(&halves->by_position, &cursor, &key, &value)) {
        free(value);
    }
    map_deinit(&halves->by_position);
    heap_deinit(&halves->by_time);
    net_timer_free(halves->timer);
    *halves = (struct halves){ 0 };
}

struct half *halves_find(const struct halves *halves, int64_t position)
{
    return map_get(&halves->by_position, key_of(&position));
}

static void set_lonely(struct halves *halves, struct half *half, bool lonely)
{
    halves->lonely += (size_t)lonely - (size_t)half->lonely; // unsigned: may also go down
    half->lonely = lonely;
}

static tidings_status schedule(struct halves *halves, struct half *half, int64_t at_ms)
{
    heap_remove(&halves->by_time, &half->by_time);
    return half->row.parked ? TIDINGS_OK : heap_push(&halves->by_time, &half->by_time, at_ms);
}

tidings_status halves_put(struct broker *broker, const struct index_half *row)
{
    struct halves *halves = &broker->halves;
    struct half *half = halves_find(halves, row->position);
    if (half == NULL) {
        half = calloc(1, sizeof *half);
        if (half == NULL) {
            return TIDINGS_E_NO_MEMORY;
        }
        heap_node_init(&half->by_time);
        tidings_status status = map_put(&halves->by_position, key_of(&row->position), half, NULL);
        if (status != TIDINGS_OK) {
            free(half);
            return status;
        }
    }
    halves->parked += (size_t)row->parked - (size_t)half->row.parked;
    half->row = *row;
    set_lonely(halves, half, false);
    tidings_status status = schedule(halves, half, row->next_check_ms);
    if (heap_peek(&halves->by_time) == &half->by_time) {
        halves_arm(broker);
    }
    return status;
}

void halves_forget(struct broker *broker, int64_t position)
{
    struct halves *halves = &broker->halves;
    struct half *half = map_remove(&halves->by_position, key_of(&position));
    if (half != NULL) {
        heap_remove(&halves->by_time, &half->by_time);
        halves->parked -= half->row.parked;
        set_lonely(halves, half, false);
        free(half);
    }
}

void halves_refused(struct broker *broker, int64_t position)
{
    struct half *half = halves_find(&broker->halves, position);
    if (half != NULL) {
        half->deciding = false;
    }
}

int64_t halves_first_check(const struct broker *broker, struct str properties, int64_t now_ms)
{
    int64_t seconds;
    if (num_parse_i64(wire_properties_get(properties, WIRE_P_IMMUNITY), 0, INT32_MAX, &seconds)) {
        return now_ms + seconds * 1000;
    }
    return now_ms + ladder_level_ms(&broker->check_levels, 1);
}

void halves_arm(struct broker *broker)
{
    struct halves *halves = &broker->halves;
    struct heap_node *first = heap_peek(&halves->by_time);
    if (first == NULL) {
        net_timer_stop(halves->timer);
        return;
    }
    int64_t wait = first->due - clock_wall_ms(broker->options.clock);
    net_timer_start(halves->timer, wait > TIMER_MAX_MS ? TIMER_MAX_MS : wait);
}

// ---- the check ----
// A live producer of the group; they take turns.
static struct producer *producer_of(struct broker *broker, struct str name)
{
    struct producer_group *group = map_get(&broker->groups.producers, name);
    for (size_t i = 0; group != NULL && i < group->count; i++) {
        struct list *node = list_pop(&group->producers);
        if (node == NULL) {
            break;
        }
        struct producer *producer = LIST_ENTRY(node, struct producer, node);
        list_add_tail(&group->producers, node);
        if (net_conn_find(broker->options.loop, producer->conn_id) != NULL) {
            return producer;
        }
    }
    return NULL;
}

static void ask(struct broker *broker, const struct producer *producer, const struct half *half,
                const struct wire_message *message, struct str bytes)
{
    char id[WIRE_MESSAGE_ID_MAX];
    struct buf texts;
    struct str own_id = wire_properties_get(message->properties, WIRE_P_UNIQ_KEY);
    struct wire_check_transaction check = {
        .table_offset = half->row.position,
        .log_offset = half->row.position,
        .message_id = own_id,
        .transaction_id = own_id,
        .offset_message_id =
            str_make(id, wire_message_id_format(&broker->address, half->row.position, id)),
        .topic = message->topic,
    };
    struct wire_header push = { .code = WIRE_CHECK_TRANSACTION_STATE };
    buf_init(&texts, 4096);
    if (wire_check_transaction_encode(&check, &push, &texts) == TIDINGS_OK &&
        wire_header_add(&push, STR("bname"), str_of(broker->broker_name)) == TIDINGS_OK) {
        (void)answer_push(broker, producer->conn_id, &push, bytes);
    }
    buf_deinit(&texts);
}

// Writes the half's new row down; it comes into force when it is durable. Until then it is not
// looked at again.
static void note(struct broker *broker, struct half *half, const struct index_half *row)
{
    int64_t at_ms = clock_wall_ms(broker->options.clock) + BUSY_MS;
    if (store_log_half_state(broker, row, NULL, NULL) == TIDINGS_OK &&
        row->next_check_ms > at_ms) { // else it is looked at once more
        at_ms = row->next_check_ms;
    }
    if (schedule(&broker->halves, half, at_ms) != TIDINGS_OK) {
        base_assert_failed("the heap has room for what it held", __FILE__, __LINE__);
    }
}

static void park(struct broker *broker, struct half *half, const char *reason)
{
    struct index_half row = half->row;
    row.parked = true;
    log_line(broker->options.log, LOG_WARN, "broker",
             "msg=\"a half message is parked: nobody says how its transaction ended\" "
             "position=%lld checks=%d reason=\"%s\" next=\"tidings transaction list\"",
             (long long)row.position, row.checks, reason);
    note(broker, half, &row);
}

static void check(struct broker *broker, struct half *half, int64_t now_ms)
{
    struct index_half row = half->row;
    struct wire_message message;
    struct str bytes;
    int64_t due_ms;
    if (half->deciding) {
        row.next_check_ms = now_ms + BUSY_MS;
        (void)schedule(&broker->halves, half, row.next_check_ms);
        return;
    }
    tidings_status status = store_read(broker, row.position, &bytes, &due_ms, NULL);
    if (status == TIDINGS_OK) {
        status = wire_message_decode(bytes, &message, NULL);
    }
    if (status == TIDINGS_E_IO || status == TIDINGS_E_NO_MEMORY) {
        (void)schedule(&broker->halves, half, now_ms + BUSY_MS);
        return;
    }
    if (status != TIDINGS_OK) {
        park(broker, half, "its message is damaged");
        return;
    }
    struct producer *producer =
        producer_of(broker, wire_properties_get(message.properties, WIRE_P_PGROUP));
    if (producer == NULL) {
        set_lonely(&broker->halves, half, true);
        (void)schedule(&broker->halves, half,
                       now_ms + ladder_level_ms(&broker->check_levels, row.checks + 1));
        return;
    }
    if (row.checks >= broker->options.transaction_check_max) {
        park(broker, half, "the most checks are done");
        return;
    }
    ask(broker, producer, half, &message, bytes);
    broker->stats.transactions_checked++;
    row.checks++;
    row.next_check_ms = now_ms + ladder_level_ms(&broker->check_levels, row.checks + 1);
    note(broker, half, &row);
}

static void fire(void *arg)
{
    struct broker *broker = arg;
    struct halves *halves = &broker->halves;
    int64_t now_ms = clock_wall_ms(broker->options.clock);
    struct heap_node *first = NULL;
    int done = 0;
    while (done < CHECKS_PER_TURN && (first = heap_peek(&halves->by_time)) != NULL &&
           first->due <= now_ms) {
        check(broker, BASE_CONTAINER_OF(first, struct half, by_time), now_ms);
        done++;
    }
    if (done == CHECKS_PER_TURN) {
        net_timer_start(halves->timer, TURN_MS);
    } else {
        halves_arm(broker);
    }
}

void halves_producer_came(struct broker *broker, struct str group)
{
    struct halves *halves = &broker->halves;
    int64_t now_ms = clock_wall_ms(broker->options.clock);
    uint64_t hash = str_hash(group);
    struct str key;
    void *value;
    size_t cursor = 0;
    while (halves->lonely > 0 && map_next(&halves->by_position, &cursor, &key, &value)) {
        struct half *half = value;
        if (half->lonely && half->row.group_hash == hash) {
            set_lonely(halves, half, false);
            (void)schedule(halves, half, now_ms);
        }
    }
    halves_arm(broker);
}

// ---- retention ----
static tidings_status move(struct broker *broker, struct half *half)
{
    struct wire_message message;
    struct str bytes;
    int64_t due_ms;
    tidings_status status = store_read(broker, half->row.position, &bytes, &due_ms, NULL);
    if (status == TIDINGS_OK) {
        status = wire_message_decode(bytes, &message, NULL);
    }
    if (status == TIDINGS_E_CORRUPT || status == TIDINGS_E_NOT_FOUND) {
        return store_log_rollback(broker, half->row.position, NULL, NULL); // nothing is left of it
    }
    struct topic *topic = status == TIDINGS_OK ? topics_find(&broker->topics, message.topic) : NULL;
    if (status == TIDINGS_OK && (topic == NULL || message.queue_id >= topic->queue_count)) {
        return store_log_rollback(broker, half->row.position, NULL, NULL); // its topic was deleted
    }
    if (status == TIDINGS_OK) {
        struct store_append append = { .topic = topic, .message = message, .half = &half->row };
        status = store_append(broker, &append, NULL);
    }
    return status;
}

bool halves_move(struct broker *broker, int64_t position)
{
    struct str key;
    void *value;
    size_t cursor = 0;
    bool any = false;
    while (map_next(&broker->halves.by_position, &cursor, &key, &value)) {
        struct half *half = value;
        if (half->row.position >= position) {
            continue;
        }
        any = true;
        if (!half->deciding) {
            if (move(broker, half) != TIDINGS_OK) {
                break; // later
            }
            half->deciding = true;
        }
    }
    return any;
}
