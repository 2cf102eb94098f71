/* The control socket; see control.h. */
#include "ctl/control.h"

#include "base/log.h"
#include "ctl/files.h"
#include "run/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define HEAD_MAX     128
#define ARGS_MAX     ((size_t)4 * 1024 * 1024)
#define PATIENCE_SEC 30

struct control {
    struct office *office;
    struct loop *loop;
    int socket, stop;
    pthread_t thread;
};

/* --- bytes on the socket --------------------------------------------------------------------- */

/* The path may be longer than sun_path: it is reached through the open folder. */
static int socket_address(const char *folder, struct sockaddr_un *ret_address, int *ret_folder)
{
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(ret_address->sun_path, sizeof ret_address->sun_path, "/proc/self/fd/%d/postamt.sock",
             fd);
    *ret_folder = fd;
    return 0;
}

static int read_exactly(int fd, char *at, size_t len)
{
    while (len) {
        ssize_t n = read(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : ERR_CLOSED;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static int read_head(int fd, char head[HEAD_MAX])
{
    for (size_t len = 0; len < HEAD_MAX - 1; len++) {
        int rc = read_exactly(fd, head + len, 1);
        if (rc < 0)
            return rc;
        if (head[len] == '\n') {
            head[len] = '\0';
            return 0;
        }
    }
    return ERR_SYNTAX;
}

static int read_into(int fd, struct buffer *out, size_t len)
{
    int rc = buffer_reserve(out, len + 1);
    if (rc == 0)
        rc = read_exactly(fd, out->at, len);
    if (rc == 0)
        out->len = len;
    return rc;
}

/* --- the server's end ------------------------------------------------------------------------ */

struct control_job {
    struct loop_message message; /* first: the message is the job */
    struct loop *loop;
    struct verb_call call;
    verb_co_function *co_run;
    int status;
    pthread_mutex_t mutex;
    pthread_cond_t ended;
    bool done;
};

static void job_end(struct control_job *job, int status)
{
    pthread_mutex_lock(&job->mutex);
    job->status = status;
    job->done = true;
    pthread_cond_signal(&job->ended);
    pthread_mutex_unlock(&job->mutex);
}

static int job_co_run(void *arg)
{
    struct control_job *job = arg;
    job_end(job, job->co_run(&job->call));
    return 0;
}

static void job_start(struct loop_message *message)
{
    struct control_job *job = (struct control_job *)message;
    if (co_spawn(loop_scope(job->loop), "verb", job_co_run, job) < 0)
        job_end(job, call_fail(&job->call, "the server has no memory for this now"));
}

static void run_on_loop(struct control *control, struct control_job *job)
{
    job->loop = control->loop;
    job->message.fn = job_start;
    pthread_mutex_init(&job->mutex, NULL);
    pthread_cond_init(&job->ended, NULL);
    loop_post(control->loop, &job->message);
    pthread_mutex_lock(&job->mutex);
    while (!job->done)
        pthread_cond_wait(&job->ended, &job->mutex);
    pthread_mutex_unlock(&job->mutex);
    pthread_cond_destroy(&job->ended);
    pthread_mutex_destroy(&job->mutex);
}

/* Cuts the block of NUL-terminated strings into argv; its length, or -1. */
static int cut_arguments(struct buffer *block, const char **argv, int max)
{
    int argc = 0;
    argv[argc++] = "postamt";
    for (size_t at = 0; at < block->len; at += strlen(block->at + at) + 1) {
        if (argc == max)
            return -1;
        argv[argc++] = block->at + at;
    }
    return argc;
}

static void run_verb(struct control *control, struct control_job *job, struct buffer *block,
                     bool sendmail)
{
    char reason[200];
    const char **argv = calloc(ARGS_WORDS_MAX + 64, sizeof *argv);
    struct args *args = calloc(1, sizeof *args);
    int argc = argv && args ? cut_arguments(block, argv, ARGS_WORDS_MAX + 64) : -1;
    job->call.office = control->office;
    job->call.args = args;
    if (argc < 0) {
        job->status = call_fail(&job->call, "too many arguments");
    } else if (args_parse(argc, argv, sendmail, args, reason, sizeof reason) < 0) {
        job->status = call_fail(&job->call, "%s", reason);
    } else {
        job->co_run = verb_find(sendmail ? "send" : args_word(args, 0));
        if (job->co_run)
            run_on_loop(control, job);
        else
            job->status = call_fail(&job->call, "the server does not know this command");
    }
    free(args);
    free(argv);
}

static int answer(int fd, const struct control_job *job)
{
    char head[HEAD_MAX];
    int len = snprintf(head, sizeof head, "%d %zu %zu %lld\n", job->status, job->call.out.len,
                       job->call.err.len, (long long)job->call.next);
    int rc = file_write_all(fd, span_make(head, (size_t)len));
    if (rc == 0)
        rc = file_write_all(fd, buffer_span(&job->call.out));
    return rc < 0 ? rc : file_write_all(fd, buffer_span(&job->call.err));
}

static int serve_request(struct control *control, int fd)
{
    char head[HEAD_MAX];
    unsigned sendmail;
    size_t args_len, input_len;
    AUTO_BUFFER block = BUFFER(ARGS_MAX), input = BUFFER(VERB_INPUT_MAX + 1);
    int rc = read_head(fd, head);
    if (rc < 0)
        return rc;
    if (sscanf(head, "POSTAMT 1 %u %zu %zu", &sendmail, &args_len, &input_len) != 3 ||
        args_len >= ARGS_MAX || input_len > VERB_INPUT_MAX)
        return ERR_SYNTAX;
    rc = read_into(fd, &block, args_len);
    if (rc == 0)
        rc = read_into(fd, &input, input_len);
    if (rc < 0 || (block.len && block.at[block.len - 1] != '\0'))
        return rc < 0 ? rc : ERR_SYNTAX;
    struct control_job job = {.call = {.input = buffer_span(&input),
                                       .out = BUFFER(VERB_OUTPUT_MAX),
                                       .err = BUFFER(VERB_OUTPUT_MAX)}};
    run_verb(control, &job, &block, sendmail != 0);
    rc = answer(fd, &job);
    buffer_free(&job.call.out);
    buffer_free(&job.call.err);
    return rc;
}

static bool may_command(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

static void *control_thread(void *arg)
{
    struct control *control = arg;
    struct timeval patience = {.tv_sec = PATIENCE_SEC};
    pthread_setname_np(pthread_self(), "control");
    for (;;) {
        struct pollfd waits[] = {{.fd = control->socket, .events = POLLIN},
                                 {.fd = control->stop, .events = POLLIN}};
        if (poll(waits, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (waits[1].revents)
            return NULL;
        int fd = accept4(control->socket, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        int rc = may_command(fd) ? serve_request(control, fd) : ERR_DENIED;
        if (rc < 0)
            log_warn("ctl.request", "why=\"%s\"", error_text(rc));
        close(fd);
    }
}

static int open_socket(const char *folder)
{
    struct sockaddr_un address;
    int folder_fd = -1, rc = socket_address(folder, &address, &folder_fd);
    if (rc < 0)
        return rc;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    rc = fd < 0 ? -errno : 0;
    unlink(address.sun_path); /* of a server that died: we hold the lock */
    mode_t mask = umask(0177);
    if (rc == 0 &&
        (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 64) < 0))
        rc = -errno;
    umask(mask);
    close(folder_fd);
    if (rc < 0 && fd >= 0)
        close(fd);
    return rc < 0 ? rc : fd;
}

int control_start(struct office *office, struct loop *loop, struct control **ret_control)
{
    struct control *control = calloc(1, sizeof *control);
    if (!control)
        return -ENOMEM;
    control->office = office;
    control->loop = loop;
    control->socket = open_socket(office->folder);
    control->stop = eventfd(0, EFD_CLOEXEC);
    int rc = control->socket < 0 ? control->socket : 0;
    if (rc == 0)
        rc = -pthread_create(&control->thread, NULL, control_thread, control);
    if (rc < 0) {
        if (control->socket >= 0)
            close(control->socket);
        close(control->stop);
        free(control);
        return rc;
    }
    *ret_control = control;
    return 0;
}

void control_stop(struct control *control)
{
    uint64_t one = 1;
    struct sockaddr_un address;
    int folder_fd = -1;
    if (write(control->stop, &one, sizeof one) < 0)
        log_error("ctl.stop", "why=\"%s\"", error_text(-errno));
    pthread_join(control->thread, NULL);
    if (socket_address(control->office->folder, &address, &folder_fd) == 0) {
        unlink(address.sun_path);
        close(folder_fd);
    }
    close(control->socket);
    close(control->stop);
    free(control);
}

/* --- the caller's end ------------------------------------------------------------------------ */

static int connect_to(const char *folder)
{
    struct sockaddr_un address;
    int folder_fd = -1, rc = socket_address(folder, &address, &folder_fd);
    if (rc < 0)
        return rc;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rc = fd < 0 ? -errno : 0;
    if (rc == 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        rc = errno == ENOENT || errno == ECONNREFUSED ? ERR_ABSENT : -errno;
    close(folder_fd);
    if (rc < 0 && fd >= 0)
        close(fd);
    return rc < 0 ? rc : fd;
}

static int send_request(int fd, const struct control_request *request)
{
    char head[HEAD_MAX];
    AUTO_BUFFER block = BUFFER(ARGS_MAX);
    int rc = 0;
    for (int i = 1; rc == 0 && i < request->argc; i++)
        rc = buffer_append(&block, span_make(request->argv[i], strlen(request->argv[i]) + 1));
    int len = snprintf(head, sizeof head, "POSTAMT 1 %d %zu %zu\n", request->sendmail, block.len,
                       request->input.len);
    if (rc == 0)
        rc = file_write_all(fd, span_make(head, (size_t)len));
    if (rc == 0)
        rc = file_write_all(fd, buffer_span(&block));
    return rc < 0 ? rc : file_write_all(fd, request->input);
}

int control_ask(const char *folder, const struct control_request *request,
                struct control_answer *ret_answer)
{
    char head[HEAD_MAX];
    size_t out_len, err_len;
    long long next;
    int fd = connect_to(folder);
    if (fd < 0)
        return fd;
    int rc = send_request(fd, request);
    if (rc == 0)
        rc = read_head(fd, head);
    if (rc == 0 &&
        sscanf(head, "%d %zu %zu %lld", &ret_answer->status, &out_len, &err_len, &next) != 4)
        rc = ERR_SYNTAX;
    if (rc == 0) {
        ret_answer->next = next;
        rc = read_into(fd, &ret_answer->out, out_len);
    }
    if (rc == 0)
        rc = read_into(fd, &ret_answer->err, err_len);
    close(fd);
    return rc;
}
