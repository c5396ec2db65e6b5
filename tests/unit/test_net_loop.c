// SPDX-License-Identifier: Apache-2.0
// Turns, posts, wakes, timers, signals.
#include "test_net_rig.h"

#include <signal.h>

// ---- posts ----
enum { POSTERS = 4, POSTS = 5000 };

struct poster {
    struct rig *rig;
    pthread_t thread;
    size_t next; // number expected: the loop's thread only
    bool in_order;
    size_t *arrived;
};

struct numbered {
    struct poster *poster;
    size_t number;
};

static void posted(void *arg)
{
    struct numbered *numbered = arg;
    struct poster *poster = numbered->poster;
    poster->in_order = poster->in_order && numbered->number == poster->next;
    poster->next++;
    rig_count(poster->rig, poster->arrived);
    free(numbered);
}

static void *post_many(void *arg)
{
    struct poster *poster = arg;
    for (size_t i = 0; i < POSTS; i++) {
        struct numbered *numbered = malloc(sizeof *numbered);
        if (numbered == NULL) {
            return NULL;
        }
        *numbered = (struct numbered){ poster, i };
        if (net_loop_post(poster->rig->loop, posted, numbered) != TIDINGS_OK) {
            free(numbered);
            return NULL;
        }
    }
    return NULL;
}

static void threads_post_in_order(void **state)
{
    (void)state;
    struct rig rig;
    struct poster posters[POSTERS];
    size_t arrived = 0;
    rig_init(&rig);
    rig_start(&rig);
    for (size_t i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){ .rig = &rig, .in_order = true, .arrived = &arrived };
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_many, &posters[i]), 0);
    }
    rig_wait(&rig, &arrived, (size_t)POSTERS * POSTS);
    rig_stop(&rig);
    for (size_t i = 0; i < POSTERS; i++) {
        pthread_join(posters[i].thread, NULL);
        assert_true(posters[i].in_order);
    }
    rig_deinit(&rig);
}

struct counting {
    struct net_loop *loop;
    size_t runs;
    size_t turns;
    size_t wakes;
    size_t stop_after;
};

static void count_run(void *arg)
{
    ((struct counting *)arg)->runs++;
}

static void posts_are_bounded_and_kept(void **state)
{
    (void)state;
    struct rig rig;
    struct counting counting = { 0 };
    rig_init(&rig);
    for (size_t i = 0; i < 65536; i++) {
        assert_int_equal(net_loop_post(rig.loop, count_run, &counting), TIDINGS_OK);
    }
    assert_int_equal(net_loop_post(rig.loop, count_run, &counting), TIDINGS_E_FULL);
    assert_int_equal(counting.runs, 0);
    rig_deinit(&rig);
    assert_int_equal(counting.runs, 65536); // what was taken runs, at the latest when freed
}

static void post_itself(void *arg)
{
    struct counting *counting = arg;
    if (++counting->runs == counting->stop_after) {
        net_loop_stop(counting->loop);
    } else {
        assert_int_equal(net_loop_post(counting->loop, post_itself, counting), TIDINGS_OK);
    }
}

static void count_turn(void *arg)
{
    ((struct counting *)arg)->turns++;
}

// A task that posts itself lets the loop go round: one turn for each.
static void a_task_may_post_itself(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct counting counting = { .loop = rig.loop, .stop_after = 100 };
    net_loop_on_turn(rig.loop, count_turn, &counting);
    assert_int_equal(net_loop_post(rig.loop, post_itself, &counting), TIDINGS_OK);
    net_loop_run(rig.loop);
    assert_int_equal(counting.runs, 100);
    assert_int_equal(counting.turns, 100);
    rig_deinit(&rig);
}

// ---- wakes ----
static void count_wake(void *arg)
{
    struct counting *counting = arg;
    counting->wakes++;
    if (counting->stop_after != 0 && counting->wakes == counting->stop_after) {
        net_loop_stop(counting->loop);
    }
}

