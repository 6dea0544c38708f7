/* SPDX-License-Identifier: Apache-2.0
 *
 * The log (one JSON object per line on stdout; ids and figures only, never prompts,
 * keys or matches) and the service manager's notification socket. Any thread: one
 * writer at a time.
 */
#include "serve.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

pthread_mutex_t serve_output = PTHREAD_MUTEX_INITIALIZER;

static int rank(const char *level);

void serve_log(const struct serve *s, const char *level, const char *event, const char *members,
               ...)
{
    if (rank(level) > rank(s->config.log_level != NULL ? s->config.log_level : "info")) {
        return;
    }
    char line[2048], body[1500], time[32];
    va_list args;
    va_start(args, members);
    vsnprintf(body, sizeof(body), members, args);
    va_end(args);
    struct str ts = time_rfc3339_ms(serve_unix_ms(), time);
    int len = snprintf(line, sizeof(line),
                       "{\"ts\":\"%.*s\",\"level\":\"%s\",\"event\":\"%s\",\"node\":\"%s\",%s}\n",
                       STR_ARG(ts), level, event, s->node, body);
    if (len > 0) {
        size_t used = (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1;
        pthread_mutex_lock(&serve_output);
        (void)request_log_write((struct str){line, used}); /* unread, it must not stop us */
        pthread_mutex_unlock(&serve_output);
    }
}

void serve_log_why(const struct serve *s, const char *level, const char *event,
                   const char *members, const char *why)
{
    struct buf reason;
    buf_init(&reason, 4096);
    json_write_str(&reason, str_from(why));
    serve_log(s, level, event, "%s%s\"reason\":%.*s", members, members[0] != '\0' ? "," : "",
              STR_ARG(buf_str(&reason)));
    buf_fini(&reason);
}

static int rank(const char *level)
{
    static const char *const levels[] = {"error", "warn", "info", "debug"};
    for (int i = 0; i < 4; i++) {
        if (strcmp(level, levels[i]) == 0) {
            return i;
        }
    }
    return 2;
}

int64_t serve_unix_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void serve_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof(address.sun_path)) {
        return;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@') {
        address.sun_path[0] = 0; /* abstract socket */
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    struct timespec t;
    char message[128];
    clock_gettime(CLOCK_MONOTONIC, &t);
    /* RELOADING=1 must carry the time (sd_notify(3)). */
    int len = snprintf(message, sizeof(message), "%s\nMONOTONIC_USEC=%lld", state,
                       (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    ssize_t n = sendto(fd, message, (size_t)len, MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    (void)n;
    close(fd);
}
