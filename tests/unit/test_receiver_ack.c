// SPDX-License-Identifier: Apache-2.0
// Which reply means "taken": each part of a rule, and replies of those who mean no good.
#include <pthread.h>

#include "receiver/ack.h"
#include "test_receiver_support.h"
#include "wire/tree.h"

enum { WHY_SIZE = 256, THREADS = 4, ROUNDS = 300 };

static struct ack_rule *rule_of(const char *document, bool is_soap)
{
    struct ack_rule *rule = NULL;
    struct tidings_error err = { 0 };
    json_t *root = NULL;
    if (document != NULL) {
        assert_int_equal(wire_tree_parse(str_of(document), &root, NULL), TIDINGS_OK);
    }
    assert_int_equal(ack_rule_new(root, is_soap, &rule, &err), TIDINGS_OK);
    assert_string_equal(err.text, "");
    json_decref(root); // nothing of it is kept
    return rule;
}

static void assert_fits(const struct ack_rule *rule, int status, const char *body)
{
    char why[WHY_SIZE] = "";
    if (!ack_rule_fits(rule, status, str_of(body), false, why, sizeof why)) {
        fail_msg("%d \"%s\" does not fit: %s", status, body, why);
    }
}

static void assert_fits_not(const struct ack_rule *rule, int status, struct str body,
                            const char *part)
{
    char why[WHY_SIZE] = "";
    assert_false(ack_rule_fits(rule, status, body, false, why, sizeof why));
    if (strstr(why, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, why);
    }
}

static void assert_no_rule(const char *document, const char *part)
{
    struct ack_rule *rule = NULL;
    struct tidings_error err = { 0 };
    json_t *root = NULL;
    assert_int_equal(wire_tree_parse(str_of(document), &root, NULL), TIDINGS_OK);
    assert_int_equal(ack_rule_new(root, false, &rule, &err), TIDINGS_E_INVALID);
    assert_null(rule);
    if (strstr(err.text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, err.text);
    }
    json_decref(root);
}

// ---- status, body ----

static void statuses_are_codes_and_ranges(void **state)
{
    (void)state;
    struct ack_rule *rule = rule_of(NULL, false);
    assert_fits(rule, 200, "");
    assert_fits(rule, 299, "anything");
    assert_fits_not(rule, 199, STR(""), "the status must be 200-299, it is 199");
    assert_fits_not(rule, 300, STR(""), "it is 300");
    ack_rule_free(rule);
    rule = rule_of("{\"status\":\"200 - 204, 304,404-404\"}", false);
    assert_fits(rule, 200, "");
    assert_fits(rule, 304, "");
    assert_fits(rule, 404, "");
    assert_fits_not(rule, 205, STR(""), "it is 205");
    assert_true(ack_rule_fits(rule, 200, STR("cut"), true, NULL, 0)); // nobody looks at the body
    ack_rule_free(rule);
    ack_rule_free(NULL);
    static const char *const bad[] = { "\"\"",     "200",        "\"99\"",      "\"600\"",
                                       "\"200-\"", "\"-200\"",   "\"300-200\"", "\"2xx\"",
                                       "\"200,\"", "\"200;201\"" };
    for (size_t i = 0; i < BASE_COUNT(bad); i++) {
        char document[64];
        (void)snprintf(document, sizeof document, "{\"status\":%s}", bad[i]);
        assert_no_rule(document, "ack.status: ");
    }
    char many[512] = "{\"status\":\"200";
    for (int i = 0; i < ACK_RANGES_MAX; i++) {
        (void)snprintf(many + strlen(many), sizeof many - strlen(many), ",201");
    }
    (void)snprintf(many + strlen(many), sizeof many - strlen(many), "\"}");
    assert_no_rule(many, "ack.status: more than 32 ranges");
}