static void many_wakes_are_one_call(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct counting counting = { .loop = rig.loop, .stop_after = 1 };
    net_loop_on_wake(rig.loop, count_wake, &counting);
    for (int i = 0; i < 1000; i++) {
        net_loop_wake(rig.loop);
    }
    net_loop_run(rig.loop);
    assert_int_equal(counting.wakes, 1);
    counting.stop_after = 2;
    net_loop_wake(rig.loop);
    net_loop_run(rig.loop); // may be called again
    assert_int_equal(counting.wakes, 2);
    rig_deinit(&rig);
}

struct waker {
    struct rig *rig;
    _Atomic size_t rung;
    size_t seen;
};

static void see_wake(void *arg)
{
    struct waker *waker = arg;
    pthread_mutex_lock(&waker->rig->lock);
    waker->seen = atomic_load(&waker->rung);
    pthread_cond_broadcast(&waker->rig->changed);
    pthread_mutex_unlock(&waker->rig->lock);
}

static void *ring(void *arg)
{
    struct waker *waker = arg;
    for (int i = 0; i < 20000; i++) {
        atomic_fetch_add(&waker->rung, 1);
        net_loop_wake(waker->rig->loop);
    }
    return NULL;
}

// However wakes and turns meet, the last one is seen.
static void no_wake_is_lost(void **state)
{
    (void)state;
    struct rig rig;
    pthread_t threads[2];
    rig_init(&rig);
    struct waker waker = { .rig = &rig };
    net_loop_on_wake(rig.loop, see_wake, &waker);
    rig_start(&rig);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ring, &waker), 0);
    }
    rig_wait(&rig, &waker.seen, 40000);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    rig_deinit(&rig);
}

// ---- the order in a turn ----
struct order {
    struct rig rig; // first: the handler's argument
    char told[64];
    size_t count;
    struct net_conn *conn;
    bool again;
};

static void tell(struct order *order, char what)
{
    if (order->count < sizeof order->told - 1) {
        order->told[order->count++] = what;
    }
}

static void order_frame(void *arg, struct net_conn *conn, struct str frame)
{
    struct order *order = arg;
    (void)frame;
    order->conn = conn;
    order->count = 0;
    tell(order, 'f');
    net_loop_wake(order->rig.loop);
}

static void order_wake(void *arg)
{
    tell(arg, 'w');
}

static void order_task(void *arg)
{
    tell(arg, 'p');
}

// The first turn after a frame posts and wakes: that must make another turn without an event from
// outside, and what this one writes must have left by itself.
static void order_turn(void *arg)
{
    struct order *order = arg;
    tell(order, 't');
    if (order->conn == NULL) {
        return;
    }
    if (!order->again) {
        order->again = true;
        net_loop_wake(order->rig.loop);
        assert_int_equal(net_loop_post(order->rig.loop, order_task, order), TIDINGS_OK);
    } else {
        tell(order, '.');
        assert_true(rig_write(order->conn, order->told, order->count));
        order->conn = NULL;
        order->again = false;
    }
}

static void a_turn_has_its_order(void **state)
{
    (void)state;
    struct order order = { 0 };
    rig_init(&order.rig);
    order.rig.handler.frame = order_frame;
    net_loop_on_wake(order.rig.loop, order_wake, &order);
    net_loop_on_turn(order.rig.loop, order_turn, &order);
    rig_start(&order.rig);
    int fd = rig_connect(&order.rig);
    for (int i = 0; i < 3; i++) {
        char frame[8];
        rig_send(fd, frame, rig_frame(frame, 4, 1));
        rig_expect(fd, "fwtpwt.", 7);
    }
    close(fd);
    rig_deinit(&order.rig);
}

// ---- timers ----
struct timing {
    struct net_loop *loop;
    struct net_timer *timers[4];
    char fired[16];
    size_t count;
    int rounds;
};

