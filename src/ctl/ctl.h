/* The command line: finds the verb, reads its input, and runs it in a server or here. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

/* The whole program; its exit status. */
int ctl_main(int argc, char **argv);

#endif
