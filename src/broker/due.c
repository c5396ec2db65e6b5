// SPDX-License-Identifier: Apache-2.0
#include "broker/due.h"

#include <stdlib.h>

#include "broker/internal.h"

enum {
    NEAR_MAX = 32768,  // rows in memory
    NEAR_LOW = 2048,   // load more below
    LOAD_COUNT = 8192, // rows per load
    DELIVER_MAX = 512, // rows per DELIVER record
    TURN_MAX = 4096,   // rows delivered per timer call: the rest in the next turn
    SPARE_MAX = 4096,
    TIMER_MAX_MS = 1000, // look at the wall clock at least this often: it may jump
};

struct due_item {
    struct heap_node node;
    struct due_item *next; // in side or spare
    struct index_due row;
};

static void fire(void *arg);

tidings_status due_init(struct broker *broker)
{
    struct due *due = &broker->due;
    *due = (struct due){ .horizon_ms = -1, .horizon_position = -1 };
    heap_init(&due->near, NEAR_MAX * 2);
    return net_timer_new(broker->options.loop, fire, broker, &due->timer);
}

static void free_chain(struct due_item *item)
{
    while (item != NULL) {
        struct due_item *next = item->next;
        free(item);
        item = next;
    }
}

void due_deinit(struct broker *broker)
{
    struct due *due = &broker->due;
    struct heap_node *node;
    while ((node = heap_pop(&due->near)) != NULL) {
        free(BASE_CONTAINER_OF(node, struct due_item, node));
    }
    heap_deinit(&due->near);
    free_chain(due->side);
    free_chain(due->spare);
    net_timer_free(due->timer);
    *due = (struct due){ 0 };
}

static struct due_item *item_take(struct due *due)
{
    struct due_item *item = due->spare;
    if (item != NULL) {
        due->spare = item->next;
        due->spare_count--;
        return item;
    }
    return malloc(sizeof *item);
}

static void item_give(struct due *due, struct due_item *item)
{
    if (due->spare_count >= SPARE_MAX) {
        free(item);
        return;
    }
    item->next = due->spare;
    due->spare = item;
    due->spare_count++;
}

static int compare_items(const void *a, const void *b)
{
    const struct index_due *left = &(*(struct due_item *const *)a)->row;
    const struct index_due *right = &(*(struct due_item *const *)b)->row;
    if (left->due_ms != right->due_ms) {
        return left->due_ms < right->due_ms ? -1 : 1;
    }
    return left->position < right->position ? -1 : left->position > right->position;
}

// Too many rows in memory: the later half is forgotten (it is in the index) and the horizon comes
// nearer. Without memory for that they stay. An answer of the index that is on its way continues
// from the old horizon and is of no use then.
static void cut_horizon(struct due *due)
{
    size_t count = due->near.count;
    struct due_item **items = malloc(count * sizeof *items);
    if (items == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = BASE_CONTAINER_OF(heap_pop(&due->near), struct due_item, node);
    }
    qsort(items, count, sizeof(struct due_item *), compare_items);
    size_t keep = count / 2;
    for (size_t i = 0; i < count; i++) {
        if (i >= keep) {
            item_give(due, items[i]);
        } else if (heap_push(&due->near, &items[i]->node, items[i]->row.due_ms) != TIDINGS_OK) {
            base_assert_failed("the heap has room for what it held", __FILE__, __LINE__);
        }
    }
    due->horizon_ms = items[keep - 1]->row.due_ms;
    due->horizon_position = items[keep - 1]->row.position;
    due->stale = due->loading;
    free(items);
}

static bool within_horizon(const struct due *due, const struct index_due *row)
{
    return row->due_ms < due->horizon_ms ||
           (row->due_ms == due->horizon_ms && row->position <= due->horizon_position);
}

