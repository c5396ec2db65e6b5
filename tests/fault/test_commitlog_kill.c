// SPDX-License-Identifier: Apache-2.0
// A writing process is killed again and again: what it told to be durable is there, whole and in
// order, and nothing else but what it had appended after that.
#include "../unit/test_commitlog_rig.h"

#include <signal.h>
#include <sys/wait.h>

enum { CYCLES = 30, ACKS_MAX = 120 };

// The child: opens, then appends for ever, telling how many records are durable. Ends with a status
// when anything is wrong.
static int write_for_ever(struct rig *rig, uint64_t number, uint64_t seed, int pipe_fd)
{
    struct rnd rnd;
    rnd_seed(&rnd, seed);
    rig->all_sound = true;
    if (commitlog_open(&rig->options, 0, rig_replay, rig_report, rig, &rig->log, &rig->err) !=
            TIDINGS_OK ||
        rig->damage_count > 0 || !rig->all_sound || rig->count != number) {
        return 2;
    }
    for (;;) {
        uint64_t batch = 1 + rnd_below(&rnd, 60);
        for (uint64_t i = 0; i < batch; i++) {
            int64_t position;
            size_t len = rnd_below(&rnd, 50) == 0 ? 8 + (size_t)rnd_below(&rnd, 200 * 1024)
                                                  : rig_len(rig, number);
            tidings_status status = rig_append_len(rig, number, len, &position);
            if (status == TIDINGS_E_AGAIN) {
                break;
            }
            if (status != TIDINGS_OK) {
                return 3;
            }
            number++;
            if (rnd_below(&rnd, 10) == 0) {
                commitlog_submit(rig->log);
            }
        }
        if (rnd_below(&rnd, 40) == 0 &&
            commitlog_release(rig->log, commitlog_end(rig->log) - 4 * RIG_SEGMENT, &rig->err) !=
                TIDINGS_OK) {
            return 4;
        }
        if (rig_sync(rig) >= 0) {
            return 5;
        }
        if (write(pipe_fd, &number, sizeof number) != sizeof number) {
            return 6;
        }
    }
}

static void what_was_durable_survives_kill(void **state)
{
    (void)state;
    struct rig rig;
    struct rnd rnd;
    uint64_t number = 0; // records there are, all in all
    uint64_t kept = 0;   // of them not released
    rig_init(&rig);
    rig.options.batch_max = 512 * 1024;
    rnd_seed(&rnd, 20240501);
    for (int cycle = 0; cycle < CYCLES; cycle++) {
        int fds[2];
        uint64_t acked = number;
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(fds[0]);
            // Numbers go on; rig->count is what was replayed, the rest was released before.
            rig.numbers[0] = 0;
            uint64_t gone = number - kept;
            rig.count = (size_t)gone;
            _exit(write_for_ever(&rig, number, rnd_next(&rnd), fds[1]));
        }
        close(fds[1]);
        // The moment follows from what the child told, and is somewhere in its next batch.
        for (uint64_t acks = rnd_below(&rnd, ACKS_MAX) + 1; acks > 0; acks--) {
            assert_int_equal(read(fds[0], &acked, sizeof acked), sizeof acked);
        }
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        while (read(fds[0], &number, sizeof number) == sizeof number) {
            acked = number; // told before it died
        }
        close(fds[0]);

        rig_open(&rig, 0);
        if (rig.damage_count > 0) {
            print_error("%lld to %lld: %s\n", (long long)rig.damages[0].position,
                        (long long)rig.damages[0].end, rig.damages[0].text);
        }
        assert_int_equal(rig.damage_count, 0);
        assert_true(rig.count > 0);
        for (size_t i = 1; i < rig.count; i++) {
            assert_int_equal(rig.numbers[i], rig.numbers[0] + i);
        }
        number = rig.numbers[rig.count - 1] + 1;
        kept = rig.count;
        assert_true(number >= acked);
        rig_close(&rig);
        (void)rnd_next(&rnd);
    }
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_durable_survives_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
