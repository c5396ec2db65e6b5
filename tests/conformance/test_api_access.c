// SPDX-License-Identifier: Apache-2.0
// Keys and roles over a real HTTP server: who is let in, what each may do and see, rates, a keys
// file that is read again; and that every request is answered while the server stops.
#include "api_fixture.h"
#include "each_database.h"

enum { TRIES = 5000 }; // until it is limited, however slow we are

static struct course course;
static char keys_path[128];

// Of the keys root-key, shop-key, pay-key, merchant-key, slow-key.
static const char KEYS[] =
    "operator root sha256:53ee2a345a1cbf8f01c840e98e2c72e8826b89578da737d03dd600c68bb67f83\n"
    "initiator shop sha256:44cfdcdd88354fa1412781f5a01a901c9112db33bfa8b165fbec9b618d9cf112 "
    "sources=shop.*,shop\n"
    "initiator pay sha256:1bd12a3c982415c1b176ff6bc359615c5f3491445f46829c6d457a04dbd0cf03 "
    "sources=pay\n"
    "receiver merchant sha256:72ce7f5cea912307ffb276509c064db6b7694383266a494cd324dc1161d76b2e "
    "receivers=merchant\n"
    "operator slow sha256:6fa0d18ad9d40c2e55ddba9c9110a429590843f1c7096d894e1f3aa68c420cee "
    "rate=2\n";