static void bodies_are_compared_without_white_space(void **state)
{
    (void)state;
    struct ack_rule *rule = rule_of("{\"body\":\" success \"}", false);
    assert_fits(rule, 200, "success");
    assert_fits(rule, 200, "\r\n success\t\n");
    assert_fits_not(rule, 200, STR("fail\n\xE5\xA4\xB1\xE8\xB4\xA5"),
                    "the body must be \"success\", it is \"fail \xE5\xA4\xB1\xE8\xB4\xA5\"");
    assert_fits_not(rule, 200, STR("Success"), "it is \"Success\"");
    assert_fits_not(rule, 200, STR("success\0"), "it is");
    assert_fits_not(rule, 200, STR("\xFF\xFE"), "it is \"??\"");
    assert_fits_not(rule, 500, STR("success"), "the status must be 200-299");
    assert_false(ack_rule_fits(rule, 200, STR("success"), true, NULL, 0));
    ack_rule_free(rule);
    rule = rule_of("{\"body\":\"\"}", false);
    assert_fits(rule, 200, " \n");
    assert_fits_not(rule, 200, STR("x"), "it is \"x\"");
    ack_rule_free(rule);
}

static void reasons_are_whole_characters(void **state)
{
    (void)state;
    struct ack_rule *rule = rule_of("{\"body\":\"\xE6\x88\x90\xE5\x8A\x9F\"}", false);
    char body[400];
    for (size_t i = 0; i + 3 < sizeof body; i += 3) {
        memcpy(body + i, "\xE5\xA4\xB1", 4);
    }
    for (size_t size = 0; size < 120; size++) {
        char why[128];
        memset(why, 'z', sizeof why);
        assert_false(ack_rule_fits(rule, 200, str_of(body), false, why, size));
        assert_int_equal(why[size], 'z');
        if (size > 0) {
            assert_true(strlen(why) < size);
            assert_true(str_is_utf8(str_of(why)));
        }
    }
    ack_rule_free(rule);
}

static void too_much_does_not_fit(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "{\"body\":\"x\"}",
        "{\"json\":{\"pointer\":\"\",\"equals\":1}}",
        "{\"xpath\":{\"path\":\"/a\",\"equals\":\"x\"}}",
        "{\"noFault\":true}",
    };
    char *body = calloc(1, RECEIVER_REPLY_MAX + 1);
    assert_non_null(body);
    for (size_t i = 0; i < BASE_COUNT(documents); i++) {
        struct ack_rule *rule = rule_of(documents[i], false);
        char why[WHY_SIZE] = "";
        assert_fits_not(rule, 200, str_make(body, RECEIVER_REPLY_MAX + 1), "longer than 65536");
        assert_false(ack_rule_fits(rule, 200, STR("x"), true, why, sizeof why));
        assert_non_null(strstr(why, "longer than 65536"));
        ack_rule_free(rule);
    }
    free(body);
}

// ---- JSON ----

static void a_place_in_json_is_compared(void **state)
{
    (void)state;
    static const struct {
        const char *pointer;
        const char *equals;
        const char *body;
        bool fits;
    } rows[] = {
        { "/code", "\"OK\"", "{\"code\":\"OK\"}", true },
        { "/code", "\"OK\"", " {\"code\" : \"OK\", \"more\":[1]} ", true },
        { "/code", "\"OK\"", "{\"code\":\"ok\"}", false },
        { "/code", "0", "{\"code\":0}", true },
        { "/code", "0", "{\"code\":0.0}", true },
        { "/code", "0", "{\"code\":-0.0}", true },
        { "/code", "0", "{\"code\":\"0\"}", false },
        { "/code", "1.5", "{\"code\":1.5}", true },
        { "/code", "1.5", "{\"code\":1}", false },
        { "/ok", "true", "{\"ok\":true}", true },
        { "/ok", "true", "{\"ok\":1}", false },
        { "/ok", "false", "{\"ok\":false}", true },
        { "/error", "null", "{\"error\":null}", true },
        { "/error", "null", "{}", false },
        { "", "\"SUCCESS\"", "\"SUCCESS\"", true },
        { "/a/b/1", "7", "{\"a\":{\"b\":[6,7]}}", true },
        { "/a/b/01", "7", "{\"a\":{\"b\":[6,7]}}", false },
        { "/a/b/-", "7", "{\"a\":{\"b\":[6,7]}}", false },
        { "/a/b/2", "7", "{\"a\":{\"b\":[6,7]}}", false },
        { "/a/b/", "7", "{\"a\":{\"b\":[6,7]}}", false },
        { "/", "7", "{\"\":7}", true },
        { "/a~1b", "7", "{\"a/b\":7}", true },
        { "/m~0n", "7", "{\"m~n\":7}", true },
        { "/~01", "7", "{\"~1\":7}", true },
        { "/a/b", "7", "{\"a\":7}", false },
        { "/\xE7\xA0\x81", "\"\xE6\x88\x90\"", "{\"\\u7801\":\"\\u6210\"}", true },
    };
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        char document[128];
        (void)snprintf(document, sizeof document, "{\"json\":{\"pointer\":\"%s\",\"equals\":%s}}",
                       rows[i].pointer, rows[i].equals);
        struct ack_rule *rule = rule_of(document, false);
        if (rows[i].fits) {
            assert_fits(rule, 200, rows[i].body);
        } else {
            assert_fits_not(rule, 200, str_of(rows[i].body), "JSON \"");
        }
        ack_rule_free(rule);
    }
}