static tidings_status near_push(struct due *due, const struct index_due *row)
{
    struct due_item *item = item_take(due);
    if (item == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    item->row = *row;
    heap_node_init(&item->node);
    tidings_status status = heap_push(&due->near, &item->node, row->due_ms);
    if (status != TIDINGS_OK) {
        item_give(due, item);
    }
    return status;
}

tidings_status due_add(struct broker *broker, const struct index_due *row)
{
    struct due *due = &broker->due;
    if (within_horizon(due, row)) {
        struct heap_node *first = heap_peek(&due->near);
        int64_t first_ms = first != NULL ? first->due : INT64_MAX;
        tidings_status status = near_push(due, row);
        if (due->near.count > NEAR_MAX) {
            cut_horizon(due);
        }
        if (status == TIDINGS_OK && row->due_ms < first_ms) {
            due_arm(broker);
        }
        return status;
    }
    if (!due->loading) {
        return TIDINGS_OK;
    }
    struct due_item *item = item_take(due);
    if (item == NULL) {
        return TIDINGS_E_NO_MEMORY;
    }
    item->row = *row;
    item->next = due->side;
    due->side = item;
    due->side_count++;
    return TIDINGS_OK;
}

tidings_status due_again(struct broker *broker, const struct index_due *row)
{
    struct due *due = &broker->due;
    due->held_until_us = clock_mono_us(broker->options.clock) + 1000000;
    tidings_status status = near_push(due, row);
    due_arm(broker);
    return status;
}

void due_delivered(struct broker *broker, int64_t due_ms)
{
    int64_t late = clock_wall_ms(broker->options.clock) - due_ms;
    if (late > 0 && (uint64_t)late > broker->stats.due_late_ms_max) {
        broker->stats.due_late_ms_max = (uint64_t)late;
    }
    broker->stats.delivered_due++;
    if (broker->stats.delayed_waiting > 0) {
        broker->stats.delayed_waiting--;
    }
}

// What was accepted while the index answered: now it is known on which side of the horizon it is.
static void sort_side_in(struct broker *broker)
{
    struct due *due = &broker->due;
    struct due_item *side = NULL;
    for (struct due_item *item = due->side, *next; item != NULL; item = next) {
        next = item->next; // the last came first
        item->next = side;
        side = item;
    }
    due->side = NULL;
    due->side_count = 0;
    while (side != NULL) {
        struct due_item *next = side->next;
        if (due_add(broker, &side->row) == TIDINGS_OK) {
            item_give(due, side);
        } else { // no memory: they wait for the next try
            side->next = due->side;
            due->side = side;
            due->side_count++;
        }
        side = next;
    }
}

void due_load(struct broker *broker)
{
    struct due *due = &broker->due;
    if (!due->loading && due->side != NULL) {
        sort_side_in(broker);
        if (due->side != NULL) { // what the index answers now would have them once more
            return;
        }
    }
    if (due->loading || due->horizon_ms == INT64_MAX || due->near.count >= NEAR_LOW) {
        return;
    }
    if (index_load_due(broker->index, due->horizon_ms, due->horizon_position, LOAD_COUNT) ==
        TIDINGS_OK) {
        due->loading = true;
    }
}

void due_loaded(struct broker *broker, const struct index_due *rows, size_t count, bool more)
{
    struct due *due = &broker->due;
    due->loading = false;
    if (due->stale) {
        due->stale = false;
        sort_side_in(broker);
        due_load(broker);
        return;
    }
    size_t taken = 0;
    while (taken < count && near_push(due, &rows[taken]) == TIDINGS_OK) {
        taken++;
    }
    if (taken < count) { // no memory: later, from the last that was taken
        more = true;
    }
    if (taken > 0) {
        due->horizon_ms = rows[taken - 1].due_ms;
        due->horizon_position = rows[taken - 1].position;
    }
    if (!more) {
        due->horizon_ms = INT64_MAX;
        due->horizon_position = INT64_MAX;
    }
    sort_side_in(broker);
    due_arm(broker);
}

void due_arm(struct broker *broker)
{
    struct due *due = &broker->due;
    struct heap_node *first = heap_peek(&due->near);
    if (first == NULL) {
        net_timer_stop(due->timer);
        due_load(broker);
        return;
    }
    int64_t wait = first->due - clock_wall_ms(broker->options.clock);
    int64_t held = (due->held_until_us - clock_mono_us(broker->options.clock) + 999) / 1000;
    if (wait < held) {
        wait = held;
    }
    net_timer_start(due->timer, wait > TIMER_MAX_MS ? TIMER_MAX_MS : wait);
}

// Takes rows that are due off the heap, in the order in which they were accepted for each time.
static size_t take_due(struct due *due, int64_t now_ms, struct index_due *rows, size_t max)
{
    size_t count = 0;
    struct heap_node *first;
    while (count < max && (first = heap_peek(&due->near)) != NULL && first->due <= now_ms) {
        struct due_item *item = BASE_CONTAINER_OF(heap_pop(&due->near), struct due_item, node);
        rows[count++] = item->row;
        item_give(due, item);
    }
    return count;
}

// A message whose segment is past retention would go with it before anybody has read it: it is
// stored anew.
static tidings_status deliver_copy(struct broker *broker, const struct index_due *row)
{
    struct queue *queue = topics_find_queue(&broker->topics, row->queue_key);
    struct wire_message message;
    struct str bytes;
    int64_t due_ms;
    if (queue == NULL) {
        return store_log_deliver(broker, row, 1, false); // its topic is gone
    }
    tidings_status status = store_read(broker, row->position, &bytes, &due_ms, NULL);
    if (status == TIDINGS_E_IO || status == TIDINGS_E_NO_MEMORY) {
        return status; // it is there: later
    }
    if (status == TIDINGS_OK) {
        status = wire_message_decode(bytes, &message, NULL);
    }
    if (status == TIDINGS_OK) {
        struct store_append append = { .topic = queue->topic, .message = message };
        status = store_append(broker, &append, NULL);
    }
    if (status == TIDINGS_OK) {
        // In the same batch, or the next; should the end come between, it is delivered twice.
        return store_log_deliver(broker, row, 1, false);
    }
    if (status == TIDINGS_E_CORRUPT || status == TIDINGS_E_NOT_FOUND ||
        status == TIDINGS_E_TOO_LARGE) {
        // Damaged, as store_read has told: the consumer passes it over. Or no copy can be made.
        return store_log_deliver(broker, row, 1, true);
    }
    return status;
}

static tidings_status deliver(struct broker *broker, const struct index_due *rows, size_t count,
                              size_t *ret_done)
{
    tidings_status status = TIDINGS_OK;
    size_t first = 0; // of those that are delivered together
    for (size_t i = 0; i < count && status == TIDINGS_OK; i++) {
        if (rows[i].position >= broker->retain_from) {
            continue;
        }
        status = i > first ? store_log_deliver(broker, rows + first, i - first, true) : TIDINGS_OK;
        *ret_done = status == TIDINGS_OK ? i : first;
        if (status == TIDINGS_OK) {
            status = deliver_copy(broker, &rows[i]);
            *ret_done += status == TIDINGS_OK;
        }
        first = i + 1;
    }
    if (status == TIDINGS_OK && count > first) {
        *ret_done = first;
        status = store_log_deliver(broker, rows + first, count - first, true);
    }
    *ret_done = status == TIDINGS_OK ? count : *ret_done;
    return status;
}

static void fire(void *arg)
{
    struct broker *broker = arg;
    struct due *due = &broker->due;
    struct index_due rows[DELIVER_MAX];
    size_t total = 0;
    size_t count = 0;

    if (clock_mono_us(broker->options.clock) >= due->held_until_us) {
        int64_t now_ms = clock_wall_ms(broker->options.clock);
        while (total < TURN_MAX && (count = take_due(due, now_ms, rows, DELIVER_MAX)) > 0) {
            size_t done = 0;
            if (deliver(broker, rows, count, &done) != TIDINGS_OK) {
                for (size_t i = done; i < count; i++) { // their items are the spare ones now
                    BASE_ASSERT(due_again(broker, &rows[i]) == TIDINGS_OK);
                }
                break;
            }
            total += count;
        }
    }
    due_load(broker);
    due_arm(broker);
}
