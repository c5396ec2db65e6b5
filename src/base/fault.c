// SPDX-License-Identifier: Apache-2.0
#include "base/fault.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"

struct point_row {
    const char *name;
    int os_errno;
};

static const struct point_row rows[] = {
#define X(name, text, os_errno) { text, os_errno },
    FAULT_POINT_MAP(X)
#undef X
};

#define X(name, text, os_errno) " " text
#define POINT_NAMES             FAULT_POINT_MAP(X)

void fault_init(struct fault *fault)
{
    memset(fault, 0, sizeof *fault);
}

static const struct point_row *row_named(struct str name)
{
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        if (str_eq_c(name, rows[i].name)) {
            return &rows[i];
        }
    }
    return NULL;
}

// "3" or "1+100"
static bool parse_calls(struct str text, int64_t *ret_first, int64_t *ret_count)
{
    size_t plus = str_find(text, '+', 0);
    *ret_count = 1;
    if (plus != SIZE_MAX && !num_parse_i64(str_make(text.ptr + plus + 1, text.len - plus - 1), 1,
                                           INT64_MAX, ret_count)) {
        return false;
    }
    return num_parse_i64(str_make(text.ptr, plus == SIZE_MAX ? text.len : plus), 1, INT64_MAX,
                         ret_first);
}

static tidings_status parse_one(struct fault *fault, struct str text, struct tidings_error *err)
{
    size_t colon = str_find(text, ':', 0);
    struct str name = str_make(text.ptr, colon == SIZE_MAX ? text.len : colon);
    int64_t first;
    int64_t count;
    if (colon == SIZE_MAX ||
        !parse_calls(str_make(text.ptr + colon + 1, text.len - colon - 1), &first, &count)) {
        return error_set(err, TIDINGS_E_INVALID,
                         "fault \"%.*s\" must be point:first or point:first+count", STR_ARG(text));
    }
    const struct point_row *row = row_named(name);
    if (row == NULL) {
        return error_set(err, TIDINGS_E_INVALID,
                         "fault \"%.*s\" must be point:first with a point of" POINT_NAMES,
                         STR_ARG(text));
    }
    fault->points[row - rows].first = (uint64_t)first;
    fault->points[row - rows].count = (uint64_t)count;
    return TIDINGS_OK;
}

tidings_status fault_parse(struct fault *fault, const char *text, struct tidings_error *err)
{
    struct str rest = str_of(text);
    struct str piece;
    tidings_status status = TIDINGS_OK;
    while (status == TIDINGS_OK && str_split(&rest, ',', &piece)) {
        status = parse_one(fault, piece, err);
    }
    return status;
}

int fault_hit(struct fault *fault, enum fault_point point)
{
    if (fault == NULL || fault->points[point].first == 0) {
        return 0;
    }
    uint64_t call = atomic_fetch_add(&fault->points[point].calls, 1) + 1;
    uint64_t first = fault->points[point].first;
    return call >= first && call - first < fault->points[point].count ? rows[point].os_errno : 0;
}