static void what_is_no_json_does_not_fit(void **state)
{
    (void)state;
    struct ack_rule *rule = rule_of("{\"json\":{\"pointer\":\"/a\",\"equals\":1}}", false);
    char deep[2048];
    memset(deep, '[', sizeof deep);
    assert_fits_not(rule, 200, STR(""), "the body must be JSON");
    assert_fits_not(rule, 200, STR("<html>"), "the body must be JSON");
    assert_fits_not(rule, 200, STR("{\"a\":1"), "the body must be JSON");
    assert_fits_not(rule, 200, STR("{\"a\":1}{}"), "the body must be JSON");
    assert_fits_not(rule, 200, STR("{\"a\":\"\xFF\"}"), "the body must be JSON");
    assert_fits_not(rule, 200, str_make(deep, sizeof deep), "nested too deep");
    assert_fits_not(rule, 200, STR("{\"a\":2}"), "JSON \"/a\" must be 1, it is 2");
    assert_fits_not(rule, 200, STR("{}"), "JSON \"/a\" must be 1, there is nothing");
    ack_rule_free(rule);
    assert_no_rule("{\"json\":{\"pointer\":\"a\",\"equals\":1}}", "ack.json.pointer: ");
    assert_no_rule("{\"json\":{\"pointer\":\"/~2\",\"equals\":1}}", "ack.json.pointer: ");
    assert_no_rule("{\"json\":{\"pointer\":\"/~\",\"equals\":1}}", "ack.json.pointer: ");
    assert_no_rule("{\"json\":{\"equals\":1}}", "ack.json.pointer: ");
    assert_no_rule("{\"json\":{\"pointer\":\"/a\"}}", "ack.json.equals: ");
    assert_no_rule("{\"json\":{\"pointer\":\"/a\",\"equals\":[]}}", "ack.json.equals: ");
    assert_no_rule("{\"json\":{\"pointer\":\"/a\",\"equals\":1,\"is\":1}}", "ack.json: \"is\"");
}

// ---- XML ----

#define XPATH(path, equals) "{\"xpath\":{\"path\":\"" path "\",\"equals\":\"" equals "\"}}"

