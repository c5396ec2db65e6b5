// SPDX-License-Identifier: Apache-2.0
// Pages of docs/reference that come from the server's tables.
#include "api/api.h"
#include "app/app.h"
#include "broker/broker.h"
#include "net/net.h"

void app_print_metrics(void)
{
    printf("# Metrics of `tidings serve` (`/metrics`)\n\n| name | kind | what it is "
           "|\n|---|---|---|\n");
#define X(member, name, kind, help) printf("| `%s` | %s | %s |\n", name, kind, help);
    BROKER_STATS_MAP(X)
    NET_STATS_MAP(X)
    NOTIFY_STATS_MAP(X)
    API_METRICS_MAP(X)
#undef X
}

void app_print_requests(void)
{
    int code;
    const char *name;
    const char *access;
    printf("# Requests that the embedded MQ serves\n\nAny other code is answered 3 "
           "(REQUEST_CODE_NOT_SUPPORTED).\n\n| code | name | for |\n|---|---|---|\n");
    for (size_t i = 0; broker_describe_request(i, &code, &name, &access); i++) {
        printf("| %d | %s | %s |\n", code, name, access);
    }
}
