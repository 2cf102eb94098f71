/*
 * postamt init: makes a data folder: postamt.conf, certificate, secret key, an empty store, and an
 * administrator's key. As root it also makes the system user who will own it.
 */
#include "ctl/init.h"

#include "base/random.h"
#include "ctl/files.h"
#include "ctl/office.h"
#include "ctl/privilege.h"
#include "ctl/verb.h"
#include "directory/key.h"
#include "mail/address.h"
#include "run/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_BYTES 32

struct init {
    const struct args *args;
    char hostname[CONFIG_TEXT];
    unsigned port_offset;
    struct config config;
    struct office office;
};

static bool is_ip(const char *text)
{
    unsigned char address[16];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static int check_options(struct init *init)
{
    const struct args *args = init->args;
    char folded[ADDRESS_DOMAIN_MAX + 1];
    uint64_t offset = 0;
    if (args->hostname)
        snprintf(init->hostname, sizeof init->hostname, "%s", args->hostname);
    else if (gethostname(init->hostname, sizeof init->hostname) < 0)
        return complain("cannot learn this machine's name: give --hostname NAME");
    if (address_fold_domain(span_of(init->hostname), folded) < 0 || folded[0] == '[')
        return complain("\"%s\" is no host name: give --hostname, e.g. mail.example.org",
                        init->hostname);
    if (args->listen && !is_ip(args->listen))
        return complain("--listen wants an IP address, e.g. 127.0.0.1");
    if (args->port_offset && !span_to_uint(span_of(args->port_offset), 60000, &offset))
        return complain("--port-offset wants a number from 0 to 60000");
    init->port_offset = (unsigned)offset;
    return 0;
}

static int make_folder(const char *folder)
{
    struct stat info;
    char path[1024];
    if (path_join(path, sizeof path, folder, CONFIG_NAME) == 0 && stat(path, &info) == 0)
        return complain("%s is a data folder already; nothing was changed", folder);
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return complain("cannot make %s: %s", folder,
                        errno == ENOENT ? "make the folder above it first" : error_text(-errno));
    if (path_join(path, sizeof path, folder, "tls") < 0 ||
        (mkdir(path, 0700) < 0 && errno != EEXIST))
        return complain("cannot make %s: %s", path, error_text(-errno));
    return 0;
}

static int write_file(const char *folder, const char *name, mode_t mode, struct span bytes)
{
    char path[1024];
    int rc = path_join(path, sizeof path, folder, name);
    if (rc == 0)
        rc = file_create(path, mode, bytes);
    return rc < 0 ? complain("cannot write %s/%s: %s", folder, name, error_text(rc)) : 0;
}

static int write_files(struct init *init)
{
    const char *folder = init->args->folder;
    unsigned char secret[SECRET_BYTES];
    AUTO_BUFFER chain = BUFFER(FILES_MAX), key = BUFFER(FILES_MAX);
    if (tls_self_signed(init->hostname, init->args->listen, &chain, &key) < 0)
        return complain("cannot make a certificate");
    random_bytes(secret, sizeof secret);
    int failed = write_file(folder, "tls/certificate.pem", 0644, buffer_span(&chain));
    if (!failed)
        failed = write_file(folder, "tls/key.pem", 0600, buffer_span(&key));
    if (!failed)
        failed = write_file(folder, "secret.key", 0600, span_make(secret, sizeof secret));
    return failed;
}

/* Last of the files: with it the folder is a data folder. */
static int write_config(struct init *init)
{
    char reason[400];
    AUTO_BUFFER text = BUFFER(FILES_MAX);
    if (config_write_default(&text, init->hostname, init->args->listen, init->port_offset) < 0)
        return complain("out of memory");
    if (config_parse(buffer_span(&text), CONFIG_NAME, &init->config, reason, sizeof reason) < 0)
        return complain("%s", reason);
    return write_file(init->args->folder, CONFIG_NAME, 0640, buffer_span(&text));
}

static int co_add_admin(void *arg)
{
    struct init *init = arg;
    AUTO_BUFFER id = BUFFER(64), secret = BUFFER(256), text = BUFFER(512);
    const struct key_new key = {.dialect = KEY_NATIVE, .title = SPAN("administrator")};
    int rc = directory_co_key_add(init->office.directory, TENANT_FIRST, &key, &id, &secret);
    if (rc == 0)
        rc = buffer_printf(&text, "id %.*s\nsecret %.*s\n", SPAN_PRINT(buffer_span(&id)),
                           SPAN_PRINT(buffer_span(&secret)));
    if (rc == 0 && write_file(init->args->folder, "admin.key", 0600, buffer_span(&text)))
        rc = -EIO;
    return rc;
}

static int make_store(struct init *init)
{
    char reason[400];
    if (office_open(&init->office, init->args->folder, &init->config, reason, sizeof reason) < 0)
        return complain("cannot make the store: %s", reason);
    int rc = loop_run_main("init", co_add_admin, init);
    office_close(&init->office);
    return rc < 0 ? complain("cannot make the administrator's key: %s", error_text(rc)) : 0;
}

static int give_away(const char *folder)
{
    char reason[400];
    uid_t uid;
    gid_t gid;
    if (geteuid() != 0)
        return 0;
    int rc = privilege_make_user(&uid, &gid, reason, sizeof reason);
    if (rc < 0)
        return complain("%s", reason);
    rc = privilege_give(folder, uid, gid);
    return rc < 0 ? complain("cannot give %s to the user postamt: %s", folder, error_text(rc)) : 0;
}

static void print_next_steps(const struct init *init)
{
    const char *folder = init->args->folder;
    bool usual = strcmp(folder, ARGS_FOLDER) == 0;
    const char *before = usual ? "" : " -d ", *shown = usual ? "" : folder;
    printf("%s is ready: %s/%s, a self-signed certificate, and the administrator's key in "
           "%s/admin.key.\nNext:\n"
           "  postamt domain add example.org%s%s\n"
           "  postamt user add you@example.org%s%s\n"
           "  postamt serve%s%s\n",
           folder, folder, CONFIG_NAME, folder, before, shown, before, shown, before, shown);
}

int init_run(const struct args *args)
{
    struct init *init;
    if (args->count != 1) {
        fprintf(stderr, "postamt: usage: postamt init -d DIR [--hostname H] [--listen ADDR]"
                        " [--port-offset N]\n");
        return VERB_USAGE;
    }
    if (!(init = calloc(1, sizeof *init)))
        return complain("out of memory");
    init->args = args;
    umask(077);
    int failed = check_options(init);
    if (!failed)
        failed = make_folder(args->folder);
    if (!failed)
        failed = write_files(init);
    if (!failed)
        failed = write_config(init);
    if (!failed)
        failed = make_store(init);
    if (!failed)
        failed = give_away(args->folder);
    if (!failed)
        print_next_steps(init);
    config_free(&init->config);
    free(init);
    return failed ? VERB_FAILED : VERB_OK;
}