static void a_place_in_xml_is_compared(void **state)
{
    (void)state;
    struct ack_rule *rule = rule_of(XPATH("/xml/return_code", "SUCCESS"), false);
    assert_fits(rule, 200, "<xml><return_code>SUCCESS</return_code></xml>");
    assert_fits(rule, 200,
                "<?xml version='1.0'?><xml><return_code><![CDATA[SUCCESS]]></return_code></xml>");
    assert_fits_not(rule, 200, STR("<xml><return_code>FAIL</return_code></xml>"),
                    "XPath \"/xml/return_code\" must be \"SUCCESS\", it is \"FAIL\"");
    assert_fits_not(rule, 200, STR("<xml/>"), "there is nothing");
    assert_fits_not(rule, 200, STR(""), "the body must be XML");
    assert_fits_not(rule, 200, STR("SUCCESS"), "the body must be XML");
    assert_fits_not(rule, 200, STR("<xml><return_code>SUCCESS</return_code>"),
                    "the body must be XML");
    assert_fits_not(rule, 200, STR("<xml><return_code>SUCCESS</return_code></xml><x/>"),
                    "the body must be XML");
    ack_rule_free(rule);
    rule = rule_of(XPATH("count(//item)", "2"), false);
    assert_fits(rule, 200, "<a><item/><b><item/></b></a>");
    ack_rule_free(rule);
    rule = rule_of(XPATH("boolean(/a/@ok)", "true"), false);
    assert_fits(rule, 200, "<a ok=''/>");
    assert_fits_not(rule, 200, STR("<a/>"), "it is \"false\"");
    ack_rule_free(rule);
    rule = rule_of(XPATH("/a", ""), false);
    assert_fits(rule, 200, "<a/>");
    assert_fits_not(rule, 200, STR("<b/>"), "there is nothing");
    ack_rule_free(rule);
}

static void namespaces_have_prefixes_of_the_rule(void **state)
{
    (void)state;
    struct ack_rule *rule =
        rule_of("{\"xpath\":{\"path\":\"//p:code\",\"equals\":\"0\",\"namespaces\":"
                "{\"p\":\"urn:pay\",\"q\":\"urn:q\"}}}",
                false);
    assert_fits(rule, 200, "<r xmlns='urn:pay'><code>0</code></r>");
    assert_fits(rule, 200, "<x:r xmlns:x='urn:pay'><x:code>0</x:code></x:r>");
    assert_fits_not(rule, 200, STR("<r><code>0</code></r>"), "there is nothing");
    ack_rule_free(rule);
    assert_no_rule(XPATH("//p:code", "0"), "a prefix is not among namespaces");
    assert_no_rule("{\"xpath\":{\"path\":\"/a\",\"equals\":\"\",\"namespaces\":{\"a b\":\"u\"}}}",
                   "ack.xpath.namespaces: ");
    assert_no_rule("{\"xpath\":{\"path\":\"/a\",\"equals\":\"\",\"namespaces\":{\"a\":\"\"}}}",
                   "ack.xpath.namespaces: ");
    assert_no_rule("{\"xpath\":{\"path\":\"/a\",\"equals\":\"\",\"namespaces\":[]}}",
                   "ack.xpath.namespaces: ");
}

static void bad_paths_are_found_with_the_settings(void **state)
{
    (void)state;
    char nested[ACK_TEXT_MAX + 64];
    assert_no_rule(XPATH("//", "0"), "ack.xpath.path: ");
    assert_no_rule(XPATH("a[", "0"), "ack.xpath.path: ");
    assert_no_rule(XPATH("", "0"), "ack.xpath.path: ");
    assert_no_rule(XPATH("document('file:///etc/passwd')", "0"), "ack.xpath.path: ");
    assert_no_rule(XPATH("$x", "0"), "ack.xpath.path: ");
    assert_no_rule(XPATH("1 > nothing(//*[count(//*) > 1])", "0"), "ack.xpath.path: ");
    assert_no_rule(XPATH("concat('a', 2, count(1))", "0"), "ack.xpath.path: ");
    assert_no_rule(XPATH("concat(1, //a, contains('b', nothing(3)))", "0"), "ack.xpath.path: ");
    assert_no_rule("{\"xpath\":{\"path\":\"/a\"}}", "ack.xpath.equals: ");
    assert_no_rule("{\"xpath\":{\"path\":\"/a\",\"equals\":1}}", "ack.xpath.equals: ");
    (void)snprintf(nested, sizeof nested, "{\"xpath\":{\"equals\":\"\",\"path\":\"");
    size_t begin = strlen(nested);
    memset(nested + begin, '(', 1000);
    (void)snprintf(nested + begin + 1000, sizeof nested - begin - 1000, "\"}}");
    assert_no_rule(nested, "ack.xpath.path: ");
}

