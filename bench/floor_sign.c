/*
 * The floor under signing: what one DKIM signature of a letter costs when nothing else is done.
 *
 *   floor_sign LETTERS BYTES
 *
 * For each letter: the body made canonical (relaxed: white space at line ends goes, within lines it
 * becomes one space; RFC 6376, 3.4.4) and hashed with SHA-256, then an RSA-2048 signature. One
 * thread. Prints the milliseconds of CPU a letter took. ./do bench adds it up with the floors of
 * the other parts.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define KEY_BITS 2048

static void die(const char *what)
{
    fprintf(stderr, "floor_sign: %s\n", what);
    exit(1);
}

/* Into out, which has room for all of it; how much it is. */
static size_t relax(const char *body, size_t len, char *out)
{
    size_t to = 0;
    bool space = false;
    for (size_t i = 0; i < len; i++) {
        if (body[i] == ' ' || body[i] == '\t') {
            space = true;
            continue;
        }
        if (space && body[i] != '\r')
            out[to++] = ' ';
        space = false;
        out[to++] = body[i];
    }
    return to;
}

static void sign(EVP_PKEY *key, const char *body, size_t len, char *room)
{
    unsigned char digest[EVP_MAX_MD_SIZE], signature[KEY_BITS / 8];
    unsigned digest_len;
    size_t signature_len = sizeof signature;
    size_t canonical = relax(body, len, room);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_Digest(room, canonical, digest, &digest_len, EVP_sha256(), NULL) != 1 ||
        EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(context, signature, &signature_len, digest, digest_len) != 1)
        die("no signature");
    EVP_MD_CTX_free(context);
}

static double cpu_ms(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: floor_sign LETTERS BYTES\n");
        return 2;
    }
    int letters = atoi(argv[1]), bytes = atoi(argv[2]);
    char *body = calloc(1, (size_t)bytes + 1), *room = calloc(1, (size_t)bytes + 1);
    EVP_PKEY *key = EVP_RSA_gen(KEY_BITS);
    if (!body || !room || !key || letters <= 0)
        die("no memory");
    for (int i = 0; i < bytes; i++)
        body[i] = i % 80 == 78 ? '\r' : i % 80 == 79 ? '\n' : 'x';
    double before = cpu_ms();
    for (int i = 0; i < letters; i++)
        sign(key, body, (size_t)bytes, room);
    printf("%.4f\n", (cpu_ms() - before) / letters);
    return 0;
}
