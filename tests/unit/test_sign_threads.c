// SPDX-License-Identifier: Apache-2.0
// One key, used by several threads at once: each must get what one alone gets.
#include <pthread.h>

#include "test_sign_pem.h"
#include "test_sign_support.h"

enum { THREADS = 4, ROUNDS = 50, KINDS = 4, VALUE_SIZE = 512 };

struct rig {
    struct sign_secret *keys[KINDS];
    char values[KINDS][VALUE_SIZE];
    pthread_barrier_t barrier;
};

static const struct sign_param params[] = { { { "b", 1 }, { "2", 1 } },
                                            { { "a", 1 }, { "1", 1 } } };

static tidings_status sign(const struct sign_secret *key, size_t kind, struct buf *out)
{
    return kind < 2 ? sign_webhook(&key, 1, STR("id"), 7, STR("body"), out, NULL)
                    : sign_params(key, params, 2, out, NULL);
}

static tidings_status verify(const struct sign_secret *key, size_t kind, struct str value)
{
    const struct sign_webhook_headers headers = { STR("id"), STR("7"), value };
    const struct sign_param all[] = { params[0], { STR("sign"), value }, params[1] };
    return kind < 2 ? sign_webhook_verify(&key, 1, &headers, 7, 0, STR("body"), NULL)
                    : sign_params_verify(&key, 1, all, 3, NULL);
}

// Returns NULL when all went well; cmocka's asserts are for the thread of the test alone.
static void *use(void *context)
{
    struct rig *rig = context;
    bool good = true;
    struct buf out;
    buf_init(&out, VALUE_SIZE);
    pthread_barrier_wait(&rig->barrier);
    for (size_t i = 0; good && i < (size_t)ROUNDS * KINDS; i++) {
        size_t kind = i % KINDS;
        buf_clear(&out);
        good = sign(rig->keys[kind], kind, &out) == TIDINGS_OK &&
               str_eq_c(buf_str(&out), rig->values[kind]) &&
               verify(rig->keys[kind], kind, buf_str(&out)) == TIDINGS_OK;
    }
    buf_deinit(&out);
    return good ? NULL : rig;
}

static void keys_serve_several_threads(void **state)
{
    (void)state;
    static struct rig rig;
    pthread_t threads[THREADS];
    rig.keys[0] = secret_of(SIGN_STANDARD, SECRET_1);
    rig.keys[1] = secret_of(SIGN_STANDARD, ED_SECRET);
    rig.keys[2] = secret_of(SIGN_PARAMS_HMAC, "secret");
    rig.keys[3] = secret_of(SIGN_RSA2, pem_private);
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct buf out;
        buf_init(&out, VALUE_SIZE);
        assert_int_equal(sign(rig.keys[kind], kind, &out), TIDINGS_OK);
        assert_true(str_copy(rig.values[kind], VALUE_SIZE, buf_str(&out)));
        buf_deinit(&out);
    }
    assert_int_equal(pthread_barrier_init(&rig.barrier, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use, &rig), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *wrong = &rig;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    pthread_barrier_destroy(&rig.barrier);
    for (size_t kind = 0; kind < KINDS; kind++) {
        sign_secret_free(rig.keys[kind]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(keys_serve_several_threads) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