static void doctypes_are_not_read(void **state)
{
    (void)state;
    struct ack_rule *rule = rule_of(XPATH("string(/*)", "x"), false);
    static const char *const bodies[] = {
        "<!DOCTYPE a><a>x</a>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a>x</a>",
        "<!DOCTYPE a PUBLIC 'p' 'http://127.0.0.1:9/x.dtd'><a>x</a>",
        "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>",
        "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>",
        "<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]><a>x</a>",
        "<!DOCTYPE l [<!ENTITY a 'lollollollol'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
        "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>"
        "<!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;'><!ENTITY f '&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;'>"
        "<!ENTITY g '&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;'>]><l>&g;</l>",
    };
    for (size_t i = 0; i < BASE_COUNT(bodies); i++) {
        assert_fits_not(rule, 200, str_of(bodies[i]), "DOCTYPE");
    }
    assert_fits_not(rule, 200, STR("<a>&unknown;</a>"), "the body must be XML");
    assert_fits(rule, 200, "<a>&#x78;</a>");
    // Included files are asked for by nobody.
    assert_fits_not(rule, 200,
                    STR("<a xmlns:xi='http://www.w3.org/2001/XInclude'>"
                        "<xi:include href='file:///etc/passwd' parse='text'/></a>"),
                    "it is \"\"");
    ack_rule_free(rule);
}

static void big_and_deep_xml_is_bounded(void **state)
{
    (void)state;
    struct ack_rule *rule = rule_of(XPATH("count(//a)", "64"), false);
    struct buf body;
    buf_init(&body, RECEIVER_REPLY_MAX);
    for (int depth = ACK_XML_DEPTH_MAX; depth <= ACK_XML_DEPTH_MAX + 1; depth++) {
        buf_clear(&body);
        for (int i = 0; i < depth; i++) {
            assert_int_equal(buf_add_str(&body, STR("<a>")), TIDINGS_OK);
        }
        for (int i = 0; i < depth; i++) {
            assert_int_equal(buf_add_str(&body, STR("</a>")), TIDINGS_OK);
        }
        char why[WHY_SIZE] = "";
        assert_int_equal(ack_rule_fits(rule, 200, buf_str(&body), false, why, sizeof why),
                         depth == ACK_XML_DEPTH_MAX);
        assert_true(depth == ACK_XML_DEPTH_MAX || strstr(why, "nested too deep") != NULL);
    }
    buf_clear(&body);
    while (buf_add_str(&body, STR("<a>")) == TIDINGS_OK) {
    }
    assert_fits_not(rule, 200, buf_str(&body), "nested too deep");
    buf_clear(&body);
    assert_int_equal(buf_add_str(&body, STR("<a")), TIDINGS_OK);
    for (int i = 0; buf_addf(&body, " b%d='>\"'", i) == TIDINGS_OK; i++) {
    }
    assert_fits_not(rule, 200, buf_str(&body), "more than 256 attributes");
    ack_rule_free(rule);
    buf_deinit(&body);
}

// <a> with so many <b/>, and `more` behind them.
static void fill_with_nodes(struct buf *body, int count, const char *more)
{
    buf_clear(body);
    assert_int_equal(buf_add_str(body, STR("<a>")), TIDINGS_OK);
    for (int i = 0; i < count; i++) {
        assert_int_equal(buf_add_str(body, STR("<b/>")), TIDINGS_OK);
    }
    assert_int_equal(buf_addf(body, "%s</a>", more), TIDINGS_OK);
}

static void nodes_are_counted(void **state)
{
    (void)state;
    struct ack_rule *rule = rule_of(XPATH("count(//b)", "1020"), false);
    static const char *const most[] = { "<c/><c/><c/>", "<c x='' y=''/>", "<!----><?p?><c/>",
                                        "<c xmlns='u' xmlns:v='v'/>" };
    struct buf body;
    buf_init(&body, RECEIVER_REPLY_MAX);
    for (size_t i = 0; i < BASE_COUNT(most); i++) {
        fill_with_nodes(&body, ACK_XML_NODES_MAX - 4, most[i]);
        assert_true(ack_rule_fits(rule, 200, buf_str(&body), false, NULL, 0));
        fill_with_nodes(&body, ACK_XML_NODES_MAX - 3, most[i]);
        assert_fits_not(rule, 200, buf_str(&body), "too many elements, attributes, comments");
    }
    ack_rule_free(rule);
    buf_deinit(&body);
}