static void write_keys(const char *text)
{
    FILE *file = fopen(keys_path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

// As the holder of a key; NULL: without one.
static void ask_as(const char *key, const char *method, const char *path, const char *body)
{
    char fields[256];
    (void)snprintf(fields, sizeof fields, "%s%s%s%s", key != NULL ? "Authorization: Bearer " : "",
                   key != NULL ? key : "", key != NULL ? "\r\n" : "",
                   body != NULL ? "Content-Type: application/json\r\n" : "");
    (void)ask_with(&course, method, path, fields, str_of(body != NULL ? body : ""));
}

static void submit_as(const char *key, const char *source, const char *tx_no, const char *receiver)
{
    char body[256];
    (void)snprintf(body, sizeof body,
                   "{\"source\":\"%s\",\"type\":\"t\",\"txNo\":\"%s\",\"receivers\":[\"%s\"]}",
                   source, tx_no, receiver);
    ask_as(key, "POST", "/v1/notifications", body);
}

static void make_receiver(const char *name)
{
    char body[256];
    (void)snprintf(body, sizeof body, "{\"name\":\"%s\",\"url\":\"http://127.0.0.1:%d/\"}", name,
                   http_server_port(course.receiver));
    ask_as("root-key", "POST", "/v1/receivers", body);
    expect(&course, 201, name);
}

static void test_who(void **state)
{
    (void)state;
    ask_as(NULL, "GET", "/v1/whoami", NULL);
    expect(&course, 401, "urn:tidings:problem:unauthorized");
    expect_field(&course, "WWW-Authenticate: Bearer");
    ask_as("wrong", "GET", "/v1/whoami", NULL);
    expect(&course, 401, "no such key");
    assert_int_equal(
        ask_with(&course, "GET", "/v1/whoami", "Authorization: Basic cm9vdC1rZXk=\r\n", STR("")),
        401);
    ask_as("root-key", "GET", "/v1/whoami", NULL);
    expect(&course, 200, "{\"name\":\"root\",\"role\":\"operator\"}");
    ask_as("shop-key", "GET", "/v1/whoami", NULL);
    expect(&course, 200, "\"role\":\"initiator\",\"sources\":[\"shop.*\",\"shop\"]");
    ask_as("merchant-key", "GET", "/v1/whoami", NULL);
    expect(&course, 200, "\"role\":\"receiver\",\"receivers\":[\"merchant\"]");
    assert_int_equal(ask(&course, "GET", "/openapi.yaml"), 200);
    assert_int_equal(ask(&course, "GET", "/v1/nothing"), 404);
}

static void test_no_intake(void **state)
{
    (void)state;
    ask_as("root-key", "GET", "/v1/bindings", NULL);
    expect(&course, 200, "{\"items\":[]}");
    ask_as("root-key", "GET", "/v1/bindings/a", NULL);
    expect(&course, 404, "urn:tidings:problem:not-found");
    ask_as("root-key", "DELETE", "/v1/bindings/a", NULL);
    expect(&course, 404, "urn:tidings:problem:not-found");
    ask_as("root-key", "PUT", "/v1/bindings/a", "{\"topic\":\"t\",\"group\":\"g\"}");
    expect(&course, 409, "urn:tidings:problem:state");
}

static void test_roles(void **state)
{
    static const char *const operators[][2] = {
        { "GET", "/v1/receivers" },
        { "DELETE", "/v1/receivers/merchant" },
        { "POST", "/v1/receivers/merchant/secrets" },
        { "POST", "/v1/redeliveries" },
        { "GET", "/v1/bindings" },
        { "POST", "/v1/notifications/ntf_0000000000000/cancel" },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(operators); i++) {
        ask_as("shop-key", operators[i][0], operators[i][1], NULL);
        expect(&course, 403, "\"permission\":\"role operator\"");
        ask_as("merchant-key", operators[i][0], operators[i][1], NULL);
        expect(&course, 403, "\"permission\":\"role operator\"");
    }
    submit_as("merchant-key", "shop", "r-1", "merchant");
    expect(&course, 403, "\"permission\":\"role operator or initiator\"");
}

static void test_sources(void **state)
{
    (void)state;
    submit_as("shop-key", "pay", "s-1", "merchant");
    expect(&course, 403, "\"field\":\"source\"");
    submit_as("shop-key", "shop.eu", "s-1", "merchant");
    expect(&course, 202, "\"duplicate\":false");
    ask_as("shop-key", "POST", "/v1/notifications",
           "{\"notifications\":[{\"source\":\"pay\",\"type\":\"t\",\"txNo\":\"s-2\"},"
           "{\"source\":\"shop\",\"type\":\"t\",\"txNo\":\"s-3\",\"receivers\":[\"merchant\"]}]}");
    expect(&course, 207, "{\"results\":[{\"status\":403,");
    expect(&course, 207, "{\"status\":202,");
}

// Each sees its own: others' are not there.
static void test_seen(void **state)
{
    static const char *const ends[] = { "", "/payload", "/attempts" };
    static const struct {
        const char *key;
        bool shop, other;
    } rows[] = { { "root-key", true, true },
                 { "shop-key", true, true },
                 { "pay-key", false, false },
                 { "merchant-key", true, false } };
    char shop[RECORD_ID_SIZE];
    char other[RECORD_ID_SIZE];
    (void)state;
    submit_as("shop-key", "shop", "seen-1", "merchant");
    pick(&course, "id", shop, sizeof shop);
    submit_as("shop-key", "shop", "seen-2", "other");
    pick(&course, "id", other, sizeof other);
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        for (size_t j = 0; j < BASE_COUNT(ends); j++) {
            char path[128];
            (void)snprintf(path, sizeof path, "/v1/notifications/%s%s", shop, ends[j]);
            ask_as(rows[i].key, "GET", path, NULL);
            assert_int_equal(course.status, rows[i].shop ? 200 : 404);
            (void)snprintf(path, sizeof path, "/v1/notifications/%s%s", other, ends[j]);
            ask_as(rows[i].key, "GET", path, NULL);
            assert_int_equal(course.status, rows[i].other ? 200 : 404);
        }
        static const char *const lists[] = { "/v1/notifications?limit=1000",
                                             "/v1/notifications?source=shop",
                                             "/v1/notifications?txNo=seen-1",
                                             "/v1/notifications?receiver=merchant" };
        for (size_t j = 0; j < BASE_COUNT(lists); j++) {
            ask_as(rows[i].key, "GET", lists[j], NULL);
            assert_int_equal(course.status, 200);
            assert_int_equal(strstr(course.body.ptr, shop) != NULL, rows[i].shop);
        }
        ask_as(rows[i].key, "GET", "/v1/notifications?receiver=other", NULL);
        assert_int_equal(strstr(course.body.ptr, other) != NULL, rows[i].other);
    }
}

static void test_rate(void **state)
{
    int refused = 0;
    (void)state;
    for (int i = 0; i < TRIES && refused == 0; i++) { // two a second, but for some at first
        ask_as("slow-key", "GET", "/v1/whoami", NULL);
        if (course.status != 200) {
            expect(&course, 429, "urn:tidings:problem:rate-limited");
            expect_field(&course, "Retry-After: 1");
            refused++;
        }
    }
    assert_true(refused > 0);
}

static void test_reload(void **state)
{
    struct tidings_error err = { 0 };
    char text[2048];
    (void)state;
    (void)snprintf(text, sizeof text, "%s%s", KEYS, "king me\n");
    write_keys(text);
    assert_int_equal(api_reload(course.api, &err), TIDINGS_E_INVALID);
    assert_non_null(strstr(err.text, ":6: "));
    ask_as("root-key", "GET", "/v1/whoami", NULL);
    expect(&course, 200, "root");
    write_keys("# nobody\n");
    assert_int_equal(api_reload(course.api, &err), TIDINGS_OK);
    ask_as("root-key", "GET", "/v1/whoami", NULL);
    expect(&course, 401, "no such key");
    write_keys(KEYS);
    assert_int_equal(api_reload(course.api, &err), TIDINGS_OK);
    ask_as("root-key", "GET", "/v1/whoami", NULL);
    expect(&course, 200, "root");
}

// Wrong keys are answered shortly after a while; a right one is taken all the same.
static void test_wrong_keys(void **state)
{
    bool was_limited = false;
    (void)state;
    for (int i = 0; i < TRIES && !was_limited; i++) {
        ask_as("guess", "GET", "/v1/whoami", NULL);
        was_limited = course.status == 429;
    }
    assert_true(was_limited);
    ask_as(NULL, "GET", "/v1/whoami", NULL); // guesses nothing
    expect(&course, 401, "urn:tidings:problem:unauthorized");
    ask_as("root-key", "GET", "/v1/whoami", NULL);
    expect(&course, 200, "root");
}

// ---- stopping ----
struct asker {
    pthread_t thread;
    int fd;
    _Atomic unsigned answered;
    unsigned lost; // a request that was sent and not answered
};

// Of one answer, in however many pieces it comes; the answer is a text afterwards. 0: the
// connection has ended before.
static size_t receive_whole(int fd, char *answer, size_t size)
{
    size_t len = 0;
    for (;;) {
        ssize_t n = recv(fd, answer + len, size - 1 - len, 0);
        if (n <= 0) { // it may be closed between two requests, not within an answer
            answer[0] = '\0';
            return len;
        }
        len += (size_t)n;
        answer[len] = '\0';
        const char *end = strstr(answer, "\r\n\r\n");
        const char *length = strstr(answer, "Content-Length: ");
        if (end != NULL &&
            len >= (size_t)(end + 4 - answer) +
                       (length != NULL ? (size_t)strtoul(length + 16, NULL, 10) : 0)) {
            return len;
        }
    }
}

// Sends requests over one connection until it is ended; each must have an answer.
static void *keep_asking(void *arg)
{
    struct asker *asker = arg;
    int fd = asker->fd;
    for (unsigned i = 0;; i++) {
        char request[512];
        char answer[4096];
        int len = snprintf(request, sizeof request,
                           "POST /v1/notifications HTTP/1.1\r\nHost: a\r\n"
                           "Authorization: Bearer shop-key\r\nTidings-Tx-No: stop-%d-%u\r\n"
                           "Tidings-Source: shop\r\nTidings-Type: t\r\n"
                           "Tidings-Receivers: merchant\r\nContent-Length: 2\r\n\r\n{}",
                           fd, i);
        if (send(fd, request, (size_t)len, MSG_NOSIGNAL) != len) {
            break;
        }
        if (receive_whole(fd, answer, sizeof answer) == 0) {
            break;
        }
        bool is_whole =
            strncmp(answer, "HTTP/1.1 202", 12) == 0 || strncmp(answer, "HTTP/1.1 503", 12) == 0;
        asker->answered += is_whole;
        asker->lost += !is_whole;
    }
    close(fd);
    return NULL;
}

static void test_stop(void **state)
{
    struct asker askers[8] = { 0 };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(askers); i++) {
        askers[i].fd = dial(http_server_port(course.server));
        assert_int_equal(pthread_create(&askers[i].thread, NULL, keep_asking, &askers[i]), 0);
    }
    for (size_t i = 0; i < BASE_COUNT(askers); i++) { // until all are at it
        while (atomic_load(&askers[i].answered) < 20) {
            (void)usleep(1000);
        }
    }
    course_stop(&course); // waits for the answers that come later
    for (size_t i = 0; i < BASE_COUNT(askers); i++) {
        pthread_join(askers[i].thread, NULL);
        assert_int_equal(askers[i].lost, 0);
    }
}

static int start(void **state)
{
    (void)state;
    write_keys(KEYS);
    course_start(&course);
    make_receiver("merchant");
    make_receiver("other");
    return 0;
}

static int run(const char *url, const char *path)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who),    cmocka_unit_test(test_no_intake),
        cmocka_unit_test(test_roles),  cmocka_unit_test(test_sources),
        cmocka_unit_test(test_seen),   cmocka_unit_test(test_rate),
        cmocka_unit_test(test_reload), cmocka_unit_test(test_wrong_keys),
        cmocka_unit_test(test_stop),
    };
    memset(&course, 0, sizeof course);
    course.url = url;
    course.keys_file = keys_path;
    (void)snprintf(keys_path, sizeof keys_path, "/tmp/tidings-api-keys-%d", (int)getpid());
    each_empty(url, path);
    int failed = cmocka_run_group_tests_name(url, tests, start, NULL);
    (void)unlink(keys_path);
    return failed;
}

int main(void)
{
    return each_database("api_access", run);
}
