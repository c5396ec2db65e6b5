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

void fault_init(struct fault *fault)
{
    memset(fault, 0, sizeof *fault);
}

static bool parse_one(struct fault *fault, struct str text)
{
    size_t colon = str_find(text, ':', 0);
    int64_t first;
    int64_t count = 1;
    if (colon == SIZE_MAX) {
        return false;
    }
    struct str numbers = str_make(text.ptr + colon + 1, text.len - colon - 1);
    size_t plus = str_find(numbers, '+', 0);
    if (plus != SIZE_MAX && !num_parse_i64(str_make(numbers.ptr + plus + 1, numbers.len - plus - 1),
                                           1, INT64_MAX, &count)) {
        return false;
    }
    if (!num_parse_i64(str_make(numbers.ptr, plus == SIZE_MAX ? numbers.len : plus), 1, INT64_MAX,
                       &first)) {
        return false;
    }
    for (size_t i = 0; i < BASE_COUNT(rows); i++) {
        if (str_eq_c(str_make(text.ptr, colon), rows[i].name)) {
            fault->points[i].first = (uint64_t)first;
            fault->points[i].count = (uint64_t)count;
            return true;
        }
    }
    return false;
}

tidings_status fault_parse(struct fault *fault, const char *text, struct tidings_error *err)
{
    struct str rest = str_of(text);
    struct str piece;
    while (str_split(&rest, ',', &piece)) {
        if (!parse_one(fault, piece)) {
            return error_set(err, TIDINGS_E_INVALID,
                             "fault \"%.*s\" must be point:first or point:first+count",
                             STR_ARG(piece));
        }
    }
    return TIDINGS_OK;
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