static void slow_paths_end(void **state)
{
    (void)state;
    static const char *const paths[] = {
        XPATH("count(//b/following-sibling::b)", "0"),
        XPATH("count(//*/preceding::*)", "0"),
        XPATH("count(//node()//ancestor-or-self::node())", "0"),
    };
    struct buf body;
    buf_init(&body, RECEIVER_REPLY_MAX);
    fill_with_nodes(&body, ACK_XML_NODES_MAX - 1, "");
    for (size_t i = 0; i < BASE_COUNT(paths); i++) {
        struct ack_rule *rule = rule_of(paths[i], false);
        assert_fits_not(rule, 200, buf_str(&body), "too many steps");
        ack_rule_free(rule);
    }
    struct ack_rule *rule = rule_of(XPATH("count(/a/b|//b[last()])", "1023"), false);
    assert_true(ack_rule_fits(rule, 200, buf_str(&body), false, NULL, 0));
    ack_rule_free(rule);
    buf_deinit(&body);
}

// Followed in a small reply, and not in one where it would take long.
static void dear_paths_are_for_small_replies(void **state)
{
    (void)state;
    static const char *const paths[] = {
        XPATH("count(//*[. = /a/b])", "2"),
        XPATH("count(//*[contains(/, 'x')])", "3"),
        XPATH("count(//*[../b = 'x'])", "2"),
        XPATH("count(//b[following::b = 'x'])", "1"),
        XPATH("count(//*[.//*[.//*[. = 'x']]])", "0"),
        XPATH("string-length(concat(/, /, /, /, /, /, /, /))", "16"),
    };
    struct buf body;
    buf_init(&body, RECEIVER_REPLY_MAX);
    assert_int_equal(buf_add_str(&body, STR("<a>")), TIDINGS_OK);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(buf_addf(&body, "<b>%0100d</b>", i), TIDINGS_OK);
    }
    assert_int_equal(buf_add_str(&body, STR("</a>")), TIDINGS_OK);
    for (size_t i = 0; i < BASE_COUNT(paths); i++) {
        struct ack_rule *rule = rule_of(paths[i], false);
        assert_fits(rule, 200, "<a><b>x</b><b>x</b></a>");
        assert_fits_not(rule, 200, buf_str(&body), "too much work in a reply of 1001 nodes");
        ack_rule_free(rule);
    }
    buf_deinit(&body);
}

// What people write goes with the largest reply.
static void plain_paths_are_for_all_replies(void **state)
{
    (void)state;
    static const char *const paths[] = {
        XPATH("//code", "OK"),
        XPATH("/a/code", "OK"),
        XPATH("string(/a/code)", "OK"),
        XPATH("normalize-space(//code)", "OK"),
        XPATH("//*[local-name()='code']", "OK"),
        XPATH("//*[local-name() = 'code' and @k = 'v']", "OK"),
        XPATH("/a/code[@k='v'][1]/text()", "OK"),
        XPATH("//code[. = 'OK']", "OK"),
        XPATH("translate(substring(//code, 1, 2), 'ok', 'OK')", "OK"),
        XPATH("concat(//code, //code/@k)", "OKv"),
        XPATH("count(//code) = 1 and //code = 'OK'", "true"),
        XPATH("boolean(//code) and not(//fault)", "true"),
    };
    struct buf body;
    buf_init(&body, RECEIVER_REPLY_MAX);
    assert_int_equal(buf_add_str(&body, STR("<a>")), TIDINGS_OK);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(buf_addf(&body, "<b>%0100d</b>", i), TIDINGS_OK);
    }
    assert_int_equal(buf_add_str(&body, STR("<code k='v'>OK</code></a>")), TIDINGS_OK);
    for (size_t i = 0; i < BASE_COUNT(paths); i++) {
        char why[200] = "";
        struct ack_rule *rule = rule_of(paths[i], false);
        if (!ack_rule_fits(rule, 200, buf_str(&body), false, why, sizeof why)) {
            fail_msg("%s: %s", paths[i], why);
        }
        ack_rule_free(rule);
    }
    buf_deinit(&body);
}