struct timing_one {
    struct timing *timing;
    size_t index;
};

static void fire(void *arg)
{
    struct timing_one *one = arg;
    struct timing *timing = one->timing;
    timing->fired[timing->count++] = (char)('a' + one->index);
    if (one->index == 0) {
        net_timer_start(timing->timers[3], 0); // restarted nearer
    } else if (one->index == 3) {
        net_loop_stop(timing->loop);
    }
}

// By their times, not as they were started; however long this thread is kept from the processor
// between two lines.
static void timers_fire_in_order(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct timing timing = { .loop = rig.loop };
    struct timing_one ones[4];
    for (size_t i = 0; i < 4; i++) {
        ones[i] = (struct timing_one){ &timing, i };
        assert_int_equal(net_timer_new(rig.loop, fire, &ones[i], &timing.timers[i]), TIDINGS_OK);
    }
    net_timer_start(timing.timers[3], 3600000);
    net_timer_start(timing.timers[1], 3600000); // restarted nearer
    net_timer_start(timing.timers[2], 5);
    net_timer_stop(timing.timers[2]);
    net_timer_start(timing.timers[1], -3);
    net_timer_start(timing.timers[0], 10);
    net_loop_run(rig.loop);
    timing.fired[timing.count] = '\0';
    assert_string_equal(timing.fired, "bad");
    for (size_t i = 0; i < 4; i++) {
        net_timer_free(timing.timers[i]);
    }
    net_timer_free(NULL);
    rig_deinit(&rig);
}

static void fire_again(void *arg)
{
    struct timing *timing = arg;
    if (++timing->rounds < 5) {
        net_timer_start(timing->timers[0], 1);
    } else {
        net_timer_free(timing->timers[0]); // inside its own callback
        net_loop_stop(timing->loop);
    }
}

static void a_timer_starts_and_frees_itself(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    struct timing timing = { .loop = rig.loop };
    assert_int_equal(net_timer_new(rig.loop, fire_again, &timing, &timing.timers[0]), TIDINGS_OK);
    net_timer_start(timing.timers[0], 0);
    net_loop_run(rig.loop);
    assert_int_equal(timing.rounds, 5);
    rig_deinit(&rig);
}

// ---- signals ----
static void on_signal(void *arg, int number)
{
    struct counting *counting = arg;
    counting->runs = (size_t)number;
    net_loop_stop(counting->loop);
}

static void signals_come_to_the_loop(void **state)
{
    (void)state;
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
    struct rig rig;
    struct tidings_error err = { 0 };
    rig_init(&rig);
    struct counting counting = { .loop = rig.loop };
    for (size_t i = 0; i < BASE_COUNT(numbers); i++) {
        assert_int_equal(net_loop_on_signal(rig.loop, numbers[i], on_signal, &counting, &err),
                         TIDINGS_OK);
    }
    for (size_t i = 0; i < BASE_COUNT(numbers); i++) {
        assert_int_equal(raise(numbers[i]), 0);
        net_loop_run(rig.loop);
        assert_int_equal(counting.runs, numbers[i]);
    }
    assert_int_equal(net_loop_on_signal(rig.loop, SIGKILL, on_signal, &counting, &err),
                     TIDINGS_E_IO);
    rig_deinit(&rig);
}

static void an_unused_loop_can_be_freed(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    rig_deinit(&rig);
    net_loop_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_post_in_order),
        cmocka_unit_test(posts_are_bounded_and_kept),
        cmocka_unit_test(a_task_may_post_itself),
        cmocka_unit_test(many_wakes_are_one_call),
        cmocka_unit_test(no_wake_is_lost),
        cmocka_unit_test(a_turn_has_its_order),
        cmocka_unit_test(timers_fire_in_order),
        cmocka_unit_test(a_timer_starts_and_frees_itself),
        cmocka_unit_test(signals_come_to_the_loop),
        cmocka_unit_test(an_unused_loop_can_be_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
