// SPDX-License-Identifier: Apache-2.0
// What an XPath is reckoned to cost: how a path is read, and what that means in a document.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "receiver/ack_cost.h"
#include "receiver/libxml.h"
#include "receiver/xml.h"

static void paths_are_read(void **state)
{
    static const struct {
        const char *path;
        uint32_t operands;
        uint32_t sets;
        uint32_t levels;
        uint32_t far;
        uint32_t steps;
    } rows[] = {
        { "", 0, 0, 0, 0, 0 },
        { "/", 1, 0, 0, 0, 0 },
        { "//a", 1, 0, 0, 0, 0 },
        { "/p:a/ b /@c", 1, 0, 0, 0, 0 },
        { "//a//b//c", 1, 0, 0, 0, 2 },
        { "//a = //b", 2, 1, 0, 0, 0 },
        { "//a = 'x'", 1, 0, 0, 0, 0 },
        { "'a[b]' = //a", 1, 0, 0, 0, 0 },
        { "//a>=1.5", 1, 0, 0, 0, 0 },
        { "1.5 != //a", 1, 0, 0, 0, 0 },
        { "//a|//b|c", 3, 2, 0, 0, 0 },
        { "count(//a)", 2, 0, 0, 0, 0 },
        { "and and or", 2, 0, 0, 0, 0 }, // the first and the last are names
        { "* * *", 2, 0, 0, 0, 0 },      // the second is an operator
        { "div div div", 2, 0, 0, 0, 0 },
        { "//*[@a='x' and b]", 3, 0, 1, 0, 0 },
        { "a[b[c]]", 3, 0, 2, 0, 0 },
        { "a[b][c]", 3, 0, 1, 0, 0 },
        { "a[/b]", 2, 0, 1, 1, 0 },
        { "a[b/c]", 2, 0, 1, 0, 0 },
        { "a[b and /c]", 3, 0, 1, 1, 0 },
        { "a[2 * /c]", 2, 0, 1, 1, 0 },
        { "a[*/c]", 2, 0, 1, 0, 0 },
        { "a[../b = .]", 3, 1, 1, 1, 0 },
        { "../b", 1, 0, 0, 0, 0 },
        { "a[.//b]", 2, 0, 1, 0, 1 },
        { "a[(.)//b]", 2, 0, 1, 0, 1 },
        { "a/following::b", 1, 0, 0, 1, 0 },
        { "child::a/attribute::b/self::c", 1, 0, 0, 0, 0 },
        { "parent :: a", 1, 0, 0, 1, 0 },
        { "\xe9\x87\x91/\xe9\x87\x91", 1, 0, 0, 0, 0 },
        { "'no end", 0, 0, 0, 0, 0 },
        { "a]]]]", 1, 0, 0, 0, 0 },
        { "))((,", 0, 0, 0, 0, 0 },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        const struct ack_cost cost = ack_cost_of(str_of(rows[i].path));
        if (cost.operands != rows[i].operands || cost.sets != rows[i].sets ||
            cost.levels != rows[i].levels || cost.far != rows[i].far ||
            cost.steps != rows[i].steps) {
            fail_msg("%s: operands %u sets %u levels %u far %u steps %u", rows[i].path,
                     cost.operands, cost.sets, cost.levels, cost.far, cost.steps);
        }
    }
}

static void what_is_sought_in_texts_is_known(void **state)
{
    static const struct {
        const char *path;
        bool searches;
        bool is_wild;
    } rows[] = {
        { "//translate", true, false }, // a name like it costs nothing that hurts
        { "translate(//a, 'x', 'y')", true, false },
        { "translate(concat(//a, //b), 'x', 'y')", true, false },
        { "translate(//a, //b, '')", true, true },
        { "translate(//a, 'x', string(//b))", true, true },
        { "translate(//a, concat('x', //b), '')", true, true },
        { "translate(translate(//a, 'x', 'y'), //b, '')", true, true },
        { "concat(translate(//a, 'x', 'y'), //b)", true, false },
        { "contains(//a, 'x')", true, false },
        { "contains(., //a)", true, true },
        { "substring-before(., 'a') = substring-after(., /)", true, true },
        { "starts-with(., /)", false, false },
    };
    (void)state;
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        const struct ack_cost cost = ack_cost_of(str_of(rows[i].path));
        if (cost.searches != rows[i].searches || cost.is_wild != rows[i].is_wild) {
            fail_msg("%s", rows[i].path);
        }
    }
}

static struct ack_shape shape_of(const char *text)
{
    struct tidings_error err = { 0 };
    xmlDoc *doc = NULL;
    assert_int_equal(xml_read(str_of(text), 65536, false, &doc, &err), TIDINGS_OK);
    struct ack_shape shape = ack_shape_of(doc);
    libxml()->xmlFreeDoc(doc);
    return shape;
}

static void documents_are_measured(void **state)
{
    (void)state;
    struct ack_shape shape = shape_of("<a/>");
    assert_int_equal(shape.nodes, 1);
    assert_int_equal(shape.depth, 2);
    assert_int_equal(shape.bytes, 2 * 16);
    // The text is that of three elements and of the document, and its own.
    shape = shape_of("<a><b><c>12345</c></b><!--x--></a>");
    assert_int_equal(shape.nodes, 5);
    assert_int_equal(shape.depth, 5);
    assert_int_equal(shape.bytes, 16 * (2 + 3 + 4 + 5 + 3) + 5 * 5 + 3 * 1);
    shape = shape_of("<a x='123' y='4'/>");
    assert_int_equal(shape.nodes, 3);
    assert_int_equal(shape.bytes, 3 * 2 * 16 + 4);
    shape = shape_of("<?p q?><a/><!--c-->");
    assert_int_equal(shape.nodes, 3);
}

static void work_is_the_product_and_never_overflows(void **state)
{
    (void)state;
    const struct ack_shape shape = { .nodes = 10, .depth = 4, .bytes = 1000 };
    struct ack_cost cost = ack_cost_of(STR("//a"));
    assert_int_equal(ack_cost_work(&cost, &shape), 1000);
    cost = ack_cost_of(STR("//a = //b"));
    assert_int_equal(ack_cost_work(&cost, &shape), 2000 + 100);
    cost = ack_cost_of(STR("//a[/b]"));
    assert_int_equal(ack_cost_work(&cost, &shape), 2 * 1000 * 10);
    cost = ack_cost_of(STR("//a[/b][/c]")); // beside each other, not in each other
    assert_int_equal(ack_cost_work(&cost, &shape), 3 * 1000 * 10);
    cost = ack_cost_of(STR("//a[/b[/c]]"));
    assert_int_equal(ack_cost_work(&cost, &shape), 3 * 1000 * 10 * 10);
    cost = ack_cost_of(STR("//a[.//b[.//c]]"));
    assert_int_equal(ack_cost_work(&cost, &shape), 3 * 1000 * 4 * 4);
    const struct ack_shape vast = { .nodes = 1U << 31, .depth = 1U << 31, .bytes = 1ULL << 62 };
    assert_true(ack_cost_work(&cost, &vast) == UINT64_MAX);
    cost = ack_cost_of(STR(""));
    assert_int_equal(ack_cost_work(&cost, &shape), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_read),
        cmocka_unit_test(what_is_sought_in_texts_is_known),
        cmocka_unit_test(documents_are_measured),
        cmocka_unit_test(work_is_the_product_and_never_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