static void paths_that_are_always_dear_are_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {
        "count(//*[count(//*[count(//*)>1])>1])",
        "translate(/r/a, /r/b, '')",
        "contains(/r/a, /r/b)",
        "//*[.//*[.//*[.//*[. = 'x']]]]",
        "//*[//* = //*][//* = //*][//* = //*][//* = //*][//* = //*][//* = //*][//* = //*]",
    };
    for (size_t i = 0; i < BASE_COUNT(paths); i++) {
        char rule[ACK_TEXT_MAX + 64];
        (void)snprintf(rule, sizeof rule, XPATH("%s", "0"), paths[i]);
        assert_no_rule(rule, "ack.xpath.path: too much work even for a small reply");
    }
}

static void other_encodings_are_read(void **state)
{
    (void)state;
    struct ack_rule *rule = rule_of(XPATH("/a", "\xE6\x88\x90\xE5\x8A\x9F"), false);
    assert_fits(rule, 200, "<a>\xE6\x88\x90\xE5\x8A\x9F</a>");
    assert_fits(rule, 200, "\xEF\xBB\xBF<a>\xE6\x88\x90\xE5\x8A\x9F</a>");
    assert_fits(rule, 200, "<?xml version='1.0' encoding='GBK'?><a>\xB3\xC9\xB9\xA6</a>");
    assert_fits_not(rule, 200, STR("<?xml version='1.0' encoding='nothing'?><a>x</a>"),
                    "the body must be XML");
    assert_fits_not(rule, 200, STR("<a>\xB3\xC9</a>"), "the body must be XML");
    ack_rule_free(rule);
}

// ---- SOAP ----

#define ENVELOPE(uri, body) "<s:Envelope xmlns:s='" uri "'><s:Body>" body "</s:Body></s:Envelope>"
#define SOAP_11             "http://schemas.xmlsoap.org/soap/envelope/"
#define SOAP_12             "http://www.w3.org/2003/05/soap-envelope"

static void faults_are_refusals(void **state)
{
    (void)state;
    struct ack_rule *rule = rule_of(NULL, true);
    assert_fits(rule, 200, ENVELOPE(SOAP_11, "<ok/>"));
    assert_fits(rule, 200, ENVELOPE(SOAP_12, "<ok/>"));
    assert_fits(rule, 202, " \n"); // one-way
    assert_fits(rule, 200, ENVELOPE(SOAP_11, "<r><s:Fault/></r>"));
    assert_fits(rule, 200, ENVELOPE(SOAP_11, "<Fault xmlns='urn:other'/>"));
    assert_fits_not(rule, 200,
                    STR(ENVELOPE(SOAP_11, "<s:Fault><faultcode>s:Server</faultcode><faultstring> "
                                          "no account</faultstring></s:Fault>")),
                    "a SOAP Fault came: no account");
    assert_fits_not(rule, 200,
                    STR(ENVELOPE(SOAP_12, "<s:Fault><s:Reason><s:Text>busy</s:Text></s:Reason>"
                                          "</s:Fault>")),
                    "a SOAP Fault came: busy");
    assert_fits_not(rule, 500, STR(ENVELOPE(SOAP_11, "<s:Fault/>")), "the status must be");
    assert_fits_not(rule, 200, STR("<html/>"), "must be a SOAP envelope");
    assert_fits_not(rule, 200, STR("<Envelope/>"), "must be a SOAP envelope");
    assert_fits_not(rule, 200, STR("ok"), "the body must be XML");
    ack_rule_free(rule);
    rule = rule_of("{\"noFault\":false}", true);
    assert_fits(rule, 200, "ok");
    ack_rule_free(rule);
    rule = rule_of("{\"xpath\":{\"path\":\"//r:code\",\"equals\":\"0\",\"namespaces\":{\"r\":"
                   "\"urn:r\"}}}",
                   true);
    assert_fits(rule, 200, ENVELOPE(SOAP_12, "<code xmlns='urn:r'>0</code>"));
    assert_fits_not(rule, 200, STR(""), "the body must be XML");
    assert_fits_not(rule, 200, STR("<code xmlns='urn:r'>0</code>"), "must be a SOAP envelope");
    ack_rule_free(rule);
}

