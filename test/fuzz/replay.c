/* Feeds files to a fuzz target without libFuzzer: every regular file of the folders and files given
 * as arguments, once. A target that dies fails the test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    uint8_t *data = malloc(1 << 20);
    size_t size = data ? fread(data, 1, 1 << 20, file) : 0;
    fclose(file);
    /* an exact copy, so that a sanitizer sees the first byte read past the end */
    uint8_t *exact = malloc(size ? size : 1);
    for (size_t i = 0; exact && i < size; i++)
        exact[i] = data[i];
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(data);
    return 0;
}

static int feed(const char *path)
{
    struct stat info;
    if (stat(path, &info) < 0) {
        perror(path);
        return 1;
    }
    if (!S_ISDIR(info.st_mode))
        return feed_file(path);
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort), failed = count < 3;
    for (int i = 0; i < count; i++) {
        char *inner = NULL;
        if (names[i]->d_name[0] != '.' && asprintf(&inner, "%s/%s", path, names[i]->d_name) > 0)
            failed |= feed(inner);
        free(inner);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = argc < 2;
    for (int i = 1; i < argc; i++)
        failed |= feed(argv[i]);
    return failed;
}