static void all_parts_must_fit(void **state)
{
    (void)state;
    struct ack_rule *rule = rule_of("{\"status\":\"200\",\"body\":\"<a>1</a>\","
                                    "\"xpath\":{\"path\":\"/a\",\"equals\":\"1\"}}",
                                    false);
    assert_fits(rule, 200, "<a>1</a>");
    assert_fits_not(rule, 201, STR("<a>1</a>"), "the status");
    assert_fits_not(rule, 200, STR("<a>1</a><!-- -->"), "the body must be");
    ack_rule_free(rule);
}

// ---- threads ----

struct rig {
    struct ack_rule *rules[3];
    pthread_barrier_t barrier;
};

// NULL when all went well; cmocka's asserts are for the thread of the test alone.
static void *judge(void *arg)
{
    static const char good[] = ENVELOPE(SOAP_11, "<code>0</code>");
    static const char bad[] = ENVELOPE(SOAP_11, "<code>1</code>");
    static const char bomb[] = "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>";
    struct rig *rig = arg;
    bool fine = true;
    char why[WHY_SIZE];
    pthread_barrier_wait(&rig->barrier);
    for (int i = 0; i < ROUNDS && fine; i++) {
        fine = ack_rule_fits(rig->rules[0], 200, STR(good), false, why, sizeof why) &&
               !ack_rule_fits(rig->rules[0], 200, STR(bad), false, why, sizeof why) &&
               strstr(why, "it is \"1\"") != NULL &&
               !ack_rule_fits(rig->rules[0], 200, STR(bomb), false, why, sizeof why) &&
               ack_rule_fits(rig->rules[1], 200, STR("{\"a\":1}"), false, why, sizeof why) &&
               ack_rule_fits(rig->rules[2], 200, STR(good), false, why, sizeof why);
    }
    return fine ? NULL : rig;
}

static void rules_serve_several_threads(void **state)
{
    (void)state;
    struct rig rig;
    pthread_t threads[THREADS];
    rig.rules[0] = rule_of(XPATH("normalize-space(//*[local-name()='code'])", "0"), true);
    rig.rules[1] = rule_of("{\"json\":{\"pointer\":\"/a\",\"equals\":1}}", false);
    rig.rules[2] = rule_of(NULL, true);
    assert_int_equal(pthread_barrier_init(&rig.barrier, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, judge, &rig), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    pthread_barrier_destroy(&rig.barrier);
    for (size_t i = 0; i < BASE_COUNT(rig.rules); i++) {
        ack_rule_free(rig.rules[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        // First, so that the threads find libxml2 as it was loaded.
        cmocka_unit_test(rules_serve_several_threads),
        cmocka_unit_test(statuses_are_codes_and_ranges),
        cmocka_unit_test(bodies_are_compared_without_white_space),
        cmocka_unit_test(reasons_are_whole_characters),
        cmocka_unit_test(too_much_does_not_fit),
        cmocka_unit_test(a_place_in_json_is_compared),
        cmocka_unit_test(what_is_no_json_does_not_fit),
        cmocka_unit_test(a_place_in_xml_is_compared),
        cmocka_unit_test(namespaces_have_prefixes_of_the_rule),
        cmocka_unit_test(bad_paths_are_found_with_the_settings),
        cmocka_unit_test(doctypes_are_not_read),
        cmocka_unit_test(big_and_deep_xml_is_bounded),
        cmocka_unit_test(nodes_are_counted),
        cmocka_unit_test(slow_paths_end),
        cmocka_unit_test(dear_paths_are_for_small_replies),
        cmocka_unit_test(plain_paths_are_for_all_replies),
        cmocka_unit_test(paths_that_are_always_dear_are_refused),
        cmocka_unit_test(other_encodings_are_read),
        cmocka_unit_test(faults_are_refusals),
        cmocka_unit_test(all_parts_must_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
